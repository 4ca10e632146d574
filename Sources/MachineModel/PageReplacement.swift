// SPDX-License-Identifier: Apache-2.0

/// How a machine chooses the pages to evict.
public enum PageReplacement: String, CaseIterable, Sendable {
  /// The kernel's inactive and active lists, with a second chance and refault distances.
  case twoList = "two-list"
  /// The kernel's multi-generational LRU: page tables are walked for young bits, and pages move on in
  /// up to four generations.
  case multiGenerational = "mglru"
  /// Exactly the page that was used least recently, which no kernel can afford to know.
  case exact
  /// The textbook's clock: the oldest page that was not used since it was loaded or last looked at.
  case clock

  /// Whether it is one of the two that research compares with, and not one of the kernel's.
  ///
  /// These have one list, take pages without batches, and evict a single page where a memory group is at
  /// its limit.
  var isBaseline: Bool { self == .exact || self == .clock }
}
