// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MemoryModel
import TagCompression

/// `mtesim-codec-check`: all codecs beside a slow and plain model of them, on very many pages.
@main
struct CodecCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mtesim-codec-check",
    abstract: "Compares all codecs with a slow and plain model of them, page by page.",
    discussion: """
      Every page is encoded and decoded by each codec and by its model; handles, objects and
      restored tags must be equal to the last bit. The pages that mtecomp-v5 corrupts must be
      exactly those that its two known defects say. For every 16th page, each codec decodes
      a changed handle or object and random ones, and must refuse exactly what the model refuses.

      The same seed gives the same pages, whatever the number of processors. The exit code is 1
      where anything differs, and the first difference is printed.

      Example: mtesim-codec-check --pages 1000000 --page-size 4096
      """
  )

  @Option(help: ArgumentHelp("Random and structured pages of each page size.", valueName: "n"))
  var pages = 100_000

  @Option(help: ArgumentHelp("Where the pages come from.", valueName: "n"))
  var seed: UInt64 = 1

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Page sizes in bytes: 4096, 16384, 65536.", valueName: "bytes")
  )
  var pageSize = PageSize.allCases.map(\.bytes)

  @Option(
    help: ArgumentHelp("Instead: all pages of at most so many runs, 1 to 3.", valueName: "n")
  )
  var allRuns: Int?

  func validate() throws {
    guard pages > 0 else { throw ValidationError("Expected at least 1 page, found \(pages).") }
    if let allRuns, !(1...3).contains(allRuns) {
      throw ValidationError("Expected 1 to 3 runs, found \(allRuns).")
    }
    for bytes in pageSize where PageSize.allCases.allSatisfy({ $0.bytes != bytes }) {
      throw ValidationError("Expected a page size of 4096, 16384 or 65536, found \(bytes).")
    }
  }

  func run() throws {
    print(
      columns(["codec", "page", "pages", "runs", "mismatches", "corrupted", "hostile", "refused"])
    )
    var isRight = true
    for size in PageSize.allCases where pageSize.contains(size.bytes) {
      let check = PageSizeCheck(pageSize: size, pages: pages, seed: seed, allRuns: allRuns)
      let result = check.run()
      for (codec, tally) in zip(TagCodec.allCases, result.tallies) {
        print(
          columns([
            codec.rawValue, size.name, "\(tally.pages)", "\(tally.runs)", "\(tally.mismatches)",
            "\(tally.corrupted)", "\(tally.hostile)", "\(tally.refused)",
          ])
        )
        if tally.mismatches > 0 { isRight = false }
      }
      if let first = result.firstMismatch { print("first: \(first)") }
      // A page size takes minutes, and nobody should wait for all of them to see the first.
      StandardStreams.flush()
    }
    if !isRight { throw ExitCode(1) }
  }

  private func columns(_ cells: [String]) -> String {
    zip(cells, [11, 5, 11, 13, 11, 10, 10, 10]).enumerated().map { index, cell in
      let space = String(repeating: " ", count: max(1, cell.1 - cell.0.count))
      return index == 0 ? cell.0 + space : space + cell.0
    }.joined()
  }
}
