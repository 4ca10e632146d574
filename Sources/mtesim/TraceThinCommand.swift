// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MemoryModel
import TraceFormat
import TraceSynthesis

/// `mtesim trace thin`: a recorded program that tags less of its memory.
struct TraceThinCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "thin",
    abstract: "Rewrites a trace so that only a part of its tagged memory is tagged.",
    discussion: """
      Memory is divided into chunks, and a hash of the chunk and --share-seed decides which of them stay \
      tagged; what stays at some share also stays at any larger one. A mapping that mremap moves is one \
      chunk. What the recording says of tags is left out.

      Example: mtesim trace thin Traces/recorded/lua-glibc.mtt --tagged-share 25 -o lua-25.mtt
      """
  )

  @Argument(help: "A container or a text trace.")
  var trace: String

  @Option(name: .shortAndLong, help: ArgumentHelp("The container to write.", valueName: "file"))
  var output: String

  @Option(
    help: ArgumentHelp(
      "What stays tagged of the tagged memory, in percent with up to two decimals.",
      valueName: "percent"
    )
  )
  var taggedShare: Percentage

  @OptionGroup var choice: TagShareOptions

  @OptionGroup var compression: CompressionOptions

  func validate() throws {
    guard trace != output else {
      throw ValidationError("Expected another file than the trace, found \(output).")
    }
  }

  func run() throws {
    let result = try TagThinner.thin(
      to: choice.share(taggedShare),
      path: output,
      level: compression.level
    ) { () throws(TraceError) in try TraceReader.open(path: trace) }
    let summary = result.summary
    print("\(output): \(result.written.totals.records) records")
    print("  tagged pages: \(summary.taggedPages) mapped, \(summary.keptPages) left")
    print("  statements of the recording left out: \(summary.droppedStatements)")
  }
}

/// Which memory stays tagged where only a part does.
struct TagShareOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Decides which memory stays tagged.", valueName: "n"))
  var shareSeed: UInt64 = 1

  @Option(
    help: ArgumentHelp(
      "Pages that stay tagged, or do not, together; 1 to 1048576.",
      valueName: "pages"
    )
  )
  var shareChunk: UInt64 = 16

  func validate() throws {
    guard (1...1_048_576).contains(shareChunk) else {
      throw ValidationError("--share-chunk: expected 1 to 1048576, found \(shareChunk)")
    }
  }

  /// The memory that a share is.
  func share(_ percentage: Percentage) -> TagShare {
    TagShare(
      hundredthsOfPercent: percentage.hundredths,
      seed: shareSeed,
      chunkPages: shareChunk
    )
  }
}

/// 0 to 100 with up to two decimals.
struct Percentage: ExpressibleByArgument, Equatable {
  /// Hundredths of a percent, at most 10,000.
  let hundredths: UInt64

  /// Reads the value of an option.
  init?(argument: String) {
    let parts = argument.split(separator: ".", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count),
      parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { (48...57).contains($0) } }),
      let whole = UInt64(parts[0]), whole <= 100
    else { return nil }
    let decimals = parts.count == 2 ? parts[1] : "0"
    guard decimals.count <= 2, let fraction = UInt64(decimals) else { return nil }
    let sum = whole * 100 + (decimals.count == 1 ? fraction * 10 : fraction)
    guard sum <= TagShare.all else { return nil }
    hundredths = sum
  }
}
