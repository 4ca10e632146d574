// SPDX-License-Identifier: Apache-2.0

/// Where the multi-generational LRU has a page: its generation, and the list on which it lies.
///
///     bit 7 ..... 4 3 .... 2 1 ........ 0
///          unused     list    generation
///
/// Both are sequence numbers modulo 4. They differ from the moment a page is found in use until
/// eviction comes to it: a promotion changes a number, and leaves the page where it lies. Meaningless
/// for a frame that is on no list.
@frozen
public struct GenerationPlace: BitwiseCopyable, Hashable, Sendable {
  @usableFromInline var bits: UInt8

  /// The place of a page that lies on the list of its generation.
  ///
  /// - Precondition: `generation` is in 0..<4.
  @inlinable public init(generation: Int) {
    precondition(0..<4 ~= generation, "generation \(generation)")
    bits = UInt8(generation << 2 | generation)
  }

  /// The generation, 0 to 3.
  @inlinable public var generation: Int { Int(bits & 3) }

  /// The list, 0 to 3.
  @inlinable public var list: Int { Int(bits >> 2 & 3) }

  /// Changes the generation and leaves the page on its list.
  ///
  /// - Precondition: `generation` is in 0..<4.
  @inlinable public mutating func promote(to generation: Int) {
    precondition(0..<4 ~= generation, "generation \(generation)")
    bits = bits & ~3 | UInt8(generation)
  }
}
