// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import PhysicalMemory
import TagStorage

// Designs that decide themselves which free frame a request gets. The page allocator goes on to own the
// free frames, so that watermarks, kswapd and everything that looks at them stay as they are; a frame is
// taken from it by its number. There are no per-CPU lists, which would hide free frames from the design.

extension Machine {
  /// The switches of the page allocator, without per-CPU lists where the design chooses frames.
  static func zoneParameters(
    _ configuration: MachineConfiguration,
    _ policy: DesignPolicy
  ) -> ZoneParameters {
    var parameters = configuration.zone
    if policy.frameChoice != .allocator { parameters.pageLists = .off }
    return parameters
  }

  /// Takes the frame that the design chooses for a request.
  ///
  /// - Returns: `nil` where it has none, or free memory would fall to the mark.
  @inline(never)
  mutating func chooseFrame(
    _ request: FrameRequest,
    above level: WatermarkLevel?
  ) -> PageFrameNumber? {
    switch policy.frameChoice {
    case .allocator: preconditionFailure("a frame is chosen under a design that chooses none")
    case .cells(let policy): chooseFrameByCells(request, policy, above: level)
    case .blocks: chooseFrameByBlocks(request, above: level)
    }
  }

  /// Notes that a frame has been given back to the page allocator.
  @inline(never)
  mutating func noteFreed(_ frame: PageFrameNumber) {
    switch policy.frameChoice {
    case .allocator: preconditionFailure("a frame is noted under a design that chooses none")
    case .cells: noteFreedCellPage(frame)
    case .blocks: interleaved.noteFree(frame.index)
    }
  }

  /// Whether a frame can be tagged where it is; for frames that the allocator chose it depends on more.
  func hasStorage(_ frame: PageFrameNumber) -> Bool {
    switch policy.frameChoice {
    case .allocator: true
    case .cells: isCoveredByActiveCell(frame)
    case .blocks: interleaved.isTaggable(frame.index)
    }
  }

  /// Counts a frame that its cell or block serves, or serves no more.
  mutating func countServed(_ frame: PageFrameNumber, by change: ServedChange) {
    let number = frame.index
    switch (policy.frameChoice, change) {
    case (.allocator, _): break
    case (.cells, .more): cells.addTagged(in: TagCells.cell(covering: number))
    case (.cells, .less): cells.removeTagged(in: TagCells.cell(covering: number))
    case (.blocks, .more): interleaved.addTagged(in: interleaved.block(of: number))
    case (.blocks, .less): interleaved.removeTagged(in: interleaved.block(of: number))
    }
  }

  /// Notes that a device has given up a frame.
  mutating func noteUnpinned(_ frame: PageFrameNumber) {
    switch policy.frameChoice {
    case .allocator, .blocks: break
    case .cells: wakePinnedCell(frame)
    }
  }

  /// Notes that a page left a frame because a device is to use it for long.
  mutating func noteRelocation(from frame: PageFrameNumber) {
    guard frames[frame].flags.contains(.tagStorage), policy.cells != nil else { return }
    counters.add(.cellPinRelocations)
  }

  /// Takes a free frame from the page allocator.
  mutating func takeChosen(_ number: Int) -> PageFrameNumber {
    let frame = PageFrameNumber(number)
    let taken = buddy.takeFree(frame, frames: &frames)
    precondition(taken, "frame \(number) was chosen and is \(frames[frame].use)")
    return frame
  }
}

/// Whether a cell or block serves one frame more or one less.
enum ServedChange {
  /// One more.
  case more
  /// One less.
  case less
}
