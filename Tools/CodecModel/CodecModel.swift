// SPDX-License-Identifier: Apache-2.0

/// The codecs once more, granule by granule and bit by bit: slow, and plain enough to be believed.
///
/// It shares nothing with the module that it checks, not even types. A page is a list of tags, one
/// for each granule, in the order of addresses; its number of granules is a parameter.
///
/// Source: the description of the codecs' formats; mtecomp v5 and v11 as posted.
public struct CodecModel: Sendable {
  /// A codec, by the name that the command line knows.
  public enum Codec: String, CaseIterable, Sendable {
    /// The tags as they are.
    case raw
    /// Runs in size classes, lossless.
    case mtecomp
    /// Runs in size classes, as posted.
    case mtecompV5 = "mtecomp-v5"
    /// Runs in the handle, or the tags as they are.
    case mtecompV11 = "mtecomp-v11"
    /// A stream of bytes.
    case xnuRunLength = "xnu-rle"
  }

  /// The stored form of a page.
  public enum Stored: Hashable, Sendable {
    /// The tags are in the handle, below 2^63.
    case inline(UInt64)
    /// The tags are in an object of so many bytes.
    case object([UInt8])
  }

  /// A run of equal tags.
  public typealias Run = ModelPage.Run

  /// The codec.
  public let codec: Codec
  /// Granules of a page, a power of two from 128 upwards.
  public let granules: Int
  /// Runs that fit an object, by its bytes, ascending; the first is the handle itself.
  let classes: [(bytes: Int, runs: Int)]

  /// Creates a model.
  public init(_ codec: Codec, granules: Int) {
    self.codec = codec
    self.granules = granules
    let sizeBits = granules.trailingZeroBitCount - 1
    var classes: [(bytes: Int, runs: Int)] = []
    var bytes = 8
    while bytes < granules / 2 {
      // Counted up by trying: one tag a run, and one size less.
      let largestBits = bytes == 8 ? 4 : sizeBits + 1
      var runs = 1
      while largestBits + 4 * (runs + 1) + sizeBits * runs <= 8 * bytes { runs += 1 }
      classes.append((bytes, runs))
      bytes *= 2
    }
    self.classes = classes
  }

  /// Bits of a stored size.
  var sizeBits: Int { granules.trailingZeroBitCount - 1 }

  /// Runs that fit the handle.
  public var inlineRuns: Int { classes[0].runs }

  /// Runs that fit an object of `bytes`; all granules for tags as they are.
  public func capacity(bytes: Int) -> Int {
    classes.first { $0.bytes == bytes }?.runs ?? granules
  }

  /// The stored form of a page.
  public func encode(_ page: ModelPage) -> Stored {
    let whole = Stored.object(page.bytes)
    switch codec {
    case .raw: return whole
    case .mtecomp, .mtecompV5: return encodeRuns(runs(page)) ?? whole
    case .mtecompV11: return encodeInline(runs(page)) ?? whole
    case .xnuRunLength: return StreamModel(granules: granules).encode(runs(page)) ?? whole
    }
  }

  /// The runs of a page as the codec sees them.
  public func runs(_ page: ModelPage) -> [Run] {
    isHighNibbleFirst ? page.highNibbleFirstRuns : page.runs
  }

  /// Whether the codec takes the high nibble of a byte first.
  var isHighNibbleFirst: Bool { codec == .mtecompV5 || codec == .mtecompV11 }

  /// What the posted v5 codec makes of a page that it does not keep, `nil` for one that it keeps.
  ///
  /// The rules are those that the defects are known by, and not how they come about.
  public func postedDefect(_ page: ModelPage) -> PostedDefect? {
    let runs = page.highNibbleFirstRuns
    if runs.count == 2 && runs[0].size == runs[1].size {
      return .restoredAs([UInt8](repeating: runs[0].tag, count: granules))
    }
    guard granules == 256 && runs.count == 6 else { return nil }
    var stored = runs.map(\.size)
    stored.remove(at: Self.longest(stored))
    return stored[4] >= 112 ? .takenForAddress : nil
  }

  /// How the posted v5 codec fails to keep a page.
  public enum PostedDefect: Hashable, Sendable {
    /// Two equal halves come back as a page of the first tag.
    case restoredAs([UInt8])
    /// The handle is taken for the address of an object.
    case takenForAddress
  }

  /// The number of the first run that no other is longer than.
  static func longest(_ sizes: [Int]) -> Int {
    var longest = 0
    for run in sizes.indices where sizes[run] > sizes[longest] { longest = run }
    return longest
  }

  private func encodeRuns(_ found: [Run]) -> Stored? {
    var runs = found
    if codec == .mtecomp && runs.count == 2 && runs[0].size == runs[1].size {
      let half = runs[1].tag
      runs = [runs[0], (half, granules / 4), (half, granules / 4)]
    }
    guard let (bytes, capacity) = classes.first(where: { $0.runs >= runs.count }) else {
      return nil
    }
    var sizes = runs.map(\.size)
    let largest = Self.longest(sizes)
    sizes.remove(at: largest)
    var fields = BitList()
    if bytes == 8 && codec == .mtecomp {
      fields.put(sizes, bits: sizeBits, room: capacity - 1)
      fields.put(runs.map { Int($0.tag) }, bits: 4, room: capacity)
      fields.put([], bits: 1, room: 59 - fields.count)
      fields.put(largest, bits: 4)
    } else {
      fields.put(largest, bits: bytes == 8 ? 4 : sizeBits + 1)
      fields.put(runs.map { Int($0.tag) }, bits: 4, room: capacity)
      fields.put(sizes, bits: sizeBits, room: capacity - 1)
    }
    return bytes == 8 ? .inline(fields.word) : .object(fields.bytes(bytes))
  }

  private func encodeInline(_ found: [Run]) -> Stored? {
    var runs = found
    if runs.count > inlineRuns { return nil }
    if runs.count == 1 { runs = [(runs[0].tag, granules / 2), (runs[0].tag, granules / 2)] }
    var sizes = runs.map(\.size)
    let largest = Self.longest(sizes)
    sizes.remove(at: largest)
    var fields = BitList()
    fields.put(1, bits: 1)
    fields.put(largest, bits: 3)
    fields.put(runs.map { Int($0.tag) }, bits: 4, room: inlineRuns)
    fields.put(sizes, bits: sizeBits, room: inlineRuns - 1)
    return .inline(fields.word)
  }
}

/// Bits one after the other, the first one lowest.
struct BitList {
  private var list: [UInt8] = []

  /// Bits so far.
  private(set) var count = 0

  /// Appends the low `bits` bits of a value; what does not fit them is lost, as in the posted code.
  mutating func put(_ value: Int, bits: Int) {
    for bit in 0..<bits {
      if count % 8 == 0 { list.append(0) }
      list[count / 8] |= UInt8(value >> bit & 1) << UInt8(count % 8)
      count += 1
    }
  }

  /// Appends values of `bits` bits each, and zeros in the place of those that are missing of `room`.
  mutating func put(_ values: [Int], bits: Int, room: Int) {
    for value in values { put(value, bits: bits) }
    for _ in values.count..<room { put(0, bits: bits) }
  }

  /// The bits as one word.
  var word: UInt64 {
    var word: UInt64 = 0
    for (index, byte) in list.enumerated() { word |= UInt64(byte) << UInt64(8 * index) }
    return word
  }

  /// The bits as bytes, with zeros after them.
  func bytes(_ count: Int) -> [UInt8] { list + [UInt8](repeating: 0, count: count - list.count) }
}
