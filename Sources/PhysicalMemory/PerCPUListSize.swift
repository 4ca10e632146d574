// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// How many pages the kernel would keep on the page list of each CPU of a zone.
///
/// The list floats between the two high marks and moves a batch at a time.
///
/// Source: Linux v6.8 `zone_batchsize` and `zone_highsize`.
public struct PerCPUListSize: Equatable, Sendable {
  /// Pages moved between the list and the zone at once, 1 or more.
  public let batch: Int
  /// Pages at which a list that is hardly used is emptied.
  public let highMinimum: Int
  /// Pages at which a busy list is emptied.
  public let highMaximum: Int

  /// Computes the sizes of a zone of `managedPages` whose low mark is `lowMark`.
  ///
  /// - Precondition: `processors` > 0.
  public init(managedPages: Int, lowMark: Int, processors: Int, pageSize: PageSize) {
    precondition(processors > 0, "\(processors) processors")
    // A MiB at most, and a quarter of that, because lists were once four times their batch.
    let quarter = max(1, min(managedPages >> 10, (1 << 20) / pageSize.bytes) / 4)
    let enlarged = quarter + quarter / 2
    let powerOfTwo = 1 << (Int.bitWidth - 1 - enlarged.leadingZeroBitCount)
    batch = max(1, powerOfTwo - 1)
    highMinimum = max(lowMark / processors, 4 * batch)
    highMaximum = max(managedPages / 8 / processors, 4 * batch)
  }
}
