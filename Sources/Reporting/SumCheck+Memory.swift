// SPDX-License-Identifier: Apache-2.0

import MemoryModel

extension SumCheck {
  mutating func checkTagOverhead() {
    let uses = MemoryCategory.tagOverhead.map { design[$0] }
    let total = design.tagOverhead
    let means = uses.reduce(0) { $0 + $1.mean }
    atMost("the sum of means", means, "tag_overhead.mean", total.mean)
    // Each category's mean is rounded down and so lost less than one byte.
    let lost = UInt64(uses.count { $0.peak > 0 })
    atMost("tag_overhead.mean", total.mean, "the sum of means + rounding", means + max(lost, 1) - 1)
    equal(
      "tag_overhead.last",
      total.last,
      "the sum of last values",
      uses.reduce(0) { $0 + $1.last }
    )
    atMost("the largest peak", uses.map(\.peak).max() ?? 0, "tag_overhead.peak", total.peak)
    atMost("tag_overhead.peak", total.peak, "the sum of peaks", uses.reduce(0) { $0 + $1.peak })
    checkStatistics(total, "tag_overhead")
  }

  mutating func checkTagStorage() {
    let uses: [MemoryCategory] = [
      .tagStorageWithheld, .tagStorageIdle, .tagStorageHeld, .tagStorageData, .tagStorageFree,
    ]
    atMost(
      "the sum of uses",
      uses.reduce(0) { $0 + design[$1].last },
      "tag storage",
      report.machine.tagStorageBytes
    )
    atMost(
      "pages_with_tag_storage",
      design[.pagesWithTagStorage].last,
      "32 * tag_storage_held",
      clampedProduct(32, design[.tagStorageHeld].last)
    )
  }

  mutating func checkFrames() {
    let uses: [MemoryCategory] = [
      .anonymous, .swapCache, .filePages, .free, .storeMemUsed, .zramMemUsed, .zramTable,
    ]
    let used = uses.reduce(0) { clampedSum($0, design[$1].last) }
    let names = uses.map(\.name).joined(separator: " + ")
    atMost(names, used, "RAM", report.machine.ramBytes)
    atMost("free_cma", design[.freeCma].last, "free", design[.free].last)
  }

  mutating func checkStore() {
    let left = count(.storeReclaimed, .storeRecalled, .storeInvalidated)
    equal(
      "bytes of store_stored",
      clampedProduct(count(.storeStored), report.machine.pageBytes),
      "bytes of copies given up + store_orig_data",
      clampedSum(clampedProduct(left, report.machine.pageBytes), design[.storeOrigData].last)
    )
    atMost(
      "store_written",
      count(.storeWritten),
      "store_reclaimed + store_recalled",
      count(.storeReclaimed, .storeRecalled)
    )
    guard design[.storeMemUsed].last > 0 else { return }
    equal(
      "store_mem_used",
      design[.storeMemUsed].last,
      "tag_storage_data",
      design[.tagStorageData].last
    )
  }

  mutating func checkZram() {
    let (held, compressed) = (design[.zramOrigData].last, design[.zramComprData].last)
    let (same, huge) = (design[.zramSame].last, design[.zramHuge].last)
    atMost("zram_same + zram_huge", clampedSum(same, huge), "zram_orig_data", held)
    atMost("zram_huge", huge, "zram_compr_data", compressed)
    atMost(
      "zram_compr_data + zram_same",
      clampedSum(compressed, same),
      "zram_orig_data",
      held
    )
    atMost("zram_compr_data", compressed, "zram_mem_used", design[.zramMemUsed].last)
    let refused = count(.swapoutRefusedZramLimit, .swapoutRefusedZramMemory)
    atMost("swap-outs that zram refused", refused, .pswpoutSync)
    atMost(.pswpoutSync, .pswpout)
  }

  mutating func checkStatistics() {
    for category in MemoryCategory.allCases { checkStatistics(design[category], category.name) }
  }

  private mutating func checkStatistics(_ use: MemoryUse, _ name: String) {
    atMost("\(name).mean", use.mean, "\(name).peak", use.peak)
    atMost("\(name).last", use.last, "\(name).peak", use.peak)
  }

  mutating func checkSavedTags() {
    atMost(.tagsInvalidated, .tagsSavedSwap)
    for savedTags in design.savedTags {
      let name = "\(savedTags.bytes)-byte"
      // Before `live` is asked for, which is a difference and must not become negative.
      guard savedTags.frees <= savedTags.allocations else {
        fail("\(name) frees are \(savedTags.frees), above allocations = \(savedTags.allocations)")
        continue
      }
      let allocations = savedTags.allocations
      atMost("\(name) live objects", savedTags.live, "their peak", savedTags.peak)
      atMost("\(name) peak", savedTags.peak, "allocations", allocations)
      guard let category = MemoryCategory.savedTags(objectBytes: savedTags.bytes) else { continue }
      let bytes = UInt64(savedTags.bytes)
      let use = design[category]
      equal("\(category.name).last", use.last, "\(bytes) * live objects", bytes * savedTags.live)
      atMost("\(category.name).peak", use.peak, "\(bytes) * peak objects", bytes * savedTags.peak)
    }
  }
}
