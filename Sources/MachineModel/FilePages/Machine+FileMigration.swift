// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
import MemoryModel
import PhysicalMemory

// Pages of files in frames that contiguous allocation wants.
// Source: Linux v6.8 `reclaim_clean_pages_from_list`; specification of tag storage, section 12.3.

extension Machine {
  /// Drops a clean page of a file out of its frame, or moves a dirty one.
  mutating func moveFilePageAway(_ frame: PageFrameNumber) -> MigrationResult {
    let flags = frames[frame].flags
    guard flags.contains(.onList), flags.isDisjoint(with: [.held, .pinned]) else {
      counters.add(.pgmigrateFail)
      return .busy
    }
    guard !isDirtyFilePage(frame) else { return migrateFilePage(frame) }
    takeOffList(frame)
    let verdict = dropUnusedFilePage(frame)
    precondition(verdict == .reclaim, "frame \(frame.rawValue) holds a clean page that stays")
    counters.add(.cleanPagesDropped)
    return .dropped
  }

  private mutating func migrateFilePage(_ source: PageFrameNumber) -> MigrationResult {
    takeOffList(source)
    hold(source)
    let allocated = allocateMigrationTarget(for: source, tagged: false, as: .movable)
    letGo(source)
    guard let destination = allocated else {
      addToFileList(source, of: group(of: source))
      counters.add(.pgmigrateFail)
      return .noMemory
    }
    let number = frames[source].swapSlot
    frames[destination].use = .file
    frames[destination].swapSlot = number
    frames[destination].flags.insert(
      frames[source].flags.intersection([.active, .referenced, .workingset, .dirty])
    )
    contents[destination.index] = contents[source.index]
    filePages.replace(with: destination, at: number)
    for mapping in mappings(of: source) {
      let table = processes[Int(mapping.process)].table
      let flags = table.flags(mapping.page)
      removeMapping(mapping, of: source)
      addMapping(mapping, of: destination)
      table.setEntry(
        mapping.page,
        state: .filePage,
        flags: flags,
        target: destination.rawValue
      )
    }
    if watch.isOn {
      let reason = migrationReason(of: source, tagged: false, as: .movable)
      noteMigration(from: source, to: destination, reason: reason)
    }
    addToFileList(destination, of: group(of: destination))
    freeFrame(source)
    counters.add(.pagesCopied)
    counters.add(.pgmigrateSuccess)
    counters.add(.pgmigrateContigRange)
    return .moved
  }
}
