// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
import MemoryModel
import PhysicalMemory

// The two lists of file pages: what is on them, and how pages leave them. Pages that MADV_FREE made
// droppable are on them too, as in the kernel.
// Source: Linux v6.8 `folio_check_references`, `shrink_active_list`, `shrink_inactive_list`,
// `folio_mark_accessed`, `workingset_refault`.

extension Machine {
  /// Adds a page to the young end of the file list that its flags name.
  ///
  /// The baselines have one list for all pages.
  mutating func addToFileList(_ frame: PageFrameNumber, of group: Int) {
    frames[frame].flags.insert(.onList)
    if replacement.isBaseline && frames[frame].use == .file {
      groups[group].inactive.pushFront(frame, in: &frames)
    } else if frames[frame].flags.contains(.active) {
      groups[group].activeFile.pushFront(frame, in: &frames)
    } else {
      groups[group].inactiveFile.pushFront(frame, in: &frames)
    }
  }

  /// Takes a page off the file list that it is on; its flags stay.
  mutating func takeOffFileList(_ frame: PageFrameNumber, of group: Int) {
    if replacement.isBaseline && frames[frame].use == .file {
      groups[group].inactive.remove(frame, in: &frames)
    } else if frames[frame].flags.contains(.active) {
      groups[group].activeFile.remove(frame, in: &frames)
    } else {
      groups[group].inactiveFile.remove(frame, in: &frames)
    }
  }

  /// Notes a use of a page that a page table knew of: the second one makes it active.
  mutating func markAccessed(_ frame: PageFrameNumber) {
    guard replacement == .twoList else { return }
    let flags = frames[frame].flags
    guard flags.contains(.referenced) else {
      frames[frame].flags.insert(.referenced)
      return
    }
    guard !flags.contains(.active) else { return }
    let group = group(of: frame)
    if flags.contains(.onList) {
      takeOffFileList(frame, of: group)
      frames[frame].flags.insert(.active)
      addToFileList(frame, of: group)
      counters.add(.pgactivate)
    } else {
      // It waits in a batch, which looks at the flag.
      frames[frame].flags.insert(.active)
    }
    frames[frame].flags.remove(.referenced)
    groups[group].fileAge += 1
  }

  /// Looks at what an evicted page of a file left behind and decides whether it belongs to the working
  /// set.
  mutating func noteFileRefault(of frame: PageFrameNumber, _ number: UInt32) {
    guard let word = filePages[number].shadow else { return }
    let shadow = Shadow(word: word)
    let group = group(of: frame)
    counters.add(.workingsetRefaultFile)
    guard !replacement.isBaseline else { return }
    let distance = groups[group].fileAge - shadow.age
    var workingSet = groups[group].knownActiveFilePages
    if hasFreeSlots {
      workingSet += groups[group].knownActivePages + groups[group].knownInactivePages
    }
    guard distance <= UInt64(workingSet) else { return }
    counters.add(.workingsetActivateFile)
    groups[group].fileAge += 1
    groups[group].fileActivations += 1
    frames[frame].flags.insert(.active)
    guard shadow.wasInWorkingset else { return }
    counters.add(.workingsetRestoreFile)
    frames[frame].flags.insert(.workingset)
    groups[group].noteCost(configuration.kernel.reclaimCost(written: 1, rotated: 0), of: .file)
  }

  /// Looks at pages from the old end of the inactive file list.
  ///
  /// - Returns: pages freed.
  mutating func shrinkInactiveFile(
    _ group: Int,
    count: Int,
    by who: Reclaimer,
    skippingCMA: Bool
  ) -> Int {
    drainBatch()
    var isolated = InlineArray<32, PageFrameNumber>(repeating: zeroFrame)
    let pages = isolateFilePages(group, count: count, skippingCMA: skippingCMA, into: &isolated)
    countScanned(pages, by: who, .file)
    var reclaimed = 0
    for index in 0..<pages {
      let frame = isolated[index]
      frames[frame].flags.remove(.onList)
      switch reclaimFromFileList(frame) {
      case .reclaim: reclaimed += 1
      case .keep: addToFileList(frame, of: group)
      case .activate:
        counters.add(.pgactivate)
        // A droppable page that was written is anonymous again, and in use.
        if frames[frame].flags.contains(.swapBacked) {
          groups[group].nonresidentAge += groups[group].agePerEviction
          addToActive(frame, of: group)
        } else {
          groups[group].fileAge += 1
          frames[frame].flags.insert(.active)
          addToFileList(frame, of: group)
        }
      }
    }
    countReclaimed(reclaimed, by: who, .file)
    groups[group].noteCost(
      configuration.kernel.reclaimCost(written: 0, rotated: pages - reclaimed),
      of: .file
    )
    return reclaimed
  }

  /// Takes pages from the old end of the inactive file list, and passes over those that are of no use to
  /// the request, which go back to the young end.
  ///
  /// - Returns: how many were taken.
  private mutating func isolateFilePages(
    _ group: Int,
    count: Int,
    skippingCMA: Bool,
    into isolated: inout InlineArray<32, PageFrameNumber>
  ) -> Int {
    precondition(count <= Self.reclaimBatch, "a step of reclaim over \(count) pages")
    var pages = 0
    var skipped: [PageFrameNumber] = []
    while pages < count, let frame = groups[group].inactiveFile.popBack(in: &frames) {
      if isSkipped(frame, skippingCMA: skippingCMA) {
        countSkipped(frame)
        skipped.append(frame)
      } else {
        isolated[pages] = frame
        pages += 1
      }
    }
    for frame in skipped { groups[group].inactiveFile.pushFront(frame, in: &frames) }
    return pages
  }

  /// Deactivates pages from the old end of the active file list; those that programs execute and that
  /// were used go round once more.
  mutating func shrinkActiveFile(_ group: Int, count: Int) {
    drainBatch()
    var looked = 0
    var rotated = 0
    var kept: [PageFrameNumber] = []
    while looked < count, let frame = groups[group].activeFile.popBack(in: &frames) {
      if isAboveReclaimedZones(frame) {
        countSkipped(frame)
        kept.append(frame)
        continue
      }
      looked += 1
      if clearYoungOfFile(frame).isExecuted {
        rotated += 1
        kept.append(frame)
        continue
      }
      frames[frame].flags = frames[frame].flags.subtracting(.active).union(.workingset)
      groups[group].inactiveFile.pushFront(frame, in: &frames)
    }
    for frame in kept { groups[group].activeFile.pushFront(frame, in: &frames) }
    counters.add(.pgrefill, looked)
    counters.add(.pgdeactivate, looked - rotated)
    guard rotated > 0 else { return }
    groups[group].noteCost(
      configuration.kernel.reclaimCost(written: 0, rotated: rotated),
      of: .file
    )
  }

  /// Clears the young bit of every mapping of a page on a file list.
  ///
  /// - Returns: how many had it set, and whether one of these can execute the page.
  private mutating func clearYoungOfFile(
    _ frame: PageFrameNumber
  ) -> (young: Int, isExecuted: Bool) {
    var (young, isExecuted) = (0, false)
    for mapping in mappings(of: frame) {
      let process = Int(mapping.process)
      guard processes[process].table.clearYoung(mapping.page) else { continue }
      young += 1
      let address = processes[process].pageIndex.page(of: mapping.page)
      if processes[process].vmas.find(address)?.protection.contains(.execute) == true {
        isExecuted = true
      }
    }
    return (young, isExecuted)
  }

  /// Tries to free an isolated page of a file list: second chance, then write-back and eviction.
  mutating func reclaimFromFileList(_ frame: PageFrameNumber) -> Verdict {
    guard frames[frame].flags.isDisjoint(with: [.held, .pinned]) else { return .keep }
    let wasReferenced = frames[frame].flags.contains(.referenced)
    let use = clearYoungOfFile(frame)
    if use.young > 0 {
      frames[frame].flags.insert(.referenced)
      return wasReferenced || use.young > 1 || use.isExecuted ? .activate : .keep
    }
    frames[frame].flags.remove(.referenced)
    guard frames[frame].use == .file else { return dropLazyFreePage(frame) }
    // A page that was used is dropped only while that is free of charge.
    if wasReferenced && isDirtyFilePage(frame) { return .keep }
    if watch.isOn { noteFileReclaim(frame) }
    return dropUnusedFilePage(frame)
  }

  /// Whether a page of a file differs from its disk.
  func isDirtyFilePage(_ frame: PageFrameNumber) -> Bool {
    frames[frame].flags.contains(.dirty)
      || mappings(of: frame).contains {
        processes[Int($0.process)].table.flags($0.page).contains(.dirty)
      }
  }

  /// Unmaps a page of a file, writes it back where it is dirty, and frees its frame.
  ///
  /// The page must be on no list. In the kernel the flusher threads write, and reclaim waits for them;
  /// here the write is done when reclaim first asks for it.
  mutating func dropUnusedFilePage(_ frame: PageFrameNumber) -> Verdict {
    guard frames[frame].flags.isDisjoint(with: [.held, .pinned]) else { return .keep }
    for mapping in mappings(of: frame) { removeFileMapping(mapping, of: frame) }
    let number = frames[frame].swapSlot
    if frames[frame].flags.contains(.dirty) {
      counters.add(.filePagesWritten)
      filePages[number].stamp = contents[frame.index]
    }
    let group = group(of: frame)
    let shadow = Shadow(
      age: groups[group].fileAge,
      wasInWorkingset: frames[frame].flags.contains(.workingset)
    )
    groups[group].fileAge += 1
    offerCleanPage(number, in: frame)
    filePages.remove(number, leaving: shadow.word)
    freeUserFrame(frame)
    return .reclaim
  }
}
