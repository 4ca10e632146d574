// SPDX-License-Identifier: Apache-2.0

import Foundation
import MachineModel
import MemoryModel
import Replay
import TagCompression
import TagStorage
import TestSupport
import Testing

/// What one phase of a program counted, by the kernel's names, and what there was at its end.
struct PhaseCounts {
  let name: String
  private let counters: [Counter: Int]
  /// Anonymous pages mapped more than when the phase began.
  let anonymousPages: Int
  /// Saved tags of a page, live at the end: the kernel's tag buffers.
  let tagBuffers: Int

  init(_ state: MarkedState, since before: MarkedState) {
    name = state.text
    counters = Dictionary(
      uniqueKeysWithValues: Counter.allCases.map {
        ($0, Int(state.counters[$0]) - Int(before.counters[$0]))
      }
    )
    anonymousPages = (Int(state.anonymousBytes) - Int(before.anonymousBytes)) / 4096
    tagBuffers = Int(state.savedTags.reduce(0) { $0 + $1.live })
  }

  subscript(_ counter: Counter) -> Int { counters[counter] ?? 0 }
}

/// The program of the kernel's runs as a text trace with a mark at the end of each phase.
///
/// It tags and writes a mapping page by page, then pages it out by advice or is limited to half of it,
/// and reads it. Beside the mapping it has pages of its own, where its linker, its C library and its
/// stack put them: data it changes, which are swapped as well when memory is short.
struct KernelScenario {
  let base: Int
  let pages: Int
  let isTagged: Bool
  private var lines: [String] = []

  /// The program's own pages: relocated constants, data, zeroed data, heap and stack.
  private static let ownPages: [Int] =
    [0x2b4000, 0x2b5000, 0x2c7000, 0x2c8000, 0x2c9000, 0x2ca000, 0x2cb000, 0x2cc000]
    + [0x301a_3000, 0x301a_4000, 0x301a_5000, 0x301a_6000]
    + [0xffff_ec7b_f000, 0xffff_ec7b_e000, 0xffff_ec7c_0000]

  /// Two pages for what the kernel charges besides: memory.stat showed 46 pages of kernel memory, two
  /// more than tables and objects need here; the program reads files of /proc, whose buffers are charged.
  private static let otherPages = [0x301a_7000, 0x301a_8000]

  init(pages: Int, isTagged: Bool = true, base: Int = 0xffff_84bb_a000) {
    self.base = base
    self.pages = pages
    self.isTagged = isTagged
    lines = [
      "map 0x200000 0xa5000 rx file",
      "map 0x2b4000 0x4000 rw file",
      "map 0x2c7000 0x3000 rw file",
      "map 0x2ca000 0x6000 rw anon",
      "map 0x301a3000 0x22000 rw anon heap",
      "map 0xffffec7a0000 0x21000 rw anon stack",
      "map 0xffff88bba000 0x3000 r file",
      "read 0x200000",
      "read 0xffff88bba000",
    ]
    for page in Self.ownPages + Self.otherPages { lines.append("write 0x\(hex(page))") }
    lines.append("map 0x\(hex(base)) \(pages * 4096) rw\(isTagged ? " mte" : "") anon")
    lines.append("mark start")
  }

  private func address(_ page: Int) -> String { "0x\(hex(base + page * 4096))" }

  /// Ends a phase.
  mutating func mark(_ name: String) { lines.append("mark \(name)") }

  /// Tag stores and one data store a page: some runs, or tags that hardly repeat.
  mutating func touch(runs: Int = 6, random: Bool = false) {
    // Where the program counts, it touches one page of its own for the first time.
    lines.append("write 0x301b0000")
    var generator = SplitMix64(seed: 42)
    for page in 0..<pages {
      for run in 0..<(isTagged ? runs : 0) {
        let first = run * 256 / runs
        let bytes = ((run + 1) * 256 / runs - first) * 16
        let tag = random ? generator.below(16) : 1 + (page + run) % 15
        lines.append("tag 0x\(hex(base + page * 4096 + first * 16)) \(bytes) \(tag)")
      }
      lines.append("write \(address(page))")
    }
  }

  mutating func pageOut() {
    lines.append("advise \(address(0)) \(pages * 4096) pageout")
    mark("pageout")
  }

  mutating func read(thenWrite: Bool = false) {
    for page in 0..<pages {
      lines.append("read \(address(page))")
      if thenWrite { lines.append("write \(address(page))") }
    }
  }

  /// Reads pages in the order of a linear congruential generator, the one of the kernel's run.
  mutating func readInRandomOrder() {
    var state: UInt64 = 12345
    for _ in 0..<pages {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      lines.append("read \(address(Int(state >> 33) % pages))")
    }
  }

  /// What the program does with its own pages between two phases: five are read and then written, and of
  /// five others some are read and some written.
  mutating func useOwnPages() {
    for (index, page) in Self.ownPages.prefix(10).enumerated() {
      if index < 5 || index % 2 == 1 { lines.append("read 0x\(hex(page))") }
      if index < 5 || index % 2 == 0 { lines.append("write 0x\(hex(page))") }
    }
  }

  /// Runs the trace on the kernel's machine: Linux 6.1 on 256 MiB with one CPU.
  ///
  /// - Returns: the phases after the mark `start`.
  func run(_ configure: (inout MachineConfiguration) -> Void) throws -> [PhaseCounts] {
    var configuration = MachineConfiguration()
    configuration.ramBytes = 256 << 20
    configuration.processors = 1
    configuration.design = .staticCarveout
    configuration.codec = .raw
    configuration.kernel = .linux61
    configure(&configuration)
    let file = FileManager.default.temporaryDirectory
      .appendingPathComponent("mtesim-kernel-\(UUID().uuidString).trace")
    try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    var session = try ReplaySession.open(
      ReplayPlan(tracePaths: [file.path], copies: 1, machine: configuration, isVerified: true)
    )
    // The end of the run compares every page, so that zero errors are part of every scenario.
    let report = try session.run()
    #expect(report.verification.differences == 0, "\(report.verification.messages)")
    let states = session.marks
    return zip(states.dropFirst(), states).map { PhaseCounts($0, since: $1) }
  }
}
