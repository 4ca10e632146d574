// SPDX-License-Identifier: Apache-2.0

import MachineModel
import MemoryModel
import PhysicalMemory
import Replay
import TagStorage
import Testing

// Scenarios of dynamic tag storage that need a machine whose memory is full, so that data lie in tag
// storage. They fill 64 MiB, which is too much for a case file. Per-CPU page lists are off, because
// what lies on them is room that a migration finds once isolation has emptied them: memory would not be
// full to the last frame.

@Suite struct TagStorageScenarioTests {
  private static let base = 0x1000_0000
  /// More than the pages that 64 MiB has for user data.
  private static let wholeRAM = 16_500

  private static func address(_ page: Int) -> String { "0x\(hex(base + page * 4096))" }

  private static func run(
    _ lines: [String],
    swap: SwapConfiguration.Device = .zram
  ) throws -> DesignReport {
    let report = try replay([lines.joined(separator: "\n") + "\n"]) {
      $0.design = .rfc3
      $0.zone.pageLists = .off
      $0.swap.device = swap
      $0.swap.pageCluster = 0
    }
    #expect(report.verification.differences == 0, "\(report.verification.messages)")
    #expect(report.verification.failedExpectations == 0, "\(report.verification.messages)")
    return report
  }

  /// S1: an untagged mapping fills RAM up to the last frame of tag storage; then tagged pages need that
  /// storage, and the data in it are migrated or reclaimed.
  @Test func dataMoveOutOfTagStorage() throws {
    var lines = ["map \(Self.address(0)) \(Self.wholeRAM * 4096) rw anon"]
    lines += (0..<Self.wholeRAM).map { "write \(Self.address($0))" }
    let tagged = Self.wholeRAM + 16
    lines.append("map \(Self.address(tagged)) \(1000 * 4096) rw mte anon")
    for page in 0..<1000 {
      lines.append("tag \(Self.address(tagged + page)) 4096 \(1 + page % 15)")
    }
    let report = try Self.run(lines)
    #expect(report.counters[.reserveSlow] > 0 && report.counters[.pgmigrateSuccess] > 0)
    #expect(report.counters[.pgmigrateFail] == 0 && report.counters[.reserveFailBusy] == 0)
    // A tagged request never gets a frame of tag storage.
    #expect(report.counters[.foaReplacedTsp] == 0)
    // A block is one page: what was taken slowly had data in it, and all of them moved.
    #expect(report.counters[.pgmigrateSuccess] >= report.counters[.reserveSlow])
  }

  /// A page that lies in tag storage itself cannot be tagged: mprotect makes it fault on access, and the
  /// fault replaces it without trying to reserve.
  ///
  /// The pages beside it are resolved by reservation, whose
  /// migrations move pages of the same mapping, which fault in turn: the exchange of roles of S3.
  @Test func pagesInTagStorageAreReplaced() throws {
    let mapped = 15_600
    var lines = ["map \(Self.address(0)) \(mapped * 4096) rw anon"]
    lines += (0..<mapped).map { "write \(Self.address($0))" }
    lines.append("protect \(Self.address(0)) \(mapped * 4096) rw mte")
    for page in 0..<mapped { lines.append("tag \(Self.address(page)) 16 \(page % 16)") }
    for page in 0..<mapped { lines.append("read \(Self.address(page))") }
    let report = try Self.run(lines)
    let counters = report.counters
    #expect(counters[.foaReplacedTsp] > 0 && counters[.foaResolvedReserve] > 0)
    #expect(counters[.reserveSlow] > 0 && counters[.pgmigrateSuccess] > 0)
    // Every page was marked once, and those that moved again were marked again.
    #expect(counters[.foaMarked] >= UInt64(mapped))
    #expect(counters[.livelocks] == 0 && counters[.tagsLost] == 0)
  }

  /// Without swap and without a free frame nothing can move: the reservation fails, is retried within the
  /// fault, the page cannot be replaced either, and the access goes on for ever.
  @Test func fullMemoryWithoutSwapIsALivelock() throws {
    // The largest number of pages that fits is found by the machine itself.
    let fitting = try pagesThatFit()
    var lines = ["map \(Self.address(0)) \(fitting * 4096) rw anon"]
    lines += (0..<fitting).map { "write \(Self.address($0))" }
    lines.append("protect \(Self.address(0)) \(fitting * 4096) rw mte")
    for page in 0..<64 { lines.append("read \(Self.address(page))") }
    let report = try Self.run(lines, swap: .none)
    #expect(report.counters[.oomKill] == 0)
    #expect(report.counters[.foaRetry] > 0)
    #expect(report.counters[.reserveFailNomem] > 0)
    #expect(report.counters[.livelocks] > 0)
    #expect(report.counters[.foaReplacedFail] > 0)
  }

  private func pagesThatFit() throws -> Int {
    let lines =
      ["map \(Self.address(0)) \(Self.wholeRAM * 4096) rw anon"]
      + (0..<Self.wholeRAM).map { "write \(Self.address($0))" }
    let report = try replay([lines.joined(separator: "\n") + "\n"]) {
      $0.design = .rfc3
      $0.zone.pageLists = .off
      $0.swap.device = .none
    }
    #expect(report.counters[.oomKill] == 1)
    return Int(report.counters[.faultZeroFill])
  }

  /// S4 and S5: a tagged page of shared memory is swapped in by a process that maps it untagged, so that
  /// its tags are kept aside; mprotect then finds them.
  ///
  /// Given up instead, nobody inherits them.
  @Test func tagsKeptAsideComeBackOrGo() throws {
    let page = Self.address(0)
    let opening = [
      "map \(page) 4096 rw anon shared", "write \(page)", "fork 1",
      // Only the parent's mapping is tagged.
      "protect \(page) 4096 rw mte", "tag \(page) 4096 9",
      "unmap 0x1 0 => EINVAL", "process 1", "read \(page) => hit", "process 0",
      "unmap \(page) 4096", "process 1",
    ]
    let paged =
      opening + ["advise \(page) 4096 pageout => ok", "read \(page) => swapped-in+tags-restored"]
    let kept = try Self.run(
      paged + [
        "protect \(page) 4096 rw mte => ok", "read \(page) => reserved+fault-on-access",
        "tags \(page) => 9*256",
      ]
    )
    #expect(kept.counters[.tagsParked] == 1 && kept.counters[.tagsParkedRestored] == 1)
    let gone = try Self.run(
      paged + [
        "advise \(page) 4096 dontneed => ok", "map \(Self.address(8)) 4096 rw mte anon",
        "write \(Self.address(8)) => zero-fill+reserved", "tags \(Self.address(8)) => 0*256",
      ]
    )
    #expect(gone.counters[.tagsParked] == 1 && gone.counters[.tagsParkedRestored] == 0)
    // S6: swapped out again before anybody reserves.
    let again = try Self.run(
      paged + [
        "write \(page)", "advise \(page) 4096 pageout => ok",
        "protect \(page) 4096 rw mte => ok", "read \(page) => swapped-in+tags-restored+reserved",
        "tags \(page) => 9*256",
      ]
    )
    #expect(again.counters[.tagsSavedSwap] == 2)
  }
}
