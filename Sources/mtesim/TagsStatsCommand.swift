// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MachineModel
import MemoryModel
import Replay
import Swap
import TagCompression
import TagStorage
import TraceFormat

/// `mtesim tags stats`: what tag pages compress to.
struct TagsStatsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats",
    abstract: "Prints how many runs tag pages have, and what they compress to with every codec.",
    discussion: """
      Of a file of tag pages, or of a trace, which is replayed: of all pages of tagged mappings that
      were written or tagged, at every n-th touch or access, or of each page whose tags are saved, at
      the moment at which it is swapped out. Class bytes are the objects alone; real bytes are the
      slabs and map nodes that the pages of one sample take when all of them are saved at once. At
      swap-out, a store of each codec saves and drops what the machine does, and the most bytes that
      it ever took are printed. LZ4 and zstd stand beside the codecs as they would do in objects of
      the same size classes, and exactly.

      Examples:
        mtesim tags stats --page-size 4096 pages.bin
        mtesim tags stats --trace Traces/recorded/lua-glibc.mtt
        mtesim tags stats --trace Traces/recorded/lua-glibc.mtt --at-swap-out --limit 6M
      """
  )

  @Option(help: "Page size in bytes, for a file of tag pages: 4096, 16384, 65536.")
  var pageSize: TagsPageSize?

  @Option(help: ArgumentHelp("A trace, binary (.mtt) or text.", valueName: "file"))
  var trace: String?

  @Option(
    help: ArgumentHelp(
      "Touches and accesses of a trace between samples. (default: 20000)",
      valueName: "n"
    )
  )
  var every: UInt64?

  @Flag(help: "Take the pages of a trace as they are swapped out.")
  var atSwapOut = false

  @Option(
    help: ArgumentHelp("The trace's memory.max, so that it has to swap.", valueName: "size")
  )
  var limit: ByteSize?

  @Option(help: ArgumentHelp("RAM of the machine that replays the trace.", valueName: "size"))
  var ram = ByteSize(bytes: 256 << 20)

  @Argument(help: "A file of tag pages, or - for standard input.")
  var file: String?

  func validate() throws {
    guard (file == nil) != (trace == nil) else {
      throw ValidationError("Expected either a file of tag pages or a trace.")
    }
    guard (file == nil) == (pageSize == nil) else {
      throw ValidationError("Expected a page size with a file of tag pages, and with nothing else.")
    }
    guard every != 0 else { throw ValidationError("Expected at least 1 page event, found 0.") }
    guard trace != nil || every == nil && limit == nil && !atSwapOut else {
      throw ValidationError("Expected --every, --at-swap-out and --limit with a trace only.")
    }
    guard every == nil || !atSwapOut else {
      throw ValidationError("Expected either --every or --at-swap-out.")
    }
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
    while try reader.next(from: &input) { statistics.add(reader.tags.span) }
    statistics.endSample()
    print(TagsTable.row("file", input.name))
    print(TagsTable.row("page size", pageSize.name))
    for line in TagsTable.lines(statistics) { print(line) }
  }

  private func printTrace(_ path: String) throws {
    let pageSize = try TraceReader.open(path: path).header.pageSize
    var configuration = MachineConfiguration()
    configuration.pageSize = pageSize
    configuration.ramBytes = ram.bytes
    configuration.groupLimitBytes = limit?.bytes
    configuration.design = .staticCarveout
    configuration.processors = TagsStatistics.processors
    var plan = ReplayPlan(
      tracePaths: [path],
      copies: 1,
      machine: configuration,
      isVerified: true
    )
    let interval = every ?? 20_000
    plan.observation = atSwapOut ? .swapOut : .every(interval)
    var statistics = TagsStatistics(pageSize: pageSize)
    let design: DesignReport
    do throws(ReplayError) {
      var session = try ReplaySession.open(plan)
      design = try session.run(observing: &statistics)
    } catch {
      throw Failure(error)
    }
    if atSwapOut { statistics.endSample() }
    print(TagsTable.row("trace", path))
    print(TagsTable.row("page size", pageSize.name))
    if atSwapOut {
      let limit = limit.map { " with \($0.defaultValueDescription) of memory" } ?? ""
      print(TagsTable.row("samples", "each page as it is swapped out\(limit)"))
    } else {
      print(
        TagsTable.row("samples", "\(statistics.samples), one every \(interval) page events")
      )
    }
    let verification = design.verification
    let comparisons =
      verification.swapIns + verification.migrations + verification.copies
      + verification.finalPages + verification.snapshots
    print(
      TagsTable.row(
        "comparisons",
        "\(comparisons), \(verification.snapshots) of them with the recorder's tags"
      )
    )
    for line in TagsTable.lines(statistics) { print(line) }
    guard verification.differences == 0 && verification.failedExpectations == 0 else {
      throw Failure(.verification, verification.messages.first ?? "\(path): tags differ")
    }
    let killed = design.counters[.oomKill]
    guard killed == 0 else {
      throw Failure(
        .verification,
        "\(path): expected memory for the whole trace, found \(killed) processes killed for want of it"
      )
    }
  }
}
