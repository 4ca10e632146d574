// SPDX-License-Identifier: Apache-2.0

import TagStorage

/// Cells as plain arrays, for tests: every page has its own state, and every question looks at all cells.
struct ReferenceCells {
  enum Page { case free, tagged, used }

  struct Cell {
    var state: CellState
    var pages: [Page]
    /// When the cell came to where it is in the queues, and in its group.
    var queuedAt = 0
    var groupedAt = 0

    var free: Int { pages.count { $0 == .free } }
    var tagged: Int { pages.count { $0 == .tagged } }
    var used: Int { pages.count { $0 == .used } }

    /// The bucket by its limits as the specification states them.
    var bucket: Int {
      switch free {
      case 0: 0
      case 1...8: 1
      case 9...16: 2
      case 17...24: 3
      default: 4
      }
    }

    /// The queue, from the words of the specification.
    var queue: Int? {
      if free == 0 { return nil }
      switch state {
      case .disabled, .pinned: return 0
      case .claimed: return free <= 16 ? 0 : 1
      case .inactive, .deactivating: return free <= 16 ? 1 : 2
      case .activating, .reclaiming: return 7
      case .active:
        let t = tagged + free / 5
        let n = t - min(t, used) / 3
        // floor(log2(n / 4)) + 1, by doubling.
        var index = 0
        var limit = 4
        while n >= limit {
          index += 1
          limit *= 2
        }
        return 3 + index
      }
    }

    var isIdle: Bool { state == .active && tagged == 0 && free == 0 }
    var group: [Int] { [Int(state.rawValue), isIdle ? 9 : bucket] }
  }

  var cells: [Cell]
  private var clock = 0

  init(count: Int, firstDisabled: Int) {
    cells = (0..<count).map {
      Cell(
        state: $0 < firstDisabled ? .inactive : .disabled,
        pages: [Page](repeating: .used, count: 32),
        groupedAt: $0
      )
    }
    clock = count
  }

  mutating func change(_ number: Int, _ body: (inout Cell) -> Void) {
    let old = cells[number]
    body(&cells[number])
    clock += 1
    if cells[number].queue != old.queue { cells[number].queuedAt = clock }
    if cells[number].group != old.group { cells[number].groupedAt = clock }
  }

  /// The cells of a queue, oldest first.
  func queue(_ queue: Int) -> [Int] {
    cells.indices.filter { cells[$0].queue == queue }
      .sorted { cells[$0].queuedAt < cells[$1].queuedAt }
  }

  /// The cells of a state and bucket, oldest first; 9 for those that nobody needs.
  func group(_ state: CellState, _ bucket: Int) -> [Int] {
    cells.indices.filter { cells[$0].group == [Int(state.rawValue), bucket] }
      .sorted { cells[$0].groupedAt < cells[$1].groupedAt }
  }

  func untagged(mayBeTagStorage: Bool) -> Int? {
    (0..<8).flatMap(queue).first { mayBeTagStorage || cells[$0].state != .disabled }
      .map(firstFree)
  }

  var tagged: Int? { [6, 5, 4, 3].flatMap(queue).first.map(firstFree) }

  private func firstFree(_ cell: Int) -> Int {
    cell * 32 + (cells[cell].pages.firstIndex { $0 == .free } ?? -1)
  }

  /// The best bucket above the first, as an array of its cells.
  private func best(_ state: CellState) -> (bucket: Int, cells: [Int])? {
    for bucket in [4, 3, 2, 1] {
      let found = group(state, bucket)
      if !found.isEmpty { return (bucket, found) }
    }
    return nil
  }

  func step(mayReclaim: Bool) -> CellStep? {
    let inactive = best(.inactive)
    let claimed = mayReclaim ? best(.claimed) : nil
    if let inactive,
      claimed == nil || inactive.bucket >= 3 || inactive.bucket >= claimed?.bucket ?? 0
    {
      return .activate(inactive.cells[0])
    }
    return claimed.map { .reclaim($0.cells[0]) }
  }

  func claim(targetPercent: Int) -> Int? {
    let inactive = cells.count { $0.state == .inactive }
    let isAboveTarget = inactive * 100 > cells.count * targetPercent
    return (isAboveTarget ? 0...4 : 0...1).flatMap { group(.inactive, $0) }.first
  }

  func inline(from least: Int) -> Int? {
    [4, 3, 2, 1].flatMap { group(.inactive, $0) }.first { cells[$0].free >= least }
  }
}
