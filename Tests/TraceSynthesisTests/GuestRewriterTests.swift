// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import TraceFormat
import Testing

@testable import TraceSynthesis

/// A program that becomes a guest, line by line.
@Suite struct GuestRewriterTests {
  private func rewritten(
    _ program: String
  ) throws -> (lines: [String], summary: GuestSummary) {
    let text = "page-size 4K\n" + program
    let recorded = try TextTrace.container(text: Array(text.utf8), name: "program").bytes
    let result = try GuestRewriter.rewrite(TraceReader(bytes: recorded, name: "program"))
    let lines = try printedLines(result.written.bytes)
    // The clock is that of the recording.
    let events = lines.map { String($0.drop { $0 == "@" || $0.isNumber }.drop { $0 == " " }) }
    return (events, result.summary)
  }

  @Test func memoryIsGivenUntaggedAndUsedByTheGuest() throws {
    let result = try rewritten(
      """
      mapped 0x80000 0x2000 rw mte anon
      mapped 0x90000 0x1000 rw file
      write 0x80000
      map 0x100000 0x4000 r anon = 0x100000
      protect 0x100000 0x2000 rw mte = 0
      tag 0x100010 48 3
      tag 0x102000 16 3
      load 0x101008 8 tag 3
      write 0x90000
      copyout 0x100ff0 32
      snapshot 0x100000 => 0*1 3*3 0*252
      exit 0

      """
    )
    #expect(
      result.lines == [
        "mapped 0x80000 0x2000 rw anon",
        "mapped 0x90000 0x1000 rw file",
        "memslot 0 0x80000 0x2000",
        "guestwrite 0x80000",
        "map 0x100000 0x4000 rw anon = 0x100000",
        "memslot 1 0x100000 0x4000",
        "guesttags 0x100010 3*3",
        // Memory that the guest has not tagged itself takes no tags.
        "guestwrite 0x102000",
        "guestread 0x101008",
        "write 0x90000",
        "guestwrite 0x100000",
        "guestwrite 0x101000",
        "snapshot 0x100000 => 0*1 3*3 0*252",
        "exit 0",
      ]
    )
    #expect(
      result.summary == GuestSummary(slots: 2, pages: 6, events: 6, droppedStatements: 0)
    )
  }

  @Test func slotsFollowMappings() throws {
    let result = try rewritten(
      """
      map 0x100000 0x4000 rw anon = 0x100000
      map 0x200000 0x2000 rw mte anon = 0x200000
      unmap 0x100000 0x4000 = 0
      remap 0x200000 0x2000 0x4000 maymove to 0x300000 = 0x300000
      tag 0x303000 16 5
      brk 0x0 = 0x400800
      brk 0x403000 = 0x403000
      write 0x402000
      brk 0x401000 = 0x401000
      map 0x500000 0x1000 rw anon stack = 0x500000
      write 0x500000 => zero-fill
      exit 0

      """
    )
    #expect(
      result.lines == [
        "map 0x100000 0x4000 rw anon = 0x100000",
        "memslot 0 0x100000 0x4000",
        "map 0x200000 0x2000 rw anon = 0x200000",
        "memslot 1 0x200000 0x2000",
        "memslot 0 0x0 0x0",
        "unmap 0x100000 0x4000 = 0",
        "remap 0x200000 0x2000 0x4000 maymove to 0x300000 = 0x300000",
        "memslot 1 0x0 0x0",
        "memslot 0 0x300000 0x4000",
        "guesttags 0x303000 5*1",
        "brk 0x0 = 0x400800",
        "brk 0x403000 = 0x403000",
        "memslot 1 0x401000 0x2000",
        "guestwrite 0x402000",
        "brk 0x401000 = 0x401000",
        "memslot 1 0x0 0x0",
        "map 0x500000 0x1000 rw anon stack = 0x500000",
        "write 0x500000",
        "exit 0",
      ]
    )
    #expect(result.summary.droppedStatements == 1)
  }

  /// What is mapped over the guest's memory is the monitor's again.
  @Test func whatIsMappedOverMemoryTakesItBack() throws {
    let result = try rewritten(
      """
      map 0x100000 0x4000 rw mte anon = 0x100000
      map 0x101000 0x1000 rw file fixed = 0x101000
      write 0x101000
      tag 0x102000 16 5
      map 0x100000 0x4000 rw anon fixed = 0x100000
      tag 0x102000 16 5
      map 0x200000 0x1000 rw anon = 0x200000
      map 0x300000 0x1000 rw file = 0x300000
      remap 0x300000 0x1000 0x1000 maymove fixed 0x200000 = 0x200000
      write 0x200000
      exit 0

      """
    )
    #expect(
      result.lines == [
        "map 0x100000 0x4000 rw anon = 0x100000",
        "memslot 0 0x100000 0x4000",
        "map 0x101000 0x1000 rw file fixed = 0x101000",
        "write 0x101000",
        "guesttags 0x102000 5*1",
        "memslot 0 0x0 0x0",
        "map 0x100000 0x4000 rw anon fixed = 0x100000",
        "memslot 0 0x100000 0x4000",
        "guestwrite 0x102000",
        "map 0x200000 0x1000 rw anon = 0x200000",
        "memslot 1 0x200000 0x1000",
        "map 0x300000 0x1000 rw file = 0x300000",
        "remap 0x300000 0x1000 0x1000 maymove fixed 0x200000 = 0x200000",
        "memslot 1 0x0 0x0",
        "write 0x200000",
        "exit 0",
      ]
    )
  }

  @Test(arguments: ["fork 1", "exec", "memslot 0 0x100000 0x1000"])
  func whatIsNoProgramOfOneProcessIsRefused(line: String) throws {
    #expect {
      _ = try rewritten("map 0x100000 0x1000 rw anon = 0x100000\n\(line)\nexit 0\n")
    } throws: { error in
      (error as? TraceError)?.description.contains("expected a program of one process") ?? false
    }
  }
}
