// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

extension VMASet {
  /// Changes the protection of a range: `mprotect`.
  ///
  /// Read, write, execute and branch-target permission are replaced; `PROT_MTE` can be added but not
  /// taken away. VMAs below the place where the call fails stay changed. A pointer tag in `address`
  /// is ignored.
  ///
  /// - Returns: `changed`, the ranges whose properties changed and whose page-table entries must be
  ///   rewritten; and `error`, `nil` for success, or
  ///   EINVAL for an address that is not aligned, bits that are no protection, or `PROT_MTE` where
  ///   it is not allowed; ENOMEM where part of the range is not mapped, or the limit on VMAs forbids
  ///   a split; EACCES where write permission may not be had.
  ///
  /// Source: Linux v6.8 `do_mprotect_pkey` and `mprotect_fixup`.
  @discardableResult
  public mutating func protect(
    address: UInt64,
    length: UInt64,
    protection: Protection
  ) -> (error: ErrorNumber?, changed: [Range<VirtualPageNumber>]) {
    let address = VirtualPageNumber.untagged(address)
    guard isAligned(address) else { return (.einval, []) }
    guard length > 0 else { return (nil, []) }
    guard let pages = pageCount(of: length),
      !address.addingReportingOverflow(pages << UInt64(pageSize.shift)).overflow
    else { return (.enomem, []) }
    guard protection.isSubset(of: Self.knownProtection) else { return (.einval, []) }
    let whole = range(address, pages: pages)

    var changed: [Range<VirtualPageNumber>] = []
    var position = whole.lowerBound
    while position < whole.upperBound {
      let index = firstIndex(endingAfter: position)
      guard index < areas.count, areas[index].start <= position else { return (.enomem, changed) }
      let area = areas[index]
      let part = position..<min(whole.upperBound, area.end)
      let flags = Self.flags(of: area, under: protection)
      if protection.contains(.write), area.flags.contains(.neverWritable) {
        return (.eacces, changed)
      }
      if flags.contains(.mte), !flags.contains(.mteAllowed) { return (.einval, changed) }
      let kept = protection.intersection([.read, .write, .execute, .branchTarget])
      if kept != area.protection || flags != area.flags {
        if let error = modify(index, part: part, protection: kept, flags: flags) {
          return (error, changed)
        }
        changed.appendJoining(part)
      }
      position = part.upperBound
    }
    return (nil, changed)
  }

  private static let knownProtection: Protection = [
    .read, .write, .execute, .semaphore, .branchTarget, .mte,
  ]

  /// The flags of `area` under a new protection.
  ///
  /// Memory is committed for a private mapping that becomes writable, and the commitment is only
  /// given back where the mapping was never written to.
  private static func flags(
    of area: VirtualMemoryArea,
    under protection: Protection
  ) -> VMAFlags {
    var flags = area.flags
    if protection.contains(.mte) { flags.insert(.mte) }
    if protection.contains(.write) {
      if !area.protection.contains(.write), flags.isDisjoint(with: [.shared, .noReserve]) {
        flags.insert(.accounted)
      }
    } else if area.isFilledByKernel, area.anonVMA == 0 {
      flags.remove(.accounted)
    }
    return flags
  }
}
