// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import PhysicalMemory
import TagStorage

/// What the defects of tag storage have left behind; empty in a machine without defects.
///
/// Its sets are looked up and never iterated.
struct TagStorageDamage {
  /// Attempts to keep tags aside for each one that fails, where the defect is switched on.
  static let parkingsPerFailure = 16

  /// Frames whose kept-aside tags belong to a former owner.
  var outlivedTags: Set<UInt32> = []
  /// Blocks whose count is one too low.
  var undercounted: Set<Int> = []
  /// Blocks that serve tagged frames and do not belong to them as a whole.
  var unownedBlocks: Set<Int> = []
  /// Tagged frames whose block was given back, or never taken.
  var strayFrames: Set<UInt32> = []
  /// The block given back last, `nil` once a reservation has looked since.
  var releasedBlock: Int?
  /// Attempts to keep tags aside so far.
  var parkings = 0
}

// Tags and data that lie in the same place, which only defects lead to.
extension Machine {
  /// Lets data destroy the tags that lie in a frame of tag storage which is handed out while it serves
  /// tagged frames: the page is zeroed, and so are their tags.
  mutating func overwriteTags(under frame: PageFrameNumber) {
    guard mayBeForeign, frames[frame].flags.contains(.tagStorage) else { return }
    let block = region.block(holding: frame)
    guard isForeign(block) else { return }
    for number in region.coveredFrames(ofBlock: block)
    where frames[number].flags.contains(.tagged) {
      let tagged = PageFrameNumber(number)
      guard tagBytes(of: tagged).contains(where: { $0 != 0 }) else { continue }
      frameTags.setUniform(number, tag: .zero)
      noteLoss(.tagsLostOverwritten)
    }
  }

  /// Lets tags destroy the data in frames of a block that does not belong to the tags alone.
  mutating func overwriteData(underTagsOf frame: PageFrameNumber) {
    guard mayBeForeign else { return }
    guard let block = region.block(of: frame) else {
      // Tag storage has no place for tags of its own.
      if tagBytes(of: frame).contains(where: { $0 != 0 }) {
        frameTags.setUniform(frame.index, tag: .zero)
        noteLoss(.tagsLostOverwritten)
      }
      return
    }
    guard isForeign(block) else { return }
    for number in region.frames(ofBlock: block)
    where frames[number].use == .anonymous && contents[number] != .max {
      // No event has this number, so that the oracle takes it for foreign data.
      contents[number] = .max
      counters.add(.dataOverwritten)
    }
  }

  /// Whether any block can hold tags without belonging to them.
  private var mayBeForeign: Bool {
    !damage.unownedBlocks.isEmpty || !damage.strayFrames.isEmpty
      || hasSeveralRegions && defects.contains(.shortSplit) || usesAreasOfFailedBoot
  }

  /// Whether the hardware keeps tags in a block of which the kernel does not know, or not all.
  private func isForeign(_ block: Int) -> Bool {
    damage.unownedBlocks.contains(block) || !blocks.isReserved(block)
  }

  /// Gives a block back one user too early, with the share of `leaving`, which leaves the other's tags
  /// without a place.
  mutating func releaseEarly(_ block: Int, after leaving: PageFrameNumber) {
    for number in region.coveredFrames(ofBlock: block)
    where number != leaving.index && frames[number].flags.contains(.storageReserved)
      && damage.strayFrames.insert(UInt32(number)).inserted
    {
      guard blocks.removeShare(fromBlock: block) else {
        preconditionFailure("tag block \(block) serves more than frame \(number)")
      }
      damage.unownedBlocks.insert(block)
      giveBack(block)
      return
    }
    preconditionFailure("tag block \(block) serves a frame that it does not cover")
  }

  /// Lets a frame whose block was never taken for it take the share of another frame along when it is freed:
  /// the kernel counts what leaves, whoever came.
  mutating func giveBackForeignShare(of block: Int, after leaving: PageFrameNumber) {
    for number in region.coveredFrames(ofBlock: block)
    where number != leaving.index && frames[number].flags.contains(.storageReserved)
      && kernelBlock(of: PageFrameNumber(number)) == block
      && damage.strayFrames.insert(UInt32(number)).inserted
    {
      if blocks.removeShare(fromBlock: block) { giveBack(block) }
      return
    }
  }

  /// Warns of areas that were taken back because another could not be activated, if the kernel takes the
  /// success of that for a failure.
  mutating func warnOfFailedBoot() {
    guard policy.bootFailure == .activation, defects.contains(.invertedWarning) else { return }
    counters.add(.storageWarnings, kernelRegions.regions.count - 1)
  }
}
