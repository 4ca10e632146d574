// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import PhysicalMemory

/// A page of a file.
struct FilePlace: Hashable {
  /// The file.
  var file: UInt32
  /// The number of the page in the file.
  var page: UInt64
}

/// What the machine knows of one page of a file that was ever in memory.
struct FilePage {
  /// Which page it is.
  let place: FilePlace
  /// The stamp of what the disk holds.
  var stamp: UInt64
  /// The frame that holds the page; ``FrameTable/none`` where it is not in memory.
  var frame: UInt32 = FrameTable.none
  /// The frame of tag storage that holds a copy of it; ``FrameTable/none`` where none does.
  var copy: UInt32 = FrameTable.none
  /// What its last eviction left behind, `nil` where it was never evicted or came back since.
  var shadow: UInt64?

  /// Whether it is in memory.
  var isCached: Bool { frame != FrameTable.none }
  /// Whether tag storage holds a copy of it.
  var hasCopy: Bool { copy != FrameTable.none }
}

/// The page cache: the pages of all files by number, and the numbers by file and page.
///
/// A page gets a number when it is first read, and keeps it. The kernel has an XArray for each file; whose
/// nodes are not charged here.
///
/// Source: Linux v6.8 `struct address_space`.
struct FilePageTable {
  /// Numbers of files that a trace names, by memory group; never iterated.
  private var files: [FileName: UInt32] = [:]
  /// Numbers of pages; never iterated.
  private var numbers: [FilePlace: UInt32] = [:]
  /// The pages by number.
  private(set) var pages: [FilePage] = []
  /// Files so far, numbered from 1.
  private(set) var fileCount: UInt32 = 0
  /// Pages in memory.
  private(set) var cachedPages = 0
  /// Pages of which tag storage holds a copy.
  private(set) var copies = 0

  private struct FileName: Hashable {
    var group: Int
    var number: UInt32
  }

  /// A stamp that tells one page of a file from all others, and from those of events.
  private static let firstStamp: UInt64 = 1 << 63

  subscript(_ number: UInt32) -> FilePage {
    get { pages[Int(number)] }
    set { pages[Int(number)] = newValue }
  }

  /// A file that nobody has mapped before.
  ///
  /// - Returns: its number.
  mutating func newFile() -> UInt32 {
    fileCount += 1
    precondition(fileCount < 1 << 31, "\(fileCount) files")
    return fileCount
  }

  /// The file that the traces of a memory group call `name`.
  mutating func file(named name: UInt32, in group: Int) -> UInt32 {
    let key = FileName(group: group, number: name)
    if let known = files[key] { return known }
    let file = newFile()
    files[key] = file
    return file
  }

  /// The number of a page.
  mutating func number(of place: FilePlace) -> UInt32 {
    if let known = numbers[place] { return known }
    let number = UInt32(pages.count)
    pages.append(FilePage(place: place, stamp: Self.firstStamp | UInt64(number)))
    numbers[place] = number
    return number
  }

  /// Notes that a frame holds a page from now on.
  mutating func insert(_ frame: PageFrameNumber, at number: UInt32) {
    precondition(!self[number].isCached, "page \(number) of files has frame \(self[number].frame)")
    self[number].frame = frame.rawValue
    self[number].shadow = nil
    cachedPages += 1
  }

  /// Notes that a page has another frame.
  mutating func replace(with frame: PageFrameNumber, at number: UInt32) {
    precondition(self[number].isCached, "page \(number) of files has no frame")
    self[number].frame = frame.rawValue
  }

  /// Notes that a frame of tag storage holds a copy of a page.
  mutating func noteCopy(_ frame: PageFrameNumber, of number: UInt32) {
    precondition(
      !self[number].hasCopy,
      "page \(number) of files has a copy in \(self[number].copy)"
    )
    self[number].copy = frame.rawValue
    copies += 1
  }

  /// Notes that tag storage holds no copy of a page any more.
  ///
  /// - Returns: the frame that held it.
  mutating func forgetCopy(of number: UInt32) -> PageFrameNumber {
    precondition(self[number].hasCopy, "page \(number) of files has no copy")
    let frame = PageFrameNumber(rawValue: self[number].copy)
    self[number].copy = FrameTable.none
    copies -= 1
    return frame
  }

  /// Notes that a page has left memory, and what it left behind.
  mutating func remove(_ number: UInt32, leaving shadow: UInt64) {
    precondition(self[number].isCached, "page \(number) of files has no frame")
    self[number].frame = FrameTable.none
    self[number].shadow = shadow
    cachedPages -= 1
  }
}
