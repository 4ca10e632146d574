// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MemoryModel
import TagCompression
import TraceFormat

/// `mtesim tags decode`: tag pages from their stored form.
struct TagsDecodeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "decode",
    abstract: "Turns the lines that `tags encode` prints back into tag pages.",
    discussion: """
      Example:
        mtesim tags decode --codec mtecomp-v5 --page-size 4096 pages.ndjson -o pages.bin
      """
  )

  @OptionGroup var options: TagsCodecOptions

  @Argument(help: "A file of lines in JSON, or - for standard input.")
  var file: String

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Write here instead of to standard output.", valueName: "file")
  )
  var output: String?

  func run() throws {
    var input = try TagsInput(path: file)
    guard let output else {
      try decode(&input, to: TagsStandardOutput.write)
      return
    }
    var target = try OutputFile(path: output)
    try decode(&input) { try target.write($0) }
    try target.finish()
  }

  private func decode(_ input: inout TagsInput, to sink: ([UInt8]) throws -> Void) throws {
    let pageSize = options.pageSize.size
    let classes = options.codec.sizeClasses(pageSize: pageSize)
    var output = TagsBuffer()
    var line: [UInt8] = []
    var tags = [UInt8](repeating: 0, count: pageSize.tagBytes)
    var number: UInt64 = 0
    var start: UInt64 = 0
    do {
      while try input.nextLine(into: &line, limit: TagsLine.limitBytes) {
        do throws(TagsLine.Unexpected) {
          let stored = try TagsLine(line)
          try Self.check(stored, number: number, classes: classes, pageSize: pageSize)
          try decode(stored, into: &tags)
        } catch {
          throw Failure(
            .badInput,
            "\(input.name):\(number + 1):+\(start + UInt64(error.offset)):"
              + " expected \(error.expected), found \(error.found)"
          )
        }
        output.bytes += tags
        try output.drain(to: sink)
        number += 1
        start = input.offset
      }
      guard number > 0 else {
        throw Failure(.badInput, "\(input.name):1:+0: expected '{', found the end of the file")
      }
    } catch {
      try output.flush(to: sink)
      throw error
    }
    try output.flush(to: sink)
  }

  /// Checks what does not depend on the codec's layout.
  private static func check(
    _ stored: TagsLine,
    number: UInt64,
    classes: [TagSizeClass],
    pageSize: PageSize
  ) throws(TagsLine.Unexpected) {
    guard stored.page.value == number else {
      throw TagsLine.Unexpected(
        offset: stored.page.offset,
        expected: "page \(number)",
        found: "\(stored.page.value)"
      )
    }
    guard (1...UInt64(pageSize.granules)).contains(stored.runs.value) else {
      throw TagsLine.Unexpected(
        offset: stored.runs.offset,
        expected: "1 to \(pageSize.granules) runs",
        found: "\(stored.runs.value)"
      )
    }
    guard let sizeClass = classes.first(where: { UInt64($0.bytes) == stored.classBytes.value })
    else {
      throw TagsLine.Unexpected(
        offset: stored.classBytes.offset,
        expected: "class " + classes.map { "\($0.bytes)" }.joined(separator: " or "),
        found: "\(stored.classBytes.value)"
      )
    }
    let bytes = sizeClass.isInline ? 0 : sizeClass.bytes
    guard stored.payload.value.count == bytes else {
      throw TagsLine.Unexpected(
        offset: stored.payload.offset,
        expected: "a payload of \(bytes) bytes",
        found: "\(stored.payload.value.count)"
      )
    }
  }

  private func decode(
    _ stored: TagsLine,
    into tags: inout [UInt8]
  ) throws(TagsLine.Unexpected) {
    let pageSize = options.pageSize.size
    let handle = TagHandle(truncating: stored.handle.value)
    let place = options.codec.place(of: handle, pageSize: pageSize)
    var output = tags.mutableSpan
    let isInline = stored.classBytes.value == UInt64(TagSizeClass.inline.bytes)
    if !isInline {
      guard case .object(let address, let sizeClass) = place, address >> 60 == 0b1111,
        UInt64(sizeClass.bytes) == stored.classBytes.value
      else {
        throw TagsLine.Unexpected(
          offset: stored.handle.offset,
          expected: "the handle of an object of \(stored.classBytes.value) bytes",
          found: "\(handle)"
        )
      }
    }
    do throws(TagDecodingError) {
      if isInline {
        guard place == .inline else { throw .notInline(handle) }
        try options.codec.decode(handle, pageSize: pageSize, into: &output)
      } else {
        let payload = stored.payload.value.span
        try options.codec.decode(payload: payload, pageSize: pageSize, into: &output)
      }
    } catch {
      throw Self.unexpected(error, stored)
    }
  }

  /// What a codec's error says, at the handle or at the payload.
  private static func unexpected(
    _ error: TagDecodingError,
    _ stored: TagsLine
  ) -> TagsLine.Unexpected {
    let isInline = stored.payload.value.isEmpty
    let parts: (expected: String, found: String) =
      switch error {
      case .notInline(let handle): ("tags in the handle", "the address of an object, \(handle)")
      case .unknownSizeClass(let bytes):
        ("an object of one of the codec's classes", "\(bytes) bytes")
      case .largestOutOfRange(let largest, let runs):
        ("the number of the longest run below \(runs)", "\(largest)")
      case .sizesTooLarge(let granules, let pageGranules):
        ("sizes below \(pageGranules) granules in all", "\(granules)")
      case .reservedBits(let bits): ("unused bits to be 0", "0x\(String(bits, radix: 16))")
      case .badLength(let granules, let pageGranules, _):
        ("\(pageGranules) granules", "\(granules)")
      }
    var offset = isInline ? stored.handle.offset : stored.payload.offset
    if case .badLength(_, _, let byteOffset) = error { offset += 2 * byteOffset }
    return TagsLine.Unexpected(offset: offset, expected: parts.expected, found: parts.found)
  }
}
