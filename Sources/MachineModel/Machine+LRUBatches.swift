// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import PhysicalMemory

// The batches in which new pages wait, CPU by CPU, before they reach an LRU list.
// Source: Linux v6.8 `mm/swap.c`, `folio_add_lru` and `lru_add_drain`; specification of the kernel
// around us, section 6.1.

extension Machine {
  /// The largest batch that fits the storage of one CPU.
  static let largestBatchPages = 31

  /// Words of one CPU's batch: how many pages wait, then their frames, oldest first.
  static let batchStride = largestBatchPages + 1

  /// The first word of the current CPU's batch.
  ///
  /// A process stays on one CPU, so that nothing depends on a scheduler.
  private var batchBase: Int { processor * Self.batchStride }

  /// Lets a page that was just allocated wait for its LRU list; a full batch is emptied.
  ///
  /// The page goes to the active list where it has the flag already, else to the inactive one. Until
  /// then it is on no list: reclaim, migration and advice pass it over.
  @inline(__always)
  mutating func addToBatch(_ frame: PageFrameNumber) {
    let base = batchBase
    let waiting = lruBatches[base] + 1
    lruBatches[base] = waiting
    lruBatches[base + Int(waiting)] = frame.rawValue
    if waiting >= lruBatchPages { emptyBatch(at: base) }
  }

  /// Puts the pages of the current CPU's batch on their lists (`lru_add_drain`).
  @inline(__always)
  mutating func drainBatch() {
    let base = batchBase
    if lruBatches[base] > 0 { emptyBatch(at: base) }
  }

  /// Puts the pages of all batches on their lists (`lru_add_drain_all`).
  mutating func drainAllBatches() {
    for processor in 0..<configuration.processors
    where lruBatches[processor * Self.batchStride] > 0 {
      emptyBatch(at: processor * Self.batchStride)
    }
  }

  @inline(never)
  private mutating func emptyBatch(at base: Int) {
    let waiting = Int(lruBatches[base])
    lruBatches[base] = 0
    if replacement == .multiGenerational { return startYoung(at: base, count: waiting) }
    // Nearly always all pages are of one process, whose group is looked up once then.
    var space = FrameTable.noSpace
    var group = 0
    for index in 1...waiting {
      let frame = PageFrameNumber(rawValue: lruBatches[base + index])
      if frames[frame].ownerSpace != space {
        space = frames[frame].ownerSpace
        group = self.group(of: frame)
      }
      let flags = frames[frame].flags.union(.onList)
      frames[frame].flags = flags
      if !flags.contains(.swapBacked) {
        addToFileList(frame, of: group)
      } else if flags.contains(.active) {
        groups[group].active.pushFront(frame, in: &frames)
      } else {
        groups[group].inactive.pushFront(frame, in: &frames)
      }
    }
  }

  /// Puts a batch of pages that faults brought into their youngest generations.
  private mutating func startYoung(at base: Int, count: Int) {
    for index in 1...count {
      let frame = PageFrameNumber(rawValue: lruBatches[base + index])
      if frames[frame].flags.contains(.swapBacked) {
        addToYoungest(frame, of: group(of: frame))
      } else {
        addToFileList(frame, of: group(of: frame))
      }
    }
  }

  /// The frames that wait in a batch, by CPU and age.
  var batchedFrames: [PageFrameNumber] {
    (0..<configuration.processors).flatMap { processor in
      let base = processor * Self.batchStride
      return (0..<Int(lruBatches[base])).map {
        PageFrameNumber(rawValue: lruBatches[base + 1 + $0])
      }
    }
  }
}
