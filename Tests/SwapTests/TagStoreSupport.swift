// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import Swap
import TestSupport

extension TagStore {
  mutating func save(page: [UInt8], _ entry: SwapEntry) throws(TagStoreError) {
    try save(page.span, for: entry)
  }

  borrowing func restored(_ entry: SwapEntry) throws(TagStoreError) -> [UInt8]? {
    var page = [UInt8](repeating: 0x5a, count: pageSize.tagBytes)
    var output = page.mutableSpan
    let isSaved = try load(entry, into: &output)
    return isSaved ? page : nil
  }
}

/// A tag page of `runs` runs of random places and tags.
func randomPage(
  _ pageSize: PageSize,
  runs: Int,
  using random: inout SplitMix64
) -> [UInt8] {
  var starts: Set<Int> = [0]
  while starts.count < runs { starts.insert(Int.random(in: 1..<pageSize.granules, using: &random)) }
  var page = [UInt8](repeating: 0, count: pageSize.tagBytes)
  var tag = UInt8.random(in: 0...15, using: &random)
  for granule in 0..<pageSize.granules {
    if granule > 0 && starts.contains(granule) {
      tag = (tag + UInt8.random(in: 1...15, using: &random)) & 15
    }
    page[granule / 2] |= tag << UInt8(granule % 2 * 4)
  }
  return page
}
