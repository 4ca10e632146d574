// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MemoryModel
import TagCompression

/// `mtesim tags encode`: the stored form of tag pages.
struct TagsEncodeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "encode",
    abstract: "Prints the stored form of tag pages, one line for each.",
    discussion: """
      Objects have simulated addresses: object i of a class is the i-th in 1 TiB of kernel addresses
      that the class has to itself. With the format hex, a line is the handle and the object's bytes.

      Example: mtesim tags encode --codec mtecomp-v5 --page-size 4096 pages.bin
      """
  )

  @OptionGroup var options: TagsCodecOptions

  @Option(help: "How lines are written.")
  var format: TagsLineFormat = .ndjson

  @Argument(help: "A file of tag pages, or - for standard input.")
  var file: String

  func run() throws {
    var input = try TagsInput(path: file)
    var reader = TagPageReader(pageSize: options.pageSize.size)
    var addresses = TagsAddresses(codec: options.codec, pageSize: options.pageSize.size)
    var payload = [UInt8](repeating: 0, count: options.pageSize.size.tagBytes)
    var output = TagsBuffer()
    do {
      while try reader.next(from: &input) {
        try append(reader, &payload, &addresses, to: &output.bytes)
        try output.drain(to: TagsStandardOutput.write)
      }
    } catch {
      // What was right before the error is printed whatever the buffer's size is.
      try output.flush(to: TagsStandardOutput.write)
      throw error
    }
    try output.flush(to: TagsStandardOutput.write)
  }

  private func append(
    _ reader: TagPageReader,
    _ payload: inout [UInt8],
    _ addresses: inout TagsAddresses,
    to bytes: inout [UInt8]
  ) throws {
    let codec = options.codec
    var room = payload.mutableSpan
    let encoded = codec.encode(reader.tags.span, pageSize: options.pageSize.size, payload: &room)
    let handle: TagHandle
    var stored = payload[..<0]
    switch encoded {
    case .inline(let value):
      handle = value
    case .object(let sizeClass):
      handle = codec.handle(address: try addresses.next(sizeClass), sizeClass: sizeClass)
      stored = payload[..<sizeClass.bytes]
    }
    switch format {
    case .ndjson:
      TagsLine.append(
        page: reader.number,
        runs: TagRuns.count(reader.tags.span, order: codec.granuleOrder),
        classBytes: encoded.sizeClass.bytes,
        handle: handle.rawValue,
        payload: stored,
        to: &bytes
      )
    case .hex:
      bytes += handle.description.utf8
      if !stored.isEmpty { bytes.append(0x20) }
      TagsLine.appendHexadecimal(stored, to: &bytes)
      bytes.append(0x0a)
    }
  }
}

/// How the stored form of a page is written.
enum TagsLineFormat: String, CaseIterable, ExpressibleByArgument {
  /// One JSON object a line, which `tags decode` reads.
  case ndjson
  /// The handle, and the object's bytes in hexadecimal digits if there is one.
  case hex
}

/// Whole tag pages of an input, one after the other.
struct TagPageReader {
  private let pageSize: PageSize

  /// The page that was read last.
  private(set) var tags: [UInt8] = []
  /// Its number, from 0.
  private(set) var number: UInt64 = 0
  private var isAtStart = true

  init(pageSize: PageSize) { self.pageSize = pageSize }

  /// Reads the next page.
  ///
  /// - Returns: `false` after the last one.
  /// - Throws: where the last page is short, or there is none at all.
  mutating func next(from input: inout TagsInput) throws -> Bool {
    let start = input.offset
    try input.next(pageSize.tagBytes, into: &tags)
    if tags.isEmpty && !isAtStart { return false }
    guard tags.count == pageSize.tagBytes else {
      let found = tags.isEmpty ? "the end of the file" : "\(tags.count)"
      throw Failure(
        .badInput,
        "\(input.name):+\(start): expected a tag page of \(pageSize.tagBytes) bytes, found \(found)"
      )
    }
    if isAtStart { isAtStart = false } else { number += 1 }
    return true
  }
}

/// Simulated addresses of objects.
///
/// Each class has 1 TiB of kernel addresses to itself:
///
///     address = 0xffff_0000_0000_0000 + number of the class << 40 + object * bytes
struct TagsAddresses {
  private static let rangeShift = 40

  private let classes: [TagSizeClass]
  private var counts: [UInt64]

  init(codec: TagCodec, pageSize: PageSize) {
    classes = codec.sizeClasses(pageSize: pageSize)
    counts = Array(repeating: 0, count: classes.count)
  }

  /// The address of the next object of a class.
  mutating func next(_ sizeClass: TagSizeClass) throws -> UInt64 {
    guard let number = classes.firstIndex(of: sizeClass) else {
      preconditionFailure("no class of \(sizeClass.bytes) bytes")
    }
    let offset = counts[number] * UInt64(sizeClass.bytes)
    guard offset >> Self.rangeShift == 0 else {
      throw Failure(.badInput, "expected less than 1 TiB of objects of a class, found more")
    }
    counts[number] += 1
    return 0xffff_0000_0000_0000 + UInt64(number) << UInt64(Self.rangeShift) + offset
  }
}
