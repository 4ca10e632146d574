// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import Testing

@testable import TraceFormat
@testable import TraceImport

@Suite struct ImporterTests {
  /// A recording with every kind of record.
  private func everything() -> RecordingBytes {
    var recording = RecordingBytes()
    recording.mapping(0x10, 2, 3)
    recording.mapping(0x20, 1, 1, isFile: true)
    recording.page(0x10, isWrite: true, skipped: 9)
    recording.page(0x10)
    recording.call(222, [0, 0x1800, 0x23, 0x22, .max], result: 0x30_000, skipped: 5)
    recording.tag(7, 0x30fe, 4)
    recording.thread(1)
    recording.full(0x10ff8, sizeShift: 4, isWrite: true)
    recording.full(8, sizeShift: 0, isWrite: false)
    recording.thread(0)
    recording.full(0x10_000, sizeShift: 3, isWrite: false)
    recording.copy(0xab00_0000_0001_0004, 300, intoUser: true, skipped: 1)
    recording.copy(0x20_000, 1, intoUser: false)
    recording.call(94, [3], result: 0)
    recording.truth(0x30, 0x70)
    recording.end()
    return recording
  }

  private let everythingAsText = [
    "mapped 0x10000 0x2000 rw anon",
    "mapped 0x20000 0x1000 r file",
    "@10 write 0x10000",
    "read 0x20000",
    "@16 map 0x30000 0x1800 rw mte anon = 0x30000",
    "tag 0x30fe0 32 7",
    "tag 0x31000 32 7",
    "thread 1",
    "store 0x10ff8 8",
    "@17 store 0x11000 8",
    "load 0x11000 1",
    "thread 0",
    "load 0x10000 8",
    "@20 copyout 0x10004 0x12c",
    "copyin 0x20000 0x1",
    "snapshot 0x30000 => " + Array(repeating: "0*1 7*1", count: 128).joined(separator: " "),
    "exit 3",
  ]

  @Test func everyRecordBecomesItsEvent() throws {
    let imported = try importing(everything().bytes)
    #expect(imported.text == everythingAsText)
    let report = imported.report
    #expect(report.pageRecords == 2)
    #expect(report.accessRecords == 3)
    #expect(report.tagRecords == 1)
    #expect(report.systemCallRecords == 2)
    #expect(report.mappingRecords == 2)
    #expect(report.threadRecords == 2)
    #expect(report.kernelCopyRecords == 2)
    #expect(report.snapshotRecords == 1)
    #expect(report.inferredPages == 0)
    #expect(report.failedCalls == 0)
  }

  @Test func compressedRecordingsAreRecognised() throws {
    var packed: [UInt8] = []
    Zstandard.compress(everything().bytes, level: 3, into: &packed)
    #expect(try importing(packed).text == everythingAsText)
    for length in 4..<packed.count {
      #expect(importError(Array(packed[..<length])).contains("expected"), "cut to \(length)")
    }
    var damaged = packed
    // A reserved bit of the frame header.
    damaged[4] ^= 0x08
    #expect(importError(damaged) == "r:+0: expected valid zstd data, found damaged data")
  }

  @Test func truncationIsFoundAtEveryByte() {
    let bytes = everything().bytes
    for length in 0..<bytes.count {
      #expect(importError(Array(bytes[..<length])).hasPrefix("r:"), "cut to \(length)")
    }
    #expect(
      importError(bytes + [0])
        == "r:+\(bytes.count): expected the end of the file, found more bytes"
    )
  }

  @Test func damageNeverStopsTheProgram() {
    let bytes = everything().bytes
    var state: UInt64 = 5
    for _ in 0..<600 {
      var damaged = bytes
      for _ in 0..<2 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        damaged[Int(state >> 33) % bytes.count] = UInt8(truncatingIfNeeded: state >> 25)
      }
      _ = importError(damaged)
    }
  }

  @Test func systemCallsKeepTheirArgumentsAndResults() throws {
    var recording = RecordingBytes()
    recording.call(214, [0], result: 0x50_000)
    recording.call(214, [0x52_000], result: 0x52_000)
    recording.page(0x51, isWrite: true)
    recording.call(222, [0x60_000, 4096, 3, 0x10_8132 | 0x4000, 0], result: 0x60_000)
    recording.call(222, [0x90_000, 4096, 3, 0x01, 0], result: -12)
    recording.call(226, [0x0f << 56 | 0x60_000, 4096, 0x21], result: 0)
    recording.call(216, [0x60_000, 4096, 8192, 1, 0], result: 0x70_000)
    recording.call(216, [0x70_000, 8192, 8192, 3, 0x80_000], result: 0x80_000)
    recording.call(215, [0x80_000, 4096], result: 0)
    recording.call(233, [0x81_000, 4096, 4], result: 0)
    recording.call(233, [0x81_000, 4096, 16], result: 0)
    recording.call(167, [55, 1], result: 0)
    recording.call(167, [55, 1], result: -22)
    recording.call(435, [1], result: -38)
    recording.end()
    let imported = try importing(recording.bytes)
    #expect(
      imported.text == [
        "brk 0x0 = 0x50000",
        "brk 0x52000 = 0x52000",
        "write 0x51000",
        "map 0x60000 0x1000 rw anon fixed noreplace populate noreserve growsdown = 0x60000",
        "map 0x90000 0x1000 rw file shared = -12",
        "protect 0x60000 0x1000 r mte = 0",
        "remap 0x60000 0x1000 0x2000 maymove to 0x70000 = 0x70000",
        "remap 0x70000 0x2000 0x2000 maymove fixed 0x80000 = 0x80000",
        "unmap 0x80000 0x1000 = 0",
        "advise 0x81000 0x1000 dontneed = 0",
      ]
    )
    #expect(imported.report.failedCalls == 3)
    #expect(imported.report.otherCalls.map(\.number) == [167, 233, 435])
    #expect(imported.report.otherCalls.map(\.count) == [2, 1, 1])
  }

  @Test func touchesOfUnmappedPagesGetAMapping() throws {
    var recording = RecordingBytes()
    recording.page(5)
    recording.page(0, isWrite: true)
    recording.tag(1, 0x6ff, 2)
    recording.full(0x8fff, sizeShift: 1, isWrite: false)
    recording.copy(0xa000, 0x1001, intoUser: true)
    recording.call(215, [0x5000, 0x1000], result: 0)
    recording.page(0)
    recording.end()
    let imported = try importing(recording.bytes)
    #expect(
      imported.text == [
        "@1 map 0x5000 0x1000 rw anon fixed inferred = 0x5000",
        "@1 read 0x5000",
        "write 0x5000",
        "map 0x6000 0x1000 rw mte anon fixed inferred = 0x6000",
        "map 0x7000 0x1000 rw mte anon fixed inferred = 0x7000",
        "tag 0x6ff0 16 1",
        "tag 0x7000 16 1",
        "@3 map 0x8000 0x1000 rw anon fixed inferred = 0x8000",
        "map 0x9000 0x1000 rw anon fixed inferred = 0x9000",
        "@3 load 0x8fff 1",
        "@3 load 0x9000 1",
        "map 0xa000 0x1000 rw anon fixed inferred = 0xa000",
        "map 0xb000 0x1000 rw anon fixed inferred = 0xb000",
        "copyout 0xa000 0x1001",
        "unmap 0x5000 0x1000 = 0",
        "@4 map 0x5000 0x1000 rw anon fixed inferred = 0x5000",
        "@4 read 0x5000",
      ]
    )
    #expect(imported.report.inferredPages == 8)
  }

  @Test func forksThreadsAndEndsOfProcesses() throws {
    var recording = RecordingBytes()
    recording.mapping(1, 1, 3)
    recording.call(220, [0x3d0f00], result: 77)
    recording.thread(1)
    recording.call(220, [0x1200011], result: 78)
    recording.call(93, [0], result: 0)
    recording.thread(0)
    recording.page(1)
    recording.call(93, [0x102], result: 0)
    recording.end()
    let imported = try importing(recording.bytes)
    #expect(
      imported.text == [
        "mapped 0x1000 0x1000 rw anon", "thread 1", "fork 1", "process 1", "exit 0", "process 0",
        "thread 1", "thread 0", "read 0x1000", "exit 2",
      ]
    )
    #expect(imported.report.forks == 1)
  }

  @Test func anExecThatSucceedsIsTheLastRecord() throws {
    var recording = RecordingBytes()
    recording.call(221, [0], result: 0)
    recording.mapping(1, 1, 3)
    recording.page(1)
    recording.call(221, [0], result: 0)
    let imported = try importing(recording.bytes)
    #expect(imported.text.suffix(2) == ["read 0x1000", "exec"])
  }

  @Test func snapshotsOfForkedChildrenAreLeftOut() throws {
    var recording = RecordingBytes()
    recording.fork()
    recording.mapping(1, 1, 3)
    recording.page(1)
    recording.truth(1, 0)
    recording.end()
    let imported = try importing(recording.bytes)
    #expect(imported.report.snapshotsLeftOut == 1)
    #expect(imported.text == ["mapped 0x1000 0x1000 rw anon", "read 0x1000"])
  }

  @Test func badRecordsAreNamedExactly() {
    func error(_ body: (inout RecordingBytes) -> Void) -> String {
      var recording = RecordingBytes()
      recording.page(1)
      body(&recording)
      recording.end()
      return importError(recording.bytes)
    }
    let place = "r:record 1:+11: expected"
    #expect(error { $0.bytes.append(9) } == "\(place) a record kind of 0 to 8 or 10, found 9")
    #expect(error { $0.fork() } == "\(place) a FORK record at the start only, found one here")
    #expect(error { $0.page(-2) } == "\(place) a page below 2^44, found -1")
    #expect(error { $0.page(1 << 44) } == "\(place) a page below 2^44, found 17592186044417")
    #expect(
      error { $0.page(0, skipped: 1 << 48) }
        == "\(place) a clock below 2^48, found 281474976710656 more than 1"
    )
    #expect(
      error { $0.tag(1, 0, 0) }
        == "\(place) a tag run of at least one granule below 2^52, found 0 at 0"
    )
    #expect(
      error { $0.tag(1, 0, 1 << 40) }
        == "\(place) granules in a run up to 67108864, found 1099511627776"
    )
    #expect(
      error { $0.copy(0x1000, 0, intoUser: true) }
        == "\(place) a kernel copy of at least one byte below 2^56, found 0 at 4096"
    )
    #expect(
      error { $0.copy(0x1000, 1 << 40, intoUser: true) }
        == "\(place) bytes of a kernel copy up to 2147479552, found 1099511627776"
    )
    #expect(
      error { $0.thread(1 << 40) } == "\(place) a thread up to 4294967295, found 1099511627776"
    )
    #expect(
      error { $0.mapping(1 << 50, 1, 3) }
        == "\(place) a page up to 17592186044415, found 1125899906842624"
    )
    #expect(
      error { $0.bytes += [1] + Array(repeating: 0xff, count: 10) }
        == "\(place) a number below 2^64, found a longer one"
    )
  }

  @Test func otherFilesAreNamedInOneLine() {
    #expect(
      importError(Array("MTETRC1\nxyz".utf8))
        == "r:+0: expected a recording of version MTETRC0, found MTETRC1"
    )
    #expect(
      importError(Array("something else".utf8))
        == "r:+0: expected a recording, which starts with MTETRC0, found a file that does not"
    )
    #expect(importError([]).hasPrefix("r:+0: expected a recording"))
  }
}
