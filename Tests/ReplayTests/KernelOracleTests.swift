// SPDX-License-Identifier: Apache-2.0

import Foundation
import MachineModel
import MemoryModel
import Replay
import TagCompression
import TagStorage
import TestSupport
import Testing

// The machine against counters that real arm64 kernels showed: Linux 6.1.176 and 6.12.95 of Debian on
// 256 MiB with one CPU, pages of 4 KiB and classic two-list reclaim. A and B repeat exactly on the kernel;
// C repeats within 3, and beside the program's pages about 40 others are charged to its group there.

/// What a phase of a program counted.
private struct Phase: Equatable, CustomStringConvertible {
  var faults = 0
  var majorFaults = 0
  var swappedIn = 0
  var swappedOut = 0

  init(_ faults: Int, _ majorFaults: Int, _ swappedIn: Int, _ swappedOut: Int) {
    (self.faults, self.majorFaults) = (faults, majorFaults)
    (self.swappedIn, self.swappedOut) = (swappedIn, swappedOut)
  }

  init(_ after: CounterSet, since before: CounterSet?) {
    func growth(_ counter: Counter) -> Int { Int(after[counter] - (before?[counter] ?? 0)) }
    self.init(growth(.pgfault), growth(.pgmajfault), growth(.pswpin), growth(.pswpout))
  }

  var description: String {
    "\(faults) faults, \(majorFaults) major, \(swappedIn) in, \(swappedOut) out"
  }
}

/// A program as text, phase by phase; what it counted and how many tag buffers are live after each.
private struct Scenario {
  let base: Int
  let pages: Int
  let isTagged: Bool
  let configure: (inout MachineConfiguration) -> Void
  private var lines: [String] = []
  private var ends: [Int] = []

  init(
    pages: Int,
    isTagged: Bool = true,
    base: Int = 0x4000_0000,
    configure: @escaping (inout MachineConfiguration) -> Void
  ) {
    self.base = base
    self.pages = pages
    self.isTagged = isTagged
    self.configure = configure
    lines.append("map 0x\(hex(base)) \(pages * 4096) rw\(isTagged ? " mte" : "") anon")
  }

  private func address(_ page: Int) -> String { "0x\(hex(base + page * 4096))" }

  /// Tag stores and one data store a page: six runs, or tags that hardly repeat.
  mutating func touch(randomTags: Bool = false) {
    var random = SplitMix64(seed: 42)
    for page in 0..<pages {
      if isTagged {
        let runs = randomTags ? 64 : 6
        for run in 0..<runs {
          let first = run * 256 / runs
          let end = (run + 1) * 256 / runs
          let tag = randomTags ? random.below(16) : 1 + (page + run) % 15
          lines.append("tag 0x\(hex(base + page * 4096 + first * 16)) \((end - first) * 16) \(tag)")
        }
      }
      lines.append("write \(address(page))")
    }
    ends.append(lines.count)
  }

  mutating func pageOut() {
    lines.append("advise \(address(0)) \(pages * 4096) pageout")
    ends.append(lines.count)
  }

  mutating func read(thenWrite: Bool = false) {
    for page in 0..<pages {
      lines.append("read \(address(page))")
      if thenWrite { lines.append("write \(address(page))") }
    }
    ends.append(lines.count)
  }

  /// Reads pages in the order of a linear congruential generator, the one of the kernel's run.
  mutating func readInRandomOrder() {
    var state: UInt64 = 12345
    for _ in 0..<pages {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      lines.append("read \(address(Int(state >> 33) % pages))")
    }
    ends.append(lines.count)
  }

  /// Runs every prefix that ends with a phase, and takes the differences.
  func run() throws -> (phases: [Phase], buffers: [Int]) {
    var phases: [Phase] = []
    var buffers: [Int] = []
    var before: CounterSet?
    for end in ends {
      let text = lines[..<end].joined(separator: "\n") + "\n"
      // The end of the run compares every page, so that zero errors are part of every scenario.
      let report = try replay([text]) {
        $0.ramBytes = 256 << 20
        $0.processors = 1
        $0.design = .staticCarveout
        $0.codec = .raw
        configure(&$0)
      }
      #expect(report.verification.differences == 0, "\(report.verification.messages)")
      phases.append(Phase(report.counters, since: before))
      buffers.append(Int(report.savedTags.reduce(0) { $0 + $1.live }))
      before = report.counters
    }
    return (phases, buffers)
  }
}

@Suite struct KernelOracleTests {
  /// All pages of the kernel's runs, or fewer for a test that runs in a second.
  private static let isFull = ProcessInfo.processInfo.environment["MTESIM_FULL"] == "1"
  /// Pages of the scenarios A and B.
  private static let pages = 1024
  /// How much smaller the scenarios C are: 16,384 pages under a limit of 32 MiB, over this.
  private static let scale = isFull ? 1 : 8

  private static func zram(_ configuration: inout MachineConfiguration) {
    configuration.swap.device = .zram
    configuration.swap.bytes = 128 << 20
    configuration.swap.pageCluster = 0
  }

  private static func disk(cluster: Int) -> (inout MachineConfiguration) -> Void {
    {
      $0.swap.device = .disk
      $0.swap.bytes = 512 << 20
      $0.swap.pageCluster = cluster
    }
  }

  /// A1: 1,025 faults for 1,024 pages on the kernel; one belongs to the program's own data.
  ///
  /// Tag buffers: the kernel freed 909 of 1,024 at the first read, because slabs keep objects for each
  /// CPU and the return cache holds slots back; here 64 of them wait in the return cache.
  @Test func a1PageOutToZram() throws {
    var scenario = Scenario(pages: Self.pages, configure: Self.zram)
    scenario.touch()
    for _ in 0..<2 {
      scenario.pageOut()
      scenario.read()
    }
    let (phases, buffers) = try scenario.run()
    let out = Phase(0, 0, 0, 1024)
    let back = Phase(1024, 1024, 1024, 0)
    #expect(phases == [Phase(1024, 0, 0, 0), out, back, out, back])
    #expect(buffers[0] == 0 && buffers[1] == 1024 && buffers[3] >= 1024)
    #expect(buffers[2] <= 64 && buffers[4] <= 64)
  }

  /// A2: reading and then writing costs two faults a page on 6.1, which maps read faults read-only.
  @Test func a2ReadAndWriteAfterZram() throws {
    var scenario = Scenario(pages: Self.pages, configure: Self.zram)
    scenario.touch(randomTags: true)
    scenario.pageOut()
    scenario.read(thenWrite: true)
    let (phases, buffers) = try scenario.run()
    #expect(phases == [Phase(1024, 0, 0, 0), Phase(0, 0, 0, 1024), Phase(2048, 1024, 1024, 0)])
    #expect(buffers[1] == 1024 && buffers[2] <= 64)
  }

  /// A3: without PROT_MTE no buffer is ever taken.
  @Test func a3UntaggedPages() throws {
    var scenario = Scenario(pages: Self.pages, isTagged: false, configure: Self.zram)
    scenario.touch()
    scenario.pageOut()
    scenario.read()
    let (phases, buffers) = try scenario.run()
    #expect(phases == [Phase(1024, 0, 0, 0), Phase(0, 0, 0, 1024), Phase(1024, 1024, 1024, 0)])
    #expect(buffers == [0, 0, 0])
  }

  /// B1: a disk with read-ahead of 8 pages.
  ///
  /// The second PAGEOUT finds clean pages and writes nothing.
  ///
  /// A window ends at the end of a page table of 512 pages, and the window behind a cut one is small
  /// because it saw few hits. So the major faults depend on where the mapping lies in its 2 MiB, which
  /// the kernel's run did not note: of the 512 places 317 give its 129, 67 give 130 and 128 give 131. In
  /// the first place here windows end with the page table, in the second they do not.
  ///
  /// The kernel counted 1,147 faults in the run that is kept as a fixture, for 1,024 pages: faults that
  /// waited for a page under read were started again. Reads here end at once.
  @Test(arguments: [(0x3fff_b000, 129), (0x4000_0000, 130)])
  func b1ReadAheadFromDisk(base: Int, majorFaults: Int) throws {
    var scenario = Scenario(pages: Self.pages, base: base, configure: Self.disk(cluster: 3))
    scenario.touch()
    for _ in 0..<2 {
      scenario.pageOut()
      scenario.read()
    }
    let (phases, buffers) = try scenario.run()
    #expect(phases[0] == Phase(1024, 0, 0, 0))
    #expect(phases[1] == Phase(0, 0, 0, 1024))
    #expect(phases[2] == Phase(1024, 0, 0, 0))
    #expect(phases[3] == Phase(0, 0, 0, 0))
    #expect(phases[4] == Phase(1024, majorFaults, 1024, 0))
    #expect(buffers == [0, 1024, 1024, 1024, 1024])
  }

  /// B2: a disk without read-ahead, read and write: two faults a page on 6.1, and a write each time.
  @Test func b2ReadAndWriteInSwapCache() throws {
    var scenario = Scenario(pages: Self.pages, configure: Self.disk(cluster: 0))
    scenario.touch()
    for _ in 0..<2 {
      scenario.pageOut()
      scenario.read(thenWrite: true)
    }
    let (phases, buffers) = try scenario.run()
    let out = Phase(0, 0, 0, 1024)
    let back = Phase(2048, 0, 0, 0)
    #expect(phases == [Phase(1024, 0, 0, 0), out, back, out, back])
    #expect(buffers[1] == 1024)
  }

  /// C: 64 MiB under a limit of 32 MiB, or both over `scale`.
  ///
  /// What the kernel charges beside the program's pages and their tables, about 40 pages, is missing
  /// here, and makes 5 to 7 of its faults; its pages wait in batches of 15 before they reach a list. So
  /// the numbers may differ by that much and its own 3.
  private static func limited(passes: Int, random: Bool) throws -> [Phase] {
    var scenario = Scenario(pages: 16384 / scale) {
      zram(&$0)
      $0.groupLimitBytes = (32 << 20) / scale
    }
    scenario.touch()
    for _ in 0..<passes {
      if random { scenario.readInRandomOrder() } else { scenario.read() }
    }
    return try scenario.run().phases
  }

  private static let margin = 43

  private func expect(_ phase: Phase, near kernel: Phase, _ comment: Comment) {
    let pairs = [
      (phase.faults, kernel.faults), (phase.majorFaults, kernel.majorFaults),
      (phase.swappedIn, kernel.swappedIn), (phase.swappedOut, kernel.swappedOut),
    ]
    for (found, expected) in pairs {
      #expect(
        abs(found - expected) <= Self.margin,
        "\(comment): \(phase) is not near \(kernel)"
      )
    }
  }

  @Test func c1SequentialUnderALimit() throws {
    let phases = try Self.limited(passes: 2, random: false)
    if Self.isFull {
      expect(phases[0], near: Phase(16400, 10, 10, 8301), "touch")
      expect(phases[1], near: Phase(16399, 16394, 16394, 16363), "read 1")
      expect(phases[2], near: Phase(16399, 16394, 16394, 16404), "read 2")
    } else {
      // Every page read is a major fault and pushes another one out, as at full size.
      let pages = 16384 / Self.scale
      for phase in phases[1...] { expect(phase, near: Phase(pages, pages, pages, pages), "read") }
    }
  }

  @Test func c2RandomOrderUnderALimit() throws {
    let phases = try Self.limited(passes: 1, random: true)
    if Self.isFull {
      expect(phases[1], near: Phase(8130, 8127, 8127, 8105), "read")
    } else {
      // Half of the pages fit: about half of the reads hit.
      let half = 16384 / Self.scale / 2
      expect(phases[1], near: Phase(half, half, half, half), "read")
    }
  }
}
