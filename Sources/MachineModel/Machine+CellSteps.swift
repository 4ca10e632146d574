// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import PhysicalMemory
import TagStorage

// How cells come to hold tags, and stop to. What a thread of its own does in XNU is done at once, in the
// request that would have woken it.
// Source: specification of tag storage, section 15.12.

extension Machine {
  /// Claimed cells that one run of the refill thread tries in vain before it leaves the others alone.
  private static let reclaimTries = 8

  /// Free pages to be tagged that there should be: the high mark.
  ///
  /// Below half of it a request activates a cell itself; a quarter of it is the reserve.
  private var taggableTarget: Int { buddy.reclaimGoal(upTo: .movable, least: 0) }

  /// Sees to it that a tagged request finds a page.
  mutating func provideTaggablePages(_ policy: CellPolicy) {
    let target = taggableTarget
    guard cells.taggableFreePages < target else { return }
    if cells.taggableFreePages < target / 2, let cell = cells.cellToActivateInline(policy),
      activate(cell)
    {
      return
    }
    // With pages in reserve, the thread acts only while memory as a whole is in no need.
    let isPlentiful =
      (buddy.freePages - buddy.freeCMAPages) * 15 >= buddy.reclaimGoal(upTo: .movable, least: 0)
      * 16
    guard cells.taggableFreePages <= target / 4 || isPlentiful else { return }
    refillCells(upTo: isPlentiful ? target : target / 4 + 1)
  }

  /// One run of the refill thread.
  private mutating func refillCells(upTo pages: Int) {
    counters.add(.cellRefills)
    var failures = 0
    while cells.taggableFreePages < pages,
      let step = cells.refillStep(mayReclaim: failures < Self.reclaimTries)
    {
      counters.add(.cellRefillSteps)
      switch step {
      case .activate(let cell):
        guard activate(cell) else { return }
      case .reclaim(let cell):
        failures += reclaim(cell) ? 0 : 1
      }
    }
  }

  /// Makes an inactive cell hold tags.
  ///
  /// - Returns: `false` where its page cannot be had, which only an injected defect makes happen.
  @discardableResult
  mutating func activate(_ cell: Int) -> Bool {
    cells.move(cell, to: .activating)
    return finishActivation(of: cell)
  }

  /// Takes the free page of a cell and makes it hold tags.
  private mutating func finishActivation(of cell: Int) -> Bool {
    noteSlow()
    guard let reservation, take(cell, reservation) == .reserved else {
      cells.move(cell, to: .inactive)
      return false
    }
    counters.add(.reserveHeld)
    counters.add(.cellActivations)
    blocks.hold(cell)
    cells.move(cell, to: .active)
    return true
  }

  /// Gives up a cell that holds no tags.
  mutating func deactivate(_ cell: Int) {
    noteSlow()
    cells.move(cell, to: .deactivating)
    counters.add(.cellDeactivations)
    blocks.letGo(cell)
    giveBack(cell)
    cells.move(cell, to: .inactive)
  }

  /// Moves the data of a claimed cell elsewhere and makes the cell hold tags.
  private mutating func reclaim(_ cell: Int) -> Bool {
    let frame = tagFrame(ofCell: cell)
    noteSlow()
    cells.move(cell, to: .reclaiming)
    let isPoolPage = frames[frame].use == .compressed
    finishWrites()
    // A page that waits for its list could not be moved.
    if !frames[frame].flags.contains(.onList) { drainAllBatches() }
    if [.moved, .dropped].contains(migrateAway(frame)) {
      counters.add(.cellReclaims)
      if isPoolPage { counters.add(.cellPoolRelocations) }
      return finishActivation(of: cell)
    }
    counters.add(.cellReclaimFail)
    if buddy.isFree(frame, frames: frames) {
      cells.move(cell, to: .inactive)
    } else if isPinned(frame) {
      counters.add(.cellReclaimFailPinned)
      cells.move(cell, to: .pinned)
    } else {
      cells.move(cell, to: .claimed)
    }
    return false
  }

  /// The cells against frames and tag blocks, each recomputed from scratch.
  func checkCells() throws(BrokenInvariant) {
    guard cells.count > 0 else { return }
    try cells.verifyInvariants()
    for number in 0..<frames.count {
      let cell = TagCells.cell(covering: number)
      let isMarked = cells[cell].freeMask >> UInt32(number % TagCell.coveredPages) & 1 == 1
      let isHandedOut =
        !region.tags.contains(number)
        || cells[number - region.tags.lowerBound].state == .disabled
      try BrokenInvariant.unless(
        isMarked == (isHandedOut && frames[number].use == .free),
        "cells",
        "frame \(number) is \(frames[number].use), its cell says free: \(isMarked)"
      )
    }
    for cell in 0..<cells.count {
      let use = frames[tagFrame(ofCell: cell)].use
      let isRight =
        switch cells[cell].state {
        case .disabled: true
        case .inactive: use == .free
        case .claimed, .pinned: use == .anonymous || use == .compressed || use == .file
        case .active: use == .tagBlock
        case .activating, .deactivating, .reclaiming: false
        }
      try BrokenInvariant.unless(
        isRight && Int(cells[cell].tagged) == blocks.count(ofBlock: cell),
        "cells",
        "cell \(cell), \(cells[cell]), has \(blocks.count(ofBlock: cell)) shares and is \(use)"
      )
      try BrokenInvariant.unless(
        cells[cell].state != .pinned || isPinned(tagFrame(ofCell: cell)),
        "cells",
        "cell \(cell) is pinned, and its page is not"
      )
    }
  }
}
