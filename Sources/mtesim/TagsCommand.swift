// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MemoryModel
import TagCompression

/// `mtesim tags`: the codecs for the tags of swapped pages, without a machine.
struct TagsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tags",
    abstract: "Encodes and decodes tag pages, and says what they compress to.",
    discussion: """
      A tag page holds the tags of one page, two in a byte, the even granule in the low nibble: 128,
      512 or 2,048 bytes. Files of tag pages have nothing but whole tag pages in them.

      Example: mtesim tags encode --codec mtecomp --page-size 4096 pages.bin
      """,
    subcommands: [
      TagsEncodeCommand.self,
      TagsDecodeCommand.self,
      TagsStatsCommand.self,
    ]
  )
}

/// A page size on the command line, in bytes or as `4K`.
struct TagsPageSize: ExpressibleByArgument {
  let size: PageSize

  init?(argument: String) {
    guard
      let size = PageSize.allCases.first(where: {
        "\($0.bytes)" == argument || $0.name == argument.uppercased()
      })
    else { return nil }
    self.size = size
  }

  static var allValueStrings: [String] { PageSize.allCases.map { "\($0.bytes)" } }
}

/// Codec and page size, which the bytes themselves do not say.
struct TagsCodecOptions: ParsableArguments {
  @Option(help: "How tags are stored.")
  var codec: TagCodec

  @Option(help: "Page size in bytes: 4096, 16384, 65536.")
  var pageSize: TagsPageSize
}
