// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import PhysicalMemory

/// A memory control group: its charge, its limit, and the LRU lists of its pages.
///
/// Without limits, all processes share one group, whose lists are then those of the node.
///
/// Source: Linux v6.8 memory controller and `lruvec`; specification of the kernel around us,
/// sections 6.1 and 6.4.
struct MemoryGroup: BitwiseCopyable, Sendable {
  /// `memory.max` in pages, `nil` without a limit.
  let limitPages: Int?
  /// Pages charged: anonymous, swap-cache and file pages, page tables, and what describes address
  /// spaces.
  var chargedPages = 0

  /// Pages that are candidates for reclaim, youngest at the head.
  var inactive = FrameList()
  /// Pages that were used again, youngest at the head.
  var active = FrameList()
  /// Pages of files that are candidates for reclaim, and pages that MADV_FREE made droppable; youngest
  /// at the head.
  var inactiveFile = FrameList()
  /// Pages of files that were used again, youngest at the head.
  var activeFile = FrameList()

  /// The clock of refaults, which evicted pages leave behind: evictions and activations so far.
  ///
  /// Under the multi-generational LRU it is the sequence number of the oldest generation instead.
  var nonresidentAge: UInt64 = 0
  /// What an eviction or an activation adds to ``nonresidentAge``: 0 where generations set the clock.
  let agePerEviction: UInt64
  /// The clock of refaults of file pages where generations set ``nonresidentAge``.
  private var ownFileAge: UInt64 = 0
  /// Refaults that went straight to the active list, for the decision to deactivate.
  var activations: UInt64 = 0
  /// ``activations`` when direct reclaim last ended.
  var activationsSnapshot: UInt64 = 0
  /// ``activations`` of pages of files.
  var fileActivations: UInt64 = 0
  /// ``fileActivations`` when direct reclaim last ended.
  var fileActivationsSnapshot: UInt64 = 0
  /// The decaying cost of reclaiming anonymous pages.
  private(set) var anonymousCost: UInt64 = 0
  /// The decaying cost of reclaiming pages of files.
  private(set) var fileCost: UInt64 = 0
  /// Whether the lists of file pages count where costs are weighed: the machine models file pages.
  private let weighsFiles: Bool

  /// ``inactivePages`` when the statistics were last flushed.
  var knownInactivePages = 0
  /// ``activePages`` when the statistics were last flushed.
  var knownActivePages = 0
  /// ``inactiveFilePages`` when the statistics were last flushed.
  var knownInactiveFilePages = 0
  /// ``activeFilePages`` when the statistics were last flushed.
  var knownActiveFilePages = 0

  init(limitPages: Int?, replacement: PageReplacement, filePages: FilePageModel) {
    self.limitPages = limitPages
    agePerEviction = replacement == .multiGenerational ? 0 : 1
    weighsFiles = filePages == .on
  }

  /// Pages on ``inactive``.
  var inactivePages: Int { Int(inactive.count) }
  /// Pages on ``active``.
  var activePages: Int { Int(active.count) }
  /// Pages on ``inactiveFile``.
  var inactiveFilePages: Int { Int(inactiveFile.count) }
  /// Pages on ``activeFile``.
  var activeFilePages: Int { Int(activeFile.count) }

  /// The clock of refaults of file pages: that of all pages, unless generations set it.
  var fileAge: UInt64 {
    get { agePerEviction == 0 ? ownFileAge : nonresidentAge }
    set {
      if agePerEviction == 0 { ownFileAge = newValue } else { nonresidentAge = newValue }
    }
  }

  /// Notes that a call for reclaim has ended: refaults that it caused count for the next one.
  mutating func noteReclaimEnded() {
    activationsSnapshot = activations
    fileActivationsSnapshot = fileActivations
  }

  /// Lets decisions see how long the lists are now.
  ///
  /// The kernel counts list lengths CPU by CPU and adds them up when a pass of reclaim begins, and every
  /// two seconds. The balance of the lists and the working set of a refault are judged by those sums,
  /// so that what a pass itself moved is seen by the next one; how much to scan follows the exact
  /// lengths.
  ///
  /// Source: Linux v6.8 `mem_cgroup_flush_stats`, `lruvec_page_state` and `lruvec_lru_size`.
  mutating func flushStatistics() {
    knownInactivePages = inactivePages
    knownActivePages = activePages
    knownInactiveFilePages = inactiveFilePages
    knownActiveFilePages = activeFilePages
  }

  /// Whether the inactive list is too short for the active one, as far as the statistics know.
  ///
  /// `inactive * R < active` with R = isqrt(10 * GiB of both lists), 1 below 1 GiB.
  func isInactiveLow(_ kind: PageKind = .anonymous, pageSize: PageSize) -> Bool {
    let (inactive, active) =
      kind == .anonymous
      ? (knownInactivePages, knownActivePages) : (knownInactiveFilePages, knownActiveFilePages)
    let gibibytes = (inactive + active) * pageSize.bytes >> 30
    let ratio = gibibytes == 0 ? 1 : integerSquareRoot(10 * gibibytes)
    return inactive * ratio < active
  }

  /// Adds to the cost of reclaiming pages of one kind; costs decay by halves when they outgrow the
  /// lists.
  mutating func noteCost(_ amount: Int, of kind: PageKind = .anonymous) {
    switch kind {
    case .anonymous: anonymousCost += UInt64(amount)
    case .file: fileCost += UInt64(amount)
    }
    var pages = inactivePages + activePages
    if weighsFiles { pages += inactiveFilePages + activeFilePages }
    guard anonymousCost + fileCost > UInt64(pages) / 4 else { return }
    anonymousCost /= 2
    fileCost /= 2
  }

  /// How many pages of an anonymous list of `size` to scan at `priority`, with no file pages to share
  /// with.
  ///
  /// Swappiness scales the amount, never the choice.
  func scanAmount(size: Int, priority: Int, swappiness: Int) -> Int {
    let shifted = size >> priority
    if priority == 0 { return swappiness == 0 ? 0 : shifted }
    return share(of: shifted, .anonymous, swappiness: swappiness)
  }

  /// The share of `pages` of a list of one kind that its cost and the swappiness leave to be scanned.
  ///
  /// The anonymous share is ap / (ap + fp), where ap = s(T + 1)/(A + 1) and
  /// fp = (200 - s)(T + 1)/(F + 1), with A = 2a + f, F = a + 2f and T = A + F for the decayed costs a
  /// and f of reclaim so far; that of files is the rest.
  ///
  /// A list that a priority shift makes empty is not scanned at that priority.
  ///
  /// Source: Linux v6.8 `get_scan_count`.
  func share(of pages: Int, _ kind: PageKind, swappiness: Int) -> Int {
    let anonymous = 2 * anonymousCost + fileCost
    let file = anonymousCost + 2 * fileCost
    let total = anonymous + file
    let anonymousShare = UInt64(swappiness) * (total + 1) / (anonymous + 1)
    let fileShare = UInt64(200 - swappiness) * (total + 1) / (file + 1)
    let share = kind == .anonymous ? anonymousShare : fileShare
    return Int(UInt64(pages) * share / (anonymousShare + fileShare))
  }
}

/// The two kinds of pages that reclaim weighs against each other.
enum PageKind {
  /// Pages that go to swap.
  case anonymous
  /// Pages of files, and pages that MADV_FREE made droppable.
  case file
}

/// The largest integer whose square is at most `value`.
func integerSquareRoot(_ value: Int) -> Int {
  var root = 0
  while (root + 1) * (root + 1) <= value { root += 1 }
  return root
}
