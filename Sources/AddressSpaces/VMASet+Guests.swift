// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

extension VMASet {
  /// Whether every VMA that reaches into a range may belong to a guest with MTE; holes may be mapped later.
  ///
  /// Source: Linux v6.8 arm64 `kvm_arch_prepare_memory_region`.
  public func mayBelongToGuest(_ range: Range<VirtualPageNumber>) -> Bool {
    ranges(in: range).allSatisfy(\.mayBelongToGuest)
  }

  /// Sets or clears ``VMAFlags/guestMTE`` of every VMA that reaches into a range and may belong to a guest.
  ///
  /// VMAs are marked as a whole, without splits and merges, and stay as they are marked where they are
  /// split or copied later.
  ///
  /// - Returns: the number of VMAs that changed.
  /// - Complexity: O(log *n* + *k*), where *n* is the number of VMAs and *k* of those in `range`.
  ///
  /// Source: dynamic tag storage RFC v3.
  public mutating func markForGuest(_ isMarked: Bool, in range: Range<VirtualPageNumber>) -> Int {
    var changed = 0
    var index = firstIndex(endingAfter: range.lowerBound)
    while index < areas.count, areas[index].start < range.upperBound {
      if areas[index].mayBelongToGuest, areas[index].flags.contains(.guestMTE) != isMarked {
        areas[index].flags.formSymmetricDifference(.guestMTE)
        changed += 1
      }
      index += 1
    }
    return changed
  }
}
