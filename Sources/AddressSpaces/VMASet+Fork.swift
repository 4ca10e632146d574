// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

extension VMASet {
  /// Gives the VMA of a first private write its reverse map, which decides what it can merge with.
  ///
  /// A neighbour's reverse map is taken over where the two could be one VMA but for their permission,
  /// and the neighbour's was not inherited; the neighbour above is asked first. Does nothing where a
  /// reverse map exists, in shared memory, or where nothing is mapped.
  ///
  /// - Complexity: O(log *n*), where *n* is the number of VMAs.
  ///
  /// Source: Linux v6.8 `anon_vma_prepare` and `find_mergeable_anon_vma`.
  public mutating func noteAnonymousWrite(at page: VirtualPageNumber) {
    let index = firstIndex(endingAfter: page)
    guard index < areas.count, areas[index].start <= page else { return }
    guard areas[index].anonVMA == 0, !areas[index].flags.contains(.shared) else { return }
    if index + 1 < areas.count, areas[index + 1].canLend(to: areas[index]) {
      areas[index].anonVMA = areas[index + 1].anonVMA
    } else if index > 0, areas[index - 1].canLend(to: areas[index]) {
      areas[index].anonVMA = areas[index - 1].anonVMA
    } else {
      areas[index].anonVMA = takeAnonVMA()
    }
  }

  /// The set of a child that is forked now.
  ///
  /// VMAs with ``VMAFlags/dontFork`` are left out, locks are dropped, and a VMA that was written to gets
  /// a reverse map of its own that is marked as inherited; one with ``VMAFlags/wipeOnFork`` starts
  /// without. Whose page tables are copied is ``VirtualMemoryArea/isCopiedAtFork``, asked of the
  /// parent's VMAs.
  ///
  /// Source: Linux v6.8 `dup_mmap` and `anon_vma_fork`.
  public func forked() -> VMASet {
    var child = self
    child.areas.removeAll { $0.flags.contains(.dontFork) }
    for index in child.areas.indices {
      child.areas[index].flags.remove(.locked)
      if child.areas[index].flags.contains(.wipeOnFork) {
        child.areas[index].anonVMA = 0
        child.areas[index].forkInherited = false
      } else if child.areas[index].anonVMA != 0 {
        child.areas[index].anonVMA = child.takeAnonVMA()
        child.areas[index].forkInherited = true
      }
    }
    return child
  }

  private mutating func takeAnonVMA() -> UInt32 {
    defer { nextAnonVMA += 1 }
    return nextAnonVMA
  }
}

extension VirtualMemoryArea {
  /// Whether fork copies the page-table entries: only private pages that exist need it, all others
  /// are faulted in again.
  ///
  /// Source: Linux v6.8 `vma_needs_copy`.
  public var isCopiedAtFork: Bool {
    anonVMA != 0 && flags.isDisjoint(with: [.dontFork, .wipeOnFork])
  }

  /// Whether a neighbour may use this VMA's reverse map.
  fileprivate func canLend(to other: VirtualMemoryArea) -> Bool {
    guard anonVMA != 0, !forkInherited else { return false }
    let (low, high) = start < other.start ? (self, other) : (other, self)
    return low.end == high.start
      && low.flags.subtracting(.labels) == high.flags.subtracting(.labels)
      && low.protection.contains(.branchTarget) == high.protection.contains(.branchTarget)
      && low.fileIdentity == high.fileIdentity
      && low.pageOffset + UInt64(low.pageCount) == high.pageOffset
  }
}
