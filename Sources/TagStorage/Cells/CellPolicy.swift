// SPDX-License-Identifier: Apache-2.0

/// When the cells of the design ``DesignPolicy/xnu`` change their state.
///
/// Numbers that the published source states for devices with 12 GiB are taken in proportion.
///
/// Source: specification of tag storage, section 15.12.
public struct CellPolicy: Equatable, Sendable {
  /// Whose data may lie in tag storage.
  public enum Clients: String, CaseIterable, Sendable {
    /// Those of the compressor: the pool pages of zram, or untagged pages of processes where zram's memory
    /// does not count.
    case compressor
    /// Pool pages of zram and untagged pages of processes.
    case untagged
    /// Nobody's.
    case nobody
  }

  /// Whose data may lie in tag storage.
  public var clients = Clients.compressor
  /// The share of tag storage, in percent, above which inactive cells serve for data whatever they cover.
  ///
  /// The source has a fixed number of cells, all those of a machine with 12 GiB.
  public var claimTargetPercent = 100
  /// Free covered pages that make a cell worth activating for a request at once.
  public var inlineFreePages = 17
  /// One of so many cells is active at boot.
  public var cellsPerActiveAtBoot = 8

  /// Free covered pages of an inactive cell up to which it serves for data.
  static let mostFreePagesOfClaim = 8

  /// Creates the policy of the published source.
  public init() {}

  /// Active cells that nobody needs and that are kept nevertheless, of `cells`: 100 of 24,576.
  static func drainReserve(cells: Int) -> Int { (cells * 100 + 24_575) / 24_576 }
}

/// What can be done to have more pages that can be tagged.
public enum CellStep: Equatable, Sendable {
  /// Activate an inactive cell.
  case activate(Int)
  /// Move the data of a claimed cell elsewhere, and activate it.
  case reclaim(Int)
}

extension TagCells {
  /// The inactive cell whose page serves for data next.
  ///
  /// It covers as few free pages as possible, so that little is lost for tags while it is claimed.
  public func cellToClaim(_ policy: CellPolicy) -> Int? {
    let isAnyWorthIt = count(of: .inactive) * 100 > count * policy.claimTargetPercent
    let last =
      isAnyWorthIt
      ? TagCell.bucketCount - 1 : TagCell.bucket(ofFreePages: CellPolicy.mostFreePagesOfClaim)
    for bucket in 0...last {
      if let cell = first(.inactive, bucket: bucket) { return cell }
    }
    return nil
  }

  /// The active cell that is given up when no cell is left to be claimed.
  public func cellToDrain() -> Int? {
    drainableCells > CellPolicy.drainReserve(cells: count) ? firstDrainable : nil
  }

  /// The inactive cell that a request activates for itself.
  public func cellToActivateInline(_ policy: CellPolicy) -> Int? {
    let least = TagCell.bucket(ofFreePages: policy.inlineFreePages)
    for bucket in stride(from: TagCell.bucketCount - 1, through: max(least, 1), by: -1) {
      var cell = first(.inactive, bucket: bucket)
      // Only the bucket of the limit has cells on both sides of it.
      while let number = cell {
        if self[number].freePages >= policy.inlineFreePages { return number }
        cell = next(after: number)
      }
    }
    return nil
  }

  /// What the refill thread does next: an inactive cell is better unless a claimed one covers clearly more
  /// free pages.
  ///
  /// `mayReclaim` is false where claimed cells were tried in vain.
  public func refillStep(mayReclaim: Bool) -> CellStep? {
    let inactive = bestBucket(.inactive)
    let claimed = mayReclaim ? bestBucket(.claimed) : nil
    if let inactive, let cell = first(.inactive, bucket: inactive),
      inactive >= min(TagCell.bucket(ofFreePages: 17), claimed ?? 0)
    {
      return .activate(cell)
    }
    guard let claimed else { return nil }
    return first(.claimed, bucket: claimed).map { .reclaim($0) }
  }
}
