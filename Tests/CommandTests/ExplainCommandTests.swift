// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite struct ExplainCommandTests {
  private let directory: CommandDirectory

  init() throws { directory = try CommandDirectory() }

  private func explain(_ name: String, _ arguments: String...) throws -> CommandRun {
    let path = CommandDirectory.packageRoot.appendingPathComponent("Traces/cases/\(name).trace")
      .path
    return try directory.run(["explain", path] + arguments)
  }

  /// A reservation that fails because a page in the tag block is pinned: the page is replaced again and
  /// again within one event, and gets its tag storage when the pins end.
  @Test func aReservationThatFailsIsToldWithItsCause() throws {
    let run = try explain("rfc3-pinned", "--page", "0x20000000")
    #expect(run.code == 0 && run.error == "")
    #expect(
      run.output == """
        page 0x20000000 of process 0, rfc3

        at the start  nothing

        event  clock  by  what happened
            7      0   0  map 0x20000000 0x1000 rw mte anon
                            mapped rw- mte
            8      0   0  tag 0x20000000 4096 9 => zero-fill+fault-on-access+retried+replaced+livelock
                            NO tag storage for frame 1536, tag block 48: a page in the block could not be
                              moved (reserve_fail_busy), 3 times
                            NO tag storage for frame 1537, tag block 48: a page in the block could not be
                              moved (reserve_fail_busy)
                            migrated from frame 1536 to frame 1537: its frame can hold no tags
                            NO tag storage for frame 1537, tag block 48: a page in the block could not be
                              moved (reserve_fail_busy), 2 times
                            NO tag storage for frame 1536, tag block 48: a page in the block could not be
                              moved (reserve_fail_busy)
                            migrated from frame 1537 to frame 1536: its frame can hold no tags
                            NO tag storage for frame 1536, tag block 48: a page in the block could not be
                              moved (reserve_fail_busy), 2 times
                            NO tag storage for frame 1537, tag block 48: a page in the block could not be
                              moved (reserve_fail_busy)
                            migrated from frame 1536 to frame 1537: its frame can hold no tags
                            NO tag storage for frame 1537, tag block 48: a page in the block could not be
                              moved (reserve_fail_busy)
                            zero-filled: fault on access to frame 1537
           12      0   0  tag 0x20000000 4096 9 => reserved+fault-on-access+migrated
                            tag block 48 taken by emptying it
                            accessible in frame 1537
                            tags in the frame
                            tag block 48 reserved

        at the end    mapping rw- mte; entry frame 1537; mappings 1; tags in the frame; tag block 48
        3 of 19 events concerned it.

        """
    )
    let block = try explain("rfc3-pinned", "--block", "48")
    #expect(
      block.output.contains("NOT migrated from frame 15920 (it is pinned): tag block 48 is wanted")
    )
    let wide = (run.output + block.output).split(separator: "\n").filter { $0.count > 100 }
    #expect(wide.isEmpty, "\(wide)")
  }

  @Test func aReservationWithoutAFrameToMigrateToIsToldWithItsCause() throws {
    let run = try explain("rfc3-no-frame-to-migrate", "--page", "0x12328000", "--swap", "none")
    #expect(run.output.contains(": no frame was free to migrate to\n"), "\(run.output)")
    #expect(run.output.contains("(reserve_fail_nomem), 2 times\n"), "\(run.output)")
    #expect(run.output.contains("NOT migrated from frame "), "\(run.output)")
  }

  @Test func aSwapOutThatIsRefusedIsToldWithItsCause() throws {
    let run = try explain(
      "no-memory-for-tags",
      "--page",
      "10f000@0",
      "--inject",
      "fail-tag-allocation"
    )
    #expect(
      run.output.contains(
        "NOT swapped out of frame 272 by MADV_PAGEOUT: no memory for its tags\n"
          + "                      (swapout_refused_tags)\n"
      ),
      "\(run.output)"
    )
    #expect(run.output.contains("taken from the swap cache: frame 272"), "\(run.output)")
  }

  @Test func severalDesignsAreToldOneAfterTheOther() throws {
    let run = try explain(
      "rfc3-pinned",
      "--page",
      "0x20000000",
      "--design",
      "rfc3",
      "--design",
      "none"
    )
    #expect(run.output.contains("page 0x20000000 of process 0, rfc3\n"))
    #expect(run.output.contains("\n\npage 0x20000000 of process 0, none\n"))
  }

  @Test func whatNoEventConcernsSaysSo() throws {
    let run = try explain("rfc3-pinned", "--page", "0x7000@3")
    #expect(
      run.output == """
        page 0x7000 of process 3, rfc3

        at the start  nothing

        No event of 19 concerned it.

        """
    )
  }

  @Test func programsGetEveryStepAndChange() throws {
    let run = try explain("rfc3-pinned", "--page", "0x20000fff", "--format", "csv")
    let lines = run.output.split(separator: "\n")
    #expect(
      lines.first
        == "design,event,clock,place,process,action,outcome,kind,name,before,after,cause,words"
    )
    #expect(lines.contains { $0.contains(",step,reservation_failed,,,reserve_fail_busy,") })
    #expect(lines.contains { $0.hasSuffix(",change,tag_block,,48,,") })
    let json = try explain("rfc3-pinned", "--frame", "0x600", "--format", "json")
    let object = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
    let histories = object?["histories"] as? [[String: Any]]
    #expect(histories?.first?["subject"] as? String == "frame 1536")
    let entries = histories?.first?["entries"] as? [[String: Any]] ?? []
    let steps = entries.compactMap { $0["steps"] as? [[String: Any]] }.flatMap(\.self)
    #expect(steps.contains { $0["cause"] as? String == "reserve_fail_busy" })
  }
}
