// SPDX-License-Identifier: Apache-2.0

import MachineModel
import MemoryModel

extension MachineKey {
  /// What events cost in time, for the estimate of `mtesim replay --costs`.
  static let costs: [MachineKey] = [
    cost("cost.access", \.costs.access, "One access of a program to memory that is present."),
    cost(
      "cost.mapping-call",
      \.costs.mappingCall,
      "One system call that changes mappings or descriptors."
    ),
    cost(
      "cost.fault",
      \.costs.fault,
      "One run of the fault handler, with the allocation of a page and without writing it."
    ),
    cost("cost.page-zeroed", \.costs.pageZeroed, "Zeroing one page."),
    cost(
      "cost.page-filled",
      \.costs.pageFilled,
      "Filling one page with a byte, or with zeros and a tag."
    ),
    cost("cost.page-copied", \.costs.pageCopied, "Copying one page, with its tags."),
    cost(
      "cost.page-unmapped",
      \.costs.pageUnmapped,
      "Taking one page away from a program and freeing it."
    ),
  ]

  private static func cost(
    _ name: String,
    _ path: any ConfigurationPath<Int>,
    _ meaning: String
  ) -> MachineKey {
    .number(
      name,
      path,
      in: 0...1_000_000_000,
      unit: "nanoseconds",
      meaning: "\(meaning) Time is estimated only and decides nothing.",
      source: "this model; calibrated by one published measurement"
    )
  }
}
