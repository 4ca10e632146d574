// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// What kind of pages are measured together.
enum PageKind: Equatable {
  /// Pages of so many runs.
  case runs(Int)
  /// Pages of one run to as many as there are granules.
  case mixed
  /// Pages of two equal halves, whose tags the posted v5 codec loses.
  case twoHalves
  /// Pages of six runs whose handle the posted v5 codec takes for the address of an object.
  case addressLike

  var name: String {
    switch self {
    case .runs(let runs): "\(runs)"
    case .mixed: "mix"
    case .twoHalves: "halves"
    case .addressLike: "address"
    }
  }

  /// Whether the posted v5 codec restores such pages.
  var survivesPostedCodec: Bool { self != .twoHalves && self != .addressLike }

  /// The kinds of a page size: both sides of each class of 4K pages, and the most runs of each class
  /// of the others.
  static func all(_ pageSize: PageSize) -> [PageKind] {
    switch pageSize {
    case .kib4:
      [1, 2, 3, 6, 7, 11, 12, 23, 24, 46, 47, 100, 256].map { .runs($0) }
        + [.twoHalves, .addressLike, .mixed]
    case .kib16: [1, 5, 9, 19, 39, 78, 157, 500].map { .runs($0) }
    case .kib64: [1, 4, 8, 17, 34, 68, 136, 273, 546, 2000].map { .runs($0) }
    }
  }
}

/// Different tag pages of one kind, from a fixed seed.
///
/// Runs are at random places with random tags, each different from the one before. They are those
/// that the v5 codec sees, with the high nibble first.
struct TagCorpus {
  let pageSize: PageSize
  let pages: Int
  /// All pages, one after the other.
  let bytes: [UInt8]

  init(_ kind: PageKind, pageSize: PageSize, pages: Int, seed: UInt64) {
    self.pageSize = pageSize
    self.pages = pages
    var random = SplitMix64(seed: seed)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(pages * pageSize.tagBytes)
    for _ in 0..<pages {
      let isStart = Self.starts(kind, pageSize: pageSize, using: &random)
      bytes += Self.packed(isStart, using: &random)
    }
    self.bytes = bytes
  }

  /// The same pages for a codec that takes the low nibble of a byte first, and so sees as many runs.
  var lowNibbleFirst: TagCorpus {
    TagCorpus(pageSize: pageSize, pages: pages, bytes: bytes.map { $0 << 4 | $0 >> 4 })
  }

  private init(pageSize: PageSize, pages: Int, bytes: [UInt8]) {
    self.pageSize = pageSize
    self.pages = pages
    self.bytes = bytes
  }

  /// One page of the corpus.
  func page(_ number: Int) -> [UInt8] {
    Array(bytes[number * pageSize.tagBytes..<(number + 1) * pageSize.tagBytes])
  }

  /// 40 % of one run, 20 % of 2 to 6, 15 % of 7 to 11, 10 % of 12 to 23, 7 % of 24 to 46, 8 % more.
  private static func mixedRuns(using random: inout SplitMix64) -> Int {
    let range: ClosedRange<Int> =
      switch Int.random(in: 0..<100, using: &random) {
      case 0..<40: 1...1
      case 40..<60: 2...6
      case 60..<75: 7...11
      case 75..<85: 12...23
      case 85..<92: 24...46
      default: 47...256
      }
    return Int.random(in: range, using: &random)
  }

  private static func starts(
    _ kind: PageKind,
    pageSize: PageSize,
    using random: inout SplitMix64
  ) -> [Bool] {
    let granules = pageSize.granules
    switch kind {
    case .runs(let runs):
      return randomStarts(runs, pageSize: pageSize, using: &random)
    case .mixed:
      return randomStarts(mixedRuns(using: &random), pageSize: pageSize, using: &random)
    case .twoHalves:
      return (0..<granules).map { $0 == granules / 2 }
    case .addressLike:
      // Four short runs, one of 112 to 119, and the longest.
      var sizes = (0..<4).map { _ in Int.random(in: 1...4, using: &random) }
      sizes.append(Int.random(in: 112...119, using: &random))
      var isStart = [Bool](repeating: false, count: granules)
      var granule = 0
      for size in sizes {
        granule += size
        isStart[granule] = true
      }
      return isStart
    }
  }

  /// Starts at random places, without what the v5 codec gets wrong.
  private static func randomStarts(
    _ runs: Int,
    pageSize: PageSize,
    using random: inout SplitMix64
  ) -> [Bool] {
    while true {
      var isStart = [Bool](repeating: false, count: pageSize.granules)
      var left = runs - 1
      while left > 0 {
        let granule = Int.random(in: 1..<pageSize.granules, using: &random)
        if isStart[granule] { continue }
        isStart[granule] = true
        left -= 1
      }
      let starts = [0] + isStart.indices.filter { isStart[$0] } + [pageSize.granules]
      let sizes = zip(starts.dropFirst(), starts).map { $0 - $1 }
      if runs == 2 && sizes[0] == sizes[1] { continue }
      if runs == 6 && pageSize == .kib4 && fifthStored(sizes) >= 112 { continue }
      return isStart
    }
  }

  /// The fifth size that is stored of six: the last one, unless that is the first of the longest.
  private static func fifthStored(_ sizes: [Int]) -> Int {
    let longest = sizes.firstIndex(of: sizes.max() ?? 0) ?? 0
    return longest == 5 ? sizes[4] : sizes[5]
  }

  private static func packed(_ isStart: [Bool], using random: inout SplitMix64) -> [UInt8] {
    var bytes: [UInt8] = []
    var tag = UInt8.random(in: 0...15, using: &random)
    for granule in isStart.indices {
      if isStart[granule] { tag = (tag + UInt8.random(in: 1...15, using: &random)) & 15 }
      if granule & 1 == 0 { bytes.append(tag << 4) } else { bytes[granule / 2] |= tag }
    }
    return bytes
  }
}

/// A generator of pseudo-random numbers that gives the same ones everywhere.
struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
