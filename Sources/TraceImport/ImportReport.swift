// SPDX-License-Identifier: Apache-2.0

public import TraceFormat

/// What a recording does not say about itself.
public struct ImportDescription: Sendable {
  /// The program that recorded, with its version.
  public var recorder = "MTETRC0 recording"
  /// The recorded program's command line.
  public var commandLine = ""
  /// Anything else worth knowing, such as the allocator.
  public var note = ""
  /// Accesses after which the recorder forgot which pages it had reported.
  public var filterWindowAccesses: UInt64 = 0
  /// Pages that the recorder remembered within a window.
  public var filterEntries: UInt64 = 0

  /// Creates a description that says nothing.
  public init() {}
}

/// What an import read, what it left out and what it added.
public struct ImportReport: Sendable {
  /// PAGE records: touches.
  public internal(set) var pageRecords: UInt64 = 0
  /// FULL records: exact accesses.
  public internal(set) var accessRecords: UInt64 = 0
  /// TAG records: tag stores, before they were split at page ends.
  public internal(set) var tagRecords: UInt64 = 0
  /// SYS records: system calls.
  public internal(set) var systemCallRecords: UInt64 = 0
  /// MAP records: initial mappings.
  public internal(set) var mappingRecords: UInt64 = 0
  /// THREAD records: changes of the thread.
  public internal(set) var threadRecords: UInt64 = 0
  /// KACC records: kernel copies.
  public internal(set) var kernelCopyRecords: UInt64 = 0
  /// TRUTH records: tag snapshots.
  public internal(set) var snapshotRecords: UInt64 = 0
  /// System calls that returned an error and change nothing.
  public internal(set) var failedCalls: UInt64 = 0
  /// System calls that the simulator does not model, by number, with how often they occurred; in
  /// ascending order.
  public internal(set) var otherCalls: [(number: UInt64, count: UInt64)] = []
  /// Pages for which a mapping was added, because the recording touches them unmapped.
  public internal(set) var inferredPages: UInt64 = 0
  /// Forks; recordings hold one process each, so the children end at once.
  public internal(set) var forks: UInt64 = 0
  /// Snapshots left out, because the recording is that of a forked child, whose tags at its start
  /// nobody recorded.
  public internal(set) var snapshotsLeftOut: UInt64 = 0
  /// The container that was written.
  public internal(set) var written: WrittenTrace?

  init() {}

  mutating func countOther(_ number: UInt64) {
    let index = otherCalls.firstIndex { $0.number >= number } ?? otherCalls.count
    if index < otherCalls.count, otherCalls[index].number == number {
      otherCalls[index].count += 1
    } else {
      otherCalls.insert((number, 1), at: index)
    }
  }
}
