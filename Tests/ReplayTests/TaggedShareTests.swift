// SPDX-License-Identifier: Apache-2.0

import MachineModel
import MemoryModel
import Replay
import TagStorage
import Testing
import TraceFormat
import TraceSynthesis

/// What any reader expects of the designs as more and more of a program's memory is tagged.
@Suite struct TaggedShareTests {
  private static let base = 0x1000_0000

  /// Writes and tags so many pages.
  private static func program(pages: Int) -> [UInt8] {
    var lines = ["map 0x\(hex(base)) \(pages * 4096) rw mte anon = 0x\(hex(base))"]
    for page in 0..<pages { lines.append("tag 0x\(hex(base + page * 4096)) 4096 \(page % 16)") }
    return Array((lines.joined(separator: "\n") + "\n").utf8)
  }

  private static func run(
    _ program: [UInt8],
    _ design: TagStorageDesign,
    share: UInt64
  ) throws -> DesignReport {
    let recorded = try TextTrace.container(text: program, name: "program", level: 1).bytes
    let thinned = try TagThinner.thin(to: TagShare(hundredthsOfPercent: share, chunkPages: 4)) {
      () throws(TraceError) in try TraceReader(bytes: recorded, name: "program")
    }
    var machine = MachineConfiguration()
    machine.design = design
    var plan = ReplayPlan(
      tracePaths: ["program"],
      copies: 1,
      machine: machine,
      isVerified: false
    )
    plan.containers["program"] = thinned.written.bytes
    var session = try ReplaySession.open(plan)
    return try session.run()
  }

  private static let shares: [UInt64] = [0, 1_000, 2_500, 5_000, 7_500, 10_000]
  private static let tagStorage = UInt64(MachineConfiguration().ramBytes / 32)
  /// One page behind every 32 of them.
  private static let interleavedTagStorage = UInt64(MachineConfiguration().ramPages / 33 * 4096)

  /// The designs that give the page allocator what holds no tags.
  private static let reserving = TagStorageDesign.allCases.filter {
    $0.policy.reservation != nil && $0.policy.store == nil
  }

  /// Where tag storage is withheld, or lies outside RAM, nothing depends on what is tagged; nor where it
  /// belongs to a store that this program, which never swaps, gives nothing to hold.
  @Test(
    arguments: TagStorageDesign.allCases.filter {
      !reserving.contains($0) && $0.policy.virtualTags == nil
    }
  )
  func whatGivesNothingBackDoesNotDependOnTags(design: TagStorageDesign) throws {
    let program = Self.program(pages: 512)
    for share in Self.shares {
      let overhead = try Self.run(program, design, share: share).tagOverhead
      let isInRAM = design.policy.bootPlacement != .outsideRAM
      let expected = isInRAM ? Self.tagStorage : 0
      #expect(overhead == MemoryUse(mean: expected, peak: expected, last: expected), "\(share)")
    }
  }

  /// Where tags lie in virtual memory, 32 consecutive pages share a tag page: nothing is given up that no tag
  /// needs, and the most is 1/32 of what is tagged.
  @Test func tagPagesFollowTheTaggedShare() throws {
    let program = Self.program(pages: 512)
    var before: UInt64 = 0
    for share in Self.shares {
      let last = try Self.run(program, .virtualResident, share: share).tagOverhead.last
      #expect(last >= before && last >= 512 / 32 * 4096 * share / 10_000, "\(share)")
      #expect(last <= 512 / 32 * 4096 && (last == 0) == (share == 0), "\(share)")
      before = last
    }
    #expect(before == 512 / 32 * 4096)
  }

  /// The more is tagged, the more a design that reserves gives up, and never more than all of it.
  ///
  /// Frames decide, not pages: pages that are not tagged lie between tagged ones, so that these spread over
  /// a block or two more than without them. The block of the zero page, and what holds the tags of tag
  /// storage, are in use from the start.
  @Test(arguments: reserving)
  func overheadGrowsWithTheTaggedShare(design: TagStorageDesign) throws {
    let program = Self.program(pages: 512)
    var before: UInt64 = 0
    for share in Self.shares {
      let report = try Self.run(program, design, share: share)
      let (mean, last) = (report.tagOverhead.mean, report.tagOverhead.last)
      #expect(
        mean + 2 * 4096 >= before && mean <= Self.tagStorage,
        "\(mean) at \(share), \(before) before"
      )
      if share == 0 {
        // Where frames are chosen by their storage, the block of the zero page is one of those that are held.
        let zeroPage: UInt64 = design.policy.frameChoice == .allocator ? 1 : 0
        let atBoot = (zeroPage + report.counters[.reserveHeld]) * 4096
        #expect(report.tagOverhead == MemoryUse(mean: atBoot, peak: atBoot, last: atBoot))
        let all = design == .tagBlockFreelists ? Self.interleavedTagStorage : Self.tagStorage
        #expect(report[.tagStorageFree].last + report[.tagStorageData].last == all - atBoot)
      } else {
        #expect(last >= report.counters[.reserveHeld] * 4096, "\(share)")
      }
      before = max(before, mean)
    }
    let tagged = try Self.run(program, design, share: TagShare.all)
    #expect(tagged.tagOverhead.last >= 512 / 32 * 4096)
  }

  /// When a program tags all of memory, what dynamic designs give back is what reclaim keeps free.
  @Test(arguments: TagStorageDesign.allCases.filter { $0.policy.reservation != nil })
  func nothingIsGivenBackWhenAllIsTagged(design: TagStorageDesign) throws {
    let report = try Self.run(Self.program(pages: 20_000), design, share: TagShare.all)
    let held = report[.tagStorageHeld].last
    #expect(held >= Self.tagStorage - Self.tagStorage / 8, "\(held)")
    #expect(report[.tagStorageData].last <= Self.tagStorage / 8)
  }
}
