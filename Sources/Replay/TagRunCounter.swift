// SPDX-License-Identifier: Apache-2.0

public import MemoryModel
public import TagCompression

/// Counts the runs of equal tags of every page whose tags are saved.
public struct TagRunCounter: TagObserver {
  /// Pages by runs, and the room of the codec's size classes.
  public private(set) var counts: TagRunCounts
  private let order: GranuleOrder

  /// Counts for a codec, in the order in which it looks at granules.
  public init(_ codec: TagCodec, pageSize: PageSize) {
    order = codec.granuleOrder
    let limits: [TagRunCounts.Limit] =
      switch codec {
      case .mtecomp, .mtecompV5:
        // The largest class holds any page, so that its room is no limit.
        codec.sizeClasses(pageSize: pageSize).dropLast().map {
          TagRunCounts.Limit(
            bytes: $0.bytes,
            runs: TagRuns.capacity(of: $0, pageSize: pageSize)
          )
        }
      case .raw, .mtecompV11, .xnuRunLength: []
      }
    counts = TagRunCounts(granules: pageSize.granules, limits: limits)
  }

  /// Counts a page.
  public mutating func save(_ tags: Span<UInt8>, for entry: SwapEntry) {
    counts.pages[TagRuns.count(tags, order: order) - 1] += 1
  }

  /// Does nothing.
  public mutating func drop(_ entry: SwapEntry) {}

  /// Does nothing: samples are no saved pages.
  public mutating func sample(_ tags: Span<UInt8>) {}

  /// Does nothing.
  public mutating func endSample() {}
}
