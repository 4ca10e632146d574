// SPDX-License-Identifier: Apache-2.0

import Containers

/// The clusters of the swap devices: how many slots of each are used, and which free one follows which.
///
/// A cluster leaves its device's queue when its first slot is taken, which is only ever the head's, and
/// returns at the tail when its last slot is freed. The first queue is strided by the 16,384 slots that
/// share one swap-cache tree, so that early slots fall into different trees.
///
/// Source: Linux v6.8 `struct swap_cluster_info` and `setup_swap_map_and_extents`.
@usableFromInline
struct SwapClusters: ~Copyable {
  /// Slots in a cluster.
  let slotsPerCluster: Int
  /// ``slotsPerCluster`` as a power of two.
  private let clusterShift: UInt32
  /// The number of clusters, partial ones included.
  let count: Int
  /// The next cluster of the queue, or ``nobody``.
  private var next: FlatStorage<UInt32>
  private var used: FlatStorage<UInt16>

  static let nobody = UInt32.max

  init(slots: Int, slotsPerCluster: Int) {
    self.slotsPerCluster = slotsPerCluster
    clusterShift = UInt32(slotsPerCluster.trailingZeroBitCount)
    count = (slots + slotsPerCluster - 1) / slotsPerCluster
    next = FlatStorage(repeating: Self.nobody, count: count)
    used = FlatStorage(repeating: 0, count: count)
  }

  /// The clusters of a device, the partial last one included.
  func clusters(of area: SwapArea) -> Range<Int> {
    Int(area.base) / slotsPerCluster..<(Int(area.end) + slotsPerCluster - 1) / slotsPerCluster
  }

  /// Fills the queue of a device none of whose slots is used.
  mutating func queueAll(of area: inout SwapArea) {
    let range = clusters(of: area)
    // The header, and what the last cluster lacks, are never free, so that these two clusters never
    // enter the queue; their slots are found by scanning.
    used[range.lowerBound] += 1
    used[range.upperBound - 1] += UInt16(range.upperBound * slotsPerCluster - Int(area.end))
    let columns = max(8, 16384 / slotsPerCluster)
    for first in range.prefix(columns) {
      for cluster in stride(from: first, to: range.upperBound, by: columns)
      where used[cluster] == 0 {
        append(UInt32(cluster), to: &area.freeClusters)
      }
    }
  }

  /// The cluster of a slot.
  @inline(__always)
  func cluster(of slot: UInt32) -> UInt32 { slot >> clusterShift }

  /// The used slots of a cluster; header and missing slots count.
  func usedSlots(_ cluster: UInt32) -> Int { Int(used[Int(cluster)]) }

  /// Notes that a slot was taken.
  @inline(__always)
  mutating func take(_ slot: UInt32, from queue: inout ClusterQueue) {
    let cluster = cluster(of: slot)
    if used[Int(cluster)] == 0 {
      precondition(
        cluster == queue.head,
        "free cluster \(cluster) is not the first one, \(queue.head)"
      )
      queue.head = next[Int(cluster)]
      if queue.head == Self.nobody { queue.tail = Self.nobody }
      next[Int(cluster)] = Self.nobody
    }
    used[Int(cluster)] += 1
  }

  /// Notes that a slot was freed.
  @inline(__always)
  mutating func free(_ slot: UInt32, into queue: inout ClusterQueue) {
    let cluster = cluster(of: slot)
    precondition(used[Int(cluster)] > 0, "cluster \(cluster) has no used slot")
    used[Int(cluster)] -= 1
    if used[Int(cluster)] == 0 { append(cluster, to: &queue) }
  }

  private mutating func append(_ cluster: UInt32, to queue: inout ClusterQueue) {
    if queue.tail == Self.nobody { queue.head = cluster } else { next[Int(queue.tail)] = cluster }
    queue.tail = cluster
  }

  /// A queue, first cluster first.
  func all(in queue: ClusterQueue) -> [UInt32] {
    var list: [UInt32] = []
    var cluster = queue.head
    while cluster != Self.nobody {
      list.append(cluster)
      precondition(list.count <= count, "the queue of free clusters has a loop")
      cluster = next[Int(cluster)]
    }
    return list
  }
}
