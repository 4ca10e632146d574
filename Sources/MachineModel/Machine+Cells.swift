// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import PhysicalMemory
import TagStorage

// Frames by the cells of tag storage. Inactive cells are free frames of the CMA area, active ones are tag
// blocks that are held, whether or not they serve anybody.
// Source: specification of tag storage, section 15.12.

extension Machine {
  /// The cells of a machine, none where the design has none.
  static func makeCells(
    _ policy: DesignPolicy,
    ramPages: Int,
    region: TagStorageRegion
  ) -> TagCells {
    guard policy.cells != nil else { return TagCells(count: 0, firstDisabled: 0) }
    // What cells beyond the memory range cover is tag storage, which is never tagged.
    return TagCells(
      count: ramPages / TagCell.coveredPages,
      firstDisabled: region.memory.count / TagCell.coveredPages
    )
  }

  /// Tells the cells which frames are free, and activates the first of them.
  ///
  /// The cell of the zero page is active for ever, because that page is tagged.
  mutating func bootCells() {
    guard let policy = policy.cells else { return }
    for number in 0..<frames.count where frames[number].use == .free && isCovered(number) {
      cells.noteFree(number)
    }
    activate(TagCells.cell(covering: zeroFrame.index))
    let wanted = cells.count / policy.cellsPerActiveAtBoot
    while cells.count(of: .active) < wanted,
      let cell = cells.first(.inactive, bucket: TagCell.bucketCount - 1)
    {
      activate(cell)
    }
  }

  /// Whether cells hand out a frame: all but tag storage that they can hold tags in.
  private func isCovered(_ number: Int) -> Bool {
    !region.tags.contains(number) || cells[number - region.tags.lowerBound].state == .disabled
  }

  /// Whether the cell that covers a frame is active.
  func isCoveredByActiveCell(_ frame: PageFrameNumber) -> Bool {
    cells[TagCells.cell(covering: frame.index)].state == .active
  }

  /// The frame of tag storage that a cell is.
  func tagFrame(ofCell cell: Int) -> PageFrameNumber {
    PageFrameNumber(region.tags.lowerBound + cell)
  }

  /// The cell that a frame is, `nil` for a frame that is none or can never hold tags.
  private func cell(at frame: PageFrameNumber) -> Int? {
    isCovered(frame.index) ? nil : frame.index - region.tags.lowerBound
  }

  /// Takes a frame for a request: tag storage where its data may lie there, otherwise a covered frame.
  ///
  /// Tag storage does not count for the marks, so that taking it needs no look at them.
  mutating func chooseFrameByCells(
    _ request: FrameRequest,
    _ policy: CellPolicy,
    above level: WatermarkLevel?
  ) -> PageFrameNumber? {
    if request.isTagged { return chooseTaggableFrame(policy, above: level) }
    if mayClaim(request, policy.clients), let frame = claimCell(policy) { return frame }
    guard buddy.admitsOnePage(above: level) || level == nil,
      let page = cells.pageForUntagged(mayBeTagStorage: request.migrateType == .movable)
    else { return nil }
    if isCoveredByActiveCell(PageFrameNumber(page)) { counters.add(.cellGrabUntagged) }
    cells.noteTaken(page)
    return takeChosen(page)
  }

  /// Takes a frame that an active cell covers, and sees to it that some are left.
  private mutating func chooseTaggableFrame(
    _ policy: CellPolicy,
    above level: WatermarkLevel?
  ) -> PageFrameNumber? {
    guard buddy.admitsOnePage(above: level) else { return nil }
    provideTaggablePages(policy)
    guard let page = cells.pageForTagged() else {
      counters.add(.cellWaits)
      return nil
    }
    cells.noteTaken(page)
    return takeChosen(page)
  }

  /// Whether the page that a request is for may lie in tag storage.
  private func mayClaim(_ request: FrameRequest, _ clients: CellPolicy.Clients) -> Bool {
    guard request.migrateType == .movable, !request.isTagged else { return false }
    return switch clients {
    case .compressor: request.isPoolPage || zramStores.isEmpty
    case .untagged: true
    case .nobody: false
    }
  }

  /// Takes the page of an inactive cell for data, after giving up an active one if none is left.
  private mutating func claimCell(_ policy: CellPolicy) -> PageFrameNumber? {
    if cells.cellToClaim(policy) == nil, let idle = cells.cellToDrain() { deactivate(idle) }
    guard let cell = cells.cellToClaim(policy) else { return nil }
    counters.add(.cellClaims)
    cells.move(cell, to: .claimed)
    return takeChosen(tagFrame(ofCell: cell).index)
  }

  /// Notes that a frame is free.
  mutating func noteFreedCellPage(_ frame: PageFrameNumber) {
    guard let cell = cell(at: frame) else {
      cells.noteFree(frame.index)
      return
    }
    // While a cell is reclaimed, whoever does that decides what becomes of it.
    guard cells[cell].state != .reclaiming else { return }
    cells.move(cell, to: .inactive)
  }

  /// Lets the data in a cell be moved again, now that no device uses them.
  mutating func wakePinnedCell(_ frame: PageFrameNumber) {
    guard let cell = cell(at: frame), cells[cell].state == .pinned else { return }
    cells.move(cell, to: .claimed)
  }
}
