// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import TagCompression

/// Prints what encoding and decoding a tag page take, beside the same codec in plain C.
///
///     mtesim-codec-benchmark [--rounds N] [--pages N] [--page-size BYTES] [--runs N]
///
/// For each kind of page, three codecs run in turn within each round, so that whatever else the
/// computer does falls on all of them: the C reference of mtecomp-v5, the project's mtecomp-v5, and
/// its default, mtecomp. A figure of a round is the best of four batches over all pages; printed are
/// the median of the rounds with minimum and maximum, and the median of the ratios within a round.
///
/// Before anything is timed, every page goes through all three: handles, objects and restored tags
/// of C and mtecomp-v5 must be equal to the last bit, and all must restore every page. If not, no
/// figure is printed and the exit code is 1. mtecomp gets the pages with the nibbles of each byte
/// swapped, so that it sees as many runs.
@main
struct CodecBenchmarkCommand {
  static func main() {
    var options = CodecBenchmarkOptions()
    guard options.parse(Array(CommandLine.arguments.dropFirst())) else {
      print("usage: mtesim-codec-benchmark [--rounds N] [--pages N] [--page-size BYTES] [--runs N]")
      exitProgram(64)
    }
    print("ns a page: median (minimum-maximum) of \(options.rounds) rounds;")
    print("\(options.pages) different pages of each kind; one thread")
    var seed: UInt64 = 0
    for (pageSize, kinds) in PageKind.all where options.pageSize ?? pageSize == pageSize {
      print("")
      print(header(pageSize))
      for kind in kinds {
        seed += 1
        guard options.runs == nil || kind.runs == options.runs else { continue }
        measure(kind, pageSize, seed: seed, options)
      }
    }
  }

  private static func measure(
    _ kind: PageKind,
    _ pageSize: PageSize,
    seed: UInt64,
    _ options: CodecBenchmarkOptions
  ) {
    let corpus = TagCorpus(kind, pageSize: pageSize, pages: options.pages, seed: seed)
    var reference = ReferenceSubject(corpus)
    var posted = CodecSubject(corpus, codec: .mtecompV5)
    var standard = CodecSubject(corpus.lowNibbleFirst, codec: .mtecomp)
    if let difference = firstDifference(corpus, &reference, &posted, &standard) {
      print("mtesim-codec-benchmark: \(pageSize.name), \(kind.name): \(difference)")
      exitProgram(1)
    }
    var encode = [Series(), Series(), Series()]
    var decode = [Series(), Series(), Series()]
    for _ in 0..<options.rounds {
      encode[0].add(
        best(corpus) {
          reference.encodeAll()
        } between: {
          reference.releaseAll()
        }
      )
      encode[1].add(
        best(corpus) {
          posted.encodeAll()
        } between: {
        }
      )
      encode[2].add(
        best(corpus) {
          standard.encodeAll()
        } between: {
        }
      )
      reference.encodeAll()
      decode[0].add(
        best(corpus) {
          reference.decodeAll()
        } between: {
        }
      )
      decode[1].add(
        best(corpus) {
          posted.decodeAll()
        } between: {
        }
      )
      decode[2].add(
        best(corpus) {
          standard.decodeAll()
        } between: {
        }
      )
      reference.releaseAll()
    }
    for (name, series) in [("encode", encode), ("decode", decode)] {
      let cells =
        [kind.name, name] + series.map(\.text)
        + [series[1].ratio(to: series[0]), series[2].ratio(to: series[0])]
      print(columns(cells))
    }
  }

  /// Nanoseconds a page of the fastest of four batches.
  private static func best(
    _ corpus: TagCorpus,
    _ work: () -> Void,
    between: () -> Void
  ) -> Double {
    var best = Double.infinity
    for _ in 0..<4 {
      let start = ContinuousClock.now
      work()
      let time = (ContinuousClock.now - start) / .nanoseconds(1)
      best = min(best, time / Double(corpus.pages))
      between()
    }
    return best
  }

  private static func firstDifference(
    _ corpus: TagCorpus,
    _ reference: inout ReferenceSubject,
    _ posted: inout CodecSubject,
    _ standard: inout CodecSubject
  ) -> String? {
    reference.encodeAll()
    posted.encodeAll()
    standard.encodeAll()
    defer { reference.releaseAll() }
    let swapped = corpus.lowNibbleFirst
    for page in 0..<corpus.pages {
      let fromReference = reference.stored(page)
      let fromPosted = posted.stored(page)
      guard fromReference == fromPosted else {
        return "page \(page): C stores \(fromReference), mtecomp-v5 \(fromPosted)"
      }
      for (name, tags, restored) in [
        ("C", corpus.page(page), reference.restored(page)),
        ("mtecomp-v5", corpus.page(page), posted.restored(page)),
        ("mtecomp", swapped.page(page), standard.restored(page)),
      ] where restored != tags {
        return "page \(page): \(name) restores \(restored), not \(tags)"
      }
    }
    return nil
  }

  private static func header(_ pageSize: PageSize) -> String {
    columns(["\(pageSize.name), runs", "", "C", "mtecomp-v5", "mtecomp", "C/v5", "C/mtecomp"])
  }

  private static func columns(_ cells: [String]) -> String {
    zip(cells, [12, 8, 23, 23, 23, 8, 10]).enumerated().map { index, cell in
      let space = String(repeating: " ", count: max(0, cell.1 - cell.0.count))
      return index < 2 ? cell.0 + space : space + cell.0
    }.joined()
  }
}

/// What the command line asks for.
struct CodecBenchmarkOptions {
  private(set) var rounds = 11
  private(set) var pages = 2048
  private(set) var pageSize: PageSize?
  private(set) var runs: Int?

  /// Reads all options.
  ///
  /// - Returns: `false` where one is none, or lacks a number.
  mutating func parse(_ arguments: [String]) -> Bool {
    var rest = arguments[...]
    while let option = rest.popFirst() {
      guard let value = rest.popFirst().flatMap({ Int($0) }), value > 0 else { return false }
      switch option {
      case "--rounds": rounds = value
      case "--pages": pages = min(value, 65_536)
      case "--runs": runs = value
      case "--page-size":
        guard let size = UInt32(exactly: value).flatMap({ PageSize(rawValue: $0) }) else {
          return false
        }
        pageSize = size
      default: return false
      }
    }
    return true
  }
}

/// One figure for each round.
struct Series {
  private var values: [Double] = []

  mutating func add(_ value: Double) { values.append(value) }

  /// The median, with minimum and maximum in brackets.
  var text: String {
    let sorted = values.sorted()
    let range = "\(Self.decimal(sorted[0]))-\(Self.decimal(sorted[sorted.count - 1]))"
    return "\(Self.decimal(sorted[sorted.count / 2])) (\(range))"
  }

  /// How many times this goes into `other`: the median of the rounds.
  func ratio(to other: Series) -> String {
    let ratios = zip(other.values, values).map { $0 / $1 }.sorted()
    return "\(Self.decimal(ratios[ratios.count / 2]))x"
  }

  private static func decimal(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10)"
  }
}
