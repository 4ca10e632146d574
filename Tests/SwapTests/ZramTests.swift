// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import TestSupport
import Testing

@testable import Swap

@Suite struct ZramTests {
  /// With chains of up to 8 pages an object of 3,632 bytes is the largest that shares pages.
  @Test func classesOfFourKibibytePages() {
    let classes = ZsmallocClasses(pageSize: .kib4)
    #expect(classes.hugeBytes == 3632 - 7)
    func shape(_ bytes: Int) -> [Int] {
      let found = classes.all[classes.place(forBytes: bytes)]
      return [found.objectBytes, found.pagesPerSpan, found.objectsPerSpan]
    }
    #expect(shape(1) == [32, 1, 128] && shape(24) == [32, 1, 128])
    #expect(shape(25) == [48, 3, 256] && shape(40) == [48, 3, 256])
    #expect(shape(56) == [64, 1, 64] && shape(2040) == [2048, 1, 2])
    #expect(shape(3624) == [3632, 8, 9])
    #expect(shape(3625) == [4096, 1, 1] && shape(4096) == [4096, 1, 1])
  }

  @Test(arguments: PageSize.allCases)
  func everySizeFitsItsClass(pageSize: PageSize) {
    let classes = ZsmallocClasses(pageSize: pageSize)
    #expect(classes.all.map(\.objectBytes) == classes.all.map(\.objectBytes).sorted())
    for found in classes.all {
      #expect((1...8).contains(found.pagesPerSpan))
      #expect(found.objectsPerSpan == found.pagesPerSpan * pageSize.bytes / found.objectBytes)
    }
    for bytes in stride(from: 1, to: pageSize.bytes, by: 7) where bytes < classes.hugeBytes {
      let place = classes.place(forBytes: bytes)
      #expect(bytes + 8 <= classes.all[place].objectBytes, "\(bytes)")
    }
    let last = classes.all[classes.place(forBytes: pageSize.bytes)]
    #expect(last.objectBytes == pageSize.bytes && last.objectsPerSpan == 1)
  }

  @Test func theDefaultsMakeTwoBytesOneAndKeepTheirShares() {
    let compression = ZramCompression()
    let store = ZramStore(slots: 2, pageSize: .kib4)
    var (same, huge, bytes) = (0, 0, 0)
    for hash in 0..<20_000 as Range<UInt64> {
      let content = compression.content(hash: hash, pageSize: .kib4)
      #expect(content == compression.content(hash: hash, pageSize: .kib4))
      let size = store.objectBytes(of: content)
      if size == 0 { same += 1 }
      if size == 4096 { huge += 1 }
      bytes += size
    }
    #expect((1850...2150).contains(same), "\(same) of 20,000 are same-filled")
    #expect((900...1100).contains(huge), "\(huge) of 20,000 are huge")
    let percent = bytes * 100 / (20_000 * 4096)
    #expect((45...50).contains(percent), "\(percent) %")
  }

  /// The pool against a list of objects: what it holds, and that it never takes a new span while one
  /// of the class has room.
  @Test(arguments: PageSize.allCases, 0..<4 as Range<UInt64>)
  func randomWritesAgreeWithTheModel(pageSize: PageSize, seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let slots = 200
    var store = ZramStore(slots: slots, pageSize: pageSize)
    let classes = store.pool.classes
    var model: [Int: Int] = [:]
    var nextFrame: UInt32 = 0
    var frames = Set<UInt32>()
    for step in 0..<3000 {
      let place: Comment = "\(pageSize), seed \(seed), step \(step)"
      let slot = random.below(slots)
      if random.below(3) == 0 {
        frames.subtract(store.free(slot))
        model[slot] = nil
      } else {
        let draws: [ZramContent] = [
          .sameFilled, .compressed(bytes: 1 + random.below(pageSize.bytes)),
          .compressed(bytes: 1 + random.below(3) * pageSize.bytes / 4),
        ]
        let content = draws[random.below(3)]
        let size = store.objectBytes(of: content)
        let needed = store.framesNeeded(for: content)
        let hasRoom = store.pool.spans.contains {
          !$0.frames.isEmpty && $0.place == classes.place(forBytes: size)
            && $0.objects < classes.all[$0.place].objectsPerSpan
        }
        #expect((needed == 0) == (size == 0 || hasRoom), place)
        let given = (0..<needed).map { nextFrame + UInt32($0) }
        nextFrame += UInt32(needed)
        frames.formUnion(given)
        frames.subtract(store.write(slot, content, frames: given).freed)
        model[slot] = size
      }
      #expect(store.storedPages == model.count, place)
      #expect(store.compressedBytes == model.values.reduce(0, +), place)
      #expect(store.samePages == model.values.count { $0 == 0 }, place)
      #expect(store.hugePages == model.values.count { $0 == pageSize.bytes }, place)
      #expect(store.pool.pages == frames.count, place)
      if step % 100 == 0 { store.checkInvariants() }
    }
    for slot in 0..<slots { frames.subtract(store.free(slot)) }
    #expect(frames.isEmpty && store.pool.pages == 0)
    store.checkInvariants()
  }

  /// The fullest span that is not full takes the next object.
  @Test func objectsGatherInFewSpans() {
    var pool = ZsmallocPool(pageSize: .kib4)
    // 2,040 bytes: two objects on a page.
    let first = pool.allocate(bytes: 1000, frames: [10])
    let place = pool.classes.place(forBytes: 1000)
    let perSpan = pool.classes.all[place].objectsPerSpan
    #expect(perSpan >= 4)
    for _ in 1..<perSpan { _ = pool.allocate(bytes: 1000, frames: []) }
    let second = pool.allocate(bytes: 1000, frames: [11])
    #expect(second != first && pool.pages == 2)
    _ = pool.free(first)
    #expect(pool.allocate(bytes: 1000, frames: []) == first)
    #expect(pool.free(second) == [11])
    pool.checkInvariants()
  }
}
