// SPDX-License-Identifier: Apache-2.0

public import Containers

/// Slots of one device whose page lies in a slot of another device.
///
/// A device that has to give up memory writes a page elsewhere and remembers where, as zram does with its
/// backing device: page tables go on naming the slot that they name. Both slots stay in use, and the one
/// that holds the page has one user, which is no page table.
///
/// Source: Linux v6.8 `zram_drv.c`, `ZRAM_WB`, for the idea.
public struct ForwardedSlots: InvariantChecks, Sendable {
  /// The number of slots whose page lies elsewhere.
  public private(set) var count = 0

  /// For each slot where its page is, and for each slot whose page it holds; 0 for none, because slot 0
  /// is a header.
  private var targets: [UInt32]
  private var origins: [UInt32]

  /// Creates room for so many slots, none of them forwarded.
  public init(slots: Int) {
    targets = [UInt32](repeating: 0, count: slots)
    origins = [UInt32](repeating: 0, count: slots)
  }

  /// The slot that holds the page of `slot`, `nil` where that is its own device's to say.
  public func target(of slot: UInt32) -> UInt32? {
    count == 0 || targets[Int(slot)] == 0 ? nil : targets[Int(slot)]
  }

  /// The slot whose page `slot` holds, `nil` where it holds none for another.
  public func origin(of slot: UInt32) -> UInt32? {
    count == 0 || origins[Int(slot)] == 0 ? nil : origins[Int(slot)]
  }

  /// Notes where the page of a slot lies from now on.
  ///
  /// - Precondition: neither slot is forwarded or holds a page of another.
  public mutating func forward(_ slot: UInt32, to target: UInt32) {
    precondition(
      slot != 0 && target != 0 && targets[Int(slot)] == 0 && origins[Int(target)] == 0
        && targets[Int(target)] == 0 && origins[Int(slot)] == 0,
      "swap slot \(slot) is forwarded to \(target)"
    )
    targets[Int(slot)] = target
    origins[Int(target)] = slot
    count += 1
  }

  /// Forgets where the page of a slot lies.
  ///
  /// - Returns: the slot that held it, which is the caller's to free; `nil` where it was not forwarded.
  public mutating func remove(_ slot: UInt32) -> UInt32? {
    guard let target = target(of: slot) else { return nil }
    targets[Int(slot)] = 0
    origins[Int(target)] = 0
    count -= 1
    return target
  }

  /// The slots of a range that hold pages of others, in ascending order.
  public func holders(in slots: Range<UInt32>) -> [UInt32] {
    count == 0 ? [] : slots.filter { origins[Int($0)] != 0 }
  }

  /// Checks that both directions say the same.
  public func verifyInvariants() throws(BrokenInvariant) {
    let forwarded = targets.indices.filter { targets[$0] != 0 }
    try BrokenInvariant.unless(
      forwarded.count == count && origins.count { $0 != 0 } == count
        && forwarded.allSatisfy { Int(origins[Int(targets[$0])]) == $0 },
      "store",
      "\(count) swap slots are forwarded, found \(forwarded.count)"
    )
  }
}
