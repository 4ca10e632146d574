// SPDX-License-Identifier: Apache-2.0

import MachineModel
import MemoryModel

extension MachineKey {
  /// What events cost in time, for the times and waits in reports.
  static let costs: [MachineKey] = CostParameter.allCases.map { parameter in
    let range = 0...CostParameter.largestNanoseconds
    return MachineKey(
      parameter.key,
      values: "\(range.lowerBound) to \(range.upperBound)",
      unit: "nanoseconds",
      meaning: "\(meaning(of: parameter)) Time is estimated only and decides nothing.",
      source: parameter.isMeasured
        ? "this model; calibrated by one published measurement"
        : "this model; assumed, no source states it",
      read: { "\($0.costs[parameter])" },
      write: { configuration, text in
        guard let value = wholeNumber(text, in: range) else { return false }
        configuration.costs[parameter] = value
        return true
      }
    )
  }

  private static func meaning(of parameter: CostParameter) -> String {
    switch parameter {
    case .access: "One access of a program to memory that is present."
    case .mappingCall: "One system call that changes mappings or descriptors."
    case .fault:
      "One run of the fault handler, with the allocation of a page and without writing it."
    case .faultRetried:
      "One fault handler that gives up and starts again, beside what it does then."
    case .pageZeroed: "Zeroing one page."
    case .pageFilled: "Filling one page with a byte, or with zeros and a tag."
    case .pageCopied: "Copying one page, with its tags."
    case .pageUnmapped: "Taking one page away from a program and freeing it."
    case .pageForked: "Copying one page-table entry for a child at a fork."
    case .reserveCall: "Asking for the tag storage of one page: a mutex and a lookup."
    case .reserveFast: "Taking one tag block from the free lists."
    case .contiguousAttempt:
      "One attempt at a tag block by contiguous allocation: isolating pageblocks and draining page lists."
    case .interrupt: "One interrupt that empties the LRU batch of a CPU."
    case .pageMigrated: "Migrating one page, or trying to, beside copying it."
    case .dataLine: "Invalidating one data cache line of a tag block."
    case .tagLine: "Invalidating one tag cache line of a page that is freed."
    case .directReclaim: "One entry to direct reclaim, of the machine or of a memory group."
    case .pageScanned: "Looking at one page on an LRU list."
    case .pageReclaimed: "Unmapping one page for reclaim and freeing it, beside writing it."
    case .pageCompressed: "Compressing one page into zram."
    case .pageDecompressed: "Reading one page back from zram."
    case .deviceWrite: "Writing one page to a disk; nobody waits for it."
    case .deviceRead: "Reading one page from a disk, whether it was asked for or read ahead."
    case .fileRead: "Reading one page of a file, whether it was asked for or read ahead."
    case .tagsSaved: "Reading the tags of one page, compressing and storing them at swap-out."
    case .tagsRestored: "Decompressing the tags of one page and writing them at swap-in."
    case .tagsParked: "Keeping the tags of one page aside for a frame without tag storage."
    }
  }
}
