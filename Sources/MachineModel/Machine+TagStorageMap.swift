// SPDX-License-Identifier: Apache-2.0

public import MemoryModel
import PhysicalMemory
import TagStorage

extension Machine {
  /// Tag blocks, 0 without tag storage in RAM.
  public var tagBlockCount: Int { region.blockCount + interleaved.count }

  /// What the tag storage is used for now, in cells of `blocksPerCell` tag blocks in the order of
  /// addresses.
  ///
  /// A cell is what most of its frames are used for; where two uses have as many, the one that comes
  /// first in `TagStorageUse.allCases`.
  ///
  /// - Precondition: `blocksPerCell` is positive.
  /// - Complexity: O(frames of tag storage).
  public func tagStorageUse(blocksPerCell: Int) -> [TagStorageUse] {
    precondition(blocksPerCell > 0, "cells of \(blocksPerCell) tag blocks")
    var cells: [TagStorageUse] = []
    for first in stride(from: 0, to: tagBlockCount, by: blocksPerCell) {
      let last = min(first + blocksPerCell, tagBlockCount)
      var (held, data, free, withheld) = (0, 0, 0, 0)
      for block in first..<last {
        if interleaved.count > 0 {
          switch frames[interleaved.tagFrame(of: block)].use {
          case .tagBlock: held += 1
          case .free, .listed: free += 1
          // Those of blocks that the kernel itself lies in are reserved, and hold its data.
          default: data += 1
          }
        } else if blocks.isReserved(block) {
          held += region.blockPages
        } else {
          for frame in region.frames(ofBlock: block) {
            if withheldTagStorage.contains(frame) {
              withheld += 1
            } else if frames[PageFrameNumber(frame)].use.isInUse {
              data += 1
            } else {
              free += 1
            }
          }
        }
      }
      if withheld > 0 && withheld >= data + free {
        cells.append(.withheld)
      } else if held >= data && held >= free {
        cells.append(.held)
      } else {
        cells.append(data >= free ? .data : policy.store == nil ? .free : .idle)
      }
    }
    return cells
  }
}
