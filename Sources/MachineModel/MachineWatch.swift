// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import MemoryModel
import PhysicalMemory
import TagStorage

/// What a machine notes for the history of one object; off in all runs but those that explain one.
///
/// The state of the object is compared before and after each event by the driver. What an event does
/// and undoes again is noted here, on slow paths only, each of which asks ``isOn`` first.
struct MachineWatch {
  /// Whether anything is watched.
  var isOn = false
  /// What is watched.
  var subject: HistorySubject?
  /// Whether the event that is being performed is an access to the watched page.
  var isEventsPage = false
  /// What happened since the driver looked last.
  var steps: [HistoryStep] = []
  /// Who is reclaiming, or was the last to.
  var reclaimer: Machine.Reclaimer?
}

extension Machine {
  /// Notes that a migration succeeded; the mappings are those of the new frame already.
  @inline(never)
  mutating func noteMigration(
    from source: PageFrameNumber,
    to destination: PageFrameNumber,
    reason: MigrationReason
  ) {
    let isWatchedPlace =
      switch watch.subject {
      case .page: false
      default: concernsWatch(source)
      }
    guard isWatchedPlace || concernsWatch(destination) else { return }
    watch.steps.append(
      .migrated(from: number(of: source), to: number(of: destination), reason: reason)
    )
  }

  /// Notes that a migration failed.
  @inline(never)
  mutating func noteNoMigration(
    of frame: PageFrameNumber,
    reason: MigrationReason,
    cause: Counter
  ) {
    guard concernsWatch(frame) else { return }
    watch.steps.append(.notMigrated(frame: number(of: frame), reason: reason, cause: cause))
  }

  /// Notes that tag storage for a frame could not be had.
  @inline(never)
  mutating func noteFailedReservation(of frame: PageFrameNumber, cause: Counter) {
    guard concernsWatch(frame) else { return }
    let block = kernelBlock(of: frame)
    watch.steps.append(
      .reservationFailed(frame: number(of: frame), block: block, cause: cause)
    )
  }

  /// Notes that a tag block was taken out of the page allocator, or given back to it.
  @inline(never)
  mutating func noteBlock(_ block: Int, _ step: HistoryStep) {
    switch watch.subject {
    case .block(let watched): guard watched == block else { return }
    case .frame(let number):
      let frame = frames.map.frames(below: number)
      guard
        region.block(of: PageFrameNumber(frame)) == block
          || region.frames(ofBlock: block).contains(frame)
      else { return }
    // The driver sees which block the page's frame has in the end.
    case .page: guard watch.isEventsPage else { return }
    case nil: return
    }
    watch.steps.append(step)
  }

  /// Notes a page whose tags were lost in an event that concerns the watched object.
  @inline(never)
  mutating func noteWatchedLoss(_ cause: Counter) { watch.steps.append(.tagsLost(cause)) }

  /// ``reclaimUnused(_:of:)`` for a machine that is watched.
  @inline(never)
  mutating func reclaimNoting(_ frame: PageFrameNumber, of group: Int) -> Verdict {
    guard concernsWatch(frame) else { return reclaimUnnoted(frame, of: group) }
    let before = counters
    let verdict = reclaimUnnoted(frame, of: group)
    let causes: [Counter] = [
      .swapoutRefusedSlots, .swapoutRefusedTags, .swapoutRefusedZramLimit,
      .swapoutRefusedZramMemory,
    ]
    let place = number(of: frame)
    if verdict == .reclaim {
      watch.steps.append(.reclaimed(frame: place, by: reclaimReason))
    } else if let cause = causes.first(where: { counters[$0] != before[$0] }) {
      watch.steps.append(.swapOutRefused(frame: place, by: reclaimReason, cause: cause))
    } else if counters[.pswpout] != before[.pswpout] {
      watch.steps.append(.writeBegun(frame: place, by: reclaimReason))
    }
    return verdict
  }

  /// Notes that a page of a file is dropped, which always succeeds.
  @inline(never)
  mutating func noteFileReclaim(_ frame: PageFrameNumber) {
    guard concernsWatch(frame) else { return }
    watch.steps.append(.reclaimed(frame: number(of: frame), by: reclaimReason))
  }

  private var reclaimReason: ReclaimReason {
    switch watch.reclaimer {
    case .kswapd: .kswapd
    case .direct: .direct
    case .group: .group
    case nil: .advice
    }
  }

  /// Why a page that is migrated like this is; it changes nothing, and is mutating so that callers do
  /// not copy the machine for it.
  @inline(never)
  mutating func migrationReason(
    of frame: PageFrameNumber,
    tagged: Bool,
    as migrateType: MigrateType
  ) -> MigrationReason {
    if migrateType == .unmovable { return .pin }
    return tagged ? .tags : .tagBlock(region.block(holding: frame))
  }

  /// Whether something that happens to a frame is part of the watched history.
  ///
  /// A frame that no entry maps may be on its way to the page that the event is about.
  private func concernsWatch(_ frame: PageFrameNumber) -> Bool {
    switch watch.subject {
    case nil: return false
    case .frame(let watched): return number(of: frame) == watched
    case .block(let block):
      return region.block(of: frame) == block
        || region.frames(ofBlock: block).contains(frame.index)
    case .page(let address, let process):
      let mappings = mappings(of: frame)
      guard mappings.isEmpty else {
        return mappings.contains {
          Int($0.process) == process && self.address(of: $0.page, process: process) == address
        }
      }
      guard frames[frame].flags.contains(.inSwapCache) else { return watch.isEventsPage }
      guard process < processes.count, let page = identifier(of: address, process: process) else {
        return false
      }
      let table = processes[process].table
      return table.state(page).hasSlot && table.target(page) == frames[frame].swapSlot
    }
  }

  /// The page frame number of a frame.
  func number(of frame: PageFrameNumber) -> Int { frames.map.number(of: frame.index) }
}
