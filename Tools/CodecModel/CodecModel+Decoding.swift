// SPDX-License-Identifier: Apache-2.0

extension CodecModel {
  /// The page of a stored form, which may be anything at all.
  ///
  /// - Returns: `nil` for what a decoder has to refuse.
  public func decode(_ stored: Stored) -> [UInt8]? {
    switch stored {
    case .inline(let handle):
      return decode(handle)
    case .object(let bytes):
      if bytes.count == granules / 2 { return ModelPage.tags(bytes) }
      switch codec {
      case .raw, .mtecompV11: return nil
      case .mtecomp, .mtecompV5: return decode(bytes)
      case .xnuRunLength: return StreamModel(granules: granules).decode(bytes)
      }
    }
  }

  private func decode(_ handle: UInt64) -> [UInt8]? {
    let capacity = inlineRuns
    var reader = BitSource(bytes: (0..<8).map { UInt8(handle >> UInt64(8 * $0) & 255) })
    switch codec {
    case .raw:
      return nil
    case .xnuRunLength:
      return handle < 16 ? [UInt8](repeating: UInt8(handle), count: granules) : nil
    case .mtecomp:
      let sizes = reader.take(capacity - 1, bits: sizeBits)
      let tags = reader.take(capacity, bits: 4)
      let gap = reader.take(59 - reader.position)
      let largest = reader.take(4)
      // Fields of runs that there are not are 0, and so is what lies between the fields.
      let count = 1 + sizes.prefix { $0 != 0 }.count
      guard gap == 0, sizes.dropFirst(count - 1).allSatisfy({ $0 == 0 }),
        tags.dropFirst(count).allSatisfy({ $0 == 0 })
      else { return nil }
      return page(largest: largest, tags: tags, sizes: sizes)
    case .mtecompV5:
      if handle >> 60 == 7 { return nil }
      let largest = reader.take(4)
      let tags = reader.take(capacity, bits: 4)
      let sizes = reader.take(capacity - 1, bits: sizeBits)
      return page(largest: largest, tags: tags, sizes: sizes)
    case .mtecompV11:
      guard reader.take(1) == 1 else { return nil }
      let largest = reader.take(3)
      let tags = reader.take(capacity, bits: 4)
      let rest = handle >> UInt64(reader.position)
      var sizes = reader.take(capacity - 1, bits: sizeBits)
      if largest == 0 && sizes[0] == 0 {
        // Two halves, and nothing else.
        guard rest == 0 else { return nil }
        sizes[0] = granules / 2
      }
      return page(largest: largest, tags: tags, sizes: sizes)
    }
  }

  private func decode(_ bytes: [UInt8]) -> [UInt8]? {
    guard let capacity = classes.dropFirst().first(where: { $0.bytes == bytes.count })?.runs else {
      return nil
    }
    var reader = BitSource(bytes: bytes)
    let largest = reader.take(sizeBits + 1)
    let tags = reader.take(capacity, bits: 4)
    let sizes = reader.take(capacity - 1, bits: sizeBits)
    return page(largest: largest, tags: tags, sizes: sizes)
  }

  /// The page of these fields: sizes up to the first 0, and the rest of the page for the longest.
  private func page(largest: Int, tags: [Int], sizes: [Int]) -> [UInt8]? {
    var sizes = Array(sizes.prefix { $0 != 0 })
    let rest = granules - sizes.reduce(0, +)
    guard largest <= sizes.count && rest > 0 else { return nil }
    sizes.insert(rest, at: largest)
    var page = [UInt8](repeating: 0, count: granules)
    var start = 0
    for (tag, size) in zip(tags, sizes) {
      for granule in start..<start + size { page[granule] = UInt8(tag) }
      start += size
    }
    return isHighNibbleFirst ? ModelPage.exchanged(page) : page
  }
}

/// Reads fields of bits, the first one lowest.
private struct BitSource {
  let bytes: [UInt8]
  private(set) var position = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  mutating func take(_ bits: Int) -> Int {
    var value = 0
    for bit in 0..<bits {
      value |= Int(bytes[position / 8] >> UInt8(position % 8) & 1) << bit
      position += 1
    }
    return value
  }

  mutating func take(_ count: Int, bits: Int) -> [Int] {
    var values: [Int] = []
    for _ in 0..<count { values.append(take(bits)) }
    return values
  }
}
