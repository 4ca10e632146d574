// SPDX-License-Identifier: Apache-2.0

/// A use of memory that the machine accounts, in bytes.
///
/// The categories of the first two groups are disjoint and add up to the overhead that a report
/// states; the others say where the rest of memory is.
public enum MemoryCategory: Int, CaseIterable, Sendable {
  // Given up for tags.

  /// Tag storage that the page allocator never got.
  case tagStorageWithheld
  /// Tag storage that belongs to a store of copies and holds none.
  case tagStorageIdle
  /// Tag blocks taken out of the page allocator because a page they cover is tagged.
  case tagStorageHeld
  /// Pages of ordinary memory that hold tags, where tags lie in virtual memory.
  case tagPages
  /// Saved tags of swapped pages in 16-byte objects.
  case savedTags16
  /// Saved tags of swapped pages in 32-byte objects.
  case savedTags32
  /// Saved tags of swapped pages in 64-byte objects.
  case savedTags64
  /// Saved tags of swapped pages in 128-byte objects.
  case savedTags128
  /// Saved tags of swapped pages in 256-byte objects.
  case savedTags256
  /// Saved tags of swapped pages in 512-byte objects.
  case savedTags512
  /// Saved tags of swapped pages in 1,024-byte objects.
  case savedTags1024
  /// Saved tags of swapped pages in 2,048-byte objects.
  case savedTags2048
  /// Free room in the slabs that hold saved tags.
  case savedTagSlack
  /// XArray nodes of the map from swap entry to saved tags, with their slab slack.
  case savedTagNodes
  /// Tags kept aside for frames without tag storage.
  case parkedTags

  // The cost of paging itself.

  /// Page tables below the top level.
  case pageTables
  /// The kernel's array of page descriptors, 64 bytes for each frame it covers.
  case structPages
  /// Reference pages with the objects and open files that stand for them.
  case referencePages

  // Given back.

  /// Tag storage that holds data.
  case tagStorageData
  /// Tag storage on the free lists, usable for movable data.
  case tagStorageFree

  // The store of copies in tag storage, where there is one.

  /// Pages that have a copy in the store, before compression.
  case storeOrigData
  /// What the copies are compressed to.
  case storeComprData
  /// The frames of tag storage that hold copies.
  case storeMemUsed

  // Use of the frames.

  /// Mapped anonymous pages.
  case anonymous
  /// Swap-cache pages that no page table maps.
  case swapCache
  /// Pages of files, mapped or not.
  case filePages
  /// Free frames.
  case free
  /// Free frames in CMA pageblocks; part of the free frames.
  case freeCma
  /// Pages whose tags lie in a tag block.
  case pagesWithTagStorage
  /// Swap slots in use, in bytes of the pages they hold.
  case swapUsed

  // The memory of zram, where it is modelled.

  /// Pages that zram holds, before compression: `orig_data_size`.
  case zramOrigData
  /// What they are compressed to: `compr_data_size`.
  case zramComprData
  /// The frames that hold them: `mem_used_total`.
  case zramMemUsed
  /// Those that are one repeated word: `same_pages`, in bytes.
  case zramSame
  /// Those that are stored as they are: `huge_pages`, in bytes.
  case zramHuge
  /// The frames of the tables of all zram devices.
  case zramTable

  /// The name in reports: the case's name in lower case with underscores.
  public var name: String { Self.names[rawValue] }

  /// The category that reports call `name`, `nil` if there is none.
  public init?(name: some StringProtocol) {
    guard let found = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = found
  }

  /// The category for saved tags in objects of `bytes`, `nil` where no such objects exist.
  public static func savedTags(objectBytes bytes: Int) -> MemoryCategory? {
    switch bytes {
    case 16: .savedTags16
    case 32: .savedTags32
    case 64: .savedTags64
    case 128: .savedTags128
    case 256: .savedTags256
    case 512: .savedTags512
    case 1024: .savedTags1024
    case 2048: .savedTags2048
    default: nil
    }
  }

  /// The categories that are given up for tags; their sum is the overhead of a design.
  public static let tagOverhead: [MemoryCategory] = allCases.filter {
    $0.rawValue <= MemoryCategory.parkedTags.rawValue
  }

  /// The categories that paging costs with and without tags.
  public static let pagingOverhead: [MemoryCategory] = [
    .pageTables, .structPages, .referencePages,
  ]

  private static let names: [String] = allCases.map { snakeCase(String(describing: $0)) }
}

/// What one ``MemoryCategory`` held over a run, in bytes.
public struct MemoryUse: Equatable, Sendable {
  /// The mean over the run's clock, rounded down.
  public var mean: UInt64
  /// The largest value at any sample.
  public var peak: UInt64
  /// The value after the last event, before the processes end.
  public var last: UInt64

  /// Creates a use.
  public init(mean: UInt64 = 0, peak: UInt64 = 0, last: UInt64 = 0) {
    self.mean = mean
    self.peak = peak
    self.last = last
  }
}
