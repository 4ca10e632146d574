// SPDX-License-Identifier: Apache-2.0

import Foundation
import MachineModel
import MemoryModel
import PhysicalMemory
import Replay
import TagStorage
import TestSupport
import Testing

/// Histories of pages, frames and tag blocks, beside states that were looked at one by one.
@Suite struct HistoryTests {
  /// A text trace in a file of its own.
  private final class Program {
    let url = FileManager.default.temporaryDirectory
      .appendingPathComponent("mtesim-history-\(UUID().uuidString).trace")

    init(_ text: String) throws { try Data(text.utf8).write(to: url) }

    deinit { try? FileManager.default.removeItem(at: url) }

    /// A replay of the program up to an event.
    func open(
      _ configuration: MachineConfiguration,
      until last: UInt64? = nil
    ) throws -> ReplaySession {
      var plan = ReplayPlan(
        tracePaths: [url.path],
        copies: 1,
        machine: configuration,
        isVerified: true
      )
      plan.invariants = .never
      plan.lastEvent = last
      return try ReplaySession.open(plan)
    }

    func history(
      of subject: HistorySubject,
      _ configuration: MachineConfiguration
    ) throws -> (history: History, end: [HistoryValue], report: DesignReport) {
      var session = try open(configuration)
      session.follow(subject)
      let report = try session.run()
      let told = session.history
      return (try #require(told), session.state(of: subject), report)
    }
  }

  /// A machine of a design in which little memory is left and data lie in tag storage.
  private func configuration(seed: UInt64) -> MachineConfiguration {
    var random = SplitMix64(seed: seed ^ 0x415)
    var configuration = MachineConfiguration()
    let designs: [TagStorageDesign] = [
      .rfc3, .rfc3, .rfc2, .ownZone, .staticCarveout, .rfc3AsPosted,
    ]
    configuration.design = designs[random.below(designs.count)]
    // Small, so that a run takes milliseconds and that tag storage is used for data.
    configuration.ramBytes = 4 << 20
    configuration.zone.maxOrder = 5
    configuration.swap.bytes = 4 << 20
    configuration.swap.device = [.zram, .ssd, .disk][random.below(3)]
    configuration.swap.slotCacheSize = random.below(2) == 0 ? 64 : 0
    configuration.groupLimitBytes = [48 * 4096, 64 * 4096][random.below(2)]
    configuration.designChanges.preferAbovePercent = 0
    configuration.blockBytes = [4096, 8192][random.below(2)]
    return configuration
  }

  /// Pages, frames near both ends of memory, and the first and last tag blocks.
  private func subjects(pages: Int, processes: Int, blocks: Int) -> [HistorySubject] {
    var subjects: [HistorySubject] = []
    for process in 0..<processes {
      for page in 0..<pages {
        let address = UInt64(RandomTrace.base + page * 4096)
        subjects.append(.page(address: address, process: process))
      }
    }
    subjects += [0, 20, 60, 400, 991, 992, 1000, 1023].map { .frame($0) }
    return subjects + (blocks == 0 ? [] : [0, 1, blocks - 1].map { .block($0) })
  }

  /// The slow model looks at everything after every event, each time in a new run that ends there.
  @Test(arguments: [UInt64(1), 2, 3])
  func historiesAreThoseOfStatesSeenAfterEveryEvent(seed: UInt64) throws {
    let configuration = configuration(seed: seed)
    let program = try Program(RandomTrace(seed: seed, pages: 10, count: 40, processes: 2).text)
    var first = try program.open(configuration)
    let subjects = subjects(pages: 10, processes: 2, blocks: first.tagBlockCount)
    let events = try first.run().counters[.events]
    var dumps: [[[HistoryValue]]] = []
    for event in 0...events {
      var session = try program.open(configuration, until: event)
      _ = try session.run()
      dumps.append(subjects.map { session.state(of: $0) })
    }
    for (index, subject) in subjects.enumerated() {
      let history = try program.history(of: subject, configuration).history
      let seen = dumps.map { $0[index] }
      for event in 0...Int(events) {
        let told = history.state(after: UInt64(event))
        guard told != seen[event] else { continue }
        Issue.record("seed \(seed), \(subject), event \(event): told \(told), seen \(seen[event])")
        break
      }
      let changed = (1..<seen.count).filter { seen[$0] != seen[$0 - 1] }.map { UInt64($0) }
      #expect(history.entries.filter { !$0.changes.isEmpty }.map(\.event) == changed, "\(subject)")
    }
  }

  @Test func foldedHistoriesEndInTheStateOfTheMachineAndChangeNothing() throws {
    for seed in UInt64(10)...17 {
      let configuration = configuration(seed: seed)
      let text = RandomTrace(seed: seed, pages: 90, count: 250, processes: 3).text
      let program = try Program(text)
      var plain = try program.open(configuration)
      let report = try plain.run()
      var random = SplitMix64(seed: seed)
      let all = subjects(pages: 90, processes: 3, blocks: plain.tagBlockCount)
      for _ in 0..<2 {
        let subject = all[random.below(all.count)]
        let watched = try program.history(of: subject, configuration)
        #expect(watched.history.state() == watched.end, "seed \(seed), \(subject)")
        #expect(watched.end == plain.state(of: subject), "seed \(seed), \(subject)")
        #expect(watched.report == report, "seed \(seed): a run that is watched is another run")
        #expect(watched.history.events == report.counters[.events])
      }
    }
  }

  /// Each step that a history can tell happens to some page, frame or block.
  @Test func stepsAreToldWithTheirCauses() throws {
    let pinned = """
      map 0x10000000 61440000 rw anon
      copyout 0x10000000 61440000
      pin 0x10000000 61440000 write
      map 0x20000000 4096 rw mte anon
      tag 0x20000000 4096 9
      unpin 0x10000000 61440000
      tag 0x20000000 4096 9

      """
    var configuration = MachineConfiguration()
    configuration.design = .rfc3
    let program = try Program(pinned)
    let page = try program.history(of: .page(address: 0x2000_0000, process: 0), configuration)
    let steps = page.history.entries.flatMap(\.steps)
    #expect(
      steps.contains {
        if case .reservationFailed(_, _, cause: .reserveFailBusy) = $0 { true } else { false }
      },
      "\(steps)"
    )
    #expect(
      steps.contains {
        if case .migrated(_, _, reason: .tags) = $0 { true } else { false }
      },
      "\(steps)"
    )
    // Moved more than once within one event, which its states before and after do not show.
    let migrations = page.history.entries.map {
      $0.steps.count { if case .migrated = $0 { true } else { false } }
    }
    #expect(migrations.contains { $0 > 1 })
    guard
      case .reservationFailed(_, .some(let block), _) = steps.first(where: {
        if case .reservationFailed = $0 { true } else { false }
      })
    else {
      Issue.record("no reservation failed")
      return
    }
    let told = try program.history(of: .block(block), configuration).history
    #expect(
      told.entries.flatMap(\.steps).contains {
        if case .notMigrated(_, .tagBlock(block), cause: .migratePinned) = $0 {
          true
        } else {
          false
        }
      }
    )
  }
}
