// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import TagCompression

/// Prints what encoding and decoding a tag page take, beside the same codec in plain C and beside
/// general-purpose compressors.
///
///     mtesim-codec-benchmark [--rounds N] [--pages N] [--page-size BYTES] [--runs N]
///                            [--reference FILE] [--once SUBJECT]
///
/// For each kind of page all subjects run in turn within each round, so that whatever else the
/// computer does falls on all of them: the C reference of mtecomp-v5, LZ4, zstd, the project's
/// mtecomp-v5, and its default, mtecomp. A figure of a round is the best of four batches over all
/// pages; printed are the median of the rounds with minimum and maximum, and for each other subject
/// the median of how many times as long as mtecomp it takes within a round.
///
/// `--reference` loads the C reference that another compiler has made, and measures both copies.
/// `Tools/codec-benchmark` makes one with gcc, as most kernels are.
///
/// Before anything is timed, every page goes through all subjects: handles, objects and restored
/// tags of C and mtecomp-v5 must be equal to the last bit, those of mtecomp must be the same but for
/// the order of fields in a handle, and all must restore every page. If not, no figure is printed and
/// the exit code is 1. mtecomp gets the pages with the nibbles of each byte swapped, so that it sees
/// as many runs. Two kinds of pages are lost by mtecomp-v5, and are not decoded with it.
///
/// `--once` encodes and decodes each page once with one subject and prints nothing: what a profiler
/// that counts instructions wants.
@main
struct CodecBenchmarkCommand {
  static func main() {
    guard let options = CodecBenchmarkOptions(Array(CommandLine.arguments.dropFirst())) else {
      print("usage: mtesim-codec-benchmark [--rounds N] [--pages N] [--page-size BYTES] [--runs N]")
      print("                              [--reference FILE] [--once SUBJECT]")
      exitProgram(64)
    }
    guard let libraries = libraries(options) else {
      print("mtesim-codec-benchmark: \(options.reference ?? ""): not the C reference")
      exitProgram(66)
    }
    if options.once == nil {
      print("ns a page: median (minimum-maximum) of \(options.rounds) rounds, one thread;")
      print("\(options.pages) different 4K pages of each kind, and fewer larger ones")
    }
    for pageSize in PageSize.allCases where options.pageSize ?? pageSize == pageSize {
      var measured: [Measurement] = []
      for (index, kind) in PageKind.all(pageSize).enumerated() where options.includes(kind) {
        let corpus = TagCorpus(
          kind,
          pageSize: pageSize,
          // As many bytes of each page size, so that all stay in the same cache.
          pages: max(1, options.pages * 256 / pageSize.granules),
          seed: UInt64(pageSize.granules + index)
        )
        var subjects = subjects(corpus, libraries)
        if let name = options.once {
          runOnce(&subjects, name)
          continue
        }
        if let difference = firstDifference(kind, corpus, &subjects) {
          print("mtesim-codec-benchmark: \(pageSize.name), \(kind.name): \(difference)")
          exitProgram(1)
        }
        measured.append(Measurement(kind, &subjects, rounds: options.rounds))
      }
      if options.once == nil { printTables(pageSize, measured) }
    }
  }

  private static func libraries(_ options: CodecBenchmarkOptions) -> [ReferenceLibrary]? {
    guard let linked = ReferenceLibrary.linked() else { return nil }
    guard let path = options.reference else { return [linked] }
    return ReferenceLibrary.load(path).map { [$0, linked] }
  }

  /// All subjects, mtecomp last.
  private static func subjects(
    _ corpus: TagCorpus,
    _ libraries: [ReferenceLibrary]
  ) -> [any Subject] {
    libraries.map { ReferenceSubject(corpus, $0) }
      + [
        LZ4Subject(corpus, keepsTable: false), LZ4Subject(corpus, keepsTable: true),
        ZstandardSubject(corpus), CodecSubject(corpus, codec: .mtecompV5),
        CodecSubject(corpus.lowNibbleFirst, codec: .mtecomp),
      ]
  }

  private static func runOnce(_ subjects: inout [any Subject], _ name: String) {
    guard let index = subjects.firstIndex(where: { $0.name == name }) else {
      print("mtesim-codec-benchmark: no subject \(name)")
      exitProgram(64)
    }
    subjects[index].encodeAll()
    subjects[index].decodeAll()
  }

  private static func firstDifference(
    _ kind: PageKind,
    _ corpus: TagCorpus,
    _ subjects: inout [any Subject]
  ) -> String? {
    for index in subjects.indices { subjects[index].encodeAll() }
    defer { for index in subjects.indices { subjects[index].releaseAll() } }
    for page in 0..<corpus.pages {
      guard let expected = subjects[0].stored(page) else { return "page \(page): nothing stored" }
      for index in subjects.indices {
        let name = subjects[index].name
        if let stored = subjects[index].stored(page) {
          let expected =
            subjects[index].isPostedCodec ? expected : expected.inDefaultCodec(corpus.pageSize)
          // Where mtecomp-v5 loses tags, the default codec has to store something else.
          let isDefect = !kind.survivesPostedCodec && !subjects[index].isPostedCodec
          guard stored == expected || isDefect else {
            return "page \(page): \(name) stores \(stored), not \(expected)"
          }
        }
        if subjects[index].isPostedCodec && !kind.survivesPostedCodec { continue }
        let restored = subjects[index].restored(page)
        let tags = subjects[index].corpus.page(page)
        guard restored == tags else {
          return "page \(page): \(name) restores \(restored), not \(tags)"
        }
      }
    }
    return nil
  }

  private static func printTables(_ pageSize: PageSize, _ measured: [Measurement]) {
    guard let first = measured.first else { return }
    let others = first.names.dropLast()
    for direction in ["encode", "decode"] {
      print("")
      let heading =
        ["\(pageSize.name) \(direction)"] + first.names + others.map { "\($0) / mtecomp" }
      print(row(heading))
      print(row(heading.map { _ in "---" }))
      for measurement in measured {
        let series = direction == "encode" ? measurement.encode : measurement.decode
        let ratios = series.dropLast().map { $0.ratio(to: series[series.count - 1]) }
        print(row([measurement.kind.name] + series.map(\.text) + ratios))
      }
    }
  }

  private static func row(_ cells: [String]) -> String {
    "| " + cells.joined(separator: " | ") + " |"
  }
}

/// What the command line asks for.
struct CodecBenchmarkOptions {
  private(set) var rounds = 11
  private(set) var pages = 2048
  private(set) var pageSize: PageSize?
  private(set) var reference: String?
  private(set) var once: String?
  private var runs: Int?

  /// Reads all options.
  ///
  /// - Returns: `nil` where one is none, or lacks its value.
  init?(_ arguments: [String]) {
    var rest = arguments[...]
    while let option = rest.popFirst() {
      guard let value = rest.popFirst() else { return nil }
      let number = Int(value).flatMap { $0 > 0 ? $0 : nil }
      switch (option, number) {
      case ("--rounds", let number?): rounds = number
      case ("--pages", let number?): pages = min(number, 65_536)
      case ("--runs", let number?): runs = number
      case ("--page-size", let number?):
        guard let size = UInt32(exactly: number).flatMap({ PageSize(rawValue: $0) }) else {
          return nil
        }
        pageSize = size
      case ("--reference", _): reference = value
      case ("--once", _): once = value
      default: return nil
      }
    }
  }

  /// Whether pages of this kind are asked for.
  func includes(_ kind: PageKind) -> Bool { runs.map { kind == .runs($0) } ?? true }
}
