// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import PhysicalMemory
import TagStorage

// Reserving the tag storage of several frames that are allocated at once: of all of them or of none.
// Source: dynamic tag storage RFC v3; specification of tag storage, sections 2.5, 2.6 and 5.4.

/// A tag block that an allocation needs, and how many of the allocation's frames it serves.
struct NeededTagBlock: Equatable {
  /// The number of the block.
  var block: Int
  /// The frames, which are neighbours.
  var served: Range<Int>
}

extension Machine {
  /// Takes the tag blocks of 2^`order` frames out of the page allocator, those that nobody took yet.
  ///
  /// Blocks that are reserved already get their shares first, so that nobody can give them back in the
  /// meantime; then the others are taken. Where one cannot be had, everything is as it was before the call:
  /// shares are taken back, and blocks that serve nobody any more are given back.
  ///
  /// Each block counts as a reservation of its own, with its own result. RFC v1 and v2 take more blocks
  /// than they need where blocks have several pages, which is left out.
  ///
  /// - Precondition: the frames are in hand, and the page allocator has chosen them: a design that
  ///   chooses frames serves one page at a time.
  /// - Returns: ``ReservationResult/reserved``, also where no design needs a reservation, or why not.
  /// - Complexity: O(2^`order`) plus what the blocks cost.
  mutating func reserveTagStorage(
    ofBlockAt head: PageFrameNumber,
    order: Int
  ) -> ReservationResult {
    guard let reservation else { return .reserved }
    precondition(!choosesFrames, "frame \(head.rawValue) of order \(order) under a design of cells")
    guard !frames[head].flags.contains(.storageReserved) else { return .reserved }
    let allocation = head.index..<head.index + 1 << order
    guard let needed = neededTagBlocks(of: allocation) else {
      counters.add(.reserveCalls)
      countFailure(.invalid, for: head)
      return .invalid
    }
    if reservation.extent == .everything { takeEverythingOnce(reservation) }
    let wanted = blocksAsked(among: needed)
    if let failed = takeBlocks(wanted, reservation) {
      countFailure(failed, for: head)
      return failed
    }
    for need in needed.dropFirst(wanted.count) {
      for frame in need.served { damage.strayFrames.insert(UInt32(frame)) }
    }
    for frame in allocation {
      finishReservation(of: PageFrameNumber(frame))
    }
    return .reserved
  }

  /// The tag blocks of a range of frames, in the order of the frames.
  ///
  /// They are looked up frame by frame, because neither the start of memory nor a split region need be
  /// aligned to the allocation.
  ///
  /// - Returns: `nil` where a frame has none.
  func neededTagBlocks(of allocation: Range<Int>) -> [NeededTagBlock]? {
    var needed: [NeededTagBlock] = []
    for frame in allocation {
      guard let block = kernelBlock(of: PageFrameNumber(frame)) else { return nil }
      if let last = needed.last, last.block == block {
        needed[needed.count - 1].served = last.served.lowerBound..<frame + 1
      } else {
        needed.append(NeededTagBlock(block: block, served: frame..<frame + 1))
      }
    }
    return needed
  }

  /// The blocks that the kernel takes of those that an allocation needs: all of them, unless its count
  /// is defective.
  private func blocksAsked(among needed: [NeededTagBlock]) -> ArraySlice<NeededTagBlock> {
    guard defects.contains(.skippedBlocks) else { return needed[...] }
    // The posted code counts its end in blocks and steps over it in pages.
    return needed.prefix((needed.count + region.blockPages - 1) / region.blockPages)
  }

  /// Gives every block its shares, and takes those first that nobody has.
  ///
  /// - Returns: why not, and then nothing has changed; `nil` for success.
  private mutating func takeBlocks(
    _ wanted: ArraySlice<NeededTagBlock>,
    _ reservation: ReservationPolicy
  ) -> ReservationResult? {
    var served: [NeededTagBlock] = []
    var missing: [NeededTagBlock] = []
    for need in wanted {
      guard blocks.isReserved(need.block) else {
        missing.append(need)
        continue
      }
      counters.add(.reserveCalls)
      counters.add(.reserveHits)
      addShares(of: need)
      served.append(need)
    }
    for need in missing {
      counters.add(.reserveCalls)
      // What moved out of a block before it may have made its new frame tagged, and so taken this one.
      if blocks.isReserved(need.block) {
        counters.add(.reserveHits)
      } else {
        noteSlow()
        let result = take(need.block, reservation)
        guard result == .reserved else {
          for earlier in served { removeShares(of: earlier) }
          return result
        }
        if reservation.extent == .everything && !processes.isEmpty { blocks.hold(need.block) }
      }
      addShares(of: need)
      served.append(need)
    }
    return nil
  }

  private mutating func addShares(of need: NeededTagBlock) {
    for _ in need.served { blocks.addShare(toBlock: need.block) }
  }

  /// Takes the shares of an allocation back, and gives the block back where nobody else needs it.
  private mutating func removeShares(of need: NeededTagBlock) {
    for _ in need.served where blocks.removeShare(fromBlock: need.block) {
      giveBack(need.block)
    }
  }
}
