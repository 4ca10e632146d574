// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// Which tag pages of a run are shown to an observer.
public enum TagObservation: Hashable, Sendable {
  /// The tags of each page at the moment at which it is swapped out, and when they are dropped.
  case swapOut
  /// All pages of tagged mappings that were written or tagged, at every *n*-th touch or access.
  ///
  /// They are those of the shadow oracle: what the programs see, whatever the machine does.
  case every(UInt64)
}

/// Looks at the tag pages of a run, `PageSize.tagBytes` bytes each, without changing anything.
public protocol TagObserver: ~Copyable {
  /// The tags of a page were saved under an entry; any that were saved there before are no more.
  mutating func save(_ tags: Span<UInt8>, for entry: SwapEntry)

  /// The saved tags of an entry were dropped.
  mutating func drop(_ entry: SwapEntry)

  /// A page of the sample at hand, by process and address.
  mutating func sample(_ tags: Span<UInt8>)

  /// The sample is complete.
  mutating func endSample()
}

/// Looks at nothing.
struct NoTagObserver: TagObserver {
  func save(_ tags: Span<UInt8>, for entry: SwapEntry) {}
  func drop(_ entry: SwapEntry) {}
  func sample(_ tags: Span<UInt8>) {}
  func endSample() {}
}
