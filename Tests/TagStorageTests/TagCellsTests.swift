// SPDX-License-Identifier: Apache-2.0

import Containers
import TagStorage
import TestSupport
import Testing

/// The state machine of cells, and the order in which their pages are handed out.
@Suite struct TagCellsTests {
  private func cell(_ state: CellState, tagged: Int, free: Int) -> TagCell {
    var cell = TagCell(state)
    cell.tagged = UInt8(tagged)
    cell.freeMask = free == 32 ? .max : UInt32(1) << UInt32(free) - 1
    return cell
  }

  /// The formula for active cells, worked out by hand.
  @Test(arguments: [
    (tagged: 0, free: 1, rank: 0), (0, 32, 1), (0, 19, 0), (3, 1, 0), (4, 1, 0), (4, 28, 2),
    (6, 1, 1), (10, 1, 1), (12, 1, 2), (16, 16, 3), (16, 1, 2), (20, 12, 3), (24, 1, 3), (31, 1, 3),
  ])
  func ranksOfActiveCells(tagged: Int, free: Int, rank: Int) {
    let cell = cell(.active, tagged: tagged, free: free)
    #expect(cell.activeRank == rank)
    #expect(cell.queue == 3 + rank)
  }

  /// Every state with every number of tagged and free pages against the words of the specification.
  @Test func queuesAndBucketsOfAllCells() {
    for state in CellState.allCases {
      for free in 0...32 {
        for tagged in 0...(state == .active ? 32 - free : 0) {
          let found = cell(state, tagged: tagged, free: free)
          let pages =
            [ReferenceCells.Page](repeating: .free, count: free)
            + .init(repeating: .tagged, count: tagged)
            + .init(repeating: .used, count: 32 - free - tagged)
          let expected = ReferenceCells.Cell(state: state, pages: pages)
          #expect(found.queue == expected.queue, "\(state), \(tagged) tagged, \(free) free")
          #expect(found.bucket == expected.bucket, "\(free) free")
          #expect(found.usedPages == expected.used && found.isDrainable == expected.isIdle)
        }
      }
    }
  }

  /// The transitions that the specification lists, and the one of a failed activation.
  @Test func transitionsAreThoseOfTheTable() {
    let table: [(CellState, CellState)] = [
      (.inactive, .activating), (.inactive, .claimed), (.claimed, .reclaiming),
      (.claimed, .inactive), (.activating, .active), (.activating, .inactive),
      (.active, .deactivating), (.deactivating, .inactive), (.reclaiming, .active),
      (.reclaiming, .claimed), (.reclaiming, .inactive), (.reclaiming, .pinned),
      (.pinned, .claimed),
    ]
    for state in CellState.allCases {
      for next in CellState.allCases {
        let isAllowed = table.contains { $0 == (state, next) }
        #expect(state.successors.contains(next) == isAllowed, "\(state) to \(next)")
      }
    }
    #expect(CellState.allCases.filter(\.isTransient) == [.activating, .deactivating, .reclaiming])
  }

  @Test func anIllegalTransitionStopsTheProgram() async {
    await #expect(processExitsWith: .failure) {
      var cells = TagCells(count: 2, firstDisabled: 1)
      cells.move(0, to: .active)
    }
    await #expect(processExitsWith: .failure) {
      var cells = TagCells(count: 2, firstDisabled: 1)
      cells.noteFree(7)
      cells.noteFree(7)
    }
    await #expect(processExitsWith: .failure) {
      var cells = TagCells(count: 2, firstDisabled: 1)
      cells.addTagged(in: 0)
    }
  }

  @Test func tenthsOfCellsBecomeTheReserve() {
    // 100 of the cells of 12 GiB with pages of 16 KiB.
    var cells = TagCells(count: 24_576, firstDisabled: 24_000)
    for cell in 0..<101 {
      cells.move(cell, to: .activating)
      cells.move(cell, to: .active)
      #expect(cells.cellToDrain() == (cell == 100 ? 0 : nil))
    }
    #expect(cells.fragmentationPerMille == 1000 && cells.drainableCells == 101)
  }

  @Test(arguments: 0..<6)
  func randomStepsAgreeWithPlainArrays(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let count = 12
    var cells = TagCells(count: count, firstDisabled: 10)
    var reference = ReferenceCells(count: count, firstDisabled: 10)
    var policy = CellPolicy()
    policy.claimTargetPercent = [0, 40, 100][random.below(3)]
    policy.inlineFreePages = [1, 13, 17, 25][random.below(4)]
    // Some runs free mostly, so that all buckets are seen.
    let freeing = 3 + random.below(4)
    for step in 0..<3_000 {
      let label: Comment = "seed \(seed), step \(step)"
      let number = random.below(count)
      switch random.below(10) {
      case 0..<freeing: freeSomething(&cells, &reference, in: number, &random)
      case freeing..<8: takeSomething(&cells, &reference, &random, label)
      default: moveSomething(&cells, &reference, number, &random)
      }
      compare(cells, reference, policy, label)
    }
    cells.checkInvariants()
  }

  private func freeSomething(
    _ cells: inout TagCells,
    _ reference: inout ReferenceCells,
    in number: Int,
    _ random: inout SplitMix64
  ) {
    let page = random.below(32)
    switch reference.cells[number].pages[page] {
    case .free: return
    case .tagged:
      cells.removeTagged(in: number)
      reference.change(number) { $0.pages[page] = .used }
      cells.noteFree(number * 32 + page)
      reference.change(number) { $0.pages[page] = .free }
    case .used:
      cells.noteFree(number * 32 + page)
      reference.change(number) { $0.pages[page] = .free }
    }
  }

  private func takeSomething(
    _ cells: inout TagCells,
    _ reference: inout ReferenceCells,
    _ random: inout SplitMix64,
    _ label: Comment
  ) {
    let isTagged = random.below(2) == 0
    let mayBeTagStorage = random.below(2) == 0
    let found =
      isTagged ? cells.pageForTagged() : cells.pageForUntagged(mayBeTagStorage: mayBeTagStorage)
    let expected =
      isTagged ? reference.tagged : reference.untagged(mayBeTagStorage: mayBeTagStorage)
    #expect(found == expected, label)
    guard let found, found == expected else { return }
    cells.noteTaken(found)
    reference.change(found / 32) { $0.pages[found % 32] = .used }
    guard isTagged else { return }
    cells.addTagged(in: found / 32)
    reference.change(found / 32) { $0.pages[found % 32] = .tagged }
  }

  private func moveSomething(
    _ cells: inout TagCells,
    _ reference: inout ReferenceCells,
    _ number: Int,
    _ random: inout SplitMix64
  ) {
    let next = reference.cells[number].state.successors
    guard !next.isEmpty, reference.cells[number].tagged == 0 else { return }
    let state = next[random.below(next.count)]
    cells.move(number, to: state)
    reference.change(number) { $0.state = state }
  }

  private func compare(
    _ cells: borrowing TagCells,
    _ reference: ReferenceCells,
    _ policy: CellPolicy,
    _ label: Comment
  ) {
    cells.checkInvariants()
    let tagged = reference.cells.reduce(0) { $0 + $1.tagged }
    let active = reference.cells.filter { $0.state == .active }
    let taggable = active.reduce(0) { $0 + $1.free }
    let sums = [cells.taggedPages, cells.taggableFreePages, cells.count(of: .active)]
    #expect(sums == [tagged, taggable, active.count], label)
    let claim = cells.cellToClaim(policy)
    #expect(claim == reference.claim(targetPercent: policy.claimTargetPercent), label)
    let inline = cells.cellToActivateInline(policy)
    #expect(inline == reference.inline(from: policy.inlineFreePages), label)
    for mayReclaim in [false, true] {
      let step = cells.refillStep(mayReclaim: mayReclaim)
      #expect(step == reference.step(mayReclaim: mayReclaim), label)
    }
    // One idle cell is kept, because a few cells count as the beginning of 24,576.
    let idle = reference.group(.active, 9)
    #expect(cells.cellToDrain() == (idle.count > 1 ? idle[0] : nil), label)
  }
}
