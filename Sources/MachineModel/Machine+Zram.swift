// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
import MemoryModel
import PhysicalMemory
import Swap

// The memory of zram: its table, and the pool of compressed pages.
// Source: Linux v6.8 `zram_drv.c` and `zsmalloc.c`; specification of the kernel around us, section 5.10.

extension Machine {
  /// Builds the memory of the zram devices, where it is taken from RAM.
  mutating func makeZramStores() {
    guard configuration.zram.memory == .on else { return }
    for (type, swap) in configuration.swap.allDevices.enumerated() where swap.kind == .zram {
      let slots = device.slots(of: type).count
      zramNumbers[type] = zramStores.count
      zramStores.append(ZramStore(slots: slots, pageSize: pageSize))
    }
    guard !zramStores.isEmpty else { return }
    zramTableFrames = configuration.zramTablePages
    for _ in 0..<zramTableFrames {
      var request = FrameRequest.kernel
      request.ignoresWatermarks = true
      guard let frame = tryAllocate(request, above: .min) else {
        preconditionFailure("no room for \(zramTableFrames) pages of zram tables at boot")
      }
      frames[frame].use = .kernel
    }
    noteContents()
  }

  /// Makes room for what decides how well the page of each slot compresses.
  mutating func noteContents() { contentHashes.grow(to: device.slots, repeating: 0) }

  /// Notes what a page is that is about to get a slot: how well it compresses belongs to the page of
  /// the process, so that designs are compared by equal contents.
  @inline(__always)
  mutating func noteContent(of frame: PageFrameNumber, _ slot: UInt32) {
    if contentHashes.count > 0 { noteContentHash(of: frame, slot) }
  }

  private mutating func noteContentHash(of frame: PageFrameNumber, _ slot: UInt32) {
    var hash = UInt64(frames[frame].ownerSpace) << 48
    if let mapping = mappings(of: frame).first {
      let page = processes[Int(mapping.process)].pageIndex.page(of: mapping.page)
      hash = UInt64(mapping.process) << 48 | page.rawValue
    }
    contentHashes[Int(slot)] = hash &+ configuration.swap.seed
  }

  /// Stores the page of a slot where its device is a zram whose memory counts.
  ///
  /// - Returns: `false` where the pool is at its limit, or no frame was free for it.
  @inline(__always)
  mutating func writeToZram(_ slot: UInt32) -> Bool { zramStores.isEmpty || storeInZram(slot) }

  private mutating func storeInZram(_ slot: UInt32) -> Bool {
    let type = device.type(of: slot)
    guard let number = zramNumbers[type] else { return true }
    let hash = contentHashes[Int(slot)]
    let content = configuration.zram.compression.content(hash: hash, pageSize: pageSize)
    let needed = zramStores[number].framesNeeded(for: content)
    // The kernel allocates before it looks at the limit, and then frees again.
    if needed > 0, let limit = configuration.zram.limitBytes,
      zramStores[number].pool.pages + needed > limit / pageSize.bytes
    {
      counters.add(.swapoutRefusedZramLimit)
      return false
    }
    guard let given = allocatePoolFrames(needed) else {
      counters.add(.swapoutRefusedZramMemory)
      return false
    }
    let offset = Int(slot - device.slots(of: type).lowerBound)
    let written = zramStores[number].write(offset, content, frames: given)
    if let span = written.span {
      for (index, frame) in given.enumerated() {
        frames[Int(frame)].use = .compressed
        frames[Int(frame)].ownerSpace = UInt16(number)
        frames[Int(frame)].swapSlot = UInt32(span * Self.pagesPerSpan + index)
      }
    }
    freePoolFrames(written.freed)
    return true
  }

  /// Room for the pages of a span in a frame's record of where it is in its pool.
  private static let pagesPerSpan = 8

  /// Frames for a span: movable ones, which may lie in CMA areas and may be moved out of them again.
  private mutating func allocatePoolFrames(_ count: Int) -> [UInt32]? {
    var request = FrameRequest(migrateType: .movable)
    // Reclaim writes to zram, and may use the last frames.
    request.ignoresWatermarks = true
    request.isPoolPage = true
    var given: [UInt32] = []
    while given.count < count {
      guard let frame = tryAllocate(request, above: .min) else {
        freePoolFrames(given)
        return nil
      }
      given.append(frame.rawValue)
    }
    return given
  }

  private mutating func freePoolFrames(_ given: [UInt32]) {
    for frame in given { freeFrame(PageFrameNumber(rawValue: frame)) }
  }

  /// Frees what zram holds for slots that are free now.
  mutating func dropZramObjects(of slots: [UInt32]) {
    for slot in slots {
      let type = device.type(of: slot)
      guard let number = zramNumbers[type] else { continue }
      freePoolFrames(zramStores[number].free(Int(slot - device.slots(of: type).lowerBound)))
    }
  }

  /// Moves a page of a pool to another frame.
  mutating func migratePoolPage(_ source: PageFrameNumber) -> MigrationResult {
    var request = FrameRequest(migrateType: .movable)
    request.mayKill = false
    request.isPoolPage = true
    guard let destination = allocateFrame(request, for: nil) else {
      counters.add(.pgmigrateFail)
      return .noMemory
    }
    // Reclaim for the new frame may have emptied the span.
    guard frames[source].use == .compressed else {
      freeFrame(destination)
      return .moved
    }
    let (number, place) = (frames[source].ownerSpace, Int(frames[source].swapSlot))
    frames[destination].use = .compressed
    frames[destination].ownerSpace = number
    frames[destination].swapSlot = UInt32(place)
    zramStores[Int(number)].replaceFrame(
      ofSpan: place / Self.pagesPerSpan,
      at: place % Self.pagesPerSpan,
      with: destination.rawValue
    )
    freeFrame(source)
    counters.add(.pagesCopied)
    counters.add(.pgmigrateSuccess)
    counters.add(.pgmigrateContigRange)
    return .moved
  }

  /// What the zram devices count, summed up.
  func zramBytes(of category: MemoryCategory) -> UInt64 {
    let page = pageSize.bytes
    let sum = zramStores.reduce(0) { sum, store in
      switch category {
      case .zramOrigData: sum + store.storedPages * page
      case .zramComprData: sum + store.compressedBytes
      case .zramMemUsed: sum + store.pool.pages * page
      case .zramSame: sum + store.samePages * page
      case .zramHuge: sum + store.hugePages * page
      default: sum
      }
    }
    return UInt64(category == .zramTable ? zramTableFrames * page : sum)
  }

  /// The frames of the pools against the frame table, and what the slots hold against the swap map.
  func checkZram() throws(BrokenInvariant) {
    var found = 0
    for number in 0..<frames.count where frames[number].use == .compressed {
      found += 1
      let (store, place) = (Int(frames[number].ownerSpace), Int(frames[number].swapSlot))
      let owned = zramStores[store].pool.frame(
        ofSpan: place / Self.pagesPerSpan,
        at: place % Self.pagesPerSpan
      )
      try BrokenInvariant.unless(
        owned == UInt32(number),
        "zram",
        "frame \(number) is not page \(place) of zram \(store)"
      )
    }
    let pages = zramStores.reduce(0) { $0 + $1.pool.pages }
    try BrokenInvariant.unless(
      found == pages,
      "zram",
      "zram has \(pages) pages, and \(found) frames say so"
    )
    for store in zramStores { try store.verifyInvariants() }
    for (type, number) in zramNumbers.enumerated() {
      guard let number else { continue }
      let slots = device.slots(of: type)
      for slot in slots.dropFirst() where zramStores[number].holds(Int(slot - slots.lowerBound)) {
        try BrokenInvariant.unless(
          device.count(slot) > 0 || device.hasCache(slot),
          "zram",
          "zram holds a page for free slot \(slot)"
        )
      }
    }
  }
}
