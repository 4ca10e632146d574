// SPDX-License-Identifier: Apache-2.0

import MemoryModel

extension VMASet {
  /// Stops the program where the set contradicts itself.
  ///
  /// V1: sorted, not overlapping, not empty, inside the address space. V3: tagged VMAs allow tags.
  /// V4 holds by construction, since `count` is the length of the array. V2, that no neighbours are
  /// left that are alike in all respects, holds only at the VMAs that a merging operation touched; a
  /// first write that borrows a reverse map can leave such neighbours elsewhere, as in the kernel.
  public func checkInvariants() {
    var end = VirtualPageNumber(rawValue: 0)
    for area in areas {
      precondition(area.start >= end, "V1: VMA \(area.pages) starts below \(end)")
      precondition(area.start < area.end, "V1: VMA at \(area.start) is empty")
      if area.flags.contains(.mte) {
        precondition(area.flags.contains(.mteAllowed), "V3: VMA \(area.pages) is tagged")
      }
      precondition(
        (area.fileIdentity == 0) == area.flags.isDisjoint(with: [.shared, .file, .reference]),
        "VMA \(area.pages): file identity \(area.fileIdentity) does not suit its flags"
      )
      precondition(
        area.flags.contains(.reference) || !area.flags.contains(.fileOperations),
        "VMA \(area.pages) has operations and no reference page"
      )
      precondition(
        area.anonVMA != 0 || !area.forkInherited,
        "VMA \(area.pages) inherited no reverse map"
      )
      precondition(area.anonVMA < nextAnonVMA, "VMA \(area.pages): unknown reverse map")
      end = area.end
    }
    precondition(end <= taskEnd, "V1: VMA ends at \(end), above the address space")
    precondition(areas.count <= limit + 3, "V4: \(areas.count) VMAs, limit \(limit)")
  }

  /// The indices of VMAs that are like the next one in all respects.
  var mergeableIndices: [Int] {
    areas.indices.dropLast().filter {
      areas[$0].isContinued(by: areas[$0 + 1]) && areas[$0].anonVMA == areas[$0 + 1].anonVMA
    }
  }
}
