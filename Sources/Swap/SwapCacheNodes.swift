// SPDX-License-Identifier: Apache-2.0

public import Containers

/// How many XArray nodes the swap cache of all devices needs for its pages and shadows.
///
/// The swap cache is one tree for each 16,384 slots, indexed by the slot number in its whole device. A
/// node has 64 entries, so that a tree has one leaf for each 64 slots that hold something, one node for
/// each 4,096, and a chain above; the tree of the lowest slots is as low as its largest index allows.
/// Only counts are kept: nodes depend on the set of slots alone, since the tree shrinks when it can.
///
/// Source: Linux v6.8 `SWAP_ADDRESS_SPACE_PAGES` and `lib/xarray.c`.
@usableFromInline
struct SwapCacheNodes: ~Copyable {
  /// All nodes.
  private(set) var count = 0
  /// Slots with a page or shadow in each 64.
  @usableFromInline var leaves: FlatStorage<UInt8>
  /// Leaves in each 4,096 slots.
  private var middles: FlatStorage<UInt8>
  /// The number of each tree in its device.
  private var treeInDevice: FlatStorage<UInt16>

  private static let middlesPerTree = 4

  /// Counts nothing yet, for slots of one device until ``numberTrees(of:)`` says otherwise.
  init(slots: Int) {
    leaves = FlatStorage(repeating: 0, count: (slots + 63) / 64)
    let trees = (slots + 16383) / 16384
    middles = FlatStorage(repeating: 0, count: trees * Self.middlesPerTree)
    treeInDevice = FlatStorage(repeating: 0, count: trees)
    for tree in 0..<trees { treeInDevice[tree] = UInt16(tree) }
  }

  /// Numbers the trees of a device.
  ///
  /// - Precondition: nothing is in them, and `area` begins with a tree.
  mutating func numberTrees(of area: SwapArea) {
    let first = Int(area.base) / 16384
    for tree in first...(Int(area.end) - 1) / 16384 { treeInDevice[tree] = UInt16(tree - first) }
  }

  @inlinable mutating func insert(_ slot: UInt32) {
    let leaf = Int(slot) / 64
    if leaves[leaf] == 0 { growTree(for: slot) }
    leaves[leaf] += 1
  }

  @inlinable mutating func remove(_ slot: UInt32) {
    let leaf = Int(slot) / 64
    precondition(leaves[leaf] > 0, "swap slot \(slot) is not in the swap cache")
    leaves[leaf] -= 1
    if leaves[leaf] == 0 { shrinkTree(after: slot) }
  }

  /// Counts the leaf of a slot that is about to be the first of its leaf, and the nodes above.
  @usableFromInline mutating func growTree(for slot: UInt32) {
    let (leaf, middle, tree) = (Int(slot) / 64, Int(slot) / 4096, Int(slot) / 16384)
    count -= nodesAbove(tree)
    leaves[leaf] = 1
    middles[middle] += 1
    count += 1 + nodesAbove(tree)
    leaves[leaf] = 0
  }

  /// Takes away the leaf of a slot that was the last of its leaf, and nodes above.
  @usableFromInline mutating func shrinkTree(after slot: UInt32) {
    let (leaf, middle, tree) = (Int(slot) / 64, Int(slot) / 4096, Int(slot) / 16384)
    leaves[leaf] = 1
    count -= 1 + nodesAbove(tree)
    leaves[leaf] = 0
    middles[middle] -= 1
    count += nodesAbove(tree)
  }

  /// The nodes of one tree without its leaves.
  private func nodesAbove(_ tree: Int) -> Int {
    var used = 0
    for index in 0..<Self.middlesPerTree where middles[tree * Self.middlesPerTree + index] > 0 {
      used += 1
    }
    if used == 0 { return 0 }
    let number = Int(treeInDevice[tree])
    let lowest = tree * Self.middlesPerTree
    if number == 0, used == 1, middles[lowest] > 0 {
      // Below 4,096 the root is the only middle node, and below 64 the only leaf.
      return middles[lowest] == 1 && leaves[tree * 256] > 0 ? 0 : 1
    }
    // Roots of height 3, 4 and 5 hold indices below 2^18, 2^24 and 2^30.
    let lastIndex = number * 16384 + 16383
    let height = lastIndex < 1 << 18 ? 3 : lastIndex < 1 << 24 ? 4 : 5
    return used + height - 2
  }
}
