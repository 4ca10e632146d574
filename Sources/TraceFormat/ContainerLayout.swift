// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// The constants of container version 1; TraceContainer.md draws the layout.
enum ContainerLayout {
  /// The first bytes of a container.
  ///
  /// The byte above 127 and the line ends show damage by transfers
  /// that meddle with text, the control-Z stops a terminal that prints the file.
  static let magic: [UInt8] = [0x8d, 0x4d, 0x54, 0x54, 0x0d, 0x0a, 0x1a, 0x0a]
  /// The last bytes of a container.
  static let endMagic: [UInt8] = [0x8d, 0x6d, 0x74, 0x74, 0x45, 0x4e, 0x44, 0x0a]
  /// The version of the layout.
  static let version: UInt32 = 1
  /// Magic, version, body length and body checksum.
  static let headerPrefixBytes = 24
  /// The largest header body.
  ///
  /// Linux allows 65,530 mappings for a process, at up to 25 bytes each.
  static let largestHeaderBytes = 1 << 21
  /// The largest string in a header or a mark, in bytes of UTF-8.
  static let largestStringBytes: UInt64 = 1 << 16

  /// The number of columns of a block.
  static let columns = 10
  /// Mark, record count, first clock, a pair of sizes for each column and the checksum.
  static let blockHeaderBytes = 4 + 4 + 8 + columns * 8 + 8
  /// The mark of a block: `BLCK`.
  static let blockMark: UInt32 = 0x4b43_4c42
  /// The most records in a block.
  ///
  /// zstd finds repetitions only within a block: blocks of 16,384 records took 20 % more space than
  /// blocks of this size for the four recordings at hand, and blocks of a million records 4 % less,
  /// but four times the memory and the time to seek.
  static let largestBlockRecords = 1 << 18
  /// The most records in a batch: 256 KiB, so that a batch stays in a second-level cache.
  static let largestBatchRecords = 1 << 14
  /// The largest column before compression.
  static let largestColumnBytes = 1 << 22
  /// A block is closed when its columns of rare records have grown to this size, so that no column
  /// can exceed `largestColumnBytes`: the largest operation takes less than 70,000 bytes.
  static let fullRareColumnBytes = 1 << 21

  /// Offset, first record number and first clock of a block in the index.
  static let indexEntryBytes = 24
  /// The eight numbers of the totals.
  static let totalsBytes = 64
  /// Six numbers, the digest and the end magic.
  static let trailerBytes = 6 * 8 + 16 + 8
  /// The trailer's bytes that the digest does not cover.
  static let undigestedBytes = 16 + 8

  /// The largest compressed form of a column; zstd never needs more.
  static func largestPacked(_ bytes: Int) -> Int { bytes + bytes / 128 + 512 }
}

/// The columns of a block, in file order.
enum Column {
  static let lead = 0
  static let clock = 1
  static let page = 2
  static let detail = 3
  static let tagValue = 4
  static let tagDistance = 5
  static let tagPage = 6
  static let tagGranule = 7
  static let tagLength = 8
  static let operation = 9
}

/// The lead byte of a record: bits 1 to 0 are the shape, bits 7 to 2 the clock's advance.
enum Lead {
  /// A touch of one read.
  static let oneRead: UInt8 = 0
  /// A touch of one write.
  static let oneWrite: UInt8 = 1
  /// A tag run.
  static let tagRun: UInt8 = 2
  /// A record whose kind is the next byte of the detail column.
  static let detailed: UInt8 = 3
  /// The advance is this plus the next number of the clock column.
  static let longAdvance: UInt64 = 63
}

/// The tag-distance column: one byte a tag run.
///
/// Below 255 it is the zigzag form of the distance, in granules, from the end of the run before;
/// 255 means that page and first granule are in columns of their own.
enum TagDistance {
  static let far: UInt8 = 255
}

/// The first byte of an entry in the detail column.
enum Detail {
  static let touch: UInt8 = 0
  static let access: UInt8 = 1
  static let operation: UInt8 = 2
}

/// Where one block is.
struct BlockEntry: Equatable {
  /// Bytes from the start of the file.
  var offset: UInt64
  /// Records before this block.
  var firstRecord: UInt64
  /// The clock of its first record.
  var firstClock: UInt64
}

extension EventRecord {
  /// The bits that an access's argument may have.
  static let accessArgumentBits: UInt8 = accessIsWrite | accessHasTag | 0x0f
}
