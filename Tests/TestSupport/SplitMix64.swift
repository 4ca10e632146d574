// SPDX-License-Identifier: Apache-2.0

/// A small generator of random numbers whose sequence follows from its seed, so that a failing test
/// can be repeated from its message.
///
/// Inlinable, because tools that make very many pages spend their time here.
///
/// Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
public struct SplitMix64: RandomNumberGenerator, Sendable {
  @usableFromInline var state: UInt64

  /// Creates a generator; every seed is as good as any other.
  @inlinable public init(seed: UInt64) { state = seed }

  /// The next 64 bits.
  @inlinable public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }

  /// A number in 0..<`bound`.
  ///
  /// The modulo favours small numbers by less than one part in 2^32 for bounds below 2^32.
  ///
  /// - Precondition: `bound` is above 0.
  @inlinable public mutating func below<Bound: BinaryInteger>(_ bound: Bound) -> Bound {
    Bound(next() % UInt64(bound))
  }
}
