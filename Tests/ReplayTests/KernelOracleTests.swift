// SPDX-License-Identifier: Apache-2.0

import MachineModel
import MemoryModel
import Swap
import Testing

// The machine against counters of a real arm64 kernel: Linux 6.1.176 of Debian on 256 MiB with one CPU,
// pages of 4 KiB and two-list reclaim, run under an emulator. The kernel printed the differences of
// /proc/vmstat over each phase of a program. A and B repeat exactly there, C within 3 pages.
//
// Every counter of the kernel's output is compared, except these, which are not the machine's:
//
// * `nr_anon_pages` and `workingset_refault_anon` are compared within 8: the kernel keeps a remainder of
//   up to 4 for each CPU beside the sum that it prints, at the beginning of a phase and at its end.
// * `workingset_activate_anon` without a limit: a refault is compared with the active pages of the
//   whole system, 180 of A and 275 of B, of which the program has none.
// * `pgrotated`: how many writes had ended when their page came back to a list is a question of time.
// * `pgfree`, `pgalloc_dma`: these count pages of slabs, of zram and of other processes, too.
// * `nr_swapcached` is the pages of `nr_anon_pages` in other words.
// * `kmalloc-128` where tag buffers are freed: slabs keep objects for each CPU, so that the kernel
//   printed 909 freed buffers of 1,024. Here up to 64 slots wait in the return cache with their tags.

/// A counter and what the kernel counted in each phase.
private typealias Expectation = (counter: Counter, values: [Int])

@Suite struct KernelOracleTests {
  private static let pages = 1024

  private static func zram(_ configuration: inout MachineConfiguration) {
    configuration.swap.device = .zram
    configuration.swap.bytes = 128 << 20
    configuration.swap.pageCluster = 0
  }

  private static func disk(cluster: Int) -> (inout MachineConfiguration) -> Void {
    {
      $0.swap.device = .ssd
      $0.swap.bytes = 512 << 20
      $0.swap.pageCluster = cluster
    }
  }

  /// The counters that the kernel's output names; those that it left out of a phase were 0.
  private static let printed: [Counter] = [
    .pgfault, .pgmajfault, .pswpin, .pswpout, .swapRa, .swapRaHit, .pgreuse, .pgactivate,
    .pgdeactivate, .pgscanAnon, .pgstealAnon, .workingsetRestoreAnon, .pgscanKswapd,
    .pgstealKswapd, .allocstallNormal,
  ]

  /// Compares all counters that the kernel prints; those without an expectation must be 0.
  private func expect(_ phases: [PhaseCounts], _ expected: [Expectation]) {
    for counter in Self.printed {
      let values = expected.first { $0.counter == counter }?.values ?? phases.map { _ in 0 }
      #expect(phases.map { $0[counter] } == values, "\(counter.name)")
    }
  }

  private func expectNear(_ values: [Int], _ kernel: [Int], _ name: Comment) {
    for (value, seen) in zip(values, kernel) { #expect(abs(value - seen) <= 8, name) }
    #expect(values.count == kernel.count, name)
  }

  /// A1: PAGEOUT to zram, read, and both again.
  @Test func a1PageOutToZram() throws {
    var scenario = KernelScenario(pages: Self.pages)
    scenario.touch()
    scenario.mark("touch")
    for _ in 0..<2 {
      scenario.pageOut()
      scenario.read()
      scenario.mark("read")
    }
    let phases = try scenario.run(Self.zram)
    expect(
      phases,
      [
        (.pgfault, [1025, 0, 1024, 0, 1024]),
        (.pgmajfault, [0, 0, 1024, 0, 1024]),
        (.pswpin, [0, 0, 1024, 0, 1024]),
        (.pswpout, [0, 1024, 0, 1024, 0]),
      ]
    )
    expectNear(phases.map(\.anonymousPages), [1025, -1020, 1020, -1020, 1019], "nr_anon_pages")
    expectNear(
      phases.map { $0[.workingsetRefaultAnon] },
      [0, 0, 1020, 0, 1025],
      "workingset_refault_anon"
    )
    let buffers = phases.map(\.tagBuffers)
    #expect(buffers[0] == 0 && buffers[1] == 1024 && buffers[3] >= 1024)
    #expect(buffers[2] <= 64 && buffers[4] <= 64)
  }

  /// A2: reading and then writing costs two faults a page on 6.1, which maps read faults read-only.
  @Test func a2ReadAndWriteAfterZram() throws {
    var scenario = KernelScenario(pages: Self.pages)
    scenario.touch(runs: 64, random: true)
    scenario.mark("touch")
    scenario.pageOut()
    scenario.read(thenWrite: true)
    scenario.mark("read")
    let phases = try scenario.run(Self.zram)
    expect(
      phases,
      [
        (.pgfault, [1025, 0, 2048]), (.pgmajfault, [0, 0, 1024]), (.pswpin, [0, 0, 1024]),
        (.pswpout, [0, 1024, 0]), (.pgreuse, [0, 0, 1024]),
      ]
    )
    #expect(phases[1].tagBuffers == 1024 && phases[2].tagBuffers <= 64)
  }

  /// A3: without PROT_MTE no buffer is ever taken.
  @Test func a3UntaggedPages() throws {
    var scenario = KernelScenario(pages: Self.pages, isTagged: false)
    scenario.touch()
    scenario.mark("touch")
    scenario.pageOut()
    scenario.read()
    scenario.mark("read")
    let phases = try scenario.run(Self.zram)
    expect(
      phases,
      [
        (.pgfault, [1025, 0, 1024]), (.pgmajfault, [0, 0, 1024]), (.pswpin, [0, 0, 1024]),
        (.pswpout, [0, 1024, 0]),
      ]
    )
    #expect(phases.map(\.tagBuffers) == [0, 0, 0])
  }

  /// B1: a disk with read-ahead of 8 pages.
  ///
  /// The second PAGEOUT finds clean pages and writes nothing. The kernel counted 1,147 faults in the
  /// last phase and 1,024 for the process: 123 faults waited for a page that was being read, and were
  /// started again. Reads here end at once.
  ///
  /// Where the mapping lies decides about the major faults, see
  /// ``majorFaultsFollowFromThePlaceInThePageTable()``; the kernel's run does not say where it lay.
  @Test(arguments: [(0x7fff_ffff_b000, 129), (0x8000_0000_0000, 130)])
  func b1ReadAheadFromDisk(base: Int, majorFaults: Int) throws {
    var scenario = KernelScenario(pages: Self.pages, base: base)
    scenario.touch()
    scenario.mark("touch")
    for _ in 0..<2 {
      scenario.pageOut()
      scenario.read()
      scenario.mark("read")
    }
    let phases = try scenario.run(Self.disk(cluster: 3))
    expect(
      phases,
      [
        (.pgfault, [1025, 0, 1024, 0, 1024]),
        (.pgmajfault, [0, 0, 0, 0, majorFaults]),
        (.pswpin, [0, 0, 0, 0, 1024]),
        (.pswpout, [0, 1024, 0, 0, 0]),
        (.swapRa, [0, 0, 0, 0, 1024 - majorFaults]),
        (.swapRaHit, [0, 0, 0, 0, 1024 - majorFaults]),
      ]
    )
    expectNear(phases.map(\.anonymousPages), [1025, -1020, 1020, -1020, 1020], "nr_anon_pages")
    expectNear(
      phases.map { $0[.workingsetRefaultAnon] },
      [0, 0, 0, 0, 1020],
      "workingset_refault_anon"
    )
    #expect(phases.map(\.tagBuffers) == [0, 1024, 1024, 1024, 1024])
  }

  /// The major faults of B1 at every place that a mapping can have in its page tables.
  ///
  /// A read-ahead window ends with the page table, and the window behind a cut one is small because it
  /// saw few hits. The kernel chooses the place at random: `mmap_base` has 18 random bits of pages, and
  /// the nine lowest are the place. So 129, which it counted, is what most places lead to.
  @Test func majorFaultsFollowFromThePlaceInThePageTable() {
    var places: [Int: Int] = [:]
    for place in 0..<512 {
      let first = UInt64(0x10_0000 + place)
      let area = VirtualPageNumber(rawValue: first)..<VirtualPageNumber(rawValue: first + 1024)
      // The pass before, over pages in the swap cache, ended at the last page.
      var state = AreaReadAhead(rawValue: 0)
      state.noteCacheHit(at: VirtualPageNumber(rawValue: first + 1023), wasReadAhead: false)
      var cached: Set<UInt64> = []
      var majorFaults = 0
      for page in first..<(first + 1024) {
        let address = VirtualPageNumber(rawValue: page)
        if cached.contains(page) {
          state.noteCacheHit(at: address, wasReadAhead: true)
          continue
        }
        majorFaults += 1
        let window = state.pages(faulting: address, in: area, pageSize: .kib4, pageCluster: 3)
        for read in window.lowerBound.rawValue..<window.upperBound.rawValue { cached.insert(read) }
      }
      places[majorFaults, default: 0] += 1
    }
    #expect(places == [129: 317, 130: 67, 131: 128])
  }

  /// B2: a disk without read-ahead, read and write: two faults a page on 6.1, and a write each time.
  @Test func b2ReadAndWriteInSwapCache() throws {
    var scenario = KernelScenario(pages: Self.pages)
    scenario.touch()
    scenario.mark("touch")
    for _ in 0..<2 {
      scenario.pageOut()
      scenario.read(thenWrite: true)
      scenario.mark("read")
    }
    let phases = try scenario.run(Self.disk(cluster: 0))
    expect(
      phases,
      [
        (.pgfault, [1025, 0, 2048, 0, 2048]),
        (.pswpout, [0, 1024, 0, 1024, 0]),
        (.pgreuse, [0, 0, 1024, 0, 1024]),
      ]
    )
    expectNear(phases.map(\.anonymousPages), [1025, -1018, 1020, -1020, 1020], "nr_anon_pages")
    #expect(phases[1].tagBuffers == 1024)
  }

  /// C1: 64 MiB read twice under a limit of 32 MiB.
  ///
  /// The kernel's run was made twice. It counted 8301, 16363 and 16404 pages written with one binary of
  /// the program, and 8302, 16364 and 16405 with another, which has no page that stays active. Scanned
  /// were 24607, 32645 and 32686, and 24607, 32645 and 32687. In both it met the limit 999 times.
  @Test func c1SequentialUnderALimit() throws {
    var scenario = KernelScenario(pages: 16384)
    scenario.touch(runs: 1)
    scenario.useOwnPages()
    scenario.mark("touch")
    for _ in 0..<2 {
      scenario.read()
      scenario.useOwnPages()
      scenario.mark("read")
    }
    let phases = try scenario.run {
      Self.zram(&$0)
      $0.groupLimitBytes = 32 << 20
    }
    // Written are the pages of the second run; one page more was scanned in the second phase.
    expect(
      phases,
      [
        (.pgfault, [16400, 16399, 16399]),
        (.pgmajfault, [10, 16394, 16394]),
        (.pswpin, [10, 16394, 16394]),
        (.pswpout, [8302, 16364, 16405]),
        (.pgstealAnon, [8302, 16364, 16405]),
        (.pgscanAnon, [24607, 32646, 32687]),
        (.pgreuse, [5, 5, 5]),
      ]
    )
    #expect(phases.reduce(0) { $0 + $1[.memcgCharges] } == 999)
    expectNear(
      phases.map { $0[.workingsetRefaultAnon] },
      [6, 16395, 16393],
      "workingset_refault_anon"
    )
    // The kernel's figures begin after the program's own pages were mapped.
    expectNear(phases.dropFirst().map(\.anonymousPages), [26, -12], "nr_anon_pages")
    // 8,288 buffers, give or take the objects that slabs keep for a CPU and the slots that wait.
    #expect(abs(phases[0].tagBuffers - 8288) <= 96)
  }

  /// C2: as C1, with random tags, read once in random order.
  ///
  /// The kernel counted 8129 to 8131 faults, 8126 to 8128 pages read and 8105 to 8106 written. One call of
  /// reclaim more before the end of a phase is 41 pages, and where in such a step a phase begins is not
  /// known here.
  @Test func c2RandomOrderUnderALimit() throws {
    var scenario = KernelScenario(pages: 16384)
    scenario.touch(runs: 1, random: true)
    scenario.mark("touch")
    scenario.readInRandomOrder()
    scenario.useOwnPages()
    scenario.mark("read")
    let phases = try scenario.run {
      Self.zram(&$0)
      $0.groupLimitBytes = 32 << 20
    }
    #expect(abs(phases[1][.pgfault] - 8130) <= 50)
    #expect(abs(phases[1][.pgmajfault] - 8127) <= 50)
    #expect(phases[1][.pswpin] == phases[1][.pgmajfault])
    #expect(abs(phases[1][.pswpout] - 8105) <= 50)
  }
}
