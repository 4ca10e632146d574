// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import PhysicalMemory
import Swap
import TagCompression

// Suspend to disk: memory is made small enough for an image, tags are kept with it, the power goes, and
// everything comes back to the frames where it was.
//
// Source: Linux v6.8 `hibernate_preallocate_memory`, and arm64 `swsusp_mte_save_tags`; specification of tag
// storage, section 10.

extension Machine {
  /// `hibernate`, called by the current process.
  ///
  /// Pages are reclaimed until no more than two fifths of RAM are in use. Every tagged frame's tags are
  /// kept raw by frame number, in memory of the kernel that must be had; no tag survives the loss of power
  /// but there. ``lastValue`` is the number of frames whose tags were kept. Tags kept aside for frames
  /// without tag storage are in memory of the kernel already, and come back with it.
  ///
  /// The image's place on disk is not modelled, nor what a kernel would have to do about tag storage that
  /// is reserved: here it stays reserved, and its blocks hold the tags again.
  ///
  /// - Returns: ENOMEM where more than half of RAM stays in use, or the tags find no memory: then the machine
  ///   goes on as before, but for the pages that were reclaimed.
  mutating func hibernate() -> Outcome {
    guard shrinkForImage() else { return steps.union(.error(.enomem)) }
    var image = TagStore(
      codec: .raw,
      pageSize: pageSize,
      processors: configuration.processors
    )
    var imageFrames: [PageFrameNumber] = []
    let isComplete = keepTags(in: &image, &imageFrames)
    if isComplete {
      loseTags()
      lastValue = UInt64(bringTagsBack(from: image))
    }
    for frame in imageFrames { freeFrame(frame) }
    return isComplete ? steps : steps.union(.error(.enomem))
  }

  /// Frames that an image would have to hold.
  private var framesInUse: Int { buddy.managedPages - buddy.freePages }

  /// Reclaims until an image has its usual size, or nothing more can be reclaimed.
  ///
  /// - Returns: whether the image and its copy fit into memory.
  private mutating func shrinkForImage() -> Bool {
    drainAllBatches()
    buddy.drainPageLists(frames: &frames)
    let usual = buddy.managedPages * 2 / 5
    if framesInUse > usual {
      noteSlow()
      steps.insert(.directReclaim)
      counters.add(.allocstallNormal)
      while framesInUse > usual, reclaimDirectly(skippingCMA: false, for: .movable) > 0 {
        finishWrites()
        buddy.drainPageLists(frames: &frames)
      }
    }
    return framesInUse <= buddy.managedPages / 2
  }

  /// Keeps the tags of all tagged frames, and takes the frames that this needs.
  ///
  /// - Returns: `false` where there is no memory for them.
  private mutating func keepTags(
    in image: inout TagStore,
    _ imageFrames: inout [PageFrameNumber]
  ) -> Bool {
    var request = FrameRequest.kernel
    request.mayKill = false
    for number in 0..<presentPages where frames[number].flags.contains(.tagged) {
      do throws(TagStoreError) {
        try image.save(tagBytes(of: PageFrameNumber(number)).span, for: imageEntry(number))
      } catch {
        return false
      }
      while imageFrames.count < image.slabPages {
        guard let frame = allocateFrame(request, for: nil) else { return false }
        frames[frame].use = .kernel
        imageFrames.append(frame)
      }
    }
    return true
  }

  /// The loss of power, as far as it can be seen: what is kept nowhere else is gone.
  private mutating func loseTags() {
    for number in 0..<presentPages where frames[number].flags.contains(.tagged) {
      frameTags.setUniform(number, tag: .zero)
    }
  }

  /// Writes the tags of an image to the frames where they were.
  ///
  /// - Returns: the number of frames.
  private mutating func bringTagsBack(from image: borrowing TagStore) -> Int {
    var tags = [UInt8](repeating: 0, count: pageSize.tagBytes)
    var restored = 0
    for number in 0..<presentPages where frames[number].flags.contains(.tagged) {
      var span = tags.mutableSpan
      guard (try? image.load(imageEntry(number), into: &span)) ?? false else {
        preconditionFailure("the tags of frame \(number) are not in the image")
      }
      frameTags.load(number, from: tags.span)
      restored += 1
    }
    return restored
  }

  /// Where an image has the tags of a frame.
  private func imageEntry(_ frame: Int) -> SwapEntry { SwapEntry(type: 0, offset: UInt64(frame)) }
}
