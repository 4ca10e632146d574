// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
import MemoryModel
import TraceFormat
public import TraceSynthesis

/// `mtesim trace generate`: traces of programs that nobody ran.
struct TraceGenerateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Generates the trace of a benchmark.",
    subcommands: [GenerateReferencePages.self]
  )
}

/// `mtesim trace generate refpage`.
struct GenerateReferencePages: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "refpage",
    abstract: "The microbenchmark of the reference-pages patch: map, initialise, touch, unmap.",
    discussion: """
      Example: mtesim trace generate refpage --method reference-pages --touch-size 2048000 -o half.mtt
      """
  )

  @Option(name: .shortAndLong, help: ArgumentHelp("The container to write.", valueName: "file"))
  var output: String

  @Option(help: ArgumentHelp("Bytes that are touched, one in each page.", valueName: "size"))
  var touchSize = ByteSize(bytes: 4096)

  @Option(help: ArgumentHelp("Bytes of a mapping.", valueName: "size"))
  var mapSize = ByteSize(bytes: 4_096_000)

  @Option(help: ArgumentHelp("How often.", valueName: "n"))
  var rounds = 1000

  @Option(
    help: ArgumentHelp(
      "How the memory is initialised: memset, reference-pages, or tag-hint, which needs --tag.",
      valueName: "method"
    )
  )
  var method: ReferencePageBenchmark.Method = .memset

  @Option(help: ArgumentHelp("How a page is touched: write or read.", valueName: "access"))
  var access: ReferencePageBenchmark.Access = .write

  @Option(
    help: ArgumentHelp(
      "Zeros with this tag, 1 to 15, in place of the byte 0xaa.",
      valueName: "tag"
    )
  )
  var tag: UInt8?

  @Option(
    help: ArgumentHelp(
      "Bytes that the program holds besides from the beginning on.",
      valueName: "size"
    )
  )
  var programSize = ByteSize(bytes: 0)

  @OptionGroup var compression: CompressionOptions

  func validate() throws {
    if let tag, !(1...15).contains(tag) {
      throw ValidationError("Expected a tag from 1 to 15, found \(tag).")
    }
    guard method != .tagHint || tag != nil else {
      throw ValidationError("Expected a --tag for --method tag-hint.")
    }
    guard mapSize.bytes > 0, mapSize.bytes <= 1 << 30 else {
      throw ValidationError("Expected a mapping of 1 byte to 1G, found \(mapSize.bytes).")
    }
    guard touchSize.bytes <= mapSize.bytes else {
      throw ValidationError(
        "Expected to touch at most the \(mapSize.bytes) bytes of a mapping, found \(touchSize.bytes)."
      )
    }
    guard (1...1_000_000).contains(rounds) else {
      throw ValidationError("Expected 1 to 1000000 rounds, found \(rounds).")
    }
    guard programSize.bytes <= 128 << 20 else {
      throw ValidationError("Expected a program of at most 128M, found \(programSize.bytes).")
    }
  }

  func run() throws {
    var benchmark = ReferencePageBenchmark()
    benchmark.touchBytes = UInt64(touchSize.bytes)
    benchmark.mapBytes = UInt64(mapSize.bytes)
    benchmark.rounds = rounds
    benchmark.method = method
    benchmark.access = access
    benchmark.tag = tag.map { MemoryTag(truncating: $0) }
    benchmark.programBytes = UInt64(programSize.bytes)
    let written = try benchmark.write(to: output, level: compression.level)
    print("\(output): \(written.totals.records) records, \(written.byteCount) bytes")
  }
}

extension ReferencePageBenchmark.Method: ExpressibleByArgument {}
extension ReferencePageBenchmark.Access: ExpressibleByArgument {}
