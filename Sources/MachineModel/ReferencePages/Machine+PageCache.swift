// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
import MemoryModel
import PhysicalMemory

// Reference pages as pages of a memfd, which private mappings repeat: memfd-wrap.
// Source: replies to the reference-pages patch; specification of the kernel around us, section 10.4.

// The page cache is a process that runs no program: each memfd page is a page of its address space.
// Whoever maps the page shares it as fork children share theirs, so that reclaim, migration, copies
// on write and swap treat it without knowing of it. It has a memory group of its own, without a limit:
// the kernel charges a memfd page to whoever touches it first.

extension Machine {
  /// Makes the process that stands for the page cache.
  ///
  /// - Precondition: the machine has no process yet.
  mutating func addPageCache() {
    let process = addProcess(pages: [], group: addGroup())
    let mapping = MappingRequest(
      address: Self.pageCacheStart,
      length: 1 << 32,
      protection: [.read, .write, .mte],
      flags: [.anonymous, .shared, .fixed]
    )
    if case .failure(let error) = processes[process].vmas.map(mapping) {
      preconditionFailure("the page cache cannot be mapped: \(error)")
    }
    pageCache = process
  }

  private static let pageCacheStart: UInt64 = 1 << 32

  /// Puts a content into a page of the page cache.
  ///
  /// - Returns: the page, `nil` where memory ran out.
  mutating func addToPageCache(_ content: ReferencePage) -> PageIdentifier? {
    guard let cache = pageCache else {
      preconditionFailure("a machine without page cache is asked for a page of it")
    }
    let index = processes[cache].pageIndex
    let base = Self.pageCacheStart >> UInt64(pageSize.shift)
    let number = VirtualPageNumber(rawValue: base + UInt64(index.count))
    let area = FaultArea(processes[cache].vmas.areas[0])
    guard let frame = allocateUserFrame(tagged: true, charging: cache) else { return nil }
    contents[frame.index] = content.stamp
    giveTags(content.tags, to: frame)
    frames[frame].flags.insert(.swapBacked)
    let page = index.identifierAdding(number)
    mapFrame(frame, at: page, in: area, of: cache, writable: false, dirty: true)
    addToBatch(frame)
    return page
  }

  /// Takes a page out of the page cache.
  mutating func dropFromPageCache(_ page: PageIdentifier) {
    guard let cache = pageCache else { return }
    drainBatch()
    dropEntry(page, of: cache)
  }

  /// The frame of a page of the page cache, read from swap where it is there, and shared from now on.
  ///
  /// - Returns: `nil` where memory ran out.
  private mutating func cachedFrame(_ page: PageIdentifier) -> PageFrameNumber? {
    guard let cache = pageCache, access(page, isWrite: false, of: cache) else { return nil }
    let frame = PageFrameNumber(rawValue: processes[cache].table.target(page))
    frames[frame].flags.remove(.exclusive)
    return frame
  }

  /// Maps a page of the page cache for reading.
  mutating func mapFromPageCache(
    _ cached: PageIdentifier,
    at page: PageIdentifier,
    _ address: VirtualPageNumber,
    in vma: FaultArea,
    of process: Int
  ) -> Bool {
    guard growTables(of: process, for: address) else { return false }
    guard let frame = cachedFrame(cached), processes[process].isAlive else { return false }
    counters.add(.faultReferencePage)
    steps.insert(.referencePage)
    mapFrame(frame, at: page, in: vma, of: process, writable: false, dirty: false)
    note(.reference, process: process, page: page)
    return true
  }

  /// Gives a page a copy of a page of the page cache.
  ///
  /// Source: Linux v6.8 `do_cow_fault`.
  mutating func copyFromPageCache(
    _ cached: PageIdentifier,
    to page: PageIdentifier,
    at address: VirtualPageNumber,
    in vma: FaultArea,
    of process: Int
  ) -> Bool {
    guard let source = cachedFrame(cached), processes[process].isAlive else { return false }
    hold(source)
    let allocated = allocatePrivateFrame(at: address, in: vma, of: process)
    letGo(source)
    guard let copy = allocated else { return false }
    counters.add(.faultReferenceFill)
    counters.add(.pagesCopied)
    steps.insert(.referenceFill)
    contents[copy.index] = contents[source.index]
    copyTags(from: source, to: copy, dropping: .dropCopiedTags)
    frames[copy].flags.insert([.swapBacked, .exclusive])
    mapFrame(copy, at: page, in: vma, of: process, writable: true, dirty: true)
    addToBatch(copy)
    note(.reference, process: process, page: page)
    return true
  }
}
