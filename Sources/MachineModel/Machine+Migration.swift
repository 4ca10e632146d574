// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
import MemoryModel
import PhysicalMemory
import Swap
import TagStorage

// Moving a page to another frame.
// Source: Linux v6.8 `mm/migrate.c`; specification of the kernel around us, section 3.

/// What came of moving a page.
enum MigrationResult: Equatable {
  /// The page has another frame, and its old one is free.
  case moved
  /// The page was a clean page of a file, and has no frame any more.
  case dropped
  /// Somebody uses the page in a way that forbids moving it.
  case busy
  /// No frame was free to move it to.
  case noMemory
}

extension Machine {
  /// Moves a page out of a frame that contiguous allocation wants, to any movable frame.
  ///
  /// The destination is not asked to hold tags, so that a reservation never leads to another one.
  mutating func migrateAway(_ frame: PageFrameNumber) -> MigrationResult {
    if frames[frame].use == .compressed { return migratePoolPage(frame) }
    if frames[frame].use == .file { return moveFilePageAway(frame) }
    guard !isPinned(frame) else {
      // Isolation leaves it where it is, so that it does not count as tried.
      counters.add(.migratePinned)
      if watch.isOn {
        let reason = migrationReason(of: frame, tagged: false, as: .movable)
        noteNoMigration(of: frame, reason: reason, cause: .migratePinned)
      }
      return .busy
    }
    return migrate(frame, tagged: false)
  }

  /// Moves a page to a frame outside every CMA area.
  mutating func migrateOutOfCMA(_ frame: PageFrameNumber, tagged: Bool) -> MigrationResult {
    migrate(frame, tagged: tagged, as: .unmovable)
  }

  /// Moves a page to another frame.
  mutating func migrate(
    _ source: PageFrameNumber,
    tagged: Bool,
    as migrateType: MigrateType = .movable
  ) -> MigrationResult {
    let reason =
      watch.isOn ? migrationReason(of: source, tagged: tagged, as: migrateType) : nil
    guard isMovable(source) else {
      counters.add(.pgmigrateFail)
      if let reason { noteNoMigration(of: source, reason: reason, cause: .pgmigrateFail) }
      return .busy
    }
    let wasActive = isActive(source)
    takeOffList(source)
    hold(source)
    let destination = allocateMigrationTarget(for: source, tagged: tagged, as: migrateType)
    letGo(source)
    guard let destination else {
      putBack(source, active: wasActive)
      counters.add(.pgmigrateFail)
      if let reason { noteNoMigration(of: source, reason: reason, cause: .reserveFailNomem) }
      return .noMemory
    }
    moveContents(from: source, to: destination)
    moveMappings(from: source, to: destination)
    if let reason { noteMigration(from: source, to: destination, reason: reason) }
    putBack(destination, active: wasActive)
    freeFrame(source)
    counters.add(.pgmigrateSuccess)
    if migrateType == .unmovable {
      counters.add(.pgmigrateLongterm)
    } else {
      counters.add(tagged ? .pgmigrateTagStorage : .pgmigrateContigRange)
    }
    return .moved
  }

  /// Whether a frame holds a page that can be moved now.
  private func isMovable(_ frame: PageFrameNumber) -> Bool {
    guard frames[frame].use == .anonymous else { return false }
    let flags = frames[frame].flags
    return flags.contains(.onList) && flags.isDisjoint(with: [.held, .pinned, .writeback])
  }

  /// A frame to move a page to; it reclaims for it but never kills for it.
  mutating func allocateMigrationTarget(
    for source: PageFrameNumber,
    tagged: Bool,
    as migrateType: MigrateType
  ) -> PageFrameNumber? {
    var request = FrameRequest(migrateType: migrateType)
    request.isTagged = tagged
    request.mayKill = false
    // A page outside Movable has no claim to it: pins for long would have to leave it again.
    if buddy.zone(of: source) != .movable { request.highestZone = .normal }
    guard var frame = allocateFrame(request, for: nil) else { return nil }
    if tagged {
      counters.add(.pgallocTagged)
      if !reserveOnAllocation(frame) {
        guard let other = exchange(frame, request, for: nil) else { return nil }
        frame = other
      }
    }
    frames[frame].ownerPage = Self.noPage
    frames[frame].ownerSpace = frames[source].ownerSpace
    frames[frame].use = .anonymous
    if !defects.isEmpty { overwriteTags(under: frame) }
    return frame
  }

  /// Copies data and tags, and moves everything that the page has besides: flags, its place in the
  /// swap cache, and its share of tag storage.
  private mutating func moveContents(
    from source: PageFrameNumber,
    to destination: PageFrameNumber
  ) {
    counters.add(.pagesCopied)
    contents[destination.index] = contents[source.index]
    copyTags(from: source, to: destination, dropping: .dropMigratedTags)
    if !parkedTags.isEmpty { dropMovedTags(of: source) }
    let carried = frames[source].flags.intersection([
      .referenced, .workingset, .dirty, .swapBacked, .exclusive, .inSwapCache, .readAhead,
    ])
    frames[destination].flags.insert(carried)
    if carried.contains(.inSwapCache) {
      let slot = frames[source].swapSlot
      frames[destination].swapSlot = slot
      device.replaceCachedFrame(slot, with: destination.rawValue)
      frames[source].flags.remove(.inSwapCache)
    }
    releaseTags(of: source)
  }

  /// Points every entry at the new frame.
  private mutating func moveMappings(
    from source: PageFrameNumber,
    to destination: PageFrameNumber
  ) {
    for mapping in mappings(of: source) {
      let process = Int(mapping.process)
      let table = processes[process].table
      let old = table.flags(mapping.page)
      let address = processes[process].pageIndex.page(of: mapping.page)
      guard let vma = processes[process].vmas.find(address) else {
        preconditionFailure("page \(mapping.page) of process \(process) is mapped outside any VMA")
      }
      removeMapping(mapping, of: source)
      addMapping(mapping, of: destination)
      let entry = entry(
        for: destination,
        in: FaultArea(vma),
        writable: old.contains(.writable),
        dirty: old.contains(.dirty),
        young: old.contains(.young)
      )
      if table.state(mapping.page) == .faultOnAccess && entry.state == .faultOnAccess {
        counters.add(.doubleMigrations)
      }
      table.setEntry(
        mapping.page,
        state: entry.state,
        flags: entry.flags,
        target: destination.rawValue
      )
      note(.migration, process: process, page: mapping.page)
    }
  }

  private mutating func putBack(_ frame: PageFrameNumber, active: Bool) {
    if !frames[frame].flags.contains(.swapBacked) {
      addToLazyFree(frame)
    } else if active {
      addToActive(frame, of: group(of: frame))
    } else {
      addToInactive(frame)
    }
  }
}
