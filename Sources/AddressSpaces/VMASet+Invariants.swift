// SPDX-License-Identifier: Apache-2.0

public import Containers
import MemoryModel

extension VMASet: InvariantChecks {
  /// Checks that the set does not contradict itself.
  ///
  /// V1: sorted, not overlapping, not empty, inside the address space. V3: tagged VMAs allow tags.
  /// V4 holds by construction, since `count` is the length of the array. V2, that no neighbours are
  /// left that are alike in all respects, holds only at the VMAs that a merging operation touched; a
  /// first write that borrows a reverse map can leave such neighbours elsewhere, as in the kernel.
  public func verifyInvariants() throws(BrokenInvariant) {
    var end = VirtualPageNumber(rawValue: 0)
    for area in areas {
      try BrokenInvariant.unless(area.start >= end, "V1", "VMA \(area.pages) starts below \(end)")
      try BrokenInvariant.unless(area.start < area.end, "V1", "VMA at \(area.start) is empty")
      if area.flags.contains(.mte) {
        try BrokenInvariant.unless(
          area.flags.contains(.mteAllowed),
          "V3",
          "VMA \(area.pages) is tagged"
        )
      }
      try BrokenInvariant.unless(
        (area.fileIdentity == 0) == area.flags.isDisjoint(with: [.shared, .file, .reference]),
        "V1",
        "VMA \(area.pages): file identity \(area.fileIdentity) does not suit its flags"
      )
      try BrokenInvariant.unless(
        area.flags.contains(.reference) || !area.flags.contains(.fileOperations),
        "V1",
        "VMA \(area.pages) has operations and no reference page"
      )
      try BrokenInvariant.unless(
        area.anonVMA != 0 || !area.forkInherited,
        "V1",
        "VMA \(area.pages) inherited no reverse map"
      )
      try BrokenInvariant.unless(
        area.anonVMA < nextAnonVMA,
        "V1",
        "VMA \(area.pages): unknown reverse map"
      )
      end = area.end
    }
    try BrokenInvariant.unless(end <= taskEnd, "V1", "VMA ends at \(end), above the address space")
    try BrokenInvariant.unless(
      areas.count <= limit + 3,
      "V4",
      "\(areas.count) VMAs, limit \(limit)"
    )
  }

  /// The indices of VMAs that are like the next one in all respects.
  var mergeableIndices: [Int] {
    areas.indices.dropLast().filter {
      areas[$0].isContinued(by: areas[$0 + 1]) && areas[$0].anonVMA == areas[$0 + 1].anonVMA
    }
  }
}
