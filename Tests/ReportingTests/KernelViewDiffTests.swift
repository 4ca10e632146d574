// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import Testing

@testable import Reporting

/// The views beside what a device printed: equal lines but for their numbers, and each with a key of its
/// own, so that `diff` and `join` by key compare them.
@Suite struct KernelViewDiffTests {
  /// Lines of Linux 6.1 on arm64 with zram, as its files printed them.
  private static let device: [(view: KernelView, line: String)] = [
    (.meminfo, "MemTotal:         229504 kB"),
    (.meminfo, "MemFree:          206936 kB"),
    (.meminfo, "SwapTotal:             0 kB"),
    (.swaps, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority"),
    (.swaps, "/dev/zram0                              partition\t131068\t\t0\t\t-2"),
    (.vmstat, "pswpin 0"), (.vmstat, "pswpout 0"), (.vmstat, "pgfault 1096"),
    (.vmstat, "pgmajfault 0"), (.vmstat, "nr_anon_pages 1025"),
    (.vmstat, "workingset_refault_anon 1020"), (.vmstat, "workingset_activate_anon 180"),
    (.vmstat, "pgfree 39"), (.vmstat, "pgreuse 3"), (.vmstat, "pgscan_kswapd 5"),
    (.vmstat, "swap_ra 0"),
    (.zram, "  266240     2889    16384        0    81920        0        0        0        0"),
  ]

  /// What names a line: its words, up to the first number or blank after the name.
  private func key(_ line: some StringProtocol, of view: KernelView) -> String {
    switch view {
    case .buddyinfo: String(line.prefix(22))
    case .pagetypeinfo: String(line.prefix { $0 != "," }) + line.drop { $0 != "," }.prefix(19)
    case .mtecomp where line.contains(" bytes: "): String(line.prefix { $0 != ":" })
    case .meminfo, .zram, .mtecomp: String(line.prefix { $0 != ":" })
    case .vmstat: String(line.prefix { $0 != " " })
    case .swaps: String(line.prefix { $0 != " " && $0 != "\t" })
    case .tagblocks: String(line.prefix(28))
    case .zoneinfo: String(line.filter { !$0.isNumber })
    }
  }

  /// The line with each number and the blanks before it as one sign.
  private func shape(_ line: some StringProtocol) -> String {
    var shape = ""
    for character in line {
      if character.isNumber || character == "-" && shape.hasSuffix("\t") {
        while shape.hasSuffix(" ") { shape.removeLast() }
        if !shape.hasSuffix("#") { shape.append("#") }
      } else {
        shape.append(character)
      }
    }
    return shape
  }

  @Test func linesHaveTheShapeOfADevices() throws {
    for (view, line) in Self.device {
      let text = view.text(KernelViewTests.snapshot)
      let lines = text.split(separator: "\n").map { line in
        // The name of the device stands before its mm_stat, which is a file of its own in the kernel.
        view == .zram ? line.drop { $0 != ":" }.dropFirst(2) : line
      }
      if view == .zram {
        #expect(lines.allSatisfy { shape($0) == shape(line) }, "\(lines)")
        continue
      }
      let own = try #require(
        lines.first { key($0, of: view) == key(line, of: view) },
        "no line for \(line)"
      )
      #expect(shape(own) == shape(line))
    }
  }

  /// Columns end where the kernel's do, whatever the numbers are.
  @Test func columnsHaveTheKernelsWidths() {
    let stat = "  266240     2889    16384        0    81920        0        0        0        0"
    for line in KernelView.zram.text(KernelViewTests.snapshot).split(separator: "\n") {
      let columns = line.drop { $0 != ":" }.dropFirst(2)
      #expect(columns.split(separator: " ").count == stat.split(separator: " ").count)
      #expect(columns.count >= stat.count)
    }
  }

  @Test(arguments: [KernelView.meminfo, .vmstat, .swaps, .zram, .mtecomp, .buddyinfo])
  func everyLineHasAKeyOfItsOwn(_ view: KernelView) {
    let keys = view.text(KernelViewTests.snapshot).split(separator: "\n").map { key($0, of: view) }
    #expect(Set(keys).count == keys.count, "\(keys)")
    #expect(!keys.isEmpty && !keys.contains(""))
  }

  /// Nothing was saved: all classes are there, so that two files differ in numbers alone.
  @Test func emptyClassesHaveLines() {
    var snapshot = KernelViewTests.snapshot
    snapshot.savedTags = [8, 16].map {
      SavedTagClass(bytes: $0, allocations: 0, frees: 0, peak: 0)
    }
    #expect(
      KernelView.mtecomp.text(snapshot) == """
        8 bytes: 0 allocations, 0 deallocations
        16 bytes: 0 allocations, 0 deallocations
        uncompressed tag storage size: 0
        compressed tag storage size: 0

        """
    )
  }

  /// The v10 statistics of the posted series: pages as they are count with all their bytes.
  @Test func totalsAreThePublishedOnes() {
    var snapshot = KernelViewTests.snapshot
    snapshot.savedTags = [
      SavedTagClass(bytes: 8, allocations: 102_496, frees: 67_302, peak: 102_496),
      SavedTagClass(bytes: 128, allocations: 212_234, frees: 178_278, peak: 212_234),
    ]
    #expect(
      KernelView.mtecomp.text(snapshot).hasSuffix(
        "uncompressed tag storage size: 8851200\ncompressed tag storage size: 4346368\n"
      )
    )
  }
}
