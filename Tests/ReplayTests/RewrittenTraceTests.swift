// SPDX-License-Identifier: Apache-2.0

import Foundation
import MachineModel
import MemoryModel
import Replay
import TagStorage
import Testing
import TraceFormat
import TraceSynthesis

/// Rewritten traces replay like any other, and show what a program would gain.
@Suite struct RewrittenTraceTests {
  /// A program that maps 16 pages and uses two, grows its heap by 4 pages and uses one, gives one page
  /// back and uses it again, lets its heap shrink, forks, and starts another program.
  private static let program = """
    page-size 4K
    map 0x100000 65536 rw mte anon = 0x100000
    write 0x100000 => zero-fill
    read 0x101000 => zero-page
    map 0x200000 4096 rw anon = 0x200000
    write 0x200000
    brk 0 = 0x5000000
    brk 0x5004000 = 0x5004000
    write 0x5001000
    advise 0x100000 4096 dontneed = 0
    read 0x100000
    brk 0x5001000 = 0x5001000
    read 0x5000000
    remap 0x100000 65536 69632 maymove to 0x300000 = 0x300000
    write 0x310000
    map 0x400000 131072 none anon = 0x400000
    protect 0x400000 8192 rw = 0
    write 0x401000
    fork 1
    process 1
    write 0x302000
    map 0x500000 65536 rw anon = 0x500000
    write 0x501000
    exec
    map 0x100000 65536 rw anon = 0x100000
    read 0x100000
    read 0x900000 => unmapped
    exit 0
    process 0
    read 0x302000
    exit 0

    """

  private func replay(
    _ method: HeapInitialization,
    _ policy: ReferencePagePolicy,
    _ design: TagStorageDesign,
    tag: MemoryTag? = nil
  ) throws -> (report: DesignReport, summary: HeapRewriteSummary) {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("mtesim-rewrite-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let text = folder.appendingPathComponent("program.trace").path
    try Data(Self.program.utf8).write(to: URL(fileURLWithPath: text))
    let path = folder.appendingPathComponent("rewritten.mtt").path
    var model = HeapModel(method: method)
    model.tag = tag
    let result = try HeapRewriter.rewrite(
      try TraceReader.open(path: text),
      as: model,
      to: path,
      level: 1
    )
    var machine = MachineConfiguration()
    machine.referencePages = policy
    machine.design = design
    var plan = ReplayPlan(tracePaths: [path], copies: 1, machine: machine, isVerified: true)
    plan.invariants = .every(100)
    var session = try ReplaySession.open(plan)
    return (try session.run(), result.summary)
  }

  @Test(arguments: HeapInitialization.allCases, [TagStorageDesign.staticCarveout, .rfc1, .rfc3])
  func nothingIsLost(method: HeapInitialization, design: TagStorageDesign) throws {
    for policy in ReferencePagePolicy.allCases {
      for tag in [nil, MemoryTag(truncating: 5)] {
        // A pattern cannot be had by a tag hint, and then the program finds nothing mapped.
        if policy == .mmapTagHint, tag == nil, !method.isByProgram { continue }
        let report = try replay(method, policy, design, tag: tag).report
        #expect(
          report.verification.differences == 0 && report.verification.failedExpectations == 0,
          "\(policy.rawValue): \(report.verification.messages.joined(separator: "\n"))"
        )
      }
    }
  }

  @Test func countsFollowFromTheProgram() throws {
    let memset = try replay(.memset, .asPosted, .staticCarveout)
    // 16 + 4 + 32 + 16 + 16 pages are mapped as heap, in four mappings and one call of brk.
    #expect(memset.summary.heapMappings == 5)
    #expect(memset.summary.heapPages == 84)
    // All that can be written, one page again, and the page that the mapping grows by; of the third
    // mapping two pages can be written.
    #expect(memset.summary.writtenPages == 16 + 4 + 1 + 1 + 2 + 16 + 16)
    #expect(memset.summary.droppedStatements == 2)
    let lazy = try replay(.memsetOnTouch, .asPosted, .staticCarveout)
    // Pages used first: two, one of the heap, one again, the first of the heap, the one grown, one behind
    // mprotect, two of the child, one of its next program, and one of the parent.
    #expect(lazy.summary.writtenPages == 2 + 1 + 1 + 1 + 1 + 1 + 2 + 1 + 1)
    let shared = try replay(.referencePages, .asPosted, .staticCarveout)
    #expect(shared.summary.writtenPages == 0)
    #expect(shared.summary.referencePages == 2)
    #expect(shared.report.counters[.refpageCreated] == 2)
    #expect(shared.report.counters[.refpageReleased] == 2)
    // Pages that were only read stay shared.
    #expect(shared.report.counters[.faultReferencePage] == 5)
    #expect(shared.report.counters[.faultReferenceFill] == 6)
    #expect(shared.report.counters[.hiwaterRss] < memset.report.counters[.hiwaterRss])
    let populated = try replay(.populateOnFault, .populateOnFault, .staticCarveout)
    #expect(populated.report.counters[.faultReferencePage] == 0)
    #expect(populated.report.counters[.faultReferenceFill] == 11)
  }
}
