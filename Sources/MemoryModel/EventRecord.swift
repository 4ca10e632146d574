// SPDX-License-Identifier: Apache-2.0

/// What an ``EventRecord`` describes.
public enum EventKind: UInt8, CaseIterable, Sendable {
  /// One page was read or written, or both, one or more times within the recorder's window.
  case touch = 0
  /// One exact data access inside one page, with the pointer's tag where it is known.
  case access = 1
  /// Tags were stored to consecutive granules of one page.
  case tagRun = 2
  /// Anything rarer: `page` is an index into ``EventBatch/operations``.
  case operation = 3
}

/// One event in 16 bytes, as the replay loop reads it.
///
///     word 0   63 ......... 32   31 ....... 16   15 ..... 8   7 .... 0
///              page identifier   detail          argument     kind
///     word 1   63 ......... 48   47 ..................... 0
///              count             clock
///
/// | kind | page | detail | argument | count |
/// |---|---|---|---|---|
/// | touch | identifier | reads, saturated | 0 | writes, saturated |
/// | access | identifier | first byte in the page | ``accessIsWrite``, ``accessHasTag``, tag in bits 3-0 | bytes, at least 1 |
/// | tagRun | identifier | first granule in the page | tag | granules, at least 1 |
/// | operation | index of the operation in its batch | 0 | 0 | 0 |
///
/// A record never crosses a page: writers split longer accesses and runs. `clock` counts the data
/// accesses that the recorded process had made, this one included, and never decreases within a
/// process.
@frozen
public struct EventRecord: Equatable, Sendable {
  /// Argument bit of an access: it stores.
  public static let accessIsWrite: UInt8 = 0x80
  /// Argument bit of an access: bits 3 to 0 are the tag of the pointer.
  public static let accessHasTag: UInt8 = 0x40
  /// The largest clock, 2^48 - 1 accesses.
  public static let largestClock: UInt64 = 1 << 48 - 1

  /// Page identifier, detail, argument and kind.
  public let word0: UInt64
  /// Count and clock.
  public let word1: UInt64

  /// Packs an event.
  ///
  /// - Precondition: `clock` is at most ``largestClock``.
  @inlinable
  public init(
    kind: EventKind,
    page: PageIdentifier,
    detail: UInt16 = 0,
    argument: UInt8 = 0,
    count: UInt16 = 0,
    clock: UInt64
  ) {
    precondition(clock <= Self.largestClock, "clock \(clock) is not below 2^48")
    word0 =
      UInt64(page) << 32 | UInt64(detail) << 16 | UInt64(argument) << 8 | UInt64(kind.rawValue)
    word1 = UInt64(count) << 48 | clock
  }

  /// Packs a touch of one page.
  @inlinable
  public static func touch(
    _ page: PageIdentifier,
    reads: UInt16,
    writes: UInt16,
    clock: UInt64
  ) -> EventRecord {
    EventRecord(kind: .touch, page: page, detail: reads, count: writes, clock: clock)
  }

  /// What the record describes.
  @inlinable public var kind: EventKind {
    // Only `init` makes records, so the byte is always one of the four kinds.
    switch UInt8(truncatingIfNeeded: word0) {
    case 0: .touch
    case 1: .access
    case 2: .tagRun
    default: .operation
    }
  }

  /// The page identifier, or the index of an operation.
  @inlinable public var page: PageIdentifier { UInt32(truncatingIfNeeded: word0 >> 32) }
  /// Reads, first byte or first granule, by kind.
  @inlinable public var detail: UInt16 { UInt16(truncatingIfNeeded: word0 >> 16) }
  /// Flags or tag, by kind.
  @inlinable public var argument: UInt8 { UInt8(truncatingIfNeeded: word0 >> 8) }
  /// Writes, bytes or granules, by kind.
  @inlinable public var count: UInt16 { UInt16(truncatingIfNeeded: word1 >> 48) }
  /// Data accesses of the process so far.
  @inlinable public var clock: UInt64 { word1 & Self.largestClock }

  /// Whether the event needs write permission: a store, or a tag store.
  @inlinable public var isWrite: Bool {
    switch kind {
    case .touch: count != 0
    case .access: argument & Self.accessIsWrite != 0
    case .tagRun: true
    case .operation: false
    }
  }
}

/// Events in order, as one block of a trace decodes to.
///
/// A batch is reused from block to block, so that reading allocates nothing once it is warm.
public struct EventBatch: Sendable {
  /// The events, oldest first.
  public var records: [EventRecord] = []
  /// The rarer events, which records of kind ``EventKind/operation`` refer to by index.
  public var operations: [MemoryOperation] = []
  /// The number, in the whole trace, of the first record of this batch.
  public var firstRecordNumber: UInt64 = 0
  /// Where the batch's block starts in the trace file, in bytes.
  public var fileOffset: UInt64 = 0

  /// Creates an empty batch.
  public init() {}

  /// Forgets all events but keeps the memory.
  public mutating func removeAll() {
    records.removeAll(keepingCapacity: true)
    operations.removeAll(keepingCapacity: true)
  }

  /// Appends an operation and the record that refers to it.
  public mutating func append(_ operation: MemoryOperation, clock: UInt64) {
    records.append(
      EventRecord(kind: .operation, page: UInt32(operations.count), clock: clock)
    )
    operations.append(operation)
  }
}
