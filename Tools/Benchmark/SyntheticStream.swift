// SPDX-License-Identifier: Apache-2.0

import Glibc
import MemoryModel

/// A stream of page accesses in which a page's popularity falls as one over its rank.
///
/// The logarithm of the rank is uniform, ranks are scattered over the pages by a fixed permutation,
/// and three accesses of ten are writes. The generator is SplitMix64, so the stream is the same
/// everywhere.
struct SyntheticStream {
  /// Different pages.
  static let pages = 262_144
  /// Frames that the pages compete for.
  static let frames = 65_536
  /// The first page's number in the address space.
  static let firstPage: UInt64 = 0x1000
  /// What the machine's process is charged beside its pages once it has touched all of them: 512 leaf
  /// tables of 512 entries, two tables above them (the pages do not start at a multiple of 1 GiB), one
  /// above these, the top table, and a page of objects for the one mapping.
  static let kernelPages = 512 + 2 + 1 + 1 + 1

  /// The accesses as the loops in C read them: the page, with bit 31 set for a write.
  let words: [UInt32]

  init(seed: UInt64, accesses: Int) {
    var state = seed
    let span = log(Double(Self.pages))
    words = (0..<accesses).map { _ in
      state &+= 0x9e37_79b9_7f4a_7c15
      let random = Self.mix(state)
      let fraction = Double(random >> 11) / Double(1 << 53)
      let rank = min(Int(exp(fraction * span)) - 1, Self.pages - 1)
      // An odd multiplier permutes the numbers below a power of two.
      let page = UInt32(truncatingIfNeeded: rank &* 0x9e37_79b1) & UInt32(Self.pages - 1)
      return page | (random & 0x3ff < 307 ? 1 << 31 : 0)
    }
  }

  /// The accesses as a variant reads them; the loops in C read ``words``.
  func records(for variant: Variant) -> [EventRecord] {
    variant.isReference ? [] : records(tagged: variant == .tagged)
  }

  /// The accesses as events; with tags, each page is tagged after its first access with one to six
  /// runs, as small-object heaps are.
  private func records(tagged: Bool) -> [EventRecord] {
    var seen = [Bool](repeating: false, count: Self.pages)
    var records: [EventRecord] = []
    records.reserveCapacity(words.count + (tagged ? Self.pages * 4 : 0))
    for (index, word) in words.enumerated() {
      let page = word & 0x7fff_ffff
      let isWrite = word >> 31 != 0
      let clock = UInt64(index + 1)
      records.append(
        .touch(page, reads: isWrite ? 0 : 1, writes: isWrite ? 1 : 0, clock: clock)
      )
      guard tagged, !seen[Int(page)] else { continue }
      seen[Int(page)] = true
      appendTagRuns(of: page, clock: clock, to: &records)
    }
    return records
  }

  private func appendTagRuns(
    of page: UInt32,
    clock: UInt64,
    to records: inout [EventRecord]
  ) {
    let runs = 1 + Int(Self.mix(UInt64(page)) % 6)
    let granules = PageSize.kib4.granules
    for run in 0..<runs {
      let first = granules * run / runs
      let end = granules * (run + 1) / runs
      records.append(
        EventRecord(
          kind: .tagRun,
          page: page,
          detail: UInt16(first),
          argument: UInt8(1 + run * 2),
          count: UInt16(end - first),
          clock: clock
        )
      )
    }
  }

  private static func mix(_ value: UInt64) -> UInt64 {
    var mixed = value
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
