// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

// For designs that choose the frame themselves and take it with `takeFree(_:frames:)`, and know one zone;
// and for requests that look at CMA memory in vain.
extension PageAllocator {
  /// Whether a request for one page that must not have CMA memory leaves the first zone above a mark;
  /// without a mark, whether there is such a page.
  ///
  /// - Precondition: there is one zone.
  public mutating func admitsOnePage(above level: WatermarkLevel?) -> Bool {
    precondition(zoneCount == 1, "\(zoneCount) zones where frames are chosen")
    guard let level else { return zones[0].freePages > zones[0].freeCMAPages }
    return zones[0].admitsPage(mark: zones[0].watermarks[level], mayUseCMA: false)
  }

  /// Takes one page outside CMA pageblocks from the first zone that stays above a mark, free CMA pages
  /// included.
  ///
  /// - Returns: `nil` if no zone that the request may use is above the mark and has such a page.
  public mutating func allocatePagePassingOverCMA(
    _ request: PageRequest,
    above level: WatermarkLevel,
    frames: inout FrameTable
  ) -> PageFrameNumber? {
    let first = firstChoice(of: request)
    for index in stride(from: first, through: 0, by: -1) {
      let reserve =
        index == first ? 0 : zones[index].lowMemoryReserves[request.highestZone.rawValue]
      let mark = zones[index].watermarks[level]
      guard zones[index].admitsPage(mark: mark, mayUseCMA: true, reserve: reserve) else { continue }
      let frame = zones[index].allocatePage(request.migrateType, mayUseCMA: false, frames: &frames)
      if let frame { return frame }
    }
    return nil
  }
}
