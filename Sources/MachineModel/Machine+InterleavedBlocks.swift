// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import PhysicalMemory
import TagStorage

// Frames by Tag Blocks whose tags lie between the data.
// Source: specification of tag storage, section 15.6.

extension Machine {
  /// Blocks whose tag page one request tries in vain to get before it gives up.
  private static let tagPageTries = 8

  /// The blocks of a machine, none where the design has none.
  static func makeInterleavedBlocks(
    _ policy: DesignPolicy,
    ramPages: Int,
    zeroFrame: PageFrameNumber
  ) -> InterleavedBlocks {
    guard policy.frameChoice == .blocks else {
      return InterleavedBlocks(frameCount: 0, firstFrame: 0)
    }
    return InterleavedBlocks(
      frameCount: ramPages,
      firstFrame: InterleavedBlocks.firstFrame(sparing: zeroFrame.index)
    )
  }

  /// Tells the blocks which frames are free, and divides the block of the zero page, which is tagged.
  mutating func bootInterleavedBlocks() {
    guard interleaved.count > 0 else { return }
    for number in interleaved.firstFrame..<frames.count where frames[number].use == .free {
      interleaved.noteFree(number)
    }
    for block in 0..<interleaved.count {
      frames[interleaved.tagFrame(of: block)].flags.insert(.tagStorage)
      if interleaved[block].isFullGroup { interleaved.move(block, to: .whole) }
    }
    makeTagged(interleaved.block(of: zeroFrame.index), as: .reserveFast)
  }

  /// Takes a frame for a request from the list of its kind, or has pages of the other kind converted.
  mutating func chooseFrameByBlocks(
    _ request: FrameRequest,
    above level: WatermarkLevel?
  ) -> PageFrameNumber? {
    guard buddy.admitsOnePage(above: level) else { return nil }
    guard let number = request.isTagged ? taggableFrame() : untaggedFrame() else { return nil }
    interleaved.noteTaken(number)
    return takeChosen(number)
  }

  private mutating func untaggedFrame() -> Int? {
    if let frame = interleaved.frameForUntagged { return frame }
    if let block = interleaved.firstWhole {
      counters.add(.blockDividedUntagged)
      interleaved.move(block, to: .untagged)
    } else if let block = interleaved.firstFullTagged {
      counters.add(.blockHarvests)
      makeUntagged(block)
    } else {
      counters.add(.blockBorrowed)
      return interleaved.frameForTagged
    }
    return interleaved.frameForUntagged
  }

  private mutating func taggableFrame() -> Int? {
    if let frame = interleaved.frameForTagged { return frame }
    if let block = interleaved.firstWhole {
      makeTagged(block, as: .reserveFast)
    } else if let block = interleaved.firstFullUntagged {
      counters.add(.blockHarvests)
      makeTagged(block, as: .reserveFast)
    } else {
      freeTagPage()
    }
    let frame = interleaved.frameForTagged
    if frame == nil { counters.add(.blockWaits) }
    return frame
  }

  /// Gets the tag page of an untagged block that has other free pages, so that these can be tagged.
  private mutating func freeTagPage() {
    noteSlow()
    finishWrites()
    var failures = 0
    while failures < Self.tagPageTries, interleaved.frameForTagged == nil,
      let block = interleaved.bestUntagged
    {
      failures += 1
      let frame = PageFrameNumber(interleaved.tagFrame(of: block))
      guard interleaved[block].hasFreeDataPage else {
        interleaved.postpone(block)
        continue
      }
      guard !interleaved[block].hasFreeTagPage else {
        makeTagged(block, as: .reserveFast)
        return
      }
      // A page that waits for its list could not be moved.
      if !frames[frame].flags.contains(.onList) { drainAllBatches() }
      guard [.moved, .dropped].contains(migrateAway(frame)) else {
        counters.add(.blockTagPagesStuck)
        interleaved.postpone(block)
        continue
      }
      // Moving it may have reclaimed memory, and so made a block whole, or have used this one's pages.
      guard interleaved[block].kind == .untagged, interleaved[block].hasFreeTagPage else {
        continue
      }
      counters.add(.blockTagPagesMoved)
      makeTagged(block, as: .reserveSlow)
    }
  }

  /// Takes the free tag page of a block for tags.
  private mutating func makeTagged(_ block: Int, as result: Counter) {
    noteSlow()
    if interleaved[block].kind == .whole { interleaved.move(block, to: .untagged) }
    let number = interleaved.tagFrame(of: block)
    interleaved.noteTaken(number)
    frames[takeChosen(number)].use = .tagBlock
    interleaved.move(block, to: .tagged)
    counters.add(result)
    counters.add(.reserveHeld)
    counters.add(.cmoDataLines, lines(pageSize.bytes, of: configuration.dataLineBytes))
  }

  /// Gives the tag page of a block that has no tagged page back.
  private mutating func makeUntagged(_ block: Int) {
    let number = interleaved.tagFrame(of: block)
    interleaved.move(block, to: .untagged)
    buddy.freePage(PageFrameNumber(number), frames: &frames)
    interleaved.noteFree(number)
    counters.add(.reserveReleases)
  }

  /// The blocks against the frames, recomputed from scratch.
  func checkInterleavedBlocks() throws(BrokenInvariant) {
    guard interleaved.count > 0 else { return }
    try interleaved.verifyInvariants()
    var tagged = [Int](repeating: 0, count: interleaved.count + 1)
    for number in interleaved.firstFrame..<frames.count {
      let block = interleaved.block(of: number)
      let offset = number - interleaved.firstFrame - block * InterleavedBlock.pages
      let isMarked = interleaved[block].freeMask >> UInt64(offset) & 1 == 1
      tagged[block] += frames[number].flags.contains(.storageReserved) ? 1 : 0
      let isTagPage = offset == InterleavedBlock.coveredPages
      try BrokenInvariant.unless(
        isMarked == (frames[number].use == .free)
          && (frames[number].use == .tagBlock)
            == (isTagPage && interleaved[block].kind == .tagged),
        "blocks",
        "frame \(number) is \(frames[number].use), its block is \(interleaved[block])"
      )
    }
    for block in 0...interleaved.count {
      try BrokenInvariant.unless(
        tagged[block] == Int(interleaved[block].tagged),
        "I3",
        "block \(block) serves \(tagged[block]) frames, recorded \(interleaved[block].tagged)"
      )
    }
  }
}
