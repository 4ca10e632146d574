// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import PhysicalMemory
import Swap
import TagStorage

// Copies of swapped pages in the store of tag storage: what is stored, found, and given up.
// Source: specification of tag storage, sections 15.8, 15.9 and 15.13; Linux v6.8 `mm/zswap.c` for how a
// full store behaves.

/// What became of a page that is being written to its slot.
enum StoreOffer: Equatable {
  /// The store has the page, and nothing else needs to be written.
  case kept
  /// It has to be written to a slot of a swap device, its own or one that stands in for it.
  case write(to: UInt32)
  /// It cannot be written anywhere.
  case refused
}

extension Machine {
  /// Offers the page of a slot to the store.
  mutating func offerToStore(_ frame: PageFrameNumber, _ slot: UInt32) -> StoreOffer {
    guard let policy = policy.store, isStorable(slot) else { return .write(to: slot) }
    guard store(slot, stamp: contents[frame.index], policy) else {
      counters.add(.storeSkipped)
      // What is there of the slot is out of date.
      if copies.holds(slot) { dropCopy(slot, .storeInvalidated) }
      guard policy.content == .swapDevice else { return .write(to: slot) }
      guard let target = forwardedSlot(of: slot) else { return .refused }
      return .write(to: target)
    }
    forgetForwarding(of: slot)
    dropReleasedSlots()
    guard policy.content == .swapDevice else {
      return policy.isDroppable ? .write(to: slot) : .kept
    }
    counters.add(.pswpout)
    counters.add(.pswpoutSync)
    return .kept
  }

  /// Whether the store may hold the page of a slot: that of any device, or those of its own.
  private func isStorable(_ slot: UInt32) -> Bool {
    storeDevice == nil || device.type(of: slot) == storeDevice
  }

  /// Stores a copy of a slot's page.
  ///
  /// - Returns: `false` where there is no room for it.
  private mutating func store(_ slot: UInt32, stamp: UInt64, _ policy: StorePolicy) -> Bool {
    let content = content(of: slot, policy)
    guard makeRoom(for: content, policy) else { return false }
    var given: [UInt32] = []
    for _ in 0..<copies.framesNeeded(for: content) {
      guard let frame = claimStoreFrame() else {
        preconditionFailure("the store has room for \(content) and no idle frame")
      }
      given.append(frame.rawValue)
    }
    if copies.holds(slot) { counters.add(.storeInvalidated) }
    counters.add(.storeStored)
    if policy.form == .plain { counters.add(.pagesCopied) }
    let stored = copies.store(slot, content, stamp: stamp, frames: given)
    if let span = stored.span {
      for (index, frame) in given.enumerated() {
        frames[Int(frame)].swapSlot = UInt32(span * Self.framesPerSpan + index)
      }
    }
    releaseCopyFrames(stored.freed)
    return true
  }

  /// Room for the frames of a span in a frame's record of where it is in the pool.
  private static let framesPerSpan = 8

  /// What a page becomes in the store.
  private func content(of slot: UInt32, _ policy: StorePolicy) -> ZramContent {
    switch policy.form {
    case .plain: .compressed(bytes: pageSize.bytes)
    case .compressed:
      configuration.zram.compression.content(
        hash: contentHashes[Int(slot)],
        pageSize: pageSize
      )
    }
  }

  // MARK: - A full store

  /// Sees to it that frames for a copy are idle, as far as the policy goes.
  ///
  /// A store that has to write what it gives up takes nothing from the moment it is full until so many
  /// copies have been written that a tenth of its frames is idle.
  ///
  /// Source: Linux v6.8 `zswap_store`, `zswap_can_accept` and `shrink_worker`; there the writing is left to
  /// a worker, which here has finished before the next page comes.
  private mutating func makeRoom(for content: ZramContent, _ policy: StorePolicy) -> Bool {
    if isStoreFull {
      guard canStoreAccept else {
        shrinkStore(policy)
        return false
      }
      isStoreFull = false
    }
    if store.idleFrames >= copies.framesNeeded(for: content) { return true }
    guard policy.whenFull == .reclaim else { return false }
    guard policy.isDroppable else {
      isStoreFull = true
      shrinkStore(policy)
      return false
    }
    while store.idleFrames < copies.framesNeeded(for: content),
      let slot = copies.leastRecentlyUsed
    {
      dropCopy(slot, .storeReclaimed)
    }
    return store.idleFrames >= copies.framesNeeded(for: content)
  }

  /// Whether a store that was full takes copies again.
  private var canStoreAccept: Bool {
    store.occupiedFrames * 10 <= (store.occupiedFrames + store.idleFrames) * 9
  }

  /// Failures after which a full store is left as it is until the next page: `MAX_RECLAIM_RETRIES`.
  private static let shrinkFailureLimit = 14

  /// Writes the least recently used copies to swap devices until the store takes new ones.
  private mutating func shrinkStore(_ policy: StorePolicy) {
    var failures = 0
    while !canStoreAccept, failures < Self.shrinkFailureLimit,
      let slot = copies.leastRecentlyUsed
    {
      if !isCopyNeeded(slot) {
        dropCopy(slot, .storeInvalidated)
      } else if writeCopy(slot, policy) == .reserved {
        dropCopy(slot, .storeReclaimed)
      } else {
        failures += 1
        copies.touch(slot)
      }
    }
  }

  // MARK: - Copies

  /// Whether anybody could read the copy of a slot's page: an entry that names the slot, or a clean page in
  /// the swap cache that may be evicted without being written.
  private func isCopyNeeded(_ slot: UInt32) -> Bool {
    guard let cached = device.cachedFrame(slot) else { return device.count(slot) > 0 }
    return !frames[Int(cached)].flags.contains(.dirty)
  }

  /// Gives up the copy of a slot's page.
  private mutating func dropCopy(_ slot: UInt32, _ cause: Counter) {
    counters.add(cause)
    releaseCopyFrames(copies.drop(slot))
  }

  private mutating func releaseCopyFrames(_ freed: [UInt32]) {
    for frame in freed { releaseStoreFrame(PageFrameNumber(rawValue: frame)) }
  }

  /// Reads the page of a slot from the store.
  ///
  /// - Returns: what the page says, `nil` where the store has no copy of it.
  mutating func readFromStore(_ slot: UInt32) -> UInt64? {
    guard let policy = policy.store, isStorable(slot) else { return nil }
    guard copies.holds(slot) else {
      counters.add(.storeMissed)
      return nil
    }
    counters.add(.storeRestored)
    if policy.content == .swapDevice {
      counters.add(.pswpin)
      counters.add(.pswpinSync)
    }
    if policy.form == .plain { counters.add(.pagesCopied) }
    copies.touch(slot)
    return copies.stamp(of: slot)
  }

  /// What the page of a slot says, wherever it lies; looking changes nothing.
  func swappedStamp(_ slot: UInt32) -> UInt64 {
    guard storesSwappedPages else { return device.read(slot) }
    return copies.holds(slot)
      ? copies.stamp(of: slot) : device.read(forwards.target(of: slot) ?? slot)
  }

  /// Gives up what the store has of slots that are free now, and the slots that hold their pages.
  ///
  /// Those are added to ``releasedSlots``.
  mutating func dropCopiesOfReleasedSlots() {
    var index = 0
    while index < releasedSlots.count {
      let slot = releasedSlots[index]
      if copies.holds(slot) { dropCopy(slot, .storeInvalidated) }
      forgetForwarding(of: slot)
      index += 1
    }
  }

  // MARK: - Tags that need a frame

  /// Empties a frame with copies: what nobody could read goes, then what has another copy; the rest
  /// moves to an idle frame, or is written to a swap device.
  ///
  /// Moving takes the frame alone. Otherwise all copies of its span go, because objects cross from one
  /// frame of a span to the next.
  ///
  /// - Returns: why the frame still holds copies, or ``ReservationResult/reserved``.
  mutating func emptyFrameOfCopies(
    _ frame: PageFrameNumber,
    _ policy: StorePolicy
  ) -> ReservationResult {
    let place = Int(frames[frame].swapSlot)
    let span = place / Self.framesPerSpan
    for slot in copies.slots(inSpan: span) where !isCopyNeeded(slot) {
      dropCopy(slot, .storeInvalidated)
    }
    guard store.state(of: frame.index) == .occupied else { return .reserved }
    if policy.isDroppable {
      for slot in copies.slots(inSpan: span) { dropCopy(slot, .storeRecalled) }
      return .reserved
    }
    if let destination = claimStoreFrame() {
      frames[destination].swapSlot = UInt32(place)
      copies.replaceFrame(
        ofSpan: span,
        at: place % Self.framesPerSpan,
        with: destination.rawValue
      )
      releaseStoreFrame(frame)
      counters.add(.storeRelocated)
      counters.add(.pagesCopied)
      return .reserved
    }
    for slot in copies.slots(inSpan: span) {
      let result = writeCopy(slot, policy)
      guard result == .reserved else { return result }
      dropCopy(slot, .storeRecalled)
    }
    return .reserved
  }

  /// Writes the copy of a slot's page to its slot, or to the slot of another device that stands in for it.
  ///
  /// A frame of the store can be written as it is if it has a page descriptor and holds a whole page. If not,
  /// the page is first put together in a frame of the page allocator, which has to be had without
  /// reclaim. The write is waited for.
  ///
  /// - Returns: ``ReservationResult/reserved``, or why the copy is still needed.
  private mutating func writeCopy(_ slot: UInt32, _ policy: StorePolicy) -> ReservationResult {
    var bounce: PageFrameNumber?
    if policy.form == .compressed || policy.descriptors == .undescribed {
      var request = FrameRequest(migrateType: .movable)
      request.ignoresWatermarks = true
      bounce = tryAllocate(request, above: .min)
      guard bounce != nil else { return .noMemory }
    }
    defer { if let bounce { freeFrame(bounce) } }
    var target = slot
    if policy.content == .swapDevice {
      guard let other = forwardedSlot(of: slot) else { return .busy }
      target = other
    }
    counters.add(.pswpout)
    if device.isSynchronous(target) { counters.add(.pswpoutSync) }
    guard writeToZram(target) else { return .busy }
    if configuration.isObserved { device.write(target, stamp: copies.stamp(of: slot)) }
    counters.add(.storeWritten)
    return .reserved
  }

  // MARK: - Promises

  /// The copies against the frames and slots that they belong to.
  func checkCopies() throws(BrokenInvariant) {
    try copies.verifyInvariants()
    let pool = copies.memory.pool
    try BrokenInvariant.unless(
      pool.pages == store.occupiedFrames,
      "store",
      "copies have \(pool.pages) frames, \(store.occupiedFrames) of the store are occupied"
    )
    for number in store.frames where store.state(of: number) == .occupied {
      let place = Int(frames[number].swapSlot)
      let owned = pool.frame(ofSpan: place / Self.framesPerSpan, at: place % Self.framesPerSpan)
      try BrokenInvariant.unless(
        owned == UInt32(number),
        "store",
        "frame \(number) is not frame \(place) of the store's pool"
      )
    }
    for slot in 0..<UInt32(device.slots) where copies.holds(slot) {
      try BrokenInvariant.unless(
        (device.count(slot) > 0 || device.hasCache(slot)) && isStorable(slot)
          && forwards.target(of: slot) == nil,
        "store",
        "the store has a copy for slot \(slot), which is free, another device's, or forwarded"
      )
    }
  }
}
