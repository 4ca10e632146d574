// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
import MemoryModel
import PhysicalMemory
import Swap
import TagStorage

// Tags in virtual memory: which tag pages processes need, and the frames that they take. What is needed
// changes wherever a page is mapped, unmapped or tagged; the frames follow at the end of the fault or system
// call, where an allocation disturbs nobody, as those of saved tags do.

extension Machine {
  /// Marks a frame as tagged.
  @inline(__always)
  mutating func setTagged(_ frame: PageFrameNumber) {
    let wasTagged = frames[frame].flags.contains(.tagged)
    frames[frame].flags.insert(.tagged)
    if hasVirtualTags && !wasTagged { noteTagged(frame) }
  }

  /// Notes that a frame has become tagged, for all that map it.
  @inline(never)
  private mutating func noteTagged(_ frame: PageFrameNumber) {
    for mapping in mappings(of: frame) { noteTaggedPage(mapping) }
  }

  /// Notes that a frame is tagged no more, for all that map it.
  @inline(never)
  mutating func noteUntagged(_ frame: PageFrameNumber) {
    for mapping in mappings(of: frame) { noteUntaggedPage(mapping) }
  }

  /// Notes that a mapping leads to a tagged frame.
  @inline(never)
  mutating func noteTaggedPage(_ mapping: Mapping) {
    changeTagPages(mapping) { $0.add($1) }
  }

  /// Notes that a mapping leads to a tagged frame no more.
  @inline(never)
  mutating func noteUntaggedPage(_ mapping: Mapping) {
    changeTagPages(mapping) { $0.remove($1) }
  }

  /// Lets the tags of a page stay that is swapped out.
  @inline(never)
  mutating func keepTags(_ mapping: Mapping) {
    guard policy.virtualTags == .resident else { return }
    counters.add(.tagsKeptResident)
    changeTagPages(mapping) { $0.keep($1) }
  }

  /// Notes that a page is swapped out no more.
  @inline(__always)
  mutating func endKeptTags(_ page: PageIdentifier, of process: Int) {
    guard hasVirtualTags else { return }
    changeTagPages(Mapping(process: UInt16(process), page: page)) { $0.endKept($1) }
  }

  /// Gives another page the tags that a swapped page has left: one at a new address, or one of a fork child.
  mutating func copyKeptTags(
    _ page: PageIdentifier,
    of process: Int,
    to copy: PageIdentifier,
    of other: Int
  ) {
    guard hasVirtualTags else { return }
    let number = processes[process].pageIndex.page(of: page).rawValue
    guard processes[process].tagPages.isKept(number) else { return }
    changeTagPages(Mapping(process: UInt16(other), page: copy)) { $0.keep($1) }
  }

  private mutating func changeTagPages(
    _ mapping: Mapping,
    _ body: (inout VirtualTagPages, UInt64) -> Void
  ) {
    let process = Int(mapping.process)
    let number = processes[process].pageIndex.page(of: mapping.page).rawValue
    let before = processes[process].tagPages.count
    body(&processes[process].tagPages, number)
    guard processes[process].tagPages.count != before else { return }
    guard !tagPagesDue.contains(process) else { return }
    tagPagesDue.append(process)
  }

  /// Makes the frames of tag pages match what the processes need.
  @inline(__always)
  mutating func settleTagPages() {
    if !tagPagesDue.isEmpty { settleTagPagesDue() }
  }

  /// Taking a frame may swap out pages, or end a process, which changes what is needed again.
  private mutating func settleTagPagesDue() {
    while let process = tagPagesDue.popLast() {
      while processes[process].tagFrames.count > processes[process].tagPages.count,
        let frame = processes[process].tagFrames.popLast()
      {
        groups[processes[process].group].chargedPages -= 1
        counters.add(.tagPagesFreed)
        freeFrame(PageFrameNumber(rawValue: frame))
      }
      while processes[process].tagFrames.count < processes[process].tagPages.count {
        guard takeTagPage(for: process) else {
          // Whoever could be ended for it is gone. The next event asks again.
          if !tagPagesDue.contains(process) { tagPagesDue.append(process) }
          if processes[process].isAlive { return }
          break
        }
      }
    }
  }

  private mutating func takeTagPage(for process: Int) -> Bool {
    let group = processes[process].group
    noteSlow()
    guard charge(group, of: process) else { return false }
    guard let frame = allocateFrame(.kernel, for: process) else {
      groups[group].chargedPages -= 1
      return false
    }
    frames[frame].use = .kernel
    processes[process].tagFrames.append(frame.rawValue)
    counters.add(.tagPagesTaken)
    return true
  }

  // MARK: - Tags of swapped pages

  /// Leaves the tags of a page where they are, for as long as its slot is in use.
  ///
  /// - Returns: `false` where the design saves them instead.
  mutating func leaveTags(of frame: PageFrameNumber, slot: UInt32) -> Bool {
    guard policy.virtualTags == .resident else { return false }
    residentTags[slot] = frames[frame].flags.contains(.tagged) ? tagBytes(of: frame) : nil
    return true
  }

  /// Gives a page that came back from swap the tags that it has left.
  mutating func findTags(of frame: PageFrameNumber, from slot: UInt32) {
    guard let tags = residentTags[slot], !frames[frame].flags.contains(.tagged) else { return }
    frameTags.load(frame.index, from: tags.span)
    setTagged(frame)
  }

  /// Ends the tags that pages of freed slots have left.
  mutating func dropResidentTags(of slots: [UInt32]) {
    for slot in slots { residentTags[slot] = nil }
  }

  /// Tag pages against page tables, recomputed from scratch.
  func checkTagPages() throws(BrokenInvariant) {
    guard hasVirtualTags else { return }
    for process in processes.indices {
      let table = processes[process].table
      var (resident, kept) = (0, 0)
      for number in 0..<processes[process].pageIndex.count {
        let page = PageIdentifier(number)
        let address = processes[process].pageIndex.page(of: page).rawValue
        let target = table.target(page)
        let state = table.state(page)
        let isTagged = state == .frame && frames[Int(target)].flags.contains(.tagged)
        try BrokenInvariant.unless(
          processes[process].tagPages.isResident(address) == isTagged,
          "tag pages",
          "page \(address) of process \(process) is tagged: \(isTagged), its tag page says otherwise"
        )
        resident += isTagged ? 1 : 0
        guard processes[process].tagPages.isKept(address) else { continue }
        kept += 1
        try BrokenInvariant.unless(
          state.hasSlot && (residentTags[target] != nil || device.hasCache(target)),
          "tag pages",
          "page \(address) of process \(process) has left its tags and is not swapped out"
        )
      }
      let tagPages = processes[process].tagPages
      try BrokenInvariant.unless(
        tagPages.residentPages == resident && tagPages.keptPages == kept,
        "tag pages",
        "process \(process) has \(resident) tagged pages and left the tags of \(kept), recorded"
          + " \(tagPages.residentPages) and \(tagPages.keptPages)"
      )
      try BrokenInvariant.unless(
        tagPages.count == processes[process].tagFrames.count || tagPagesDue.contains(process),
        "tag pages",
        "process \(process) needs \(tagPages.count) tag pages and has"
          + " \(processes[process].tagFrames.count)"
      )
    }
    for slot in residentTags.keys.sorted() {
      try BrokenInvariant.unless(
        device.count(slot) > 0 || device.hasCache(slot),
        "tag pages",
        "tags were left for free slot \(slot)"
      )
    }
  }
}
