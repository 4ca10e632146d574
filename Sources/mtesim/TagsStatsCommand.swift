// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MemoryModel
import TagCompression
import TraceFormat

/// `mtesim tags stats`: what tag pages compress to.
struct TagsStatsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats",
    abstract: "Prints how many runs tag pages have, and what they compress to with every codec.",
    discussion: """
      Of a file of tag pages, or of all touched pages of tagged mappings of a trace at every n-th
      page event. Class bytes are the objects alone; real bytes are the slabs and map nodes that the
      pages of one sample take when all of them are saved at once.

      Examples:
        mtesim tags stats --page-size 4096 pages.bin
        mtesim tags stats --trace Traces/recorded/lua-glibc.mtt
      """
  )

  @Option(help: "Page size in bytes, for a file of tag pages: 4096, 16384, 65536.")
  var pageSize: TagsPageSize?

  @Option(help: ArgumentHelp("A trace, binary (.mtt) or text.", valueName: "file"))
  var trace: String?

  @Option(help: ArgumentHelp("Page events of a trace between samples.", valueName: "n"))
  var every: UInt64 = 20_000

  @Argument(help: "A file of tag pages, or - for standard input.")
  var file: String?

  func validate() throws {
    guard (file == nil) != (trace == nil) else {
      throw ValidationError("Expected either a file of tag pages or a trace.")
    }
    guard (file == nil) == (pageSize == nil) else {
      throw ValidationError("Expected a page size with a file of tag pages, and with nothing else.")
    }
    guard every > 0 else { throw ValidationError("Expected at least 1 page event, found 0.") }
  }

  func run() throws {
    if let file, let pageSize {
      try printFile(file, pageSize: pageSize.size)
    } else if let trace {
      try printTrace(trace)
    }
  }

  private func printFile(_ file: String, pageSize: PageSize) throws {
    var input = try TagsInput(path: file)
    var reader = TagPageReader(pageSize: pageSize)
    var statistics = TagsStatistics(pageSize: pageSize)
    let zstd = TagsZstandard()
    while try reader.next(from: &input) { statistics.add(reader.tags.span, zstd: zstd) }
    statistics.endSample()
    print(TagsTable.row("file", input.name))
    print(TagsTable.row("page size", pageSize.name))
    for line in TagsTable.lines(statistics) { print(line) }
  }

  private func printTrace(_ path: String) throws {
    let reader = try TraceReader.open(path: path)
    var shadow = TagsShadow(reader)
    var statistics = TagsStatistics(pageSize: reader.header.pageSize)
    let zstd = TagsZstandard()
    var touches: UInt64 = 0
    var batch = EventBatch()
    while try reader.next(into: &batch) {
      for record in batch.records {
        shadow.take(record, in: batch)
        guard record.kind == .touch || record.kind == .access else { continue }
        touches += 1
        guard touches.isMultiple(of: every) else { continue }
        shadow.forEachTaggedPage { statistics.add($0, zstd: zstd) }
        statistics.endSample()
      }
    }
    print(TagsTable.row("trace", path))
    print(TagsTable.row("page size", reader.header.pageSize.name))
    print(TagsTable.row("samples", "\(statistics.samples), one every \(every) page events"))
    print(
      TagsTable.row(
        "snapshots",
        "\(shadow.snapshots) compared, \(shadow.differentSnapshots) differ"
      )
    )
    for line in TagsTable.lines(statistics) { print(line) }
    guard shadow.differentSnapshots == 0 else {
      throw Failure(
        .verification,
        "\(path): expected the tags of all snapshots, found \(shadow.differentSnapshots) to differ"
      )
    }
  }
}
