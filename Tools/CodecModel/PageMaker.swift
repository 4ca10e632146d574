// SPDX-License-Identifier: Apache-2.0

public import TestSupport

/// Makes pages of tags that are worth trying, one tag for each granule.
///
/// A third has run counts around the limits of the size classes, at random places; the others have
/// one of the shapes that codecs are known to get wrong, or that programs have.
public struct PageMaker {
  /// Granules of a page, a power of two from 128 upwards.
  public let granules: Int

  /// The run counts at which the size class changes, for all codecs and page sizes.
  private let limits: [Int]

  /// Creates a maker of pages.
  public init(granules: Int) {
    self.granules = granules
    let model = CodecModel(.mtecomp, granules: granules)
    limits = model.classes.map(\.runs)
  }

  /// Fills `tags`, which has as many elements as a page has granules.
  ///
  /// `number` makes the shapes that have a place go through all places one after the other.
  public func fill(_ tags: inout [UInt8], number: Int, using random: inout SplitMix64) {
    switch random.below(16) {
    case 0..<5: fillAroundLimit(&tags, using: &random)
    case 5: place(runs: 1 + random.below(60), in: &tags, using: &random)
    case 6: fillNoise(&tags, using: &random)
    case 7, 8: fillHeap(&tags, using: &random)
    case 9: fillHalves(&tags, using: &random)
    case 10: fillWithLongFifth(&tags, using: &random)
    case 11: fillAlternating(&tags, using: &random)
    case 12: fillWithOneOddGranule(&tags, at: number % granules, using: &random)
    case 13: fillAcrossBytes(&tags, using: &random)
    case 14: fill(&tags, 0..<granules, with: tag(&random))
    default: fillPowers(&tags, using: &random)
    }
    // Half of the pages have the shape for codecs that take the high nibble of a byte first.
    if random.below(2) == 0 {
      for pair in stride(from: 0, to: granules, by: 2) { tags.swapAt(pair, pair + 1) }
    }
  }

  /// Fills `tags` with `runs` runs at random places.
  public func place(runs: Int, in tags: inout [UInt8], using random: inout SplitMix64) {
    var isStart = [Bool](repeating: false, count: granules)
    var left = min(runs, granules) - 1
    while left > 0 {
      let granule = 1 + random.below(granules - 1)
      if isStart[granule] { continue }
      isStart[granule] = true
      left -= 1
    }
    var tag = tag(&random)
    for granule in 0..<granules {
      if isStart[granule] { tag = other(than: tag, &random) }
      tags[granule] = tag
    }
  }

  /// A run count at the limit of a class, or one less or more.
  private func fillAroundLimit(_ tags: inout [UInt8], using random: inout SplitMix64) {
    let limit = limits[random.below(limits.count)]
    place(runs: limit - 1 + random.below(3), in: &tags, using: &random)
  }

  private func fillNoise(_ tags: inout [UInt8], using random: inout SplitMix64) {
    for granule in stride(from: 0, to: granules, by: 16) {
      let bits = random.next()
      for nibble in 0..<16 { tags[granule + nibble] = UInt8(bits >> UInt64(4 * nibble) & 15) }
    }
  }

  /// Blocks of one size with random tags, as a heap has them; no two neighbours are equal.
  private func fillHeap(_ tags: inout [UInt8], using random: inout SplitMix64) {
    let block = 1 + random.below(64)
    let first = 1 + random.below(block)
    fillRuns(&tags, using: &random) { start, _ in start == 0 ? first : block }
  }

  /// Two halves, exactly or nearly, the second one perhaps split.
  private func fillHalves(_ tags: inout [UInt8], using random: inout SplitMix64) {
    let middle = granules / 2 + [0, 0, 0, -1, 1][random.below(5)]
    let first = tag(&random)
    let second = other(than: first, &random)
    fill(&tags, 0..<middle, with: first)
    fill(&tags, middle..<granules, with: second)
    guard random.below(4) == 0 else { return }
    fill(&tags, granules * 3 / 4..<granules, with: other(than: second, &random))
  }

  /// Six runs, whose fifth stored size has its three highest bits set or nearly: 112 of 4K pages.
  private func fillWithLongFifth(_ tags: inout [UInt8], using random: inout SplitMix64) {
    let fifth = granules * 7 / 16 - 2 + random.below(4)
    var sizes = (0..<4).map { _ in 1 + random.below(granules / 128) } + [fifth]
    // The longest run, which gets the rest of the page, stands anywhere.
    sizes.insert(granules - sizes.reduce(0, +), at: random.below(6))
    if random.below(8) == 0 { sizes.swapAt(0, 5) }
    var start = 0
    var tag = tag(&random)
    for size in sizes {
      fill(&tags, start..<start + size, with: tag)
      start += size
      tag = other(than: tag, &random)
    }
  }

  /// Two tags in turn, in blocks of 1 to 4, up to some granule.
  private func fillAlternating(_ tags: inout [UInt8], using random: inout SplitMix64) {
    let first = tag(&random)
    let second = other(than: first, &random)
    let block = 1 + random.below(4)
    let end = random.below(3) == 0 ? granules : random.below(granules)
    fill(&tags, 0..<granules, with: first)
    for start in stride(from: block, to: end, by: 2 * block) {
      fill(&tags, start..<min(granules, start + block), with: second)
    }
  }

  private func fillWithOneOddGranule(
    _ tags: inout [UInt8],
    at granule: Int,
    using random: inout SplitMix64
  ) {
    fill(&tags, 0..<granules, with: tag(&random))
    tags[granule] = other(than: tags[granule], &random)
  }

  /// Runs that begin and end in the middle of a byte.
  private func fillAcrossBytes(_ tags: inout [UInt8], using random: inout SplitMix64) {
    let longest = 1 + random.below(granules / 4)
    fillRuns(&tags, using: &random) { start, random in
      start == 0 ? 1 + 2 * random.below(longest) : 2 + 2 * random.below(longest)
    }
  }

  /// Runs whose sizes are powers of two, which are the limits of byte streams, or one more or less.
  private func fillPowers(_ tags: inout [UInt8], using random: inout SplitMix64) {
    let exponents = granules.trailingZeroBitCount
    fillRuns(&tags, using: &random) { _, random in
      max(1, (1 << random.below(exponents)) - 1 + random.below(3))
    }
  }

  /// Runs of the sizes that `size` gives for where they start; the last one is cut.
  private func fillRuns(
    _ tags: inout [UInt8],
    using random: inout SplitMix64,
    size: (_ start: Int, _ random: inout SplitMix64) -> Int
  ) {
    var start = 0
    var tag = tag(&random)
    while start < granules {
      let end = min(granules, start + size(start, &random))
      fill(&tags, start..<end, with: tag)
      tag = other(than: tag, &random)
      start = end
    }
  }

  private func fill(_ tags: inout [UInt8], _ granules: Range<Int>, with tag: UInt8) {
    for granule in granules { tags[granule] = tag }
  }

  private func tag(_ random: inout SplitMix64) -> UInt8 { random.below(16) }

  private func other(than tag: UInt8, _ random: inout SplitMix64) -> UInt8 {
    (tag + 1 + random.below(15)) & 15
  }
}
