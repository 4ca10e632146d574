// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import PhysicalMemory
import TagStorage

// Tags that are kept aside because the frame of their page has no tag storage yet, and the copies of
// pages that lead to them.
// Source: dynamic tag storage RFC v1 to v3; specification of tag storage, sections 9, 11.2 and 11.4.

extension Machine {
  /// Gives a copy of a page the tags of its source, or keeps them aside where the copy's frame has
  /// no storage.
  ///
  /// `isAtomic` says that the kernel may not wait for memory during this copy.
  mutating func copyTags(
    from source: PageFrameNumber,
    to copy: PageFrameNumber,
    dropping fault: InjectedFault,
    isAtomic: Bool = false
  ) {
    guard !configuration.injectedFaults.contains(fault) else { return }
    if let parked = tagsParked(for: source) {
      guard followsTagsParked(for: source),
        !(canHoldTags(copy) && defects.contains(.droppedMovedTags))
      else {
        noteLoss(.tagsLostCopying)
        return
      }
      giveTags(parked, to: copy, isAtomic: isAtomic)
    } else if frames[source].flags.contains(.tagged) {
      if prepareForTags(copy) {
        frameTags.copy(from: source.index, to: copy.index)
        setTagged(copy)
        if !defects.isEmpty { overwriteData(underTagsOf: copy) }
      } else {
        giveTags(tagBytes(of: source), to: copy, isAtomic: isAtomic)
      }
    } else {
      return
    }
    counters.add(.tagsCopied)
  }

  /// Whether a copy of a page looks for tags kept aside for it.
  private func followsTagsParked(for source: PageFrameNumber) -> Bool {
    switch reservation?.parkedLookup ?? .everywhere {
    case .nowhere: false
    case .tagStorage: frames[source].flags.contains(.tagStorage)
    case .everywhere: true
    }
  }

  /// Writes tags to a frame, or keeps them aside where it has no storage.
  mutating func giveTags(
    _ tags: [UInt8],
    to frame: PageFrameNumber,
    isAtomic: Bool = false
  ) {
    if prepareForTags(frame) {
      frameTags.load(frame.index, from: tags.span)
      setTagged(frame)
      if !defects.isEmpty { overwriteData(underTagsOf: frame) }
    } else {
      park(tags, for: frame, isAtomic: isAtomic)
    }
  }

  /// Keeps tags aside for a frame, in place of those that were there.
  private mutating func park(_ tags: [UInt8], for frame: PageFrameNumber, isAtomic: Bool) {
    if isAtomic {
      counters.add(.tagsParkedAtomic)
      if defects.contains(.atomicCopy) {
        noteLoss(.tagsLostNoMemory)
        return
      }
    }
    if defects.contains(.unnotedTags) {
      damage.parkings += 1
      if damage.parkings % TagStorageDamage.parkingsPerFailure == 0 {
        counters.add(.tagBuffersLeaked)
        noteLoss(.tagsLostNoMemory)
        return
      }
    }
    noteSlow()
    counters.add(.tagsParked)
    parkedTags[frame.rawValue] = tags
    damage.outlivedTags.remove(frame.rawValue)
  }

  /// The tags kept aside for a frame; most machines have none at all, and then nothing is hashed.
  @inline(__always)
  func tagsParked(for frame: PageFrameNumber) -> [UInt8]? {
    parkedTags.isEmpty ? nil : parkedTags[frame.rawValue]
  }

  /// Writes the tags kept aside for a frame back, now that it has storage.
  mutating func unparkTags(of frame: PageFrameNumber) {
    guard let parked = parkedTags.removeValue(forKey: frame.rawValue) else { return }
    counters.add(.tagsParkedRestored)
    frameTags.load(frame.index, from: parked.span)
    frames[frame].flags.insert(.tagged)
    guard !defects.isEmpty else { return }
    overwriteData(underTagsOf: frame)
    // The posted code marks the frame as tagged before it marks it as having storage.
    if defects.contains(.earlyTagged) { counters.add(.storageWarnings) }
    if damage.outlivedTags.remove(frame.rawValue) != nil { counters.add(.tagsLeaked) }
  }

  /// Ends the tags kept aside for a page that has moved and taken them along.
  mutating func dropMovedTags(of source: PageFrameNumber) {
    guard followsTagsParked(for: source), parkedTags.removeValue(forKey: source.rawValue) != nil
    else { return }
    damage.outlivedTags.remove(source.rawValue)
    counters.add(.tagsParkedMoved)
  }

  /// Ends the tags kept aside for a frame that is freed.
  mutating func dropParkedTags(of frame: PageFrameNumber) {
    guard parkedTags[frame.rawValue] != nil else { return }
    guard defects.contains(.outlivingTags) else {
      parkedTags[frame.rawValue] = nil
      return
    }
    // The posted code looks for them only where the frame has storage, which these have not.
    if damage.outlivedTags.insert(frame.rawValue).inserted { counters.add(.tagBuffersLeaked) }
  }
}
