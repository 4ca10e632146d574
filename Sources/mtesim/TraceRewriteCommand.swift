// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
import MemoryModel
import TraceFormat
public import TraceSynthesis

/// `mtesim trace rewrite`: a recorded program with another allocator.
struct TraceRewriteCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rewrite",
    abstract: "Rewrites a trace as if the program's allocator had initialised its heap.",
    discussion: """
      Heap is what the program maps while it runs: private anonymous mappings from --smallest on, and \
      what brk gives it. The result is a trace like any other. With --heap populate-on-fault it is that of \
      reference-pages, to be replayed with --set reference-pages=populate-on-fault.

      Example: mtesim trace rewrite Traces/recorded/lua-glibc.mtt --heap reference-pages -o lua.mtt
      """
  )

  @Argument(help: "A container or a text trace.", completion: .file(extensions: ["mtt", "trace"]))
  var trace: String

  @Option(name: .shortAndLong, help: ArgumentHelp("The container to write.", valueName: "file"))
  var output: String

  @Option(
    help: ArgumentHelp(
      "How heap is initialised: memset (all of it, once it can be written), memset-on-touch (each page"
        + " just before its first use), reference-pages, populate-on-fault.",
      valueName: "method"
    )
  )
  var heap: HeapInitialization

  @Option(help: ArgumentHelp("The byte that heap is filled with.", valueName: "byte"))
  var pattern: UInt8 = 0xaa

  @Option(
    help: ArgumentHelp(
      "Zeros with this tag, 1 to 15, in place of the byte. What the recording says of tags is left out"
        + " then.",
      valueName: "tag"
    )
  )
  var tag: UInt8?

  @Option(
    help: ArgumentHelp("The smallest mapping that is taken for heap.", valueName: "size")
  )
  var smallest = ByteSize(bytes: 65536)

  @OptionGroup var compression: CompressionOptions

  func validate() throws {
    if let tag, !(1...15).contains(tag) {
      throw ValidationError("Expected a tag from 1 to 15, found \(tag).")
    }
    guard trace != output else {
      throw ValidationError("Expected another file than the trace, found \(output).")
    }
  }

  func run() throws {
    var model = HeapModel(method: heap)
    model.pattern = pattern
    model.tag = tag.map { MemoryTag(truncating: $0) }
    model.smallestMappingBytes = UInt64(smallest.bytes)
    let result = try HeapRewriter.rewrite(
      try TraceReader.open(path: trace),
      as: model,
      to: output,
      level: compression.level
    )
    let summary = result.summary
    print("\(output): \(result.written.totals.records) records")
    print("  heap: \(summary.heapMappings) mappings, \(summary.heapPages) pages")
    print("  written by the program: \(summary.writtenPages) pages")
    print("  reference pages: \(summary.referencePages)")
    print("  statements of the recording left out: \(summary.droppedStatements)")
  }
}

extension HeapInitialization: ExpressibleByArgument {}
