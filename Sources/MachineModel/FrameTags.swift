// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel

/// The tags of every frame, as the hardware holds them.
///
/// One 32-bit word for each frame: below 16 it is the tag of all granules, which costs nothing more
/// and is what most frames hold; otherwise it is 16 plus the number of a tag page in a pool that
/// grows with the number of frames whose tags differ.
///
/// The words of untagged frames are kept, as hardware keeps tags when a page is freed: whoever tags
/// a frame next must set or clear them.
struct FrameTags: ~Copyable {
  private let pageSize: PageSize
  private var words: FlatStorage<UInt32>
  private var pool: FlatStorage<UInt8>
  private var freePages: [UInt32] = []

  private static let uniformWords: UInt32 = 16

  init(frameCount: Int, pageSize: PageSize) {
    self.pageSize = pageSize
    words = FlatStorage(repeating: 0, count: frameCount)
    pool = FlatStorage(repeating: 0, count: 0)
  }

  /// Sets the tags of all granules.
  mutating func setUniform(_ frame: Int, tag: MemoryTag) {
    releasePoolPage(of: frame)
    words[frame] = UInt32(tag.rawValue)
  }

  /// Sets the tags of `count` granules from granule `first` on.
  ///
  /// - Precondition: the granules lie within the page.
  mutating func store(_ frame: Int, first: Int, count: Int, tag: MemoryTag) {
    precondition(
      first >= 0 && count > 0 && first + count <= pageSize.granules,
      "granules \(first)..<\(first + count) of a page of \(pageSize.granules)"
    )
    if count == pageSize.granules {
      setUniform(frame, tag: tag)
      return
    }
    if words[frame] == UInt32(tag.rawValue) { return }
    let start = poolRange(expanding: frame).lowerBound
    let value = tag.rawValue
    var granule = first
    let end = first + count
    if granule & 1 != 0 {
      pool[start + granule / 2] = pool[start + granule / 2] & 0x0f | value << 4
      granule += 1
    }
    if granule + 1 < end {
      pool.fill((start + granule / 2)..<(start + end / 2), with: value | value << 4)
      granule = end & ~1
    }
    if granule < end { pool[start + granule / 2] = pool[start + granule / 2] & 0xf0 | value }
  }

  /// The tag of one granule.
  func tag(_ frame: Int, granule: Int) -> MemoryTag {
    let word = words[frame]
    if word < Self.uniformWords { return MemoryTag(truncating: UInt8(word)) }
    let byte = pool[Int(word - Self.uniformWords) * pageSize.tagBytes + granule / 2]
    return MemoryTag(truncating: granule & 1 == 0 ? byte : byte >> 4)
  }

  /// Writes the tag page of a frame into `destination`, `PageSize.tagBytes` bytes.
  func read(_ frame: Int, into destination: inout MutableSpan<UInt8>) {
    let word = words[frame]
    if word < Self.uniformWords {
      let byte = UInt8(word) * 0x11
      for index in 0..<pageSize.tagBytes { destination[index] = byte }
      return
    }
    pool.copy(from: range(ofPoolPage: word).lowerBound, into: &destination)
  }

  /// Sets the tags of a frame from a tag page.
  mutating func load(_ frame: Int, from source: Span<UInt8>) {
    let first = source[0]
    // Most pages that are not uniform show it in their last byte.
    var isUniform = first & 15 == first >> 4 && source[pageSize.tagBytes - 1] == first
    var index = 1
    while isUniform && index < pageSize.tagBytes {
      isUniform = source[index] == first
      index += 1
    }
    if isUniform {
      setUniform(frame, tag: MemoryTag(truncating: first))
      return
    }
    pool.copy(source, to: poolRange(expanding: frame).lowerBound)
  }

  /// Gives `destination` the tags of `source`.
  mutating func copy(from source: Int, to destination: Int) {
    let word = words[source]
    if word < Self.uniformWords {
      setUniform(destination, tag: MemoryTag(truncating: UInt8(word)))
      return
    }
    let target = poolRange(expanding: destination)
    let origin = range(ofPoolPage: word)
    pool.copy(origin, to: target.lowerBound)
  }

  private func range(ofPoolPage word: UInt32) -> Range<Int> {
    let start = Int(word - Self.uniformWords) * pageSize.tagBytes
    return start..<(start + pageSize.tagBytes)
  }

  /// The pool page of a frame; a frame with one tag for all granules gets one that says the same.
  private mutating func poolRange(expanding frame: Int) -> Range<Int> {
    let word = words[frame]
    if word >= Self.uniformWords { return range(ofPoolPage: word) }
    let page: UInt32
    if let reused = freePages.popLast() {
      page = reused
    } else {
      let pages = pool.count / pageSize.tagBytes
      page = UInt32(pages)
      let grown = max(16, pages * 2)
      pool.grow(to: grown * pageSize.tagBytes, repeating: 0)
      for spare in ((pages + 1)..<grown).reversed() { freePages.append(UInt32(spare)) }
    }
    words[frame] = page + Self.uniformWords
    let range = range(ofPoolPage: page + Self.uniformWords)
    pool.fill(range, with: UInt8(word) * 0x11)
    return range
  }

  private mutating func releasePoolPage(of frame: Int) {
    let word = words[frame]
    if word >= Self.uniformWords { freePages.append(word - Self.uniformWords) }
  }
}
