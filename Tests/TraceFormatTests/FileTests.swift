// SPDX-License-Identifier: Apache-2.0

import Foundation
import MemoryModel
import Testing

@testable import TraceFormat

@Suite struct FileTests {
  private let directory = FileManager.default.temporaryDirectory.appendingPathComponent(
    "mtesim-\(UUID().uuidString)"
  )

  init() throws {
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
  }

  private func path(_ name: String) -> String { directory.appendingPathComponent(name).path }

  private func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
  }

  @Test func aFileAppearsWhenItIsComplete() throws {
    defer { try? FileManager.default.removeItem(at: directory) }
    var writer = try TraceWriter(path: path("a.mtt"), header: fullHeader)
    try writer.touch(0x1000, reads: 1, writes: 0, clock: 1)
    #expect(try names() == ["a.mtt.partial"])
    let written = try writer.finish()
    #expect(try names() == ["a.mtt"])
    let reader = try TraceReader(path: path("a.mtt"))
    #expect(reader.digest == written.digest)
    #expect(reader.byteCount == written.byteCount)
    #expect(reader.header == fullHeader)
    #expect(try events(reader).count == 1)
    // Memory and file hold the same bytes.
    var inMemory = try TraceWriter(header: fullHeader)
    try inMemory.touch(0x1000, reads: 1, writes: 0, clock: 1)
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path("a.mtt"))))
    #expect(try inMemory.finish().bytes == bytes)
  }

  @Test func aDroppedWriterLeavesNothing() throws {
    defer { try? FileManager.default.removeItem(at: directory) }
    do {
      var writer = try TraceWriter(path: path("a.mtt"), header: TraceHeader())
      try writer.touch(0x1000, reads: 1, writes: 0, clock: 1)
    }
    #expect(try names() == [])
    #expect(throws: TraceError.self) {
      try TextTrace.writeContainer(
        text: Array("exec\nbad".utf8),
        name: "t",
        output: path("b.mtt"),
        level: 1
      )
    }
    #expect(try names() == [])
  }

  @Test func openingTellsTextFromContainers() throws {
    defer { try? FileManager.default.removeItem(at: directory) }
    try Data("read 0x1000\n".utf8).write(to: URL(fileURLWithPath: path("a.trace")))
    try Data(try everything()).write(to: URL(fileURLWithPath: path("a.mtt")))
    try Data().write(to: URL(fileURLWithPath: path("empty")))
    #expect(try TraceReader.open(path: path("a.trace")).totals.touches == 1)
    #expect(try TraceReader.open(path: path("a.mtt")).totals.touches == 4)
    // A file without lines is a text trace without events.
    #expect(try TraceReader.open(path: path("empty")).totals.records == 0)
  }

  @Test func filesThatCannotBeUsedAreNamed() throws {
    defer { try? FileManager.default.removeItem(at: directory) }
    func error(_ body: () throws -> Void) -> TraceError? {
      do {
        try body()
        return nil
      } catch {
        return error as? TraceError
      }
    }
    let missing = error { _ = try TraceReader.open(path: "/no/such/file") }
    #expect(missing?.kind == .unreadableInput)
    #expect(
      missing?.description
        == "/no/such/file: expected a readable file, found No such file or directory"
    )
    let directoryError = error { _ = try TraceReader.open(path: directory.path) }
    #expect(directoryError?.kind == .unreadableInput)
    let unwritable = error { _ = try TraceWriter(path: "/no/such/file", header: TraceHeader()) }
    #expect(unwritable?.kind == .unwritableOutput)
    #expect(
      unwritable?.description
        == "/no/such/file: expected a file that can be written, found No such file or directory"
    )
  }

  @Test func aFileThatShrinksWhileItIsReadIsNoticed() throws {
    defer { try? FileManager.default.removeItem(at: directory) }
    let url = URL(fileURLWithPath: path("a.mtt"))
    let bytes = try everything()
    try Data(bytes).write(to: url)
    let reader = try TraceReader(path: url.path)
    let handle = try FileHandle(forWritingTo: url)
    try handle.truncate(atOffset: 100)
    try handle.close()
    do throws(TraceError) {
      var batch = EventBatch()
      _ = try reader.next(into: &batch)
      Issue.record("accepted")
    } catch {
      #expect(error.description.contains("found the end of the file"))
    }
  }
}
