// SPDX-License-Identifier: Apache-2.0

public import Containers

/// How many reserved data frames each tag block serves.
///
/// A block is reserved, that is, out of the page allocator, exactly while its count is above zero or
/// it is held. The kernel keeps the same number, plus one for the hand-out, in the reference
/// count of the block's first page.
///
/// Source: dynamic tag storage RFC v3; specification of tag storage, section 2.6.
public struct TagBlocks: ~Copyable, InvariantChecks {
  /// The geometry.
  public let region: TagStorageRegion
  /// Blocks out of the page allocator.
  public private(set) var reservedBlocks = 0
  /// Data frames that have their tag storage.
  public private(set) var reservedFrames = 0
  /// The most blocks that were reserved at once.
  public private(set) var peakReservedBlocks = 0
  /// Reserved blocks by how many data frames they serve; a held block may serve none.
  public private(set) var occupancy: [Int]
  /// ``occupancy`` when ``peakReservedBlocks`` was reached.
  public private(set) var peakOccupancy: [Int]

  /// The count of each block; the top bit says that the block is held.
  private var counts: FlatStorage<UInt32>
  private static let held: UInt32 = 1 << 31

  /// Creates the blocks of a region, none of them reserved.
  ///
  /// - Complexity: O(*n*), where *n* is the number of blocks.
  public init(region: TagStorageRegion) {
    self.region = region
    counts = FlatStorage(repeating: 0, count: region.blockCount)
    // The zero page of a block may be one frame more than it covers.
    let mostFrames = TagStorageRegion.dataFramesPerTagFrame * region.blockPages + 1
    occupancy = [Int](repeating: 0, count: mostFrames + 1)
    peakOccupancy = occupancy
  }

  /// The number of reserved data frames that `block` serves.
  public func count(ofBlock block: Int) -> Int { Int(counts[block] & ~Self.held) }

  /// Whether `block` is not given back with its last share.
  public func isHeld(_ block: Int) -> Bool { counts[block] & Self.held != 0 }

  /// Whether `block` is out of the page allocator.
  public func isReserved(_ block: Int) -> Bool { counts[block] != 0 }

  /// Counts one more reserved data frame for `block`.
  ///
  /// The caller has taken the block's frames out of the page allocator when this is the first.
  public mutating func addShare(toBlock block: Int) {
    let isNew = counts[block] == 0
    let count = count(ofBlock: block)
    if !isNew { occupancy[count] -= 1 }
    counts[block] += 1
    occupancy[count + 1] += 1
    reservedFrames += 1
    if isNew { noteReserved() }
  }

  /// Counts one reserved data frame less for `block`.
  ///
  /// - Precondition: the block is reserved.
  /// - Returns: whether it was the last: the caller gives the block's frames back.
  public mutating func removeShare(fromBlock block: Int) -> Bool {
    precondition(count(ofBlock: block) > 0, "tag block \(block) released below zero")
    occupancy[count(ofBlock: block)] -= 1
    counts[block] -= 1
    reservedFrames -= 1
    guard counts[block] == 0 else {
      occupancy[count(ofBlock: block)] += 1
      return false
    }
    reservedBlocks -= 1
    return true
  }

  /// Keeps `block` reserved until ``letGo(_:)``, whatever it serves.
  ///
  /// The caller has taken the block's frames out of the page allocator if it was not reserved.
  public mutating func hold(_ block: Int) {
    let isNew = counts[block] == 0
    counts[block] |= Self.held
    if isNew {
      occupancy[0] += 1
      noteReserved()
    }
  }

  /// Counts one more reserved block, which ``occupancy`` has already.
  private mutating func noteReserved() {
    reservedBlocks += 1
    guard reservedBlocks > peakReservedBlocks else { return }
    peakReservedBlocks = reservedBlocks
    peakOccupancy = occupancy
  }

  /// Ends ``hold(_:)`` of a block that serves nobody; the caller gives the block's frames back.
  ///
  /// - Precondition: the block is held and serves no frame.
  public mutating func letGo(_ block: Int) {
    precondition(counts[block] == Self.held, "tag block \(block) is let go and in use")
    counts[block] = 0
    occupancy[0] -= 1
    reservedBlocks -= 1
  }

  /// Forgets one reserved data frame of `block` without giving its share back, so that the block stays
  /// reserved for ever.
  ///
  /// - Precondition: the block serves a frame.
  public mutating func leakShare(ofBlock block: Int) {
    precondition(
      count(ofBlock: block) > 0,
      "tag block \(block) leaks a share that it does not have"
    )
    let count = count(ofBlock: block)
    counts[block] = (counts[block] - 1) | Self.held
    occupancy[count] -= 1
    occupancy[count - 1] += 1
    reservedFrames -= 1
  }

  /// Checks the sums, and that no block serves more frames than it covers.
  ///
  /// - Complexity: O(*n*), where *n* is the number of blocks.
  public func verifyInvariants() throws(BrokenInvariant) {
    var (blocks, frames) = (0, 0)
    var counted = [Int](repeating: 0, count: occupancy.count)
    for block in 0..<region.blockCount {
      let count = count(ofBlock: block)
      frames += count
      if isReserved(block) {
        blocks += 1
        counted[min(count, counted.count - 1)] += 1
      }
      try BrokenInvariant.unless(
        count <= region.coveredFrames(ofBlock: block).count + 1,
        "I3",
        "tag block \(block) serves \(count) frames, more than it covers"
      )
    }
    try BrokenInvariant.unless(
      blocks == reservedBlocks && frames == reservedFrames,
      "I3",
      "tag blocks: counted \(blocks) blocks and \(frames) frames, recorded \(reservedBlocks) and"
        + " \(reservedFrames)"
    )
    try BrokenInvariant.unless(
      counted == occupancy,
      "I3",
      "tag blocks by the frames that they serve: counted \(counted), recorded \(occupancy)"
    )
  }
}
