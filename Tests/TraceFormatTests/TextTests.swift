// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import Testing

@testable import TraceFormat

@Suite struct TextTests {
  private func reader(_ text: String) throws(TraceError) -> TraceReader {
    let built = try TextTrace.container(text: Array(text.utf8), name: "t.trace")
    return try TraceReader(bytes: built.bytes, name: "t.trace")
  }

  private func printed(_ reader: TraceReader) throws -> String {
    var lines = TracePrinter.lines(reader.header)
    var printer = TracePrinter(pageSize: reader.header.pageSize, pages: reader.pages)
    var batch = EventBatch()
    reader.rewind()
    while try reader.next(into: &batch) {
      for record in batch.records {
        if let line = printer.print(record, in: batch) { lines.append(line) }
      }
    }
    if let line = printer.finish() { lines.append(line) }
    return lines.map { $0 + "\n" }.joined()
  }

  @Test(arguments: PageSize.allCases)
  func everyRecordKindSurvivesPrintingAndBuilding(pageSize: PageSize) throws {
    let first = try TraceReader(bytes: try everything(pageSize), name: "t")
    let text = try printed(first)
    let second = try reader(text)
    #expect(second.header == first.header)
    #expect(
      try events(second)
        == {
          first.rewind(); return try events(first)
        }()
    )
    #expect(second.digest == first.digest)
    #expect(try printed(second) == text)
  }

  @Test func linesMeanWhatTheySay() throws {
    let trace = try reader(
      """
      # a comment
      page-size 4K
      recorder by hand
      command prog  --x '#1'
      filter 64K 1024
      mapped 0x1000 8K rw anon stack   # where it starts

      read 0x1000
      read 4K x3 => zero-page
      @100 write 0x2000 x2\t=> zero-fill+reserved
      touch 0x2000 reads 2 writes 3
      load 0x2ff8 16 tag 3
      store 1M 8
      tag 0x2ff0 0x20 0xf
      map 0x10000 1G r file shared populate noreserve growsdown noreplace = 0x7f0000
      map 0x10000 0 none => EINVAL
      unmap 0x10000 4K = -22
      protect 0x10000 4K rwx mte bti sem
      remap 0x10000 4K 8K maymove fixed 0x30000
      remap 0x10000 4K 8K maymove to 0x30000 = 0x30000
      brk 0 = 0x5000
      advise 0x10000 4K populate-read
      copyin 0x1000 100
      copyout 0x1000 1
      thread 3
      process 1
      fork 2
      exec
      exit -1
      mark two # words
      expect hit
      tags 0x2ff0 => 1*1
      """
    )
    #expect(trace.header.commandLine == "prog  --x '#1'")
    #expect(trace.header.filterWindowAccesses == 65536)
    #expect(
      trace.header.initialMappings == [
        MappingRequest(
          address: 0x1000,
          length: 0x2000,
          protection: [.read, .write],
          flags: [.anonymous, .stack]
        )
      ]
    )
    let all = try events(trace)
    #expect(all[0].record == .touch(0, reads: 1, writes: 0, clock: 1))
    #expect(all[1].record == .touch(0, reads: 3, writes: 0, clock: 4))
    #expect(all[2].operation == .expect(.outcome(.zeroPage)))
    #expect(all[3].record == .touch(1, reads: 0, writes: 2, clock: 100))
    #expect(all[4].operation == .expect(.outcome([.zeroFill, .tagsReserved])))
    #expect(all[5].record == .touch(1, reads: 2, writes: 3, clock: 105))
    #expect(all[6].record?.count == 8 && all[6].clock == 106)
    #expect(all[7].record?.argument == 0x43 && all[7].clock == 106)
    #expect(all[8].record?.argument == 0x80 && all[8].clock == 107)
    #expect(all[9].record?.detail == 255 && all[10].record?.detail == 0)
    #expect(
      all[11].operation
        == .map(
          MappingRequest(
            address: 0x10000,
            length: 1 << 30,
            protection: [.read],
            flags: [.shared, .populate, .noReserve, .growsDown, .fixedNoReplace]
          ),
          result: 0x7f0000
        )
    )
    #expect(all[13].operation == .expect(.outcome(.error(.einval))))
    #expect(all[14].operation == .unmap(address: 0x10000, length: 4096, result: -22))
    #expect(
      all[16].operation
        == .remap(
          address: 0x10000,
          oldLength: 4096,
          newLength: 8192,
          flags: [.mayMove, .fixed],
          newAddress: 0x30000,
          result: nil
        )
    )
    #expect(all.last?.operation == .expectTags(address: 0x2ff0, tags: [1]))
    #expect(all.count == 30)
  }

  @Test(arguments: [
    ("page-size 8K", "t.trace:1:+10: expected a page size of 4K, 16K or 64K, found 8192"),
    ("\n\n  jump 1", "t.trace:3:+4: expected the name of an event, found jump"),
    ("read", "t.trace:1:+4: expected an address, found the end of the line"),
    ("read 0x1000 x0", "t.trace:1:+12: expected a count from 1 to 65535, found x0"),
    ("read 0x1000 x65536", "t.trace:1:+12: expected a count from 1 to 65535, found x65536"),
    ("read zero", "t.trace:1:+5: expected an address, found zero"),
    ("read +1", "t.trace:1:+5: expected an address, found +1"),
    (
      "read 0x100000000000000",
      "t.trace:1:+5: expected an address below 2^56, found 0x100000000000000"
    ),
    ("read 99999999999999999999", "t.trace:1:+5: expected an address, found 99999999999999999999"),
    ("read 18014398509481984K", "t.trace:1:+5: expected an address, found 18014398509481984K"),
    ("read 0x1000 again", "t.trace:1:+12: expected the end of the line, found again"),
    ("read 0x1000 => fine", "t.trace:1:+15: expected an outcome, found fine"),
    ("touch 0x1000", "t.trace:1:+12: expected reads N, writes N or both, found no access"),
    ("load 0x1000 0", "t.trace:1:+0: expected a size of at least 1, found 0"),
    ("load 0xffffffffffffff 2", "t.trace:1:+22: expected a length that ends below 2^56, found 2"),
    ("load 0x1000 1 tag 16", "t.trace:1:+18: expected a tag up to 15, found 16"),
    (
      "tag 0x1008 16 1",
      "t.trace:1:+0: expected an address and a length that are multiples of 16, found 0x1008 and 16"
    ),
    (
      "tag 0x1000 0 1",
      "t.trace:1:+0: expected an address and a length that are multiples of 16, found 0x1000 and 0"
    ),
    (
      "map 0 4K wr q",
      "t.trace:1:+12: expected the end of the line, found q"
    ),
    (
      "map 0 4K rr",
      "t.trace:1:+9: expected a protection of the letters r, w and x, or none, found rr"
    ),
    ("unmap 0 4K = nine", "t.trace:1:+13: expected a result, found nine"),
    (
      "unmap 0 4K = 9223372036854775808",
      "t.trace:1:+13: expected a result below 2^63, found 9223372036854775808"
    ),
    ("advise 0 4K maybe", "t.trace:1:+12: expected an advice, found maybe"),
    ("thread 4G", "t.trace:1:+7: expected a thread below 2^32, found 4294967296"),
    ("exit now", "t.trace:1:+5: expected an exit status, found now"),
    ("copyin 0x1000 0", "t.trace:1:+0: expected a length of at least 1, found 0"),
    ("@5 exec\n@4 exec", "t.trace:2:+8: expected a clock from 5 to 2^48 - 1, found 4"),
    (
      "@281474976710655 exec\nread 0",
      "t.trace:2:+22: expected a clock below 2^48, found 281474976710656"
    ),
    (
      "tags 0x1008 => 1*1",
      "t.trace:1:+5: expected an address that is a multiple of 16, found 0x1008"
    ),
    ("tags 0x1000", "t.trace:1:+11: expected => and runs of tags, found the end of the line"),
    ("tags 0x1000 => 1", "t.trace:1:+15: expected TAG*GRANULES, found 1"),
    ("tags 0x1000 => 1*1 => hit", "t.trace:1:+19: expected TAG*GRANULES, found =>"),
    ("poketags 0x1000 1*1 => no", "t.trace:1:+23: expected an outcome, found no"),
    (
      "poketags 0x1008 1*1",
      "t.trace:1:+9: expected an address that is a multiple of 16, found 0x1008"
    ),
    ("peektags 0x1ff0 2", "t.trace:1:+16: expected 1 to 1 granules, found 2"),
    ("coredump 1", "t.trace:1:+9: expected the end of the line, found 1"),
    ("memslot x 0 0", "t.trace:1:+8: expected a memory slot, found x"),
    ("memslot 0 0x1000", "t.trace:1:+16: expected a length, found the end of the line"),
    ("guestread", "t.trace:1:+9: expected an address, found the end of the line"),
    (
      "guesttags 0x1008 1*1",
      "t.trace:1:+10: expected an address that is a multiple of 16, found 0x1008"
    ),
    (
      "guesttags 0x1ff0 1*2",
      "t.trace:1:+17: expected a tag up to 15 for 1 to 1 granules, found 1*2"
    ),
    (
      "tags 0x1ff0 => 1*2",
      "t.trace:1:+15: expected a tag up to 15 for 1 to 1 granules, found 1*2"
    ),
    ("snapshot 0x1000 => 1*255", "t.trace:1:+24: expected tags of 256 granules, found 255"),
    ("exec\npage-size 4K", "t.trace:2:+5: expected the name of an event, found page-size"),
  ])
  func badLinesAreNamedExactly(text: String, message: String) {
    do throws(TraceError) {
      _ = try reader(text)
      Issue.record("\(text) was accepted")
    } catch {
      #expect(error.description == message)
      #expect(error.kind == .badData)
    }
  }

  @Test func bytesThatAreNoTextAreRefused() {
    do throws(TraceError) {
      _ = try TextTrace.container(text: Array("exec\n".utf8) + [0xff], name: "t")
      Issue.record("accepted")
    } catch {
      #expect(
        error.description
          == "t:2:+5: expected text in UTF-8, or the magic of a trace container, found other bytes"
      )
    }
  }

  @Test func textCutAnywhereGivesAnErrorOrATrace() throws {
    let text = Array(try printed(try TraceReader(bytes: try everything(), name: "t")).utf8)
    for length in stride(from: 0, to: text.count, by: 3) {
      do throws(TraceError) {
        _ = try TextTrace.container(text: Array(text[..<length]), name: "t")
      } catch {
        #expect(error.kind == .badData)
      }
    }
  }
}
