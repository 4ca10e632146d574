// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import Testing

/// The numbers that follow from a page size on arm64.
@Suite struct PageSizeTests {
  /// Each line as the kernel's configuration gives it, not as the code derives it.
  @Test func numbersAreThoseOfTheKernel() {
    let table:
      [(
        PageSize, name: String, shift: Int, granules: Int, tagBytes: Int, maxOrder: Int,
        pageblock: Int, entries: Int
      )] = [
        (.kib4, "4K", 12, 256, 128, 10, 9, 512),
        (.kib16, "16K", 14, 1024, 512, 11, 11, 2048),
        (.kib64, "64K", 16, 4096, 2048, 13, 13, 8192),
      ]
    #expect(table.map(\.0) == PageSize.allCases)
    for (size, name, shift, granules, tagBytes, maxOrder, pageblock, entries) in table {
      #expect(size.name == name)
      #expect(size.shift == shift)
      #expect(size.bytes == 1 << shift)
      #expect(size.granules == granules)
      #expect(size.tagBytes == tagBytes)
      #expect(size.maxOrder == maxOrder)
      #expect(size.pageblockOrder == pageblock)
      #expect(size.pagesPerPageblock == 1 << pageblock)
      #expect(size.entriesPerTable == entries)
      #expect(size.pageblockOrder <= size.maxOrder, "a pageblock is one block of the allocator")
    }
    // Pageblocks of 2, 32 and 512 MiB.
    #expect(
      PageSize.allCases.map { ($0.pagesPerPageblock * $0.bytes) >> 20 } == [2, 32, 512]
    )
  }
}

/// Addresses, pages and swap entries.
@Suite struct AddressTests {
  @Test func pointerTagsAreNotPartOfAnAddress() {
    for size in PageSize.allCases {
      let page = VirtualPageNumber(address: 0xf7ff_ffff_ffff_ffff, pageSize: size)
      #expect(page.rawValue == 0x00ff_ffff_ffff_ffff >> UInt64(size.shift))
      #expect(page.address(pageSize: size) == 0x0100_0000_0000_0000 - UInt64(size.bytes))
    }
    #expect(VirtualPageNumber.untagged(0xab00_0000_0000_1000) == 0x1000)
  }

  @Test func swapEntriesKeepTypeAndOffset() {
    for type in [0, 1, 31] {
      for offset in [0, 1, 1 << 58 - 1] as [UInt64] {
        let entry = SwapEntry(type: type, offset: offset)
        #expect(entry.type == type && entry.offset == offset)
        #expect(entry.rawValue == UInt64(type) << 58 + offset)
        #expect(entry.rawValue < 1 << 63)
      }
    }
    #expect(SwapEntry(type: 0, offset: 1 << 58 - 1) < SwapEntry(type: 1, offset: 0))
  }

  @Test func impossibleSwapEntriesStopTheProgram() async {
    await #expect(processExitsWith: .failure) { _ = SwapEntry(type: 32, offset: 0) }
    await #expect(processExitsWith: .failure) { _ = SwapEntry(type: 0, offset: 1 << 58) }
  }
}

/// Names of what reports count.
@Suite struct NameTests {
  @Test func countersAndCategoriesAreFoundByTheirNames() {
    #expect(Counter.pgscanKswapd.name == "pgscan_kswapd")
    #expect(MemoryCategory.savedTags16.name == "saved_tags16")
    for counter in Counter.allCases { #expect(Counter(name: counter.name) == counter) }
    for category in MemoryCategory.allCases {
      #expect(MemoryCategory(name: category.name) == category)
    }
    #expect(Counter(name: "pgfaults") == nil)
    #expect(MemoryCategory(name: "") == nil)
  }

  @Test func overheadIsTheFirstGroup() {
    #expect(MemoryCategory.tagOverhead.first == .tagStorageWithheld)
    #expect(MemoryCategory.tagOverhead.last == .parkedTags)
    #expect(MemoryCategory.tagOverhead.count == 15)
    for bytes in [16, 32, 64, 128, 256, 512, 1024, 2048] {
      #expect(
        MemoryCategory.savedTags(objectBytes: bytes).map(MemoryCategory.tagOverhead.contains)
          == true
      )
    }
    for bytes in [0, 8, 17, 4096] { #expect(MemoryCategory.savedTags(objectBytes: bytes) == nil) }
  }
}
