// SPDX-License-Identifier: Apache-2.0

/// The byte stream of `xnu-rle`, command by command.
///
/// A command is a number in the high nibble and a tag in the low one. Numbers 0 to 3 are literals of
/// 1, 3, 5 or 7 tags, whose other tags follow two in a byte; numbers 4 to 15 are repeats.
struct StreamModel {
  private static let lengths = [1, 3, 5, 7, 3, 4, 5, 6, 7, 8, 16, 32, 64, 128, 256, 512]
  private static let slotBytes = 64

  let granules: Int

  /// Bytes that a stream may have at most: a slot less than the tags as they are.
  private var limitBytes: Int { granules / 2 - Self.slotBytes }

  /// The stored form of a page of these runs, `nil` where the tags as they are do as well.
  func encode(_ runs: [CodecModel.Run]) -> CodecModel.Stored? {
    if runs.count == 1 { return .inline(UInt64(runs[0].tag)) }
    var stream: [UInt8] = []
    var waiting: [UInt8] = []
    for run in runs {
      var left = run.size
      while left >= 3 {
        Self.appendLiterals(&waiting, to: &stream)
        let command = (4...15).last { Self.lengths[$0] <= left } ?? 4
        stream.append(UInt8(command << 4) | run.tag)
        left -= Self.lengths[command]
      }
      for _ in 0..<left {
        waiting.append(run.tag)
        if waiting.count == 7 { Self.appendLiterals(&waiting, to: &stream) }
      }
    }
    Self.appendLiterals(&waiting, to: &stream)
    guard stream.count <= limitBytes else { return nil }
    while stream.count % Self.slotBytes != 0 { stream.append(0) }
    return .object(stream)
  }

  private static func appendLiterals(_ waiting: inout [UInt8], to stream: inout [UInt8]) {
    while !waiting.isEmpty {
      let command = (0...3).last { lengths[$0] <= waiting.count } ?? 0
      stream.append(UInt8(command << 4) | waiting[0])
      for pair in 0..<command {
        stream.append(waiting[1 + 2 * pair] | waiting[2 + 2 * pair] << 4)
      }
      waiting.removeFirst(lengths[command])
    }
  }

  /// The page of a stream, `nil` for one that no encoder can have made.
  func decode(_ stream: [UInt8]) -> [UInt8]? {
    guard stream.count % Self.slotBytes == 0, (1...limitBytes).contains(stream.count) else {
      return nil
    }
    var page: [UInt8] = []
    var next = 0
    while page.count < granules {
      guard next < stream.count else { return nil }
      let command = Int(stream[next] >> 4)
      let tag = stream[next] & 15
      next += 1
      if command >= 4 {
        for _ in 0..<Self.lengths[command] { page.append(tag) }
        continue
      }
      page.append(tag)
      for _ in 0..<command {
        guard next < stream.count else { return nil }
        page.append(stream[next] & 15)
        page.append(stream[next] >> 4)
        next += 1
      }
    }
    // The last command ends with the page, and in the last slot.
    guard page.count == granules, next > stream.count - Self.slotBytes else { return nil }
    return page
  }
}
