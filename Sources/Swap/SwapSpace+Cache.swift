// SPDX-License-Identifier: Apache-2.0

public import Containers

// What the swap cache holds for each slot: a page, or the shadow of an evicted one.
extension SwapSpace {
  /// The frame that the swap cache holds for the slot, `nil` if there is none.
  @inlinable @inline(__always) public func cachedFrame(_ slot: UInt32) -> UInt32? {
    table[Int(slot)].frame
  }

  /// The shadow that the slot's evicted page left, `nil` if there is none.
  @inlinable @inline(__always) public func shadow(_ slot: UInt32) -> UInt64? {
    table[Int(slot)].shadow
  }

  /// Reads the shadow and removes it.
  @inlinable public mutating func takeShadow(_ slot: UInt32) -> UInt64? {
    guard let found = table[Int(slot)].shadow else { return nil }
    table[Int(slot)].clearContent()
    nodes.remove(slot)
    return found
  }

  /// Claims the cache bit before the slot is read, so that nobody else reads it at the same time.
  ///
  /// - Returns: `claimed`, and the caller calls ``addToCache(_:frame:)`` or
  ///   ``clearClaim(_:released:)``.
  ///
  /// Source: Linux v6.8 `swapcache_prepare`.
  @inlinable public mutating func claimForCache(_ slot: UInt32) -> CacheClaim {
    let byte = table[Int(slot)].mapByte
    if byte & SwapSlot.cacheBit != 0 { return .exists }
    guard count(slot) > 0 else { return .unused }
    table[Int(slot)].mapByte = byte | SwapSlot.cacheBit
    noteClaim(slot)
    return .claimed
  }

  /// Gives back a claimed cache bit without a page: the bypassing swap-in has ended, or a page newly
  /// given the slot could not be added.
  ///
  /// - Precondition: the slot was claimed or allocated, and no page was added.
  ///
  /// Source: Linux v6.8 `swapcache_clear` and `put_swap_folio`.
  @inlinable public mutating func clearClaim(_ slot: UInt32, released: inout [UInt32]) {
    removeClaim(slot)
    clearCacheBit(slot, released: &released)
  }

  /// Puts a page into the swap cache, for a slot that was claimed or allocated.
  ///
  /// - Precondition: the slot was claimed or allocated, and no page was added.
  /// - Returns: the shadow that the page replaces, `nil` if there was none.
  @discardableResult
  @inlinable public mutating func addToCache(_ slot: UInt32, frame: UInt32) -> UInt64? {
    removeClaim(slot)
    let replaced = table[Int(slot)].shadow
    if replaced == nil { nodes.insert(slot) }
    table[Int(slot)].setFrame(frame)
    return replaced
  }

  /// Takes the page out of the swap cache and drops the cache bit; `shadow` takes the page's place.
  ///
  /// - Precondition: the swap cache holds a page for the slot; `shadow` is below 2^54.
  @inlinable public mutating func removeFromCache(
    _ slot: UInt32,
    shadow: UInt64?,
    released: inout [UInt32]
  ) {
    precondition(cachedFrame(slot) != nil, "swap slot \(slot) has no page in the swap cache")
    if let shadow {
      precondition(shadow >> SwapSlot.shadowBits == 0, "shadow \(shadow) is not below 2^54")
      table[Int(slot)].setShadow(shadow)
    } else {
      table[Int(slot)].clearContent()
      nodes.remove(slot)
    }
    clearCacheBit(slot, released: &released)
  }

  /// Replaces the frame of a page in the swap cache, for a page that migrates.
  ///
  /// - Precondition: the swap cache holds a page for the slot.
  public mutating func replaceCachedFrame(_ slot: UInt32, with frame: UInt32) {
    precondition(cachedFrame(slot) != nil, "swap slot \(slot) has no page in the swap cache")
    table[Int(slot)].setFrame(frame)
  }

  // MARK: Common sequences in one step

  /// Whether exactly one page-table entry names the slot, and nothing else uses it.
  @inlinable @inline(__always) public func hasOnlyOneUser(_ slot: UInt32) -> Bool {
    table[Int(slot)].mapByte == 1
  }

  /// Ends a slot's only use: as ``claimForCache(_:)``, ``drop(_:released:)``, ``takeShadow(_:)`` and
  /// ``clearClaim(_:released:)`` do one after another.
  ///
  /// - Precondition: ``hasOnlyOneUser(_:)``.
  @inlinable @inline(__always)
  public mutating func takeBack(_ slot: UInt32, released: inout [UInt32]) {
    precondition(hasOnlyOneUser(slot), "swap slot \(slot) has more than one user")
    if table[Int(slot)].hasContent { nodes.remove(slot) }
    table[Int(slot)].clearContent()
    giveBack(slot, released: &released)
  }

  /// Leaves a newly allocated slot with one user and a shadow: as ``addToCache(_:frame:)``,
  /// ``duplicate(_:)`` and ``removeFromCache(_:shadow:released:)`` do one after another.
  ///
  /// - Precondition: the slot was allocated, and no page was added; `shadow` is below 2^54.
  @inlinable @inline(__always)
  public mutating func settle(_ slot: UInt32, shadow: UInt64) {
    removeClaim(slot)
    precondition(shadow >> SwapSlot.shadowBits == 0, "shadow \(shadow) is not below 2^54")
    nodes.insert(slot)
    table[Int(slot)].mapByte = 1
    table[Int(slot)].setShadow(shadow)
  }

  @inlinable mutating func clearCacheBit(_ slot: UInt32, released: inout [UInt32]) {
    let byte = table[Int(slot)].mapByte & ~SwapSlot.cacheBit
    table[Int(slot)].mapByte = byte
    if byte == 0 { giveBack(slot, released: &released) }
  }

  @inlinable mutating func noteClaim(_ slot: UInt32) {
    if claim != 0 { earlierClaims.append(claim) }
    claim = slot
  }

  @inlinable mutating func removeClaim(_ slot: UInt32) {
    if claim == slot && slot != 0 {
      claim = 0
    } else {
      removeEarlierClaim(slot)
    }
  }

  @usableFromInline mutating func removeEarlierClaim(_ slot: UInt32) {
    guard let index = earlierClaims.lastIndex(of: slot) else {
      preconditionFailure("swap slot \(slot) was not claimed")
    }
    earlierClaims.remove(at: index)
  }
}
