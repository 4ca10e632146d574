// SPDX-License-Identifier: Apache-2.0

/// An event that the machine counts.
///
/// A counter has the kernel's name where its meaning is the kernel's, and `name` spells it as the
/// kernel does. The order of the cases is the order of every report.
///
/// Source: Linux v6.8 `/proc/vmstat`; dynamic tag storage RFC v3, for the counters of tag storage.
public enum Counter: Int, CaseIterable, Sendable {
  // Faults.

  /// Completed runs of the fault handler; accesses that end in SIGSEGV never reach it.
  case pgfault
  /// Faults that had to read their page from a swap device, or a page of a file.
  case pgmajfault
  /// Read faults that mapped the zero page.
  case faultZeroPage
  /// Write faults that got a zeroed frame.
  case faultZeroFill
  /// Write faults that copied a shared page.
  case faultCopyOnWrite
  /// Write faults that made a page writable because nobody else used it any more.
  case pgreuse
  /// Swap faults that found their page in the swap cache.
  case faultSwapCache
  /// Swap faults that read their page from a device.
  case faultSwapDevice
  /// Faults that mapped a page of a file.
  case faultFile
  /// Faults on pages of files that were not in memory.
  case faultFileRead
  /// Accesses that ended in SIGSEGV.
  case faultSignal
  /// Read faults that mapped a reference page.
  case faultReferencePage
  /// Faults that got a frame with the content of a reference page.
  case faultReferenceFill

  // Page allocator.

  /// Pages handed out by the zone DMA.
  case pgallocDma
  /// Pages handed out by the zone DMA32.
  case pgallocDma32
  /// Pages handed out by the zone Normal, which is all of memory where there is one zone.
  case pgallocNormal
  /// Pages handed out by the zone Movable.
  case pgallocMovable
  /// Pages given back to the page allocator.
  case pgfree
  /// Entries to direct reclaim by requests that aim at the zone Normal; where there is one zone, by all.
  case allocstallNormal
  /// Entries to direct reclaim by requests that aim at the zone Movable: those of user memory.
  case allocstallMovable
  /// Write faults that got a huge page.
  case thpFaultAlloc
  /// Write faults that asked for a huge page and got a single one.
  case thpFaultFallback
  /// Huge pages allocated to collapse pages into.
  case thpCollapseAlloc
  /// Huge pages that could not be allocated to collapse pages into.
  case thpCollapseAllocFailed
  /// Pages of huge pages that were zeroed beside the one that a fault was for.
  case thpPagesZeroed

  // Reclaim.

  /// Runs of kswapd.
  case pageoutrun
  /// Pages that kswapd looked at on inactive lists.
  case pgscanKswapd
  /// Pages that direct and memory-group reclaim looked at on inactive lists.
  case pgscanDirect
  /// Anonymous pages looked at on inactive lists.
  case pgscanAnon
  /// Pages of files looked at on inactive lists.
  case pgscanFile
  /// Pages that kswapd freed.
  case pgstealKswapd
  /// Pages that direct and memory-group reclaim freed.
  case pgstealDirect
  /// Anonymous pages that reclaim freed.
  case pgstealAnon
  /// Pages of files that reclaim freed.
  case pgstealFile
  /// Pages moved to an active list.
  case pgactivate
  /// Pages moved from an active to an inactive list.
  case pgdeactivate
  /// Pages that reclaim looked at on active lists.
  case pgrefill
  /// Pages moved to the tail of an inactive list when their write-out ended.
  case pgrotated
  /// Pages of the zone DMA that reclaim skipped because they lie in CMA pageblocks.
  case pgskipDma
  /// Pages of the zone DMA32 that reclaim skipped because they lie in CMA pageblocks.
  case pgskipDma32
  /// Pages of the zone Normal that reclaim skipped because they lie in CMA pageblocks.
  case pgskipNormal
  /// Pages of the zone Movable that reclaim skipped because they lie in CMA pageblocks, or because the
  /// request in need cannot use the zone.
  case pgskipMovable
  /// Pages that MADV_FREE made droppable.
  case pglazyfree
  /// Droppable pages that reclaim freed.
  case pglazyfreed
  /// Swapped pages that came back with a shadow.
  case workingsetRefaultAnon
  /// Evicted pages of files that came back.
  case workingsetRefaultFile
  /// Refaults that went straight to the active list.
  case workingsetActivateAnon
  /// Refaults of pages of files that went straight to the active list.
  case workingsetActivateFile
  /// Refaults of pages that had been in the working set.
  case workingsetRestoreAnon
  /// Refaults of pages of files that had been in the working set.
  case workingsetRestoreFile
  /// Processes ended by the out-of-memory killer.
  case oomKill
  /// Times a memory group's limit was met and its pages were reclaimed.
  case memcgCharges

  // Swap.

  /// Pages read from a swap device.
  case pswpin
  /// Pages read from a swap device that is memory itself, as zram is.
  case pswpinSync
  /// Pages written to a swap device, those that zram refused included.
  case pswpout
  /// Pages written to a swap device that is memory itself, those that it refused included.
  case pswpoutSync
  /// Pages read ahead of their fault.
  case swapRa
  /// Pages read ahead that were then used.
  case swapRaHit
  /// Swap-outs refused because no slot was free.
  case swapoutRefusedSlots
  /// Swap-outs refused because their tags could not be saved.
  case swapoutRefusedTags
  /// Swap-outs refused because the pool of a zram device was at its limit.
  case swapoutRefusedZramLimit
  /// Swap-outs refused because the pool of a zram device got no frame.
  case swapoutRefusedZramMemory

  // Files.

  /// Pages of files read from their disk.
  case filePagesRead
  /// Dirty pages of files written back to their disk.
  case filePagesWritten

  // Migration and contiguous memory.

  /// Pages migrated.
  case pgmigrateSuccess
  /// Pages moved because a tag block needed their frames.
  case pgmigrateContigRange
  /// Pages moved because a fault needed a frame that can hold tags.
  case pgmigrateTagStorage
  /// Pages moved out of CMA memory and Movable because a device was to use them for long.
  case pgmigrateLongterm
  /// Pages whose migration failed for good.
  case pgmigrateFail
  /// Pages that contiguous allocation left where they were because they were pinned.
  case migratePinned
  /// Clean pages of files that contiguous allocation dropped instead of moving them.
  case cleanPagesDropped
  /// Pins taken, in pages.
  case nrFollPinAcquired
  /// Pins given back, in pages.
  case nrFollPinReleased
  /// Contiguous allocations that succeeded, in calls as Linux v6.8 counts them.
  case cmaAllocSuccess
  /// Contiguous allocations that failed, in calls as Linux v6.8 counts them.
  case cmaAllocFail
  /// Pages allocated contiguously, as the tag-storage series counts them.
  case cmaAllocSuccessPages
  /// Pages whose contiguous allocation failed, as the tag-storage series counts them.
  case cmaAllocFailPages
  /// Pages given back to a CMA area.
  case cmaReleaseSuccessPages
  /// Interrupts sent to other CPUs to empty their LRU batches.
  case lruDisableIpis

  // Tag storage.

  /// Calls that asked for the tag storage of a page, or for one tag block of a huge page.
  case reserveCalls
  /// Reservations whose tag blocks were all reserved already.
  case reserveHits
  /// Tag blocks whose frames were all free and taken straight from the free lists.
  case reserveFast
  /// Tag blocks taken by contiguous allocation, or by emptying frames of a store.
  case reserveSlow
  /// Further attempts at a tag block that was busy.
  case reserveRetries
  /// Reservations that failed because a page of the tag block could not be moved.
  case reserveFailBusy
  /// Reservations that failed because no frame was free to migrate to.
  case reserveFailNomem
  /// Reservations asked for a frame outside every tagged memory range.
  case reserveFailInvalid
  /// Reservations that met an isolated pageblock.
  case reserveFailIsolated
  /// Reservations given up because their process was being ended.
  case reserveFailIntr
  /// Reservations that found their tag block still marked as taken.
  case reserveFailExists
  /// The most reservations of one tag block that failed in a row.
  case reserveFailLongest
  /// Frames given back by an allocation because their tag block could not be had.
  case reserveRefused
  /// Tag blocks taken ahead of any reservation.
  case reserveHeld
  /// Pages migrated to take all tag storage at once.
  case reserveBurstMigrated
  /// Shares of tag blocks that were never given back.
  case reserveSharesLeaked
  /// Warnings of the kernel about tags and tag storage that do not go together.
  case storageWarnings
  /// Tag blocks given back when their last tagged page was freed.
  case reserveReleases
  /// Cells of tag storage that began to hold tags.
  case cellActivations
  /// Cells of tag storage that were given up because nobody needed them.
  case cellDeactivations
  /// Cells of tag storage whose page was taken for data.
  case cellClaims
  /// Runs of the thread that provides pages to be tagged.
  case cellRefills
  /// Cells that this thread decided to activate or to reclaim.
  case cellRefillSteps
  /// Claimed cells whose data were moved so that they can hold tags.
  case cellReclaims
  /// Claimed cells whose data could not be moved.
  case cellReclaimFail
  /// Claimed cells whose data could not be moved because a device used them.
  case cellReclaimFailPinned
  /// Claimed cells whose data were compressed pages, and were moved.
  case cellPoolRelocations
  /// Pages that left claimed cells because a device was to use them for long.
  case cellPinRelocations
  /// Untagged requests that got a page that could have been tagged.
  case cellGrabUntagged
  /// Tagged requests that found no page that could be tagged.
  case cellWaits
  /// Tag pages taken from the page allocator, where tags lie in virtual memory.
  case tagPagesTaken
  /// Tag pages given back to the page allocator.
  case tagPagesFreed
  /// Pages whose tags stayed in their tag page at swap-out.
  case tagsKeptResident
  /// Pages of tag storage that tagged requests passed over one by one.
  case filterSkipped
  /// Tag blocks divided into untagged pages.
  case blockDividedUntagged
  /// Tag blocks that were made again of pages that are all free, because the other list ran out.
  case blockHarvests
  /// Untagged requests that got a page that could have been tagged.
  case blockBorrowed
  /// Tag pages whose data were moved so that their block can be tagged.
  case blockTagPagesMoved
  /// Tag pages whose data could not be moved.
  case blockTagPagesStuck
  /// Tagged requests that found no block that could be tagged.
  case blockWaits
  /// Pages of which a store in tag storage got a copy.
  case storeStored
  /// Pages that a store in tag storage was offered and did not take.
  case storeSkipped
  /// Reads that a store in tag storage answered.
  case storeRestored
  /// Reads for which a store in tag storage had no copy.
  case storeMissed
  /// Copies given up to make room for others.
  case storeReclaimed
  /// Copies given up because tags needed their frame.
  case storeRecalled
  /// Copies given up because their page changed, is gone, or was read back.
  case storeInvalidated
  /// Frames of copies moved within the store because tags needed them.
  case storeRelocated
  /// Copies written to a swap device before they were given up.
  case storeWritten
  /// Page-table entries written as fault on access.
  case foaMarked
  /// Faults on access to pages without tag storage.
  case foaFaults
  /// Faults on access that ended by reserving tag storage.
  case foaResolvedReserve
  /// Faults on access that gave up once and were retried.
  case foaRetry
  /// Pages of tag storage replaced because a tagged mapping used them.
  case foaReplacedTsp
  /// Other pages replaced because their tag storage could not be reserved.
  case foaReplacedOther
  /// Replacements that failed.
  case foaReplacedFail
  /// Accesses replayed after a fault on access.
  case foaReplay
  /// Pages that were replaced and again landed where no tags can be held.
  case doubleMigrations
  /// Accesses given up after the replay cap.
  case livelocks
  /// Data cache lines invalidated when frames began to hold tags.
  case cmoDataLines
  /// Tag cache lines invalidated when frames stopped being tagged.
  case cmoTagLines
  /// Pages asked for with the tagged flag.
  case pgallocTagged
  /// Pages freed that were tagged or had tag storage.
  case pgfreeTagged
  /// Faults of guests on pages that the host had not mapped for them.
  case s2Fault
  /// Pages mapped for a guest whose tag storage was reserved then.
  case s2Reserve
  /// Pages replaced before they could be mapped for a guest.
  case s2Replace
  /// Such replacements that failed.
  case s2ReplaceFail
  /// Accesses of guests to memory that the host cannot map for them.
  case s2Efault
  /// VMAs that were marked as memory of a guest with MTE.
  case vmaFlagSet

  // Tags.

  /// Pages whose tags were saved at swap-out.
  case tagsSavedSwap
  /// Pages whose saved tags were restored at swap-in.
  case tagsRestoredSwap
  /// Saved tags dropped with their swap slot.
  case tagsInvalidated
  /// Tags kept aside for a frame without tag storage.
  case tagsParked
  /// Tags kept aside that reached their frame.
  case tagsParkedRestored
  /// Tags kept aside that moved along with their page.
  case tagsParkedMoved
  /// Tags kept aside, or to be kept aside, where memory cannot be waited for.
  case tagsParkedAtomic
  /// Tags kept aside that nobody owns any more.
  case tagBuffersLeaked
  /// Pages that got tags of a former owner of their frame.
  case tagsLeaked
  /// Pages whose tags were copied to another frame.
  case tagsCopied
  /// Pages whose tags were lost.
  case tagsLost
  /// Pages whose tags were lost because nothing was stored for want of memory.
  case tagsLostNoMemory
  /// Pages whose tags were lost because what was stored is the form of other tags.
  case tagsLostEncoding
  /// Pages whose tags were lost because what was stored could not be read back.
  case tagsLostDecoding
  /// Pages whose tags were lost because a copy did not take them along.
  case tagsLostCopying
  /// Pages whose tags were lost because a swap-out did not save them.
  case tagsLostUnsaved
  /// Pages whose tags were lost because data were stored in their place.
  case tagsLostOverwritten
  /// Pages whose data were lost because tags were stored in their place.
  case dataOverwritten
  /// Exact accesses whose pointer tag was compared with the tags of tagged memory.
  case tagChecks
  /// Accesses whose pointer tag differed from a granule's tag.
  case tagMismatches
  /// Mismatches that were only reported.
  case tagMismatchesReported
  /// Mismatches after which the access was not performed: SEGV_MTESERR.
  case tagCheckFaultsSync
  /// Mismatches after which the access was performed and the fault latched.
  case tagCheckFaultsLatched
  /// Latched faults that were delivered: SEGV_MTEAERR.
  case tagCheckFaultsAsync
  /// Granules whose tag was stored.
  case granulesTagged

  // The run as a whole.

  /// Events of the traces that were performed.
  case events
  /// Data accesses that the traces stand for.
  case accesses
  /// Pages whose data were copied, for any reason.
  case pagesCopied
  /// What accesses had to wait beyond a plain fault, by the cost model.
  case stallNanoseconds

  // Reference pages, and what time depends on besides.

  /// Reference pages created.
  case refpageCreated
  /// Reference pages given up with their last descriptor and mapping.
  case refpageReleased
  /// Reference pages whose content came from memory without tags, which count as tag 0.
  case refpageUntaggedSource
  /// Pages filled with a byte, or with zeros and a tag.
  case pagesFilled
  /// Pages zeroed only to be filled or copied over.
  case pagesZeroedTwice
  /// Pages that programs unmapped, dropped or left behind at their end.
  case pagesUnmapped
  /// Page-table entries copied for children at forks.
  case pagesForked
  /// System calls that change mappings or descriptors.
  case mappingCalls
  /// The most pages that one process had mapped at once: `VmHWM`.
  case hiwaterRss

  /// The name in reports: the case's name in lower case with underscores, such as `pgscan_kswapd`.
  public var name: String { Self.names[rawValue] }

  /// The counter that reports call `name`, `nil` if there is none.
  ///
  /// - Complexity: O(*n*), where *n* is the number of counters.
  public init?(name: some StringProtocol) {
    guard let found = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = found
  }

  private static let names: [String] = allCases.map { snakeCase(String(describing: $0)) }
}

/// `camelCase` as `camel_case`.
func snakeCase(_ name: String) -> String {
  var spelled = ""
  for character in name {
    if character.isUppercase { spelled += "_" }
    spelled += character.lowercased()
  }
  return spelled
}

/// One number for each ``Counter``.
///
/// The numbers lie in the set itself, so that counting an event, which every step of a fault does,
/// is one addition in memory.
public struct CounterSet: Equatable, Sendable {
  @usableFromInline var values = InlineArray<186, UInt64>(repeating: 0)

  /// Creates a set of zeros.
  public init() {
    precondition(values.count == Counter.allCases.count, "a set of \(values.count) counters")
  }

  /// Whether all numbers are equal.
  public static func == (left: Self, right: Self) -> Bool {
    left.values.indices.allSatisfy { left.values[$0] == right.values[$0] }
  }

  /// The count so far.
  ///
  /// - Complexity: O(1).
  @inlinable public subscript(_ counter: Counter) -> UInt64 {
    get { values[counter.rawValue] }
    set { values[counter.rawValue] = newValue }
  }

  /// Adds to a count.
  ///
  /// - Precondition: `amount` is not negative.
  @inlinable public mutating func add(_ counter: Counter, _ amount: Int = 1) {
    values[counter.rawValue] += UInt64(amount)
  }
}
