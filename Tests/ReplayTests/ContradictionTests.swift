// SPDX-License-Identifier: Apache-2.0

import MachineModel
import MemoryModel
import Replay
import TagStorage
import Testing

@Suite struct ContradictionTests {
  @Test func accessToUnmappedMemoryIsAnError() throws {
    let error = #expect(throws: ReplayError.self) {
      try replay(["map 0x100000 4096 rw anon\nwrite 0x100000\nread 0x200000\n"])
    }
    let text = try #require(error).description
    #expect(
      text.hasSuffix("expected an access to mapped memory, found 0x200000, where nothing is mapped")
    )
    #expect(text.contains("case0.trace:record 2:+"))
  }

  @Test func expectedSignalIsAResult() throws {
    let report = try replay([
      """
      map 0x100000 4096 r anon
      write 0x100000 => protected
      read 0x200000 => unmapped
      """
    ])
    #expect(report.verification.failedExpectations == 0)
    #expect(report.counters[.faultSignal] == 2)
  }

  @Test func writeToReadOnlyMemoryIsAnError() throws {
    let error = #expect(throws: ReplayError.self) {
      try replay(["map 0x100000 4096 r anon\nwrite 0x100000\n"])
    }
    #expect(try #require(error).description.contains("found a write of 0x100000"))
  }

  @Test func unknownProcessIsAnError() throws {
    let error = #expect(throws: ReplayError.self) { try replay(["process 3\n"]) }
    #expect(
      try #require(error).description.hasSuffix(
        "expected a process that was forked before, found 3"
      )
    )
  }

  @Test(arguments: [
    (96, "the smallest RAM that works is 64M, the next above this one 128M"),
    (32, "the smallest RAM that works is 64M, the next above this one 64M"),
  ])
  func ramThatCannotBeACMAAreaNamesWhatWorks(mebibytes: Int, ending: String) throws {
    let error = #expect(throws: ReplayError.self) {
      try replay(["map 0x100000 4096 rw anon\n"]) { $0.ramBytes = mebibytes << 20 }
    }
    #expect(try #require(error).description.hasSuffix(ending))
    // The carve-out does not need CMA, so any RAM of whole pages will do.
    _ = try replay(["map 0x100000 4096 rw anon\n"]) {
      $0.ramBytes = mebibytes << 20
      $0.design = .staticCarveout
    }
  }

  @Test func tinyGroupIsRefused() throws {
    let error = #expect(throws: ReplayError.self) {
      try replay(["map 0x100000 4096 rw anon\n"]) { $0.groupLimitBytes = 4096 }
    }
    #expect(
      try #require(error).description
        == "expected a memory limit of at least 196608 bytes, found 4096"
    )
  }
}
