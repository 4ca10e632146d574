// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import TagStorage
import Testing

@testable import AddressSpaces
@testable import MachineModel
@testable import PhysicalMemory
@testable import Swap

/// One way to damage a machine, and the promise that must be found broken by it.
struct Damage: CustomTestStringConvertible, Sendable {
  let promise: String
  let description: String
  let inflict: @Sendable (inout Machine) -> Void

  init(
    _ promise: String,
    _ description: String,
    _ inflict: @escaping @Sendable (inout Machine) -> Void
  ) {
    self.promise = promise
    self.description = description
    self.inflict = inflict
  }

  var testDescription: String { "\(promise): \(description)" }
}

/// A machine in the middle of its work: pages in memory, in the swap cache and in swap, tag blocks, a
/// batch, shared pages and pinned ones, and pages of a file.
private func busyMachine() throws -> Machine {
  var configuration = MachineConfiguration()
  configuration.swap.device = .disk
  configuration.swap.bytes = 4 << 20
  configuration.groupLimitBytes = 96 * 4096
  configuration.filePages = .on
  var machine = try Machine(configuration)
  let pages = (0..<240).map { RandomProgram.base + UInt64($0) }
  let process = machine.addProcess(pages: pages, group: machine.addGroup())
  let whole = MappingRequest(
    address: RandomProgram.base << 12,
    length: 200 << 12,
    protection: [.read, .write, .mte],
    flags: [.anonymous, .fixed]
  )
  _ = machine.perform(.map(whole, result: nil), of: process)
  for page in UInt32(0)..<200 {
    let run = EventRecord(kind: .tagRun, page: page, argument: 5, count: 100, clock: 0)
    _ = machine.perform(run, of: process, stamp: UInt64(page + 1))
  }
  for page in UInt32(0)..<20 {
    _ = machine.perform(.touch(page, reads: 1, writes: 0, clock: 0), of: process, stamp: 300)
  }
  let file = MappingRequest(
    address: (RandomProgram.base + 220) << 12,
    length: 8 << 12,
    protection: .read,
    flags: .fixed
  )
  _ = machine.perform(.map(file, result: nil), of: process)
  for page in UInt32(220)..<228 {
    _ = machine.perform(.touch(page, reads: 1, writes: 0, clock: 0), of: process, stamp: 301)
  }
  _ = machine.fork(process)
  _ = machine.perform(
    .pin(address: RandomProgram.base << 12, length: 4096, flags: [], result: nil),
    of: process
  )
  return machine
}

extension Machine {
  /// The first frame that the condition holds for.
  fileprivate func frame(where holds: (Frame) -> Bool) -> Int {
    (0..<frames.count).first { holds(frames[$0]) } ?? 0
  }

  /// A frame of user data on a list.
  fileprivate var listedFrame: Int {
    frame { $0.use == .anonymous && $0.flags.contains(.onList) && !$0.flags.contains(.pinned) }
  }

  /// A free frame that no block starts at.
  fileprivate var freeFrame: Int { frame { $0.use == .free && !$0.freeBlock.isHead } }

  /// A frame that the swap cache knows.
  fileprivate var cachedFrame: Int { frame { $0.flags.contains(.inSwapCache) } }

  /// The first page of the first process whose entry is in this state.
  fileprivate func page(in state: EntryState) -> PageIdentifier {
    (0..<UInt32(200)).first { processes[0].table.state($0) == state } ?? 0
  }

  /// The slot of a swapped page.
  fileprivate var usedSlot: UInt32 { processes[0].table.target(page(in: .swap)) }

  /// A slot that nobody uses.
  fileprivate var freeSlot: UInt32 {
    var slot = UInt32(device.slots - 1)
    while device.count(slot) > 0 || device.hasCache(slot) { slot -= 1 }
    return slot
  }

  /// A page of the first process whose frame a fork child maps as well.
  fileprivate var sharedPage: PageIdentifier {
    var page: PageIdentifier = 0
    while processes[0].table.state(page) != .frame
      || !frames[Int(processes[0].table.target(page))].flags.contains(.sharedMapping)
    { page += 1 }
    return page
  }

  /// A tag block that is, or is not, out of the page allocator.
  fileprivate func block(isReserved: Bool) -> Int {
    var block = 0
    while blocks.isReserved(block) != isReserved { block += 1 }
    return block
  }
}

@Suite struct DamagedMachineTests {
  static let damages: [Damage] =
    frames + blocks + lists + swap + mappings + tagStorage + files

  private static let frames: [Damage] = [
    Damage("B1", "a free frame in no block") {
      let frame = $0.frame { $0.use == .anonymous }
      $0.frames[frame].use = .free
    },
    Damage("B2", "a flag on a free frame") {
      let frame = $0.freeFrame
      $0.frames[frame].flags.insert(.dirty)
    },
    Damage("B2", "an entry that maps a kernel frame") {
      let page = $0.page(in: .frame)
      let flags = $0.processes[0].table.flags(page)
      $0.processes[0].table.setEntry(
        page,
        state: .frame,
        flags: flags,
        target: $0.kernelFrames[0]
      )
    },
    Damage("P1", "a frame that is held between events") {
      let frame = $0.listedFrame
      $0.frames[frame].flags.insert(.held)
    },
    Damage("P1", "a mapping that the frame does not know") {
      let frame = Int($0.processes[0].table.target($0.page(in: .frame)))
      $0.frames[frame].ownerPage = FrameTable.none
    },
    Damage("P3", "an exclusive page in the swap cache that nobody maps") {
      let slot = $0.usedSlot
      let frame = $0.device.cachedFrame(slot).map(Int.init) ?? $0.cachedFrame
      $0.frames[frame].flags.insert(.exclusive)
    },
    Damage("P4", "a frame that forgot its slot") {
      let frame = $0.cachedFrame
      $0.frames[frame].swapSlot = 0
    },
    Damage("P5", "a page on no list and in no batch") {
      let frame = $0.listedFrame
      $0.frames[frame].flags.remove(.onList)
    },
    Damage("P6", "the zero page on a list") {
      let frame = $0.zeroFrame
      $0.frames[frame].flags.insert(.onList)
    },
    Damage("pins", "a pin that nobody holds") {
      let frame = $0.listedFrame
      $0.frames[frame].flags.insert(.pinned)
    },
  ]

  private static let blocks: [Damage] = [
    Damage("B5", "a free page too many") { $0.buddy.zones[0].freePages += 1 },
    Damage("B8", "an isolated pageblock too many") { $0.buddy.zones[0].isolatedPageblocks += 1 },
    Damage("B4", "an order that says it is empty") {
      for type in MigrateType.allCases { $0.buddy.zones[0].nonEmptyOrders[type.index] = 0 }
    },
    Damage("B7", "a pageblock of tag storage that turned movable") {
      let block = $0.region.tags.lowerBound >> $0.buddy.zones[0].pageblockOrder
      $0.buddy.zones[0].pageblockTypes[block] = .movable
    },
    Damage("L3", "a negative boost") { $0.buddy.zones[0].watermarks.boost = -1 },
  ]

  private static let lists: [Damage] = [
    Damage("L1", "an active page on the inactive list") {
      let frame = $0.frame {
        $0.use == .anonymous && $0.flags.contains(.onList) && !$0.flags.contains(.active)
      }
      $0.frames[frame].flags.insert(.active)
    },
    Damage("L1", "a link that leads back to nobody") {
      let frame = Int($0.groups[0].inactive.head)
      $0.frames.links[Int($0.frames.links[frame].next)].previous = FrameTable.none
    },
    Damage("L2", "an eviction clock that was set back") { $0.groups[0].nonresidentAge = 0 },
    Damage("charges", "a page charged twice") { $0.groups[0].chargedPages += 1 },
  ]

  private static let swap: [Damage] = [
    Damage("S1", "a slot with a user too many") {
      let slot = $0.usedSlot
      $0.device.duplicate(slot)
    },
    Damage("S2", "a used slot that lost its page") {
      let slot = $0.frames[$0.cachedFrame].swapSlot
      $0.device.table[Int(slot)].clearContent()
    },
    Damage("S3", "a free slot too many") { $0.device.freeSlots += 1 },
    Damage("S4", "saved tags of a free slot") {
      let tags = [UInt8](repeating: 0x33, count: 128)
      let entry = $0.device.entry($0.freeSlot)
      try? $0.tagStore.save(tags.span, for: entry)
    },
    Damage("S6", "a slot that waits twice") {
      $0.device.claim = 7
      $0.device.earlierClaims = [7]
    },
    Damage("S7", "tags that no object counts") {
      var pools = $0.tagStore.pools
      pools.swapAt(0, 1)
      $0.tagStore.pools = pools
    },
    Damage("P2", "an exclusive page in a slot with two users") {
      let page = $0.page(in: .swap)
      let slot = $0.processes[0].table.target(page)
      $0.processes[0].table.setEntry(page, state: .swapExclusive, flags: [], target: slot)
    },
  ]

  private static let mappings: [Damage] = [
    Damage("S5", "a resident page too many") {
      $0.processes[0].pageTable.resident += 1
    },
    Damage("V1", "a mapping that ends before it starts") {
      let area = $0.processes[0].vmas.areas[0]
      $0.processes[0].vmas.areas[0].end = area.start
    },
    Damage("V3", "a tagged mapping that may not have tags") {
      $0.processes[0].vmas.areas[0].flags.remove(.mteAllowed)
    },
    Damage("V1", "a page that no mapping holds") { $0.processes[0].vmas.areas.removeAll() },
    Damage("P2", "a shared page that says it is exclusive") {
      let frame = Int($0.processes[0].table.target($0.sharedPage))
      $0.frames[frame].flags.insert(.exclusive)
    },
    Damage("T2", "a readable tagged entry on an untagged frame") {
      let frame = Int($0.processes[0].table.target($0.page(in: .frame)))
      $0.frames[frame].flags.remove(.tagged)
    },
  ]

  private static let tagStorage: [Damage] = [
    Damage("I2", "a CMA bit of a block that nobody has") {
      let frames = $0.region.frames(ofBlock: $0.block(isReserved: false))
      $0.cmaArea?.markAllocated(frames)
    },
    Damage("I3", "a tagged page that its tag block does not count") {
      let block = $0.block(isReserved: true)
      $0.blocks.addShare(toBlock: block)
    },
    Damage("I4", "a tagged frame without tag storage") {
      let page = $0.page(in: .frame)
      $0.processes[0].table.setFlags(page, [])
      let frame = Int($0.processes[0].table.target(page))
      $0.frames[frame].flags.remove(.storageReserved)
    },
    Damage("I5", "tag storage for a frame outside tagged memory") {
      let frame = $0.region.frames(ofBlock: $0.block(isReserved: true)).lowerBound
      $0.frames[frame].flags = .storageReserved
      $0.frames[frame].use = .kernel
    },
    Damage("I6", "a tagged frame of tag storage") {
      let held = $0.frame { $0.use == .tagBlock }
      $0.frames[held].flags.insert(.storageReserved)
    },
    Damage("I7", "a readable tagged entry on a frame without tag storage") {
      let frame = Int($0.processes[0].table.target($0.page(in: .frame)))
      $0.frames[frame].flags.remove(.storageReserved)
    },
    Damage("I8", "tags kept aside for a free frame") {
      let frame = UInt32($0.freeFrame)
      $0.parkedTags[frame] = [UInt8](repeating: 0, count: 128)
    },
    Damage("saved tags", "a frame too few for saved tags") { $0.kernelFrames.removeLast() },
  ]

  private static let files: [Damage] = [
    Damage("F1", "a page of a file that goes to swap") {
      let frame = $0.frame { $0.use == .file }
      $0.frames[frame].flags.insert(.exclusive)
    },
    Damage("F2", "a frame that holds another page of a file") {
      let frame = $0.frame { $0.use == .file }
      $0.frames[frame].swapSlot += 1
    },
    Damage("F2", "a page of a file with two frames") {
      let frame = $0.frame { $0.use == .file }
      $0.filePages[$0.frames[frame].swapSlot].frame = 0
    },
    Damage("F3", "a clean page that differs from its disk") {
      let frame = $0.frame { $0.use == .file }
      $0.contents[frame] = 1
    },
    Damage("B2", "an entry that maps an anonymous frame as a page of a file") {
      let frame = $0.listedFrame
      let page = (UInt32(220)..<228).first { [table = $0.processes[0].table] in
        table.state($0) == .filePage
      }
      $0.processes[0].table.setEntry(
        page ?? 220,
        state: .filePage,
        flags: .readable,
        target: UInt32(frame)
      )
    },
    Damage("S5", "a mapped page of a file too many") { $0.processes[0].filePages += 1 },
    Damage("L2", "an eviction of a page of a file to come") {
      let shadow = Shadow(age: 1 << 40, wasInWorkingset: false)
      let number = $0.filePages.number(of: FilePlace(file: 1, page: 100))
      $0.filePages[number].shadow = shadow.word
    },
  ]

  private static let identities: [Damage] = [
    Damage("identity of allocations", "an allocation too many") { $0.counters.add(.pgallocNormal) },
    Damage("identity of saved tags", "tags dropped that were never saved") {
      $0.counters.add(.tagsInvalidated, 1000)
    },
    Damage("identity of tag blocks", "a tag block that was never taken") {
      $0.counters.add(.cmaAllocSuccessPages)
    },
    Damage("identity of tag storage", "a tag block that was forgotten") {
      let frame = $0.frame { $0.use == .tagBlock }
      $0.frames[frame].use = .reserved
    },
  ]

  @Test func anUndamagedMachineKeepsEveryPromise() throws {
    let machine = try busyMachine()
    try machine.verifyInvariants()
    try machine.verifyIdentities()
  }

  @Test(arguments: damages)
  func damageIsFound(_ damage: Damage) throws {
    var machine = try busyMachine()
    damage.inflict(&machine)
    do throws(BrokenInvariant) {
      try machine.verifyInvariants()
      Issue.record("nothing found")
    } catch {
      #expect(error.name == damage.promise, "\(error)")
    }
  }

  @Test(arguments: identities)
  func sumsThatDoNotAddUpAreFound(_ damage: Damage) throws {
    var machine = try busyMachine()
    damage.inflict(&machine)
    do throws(BrokenInvariant) {
      try machine.verifyIdentities()
      Issue.record("nothing found")
    } catch {
      #expect(error.name == damage.promise, "\(error)")
    }
  }
}
