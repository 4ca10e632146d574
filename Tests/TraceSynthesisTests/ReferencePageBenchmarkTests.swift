// SPDX-License-Identifier: Apache-2.0

import Foundation
import MemoryModel
import TraceFormat
import TraceSynthesis
import Testing

@Suite struct ReferencePageBenchmarkTests {
  private func totals(
    _ change: (inout ReferencePageBenchmark) -> Void
  ) throws -> TraceTotals {
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("mtesim-\(UUID().uuidString).mtt").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    var benchmark = ReferencePageBenchmark()
    benchmark.rounds = 3
    change(&benchmark)
    return try benchmark.write(to: path, level: 1).totals
  }

  @Test func touchesWhatIsAskedFor() throws {
    let memset = try totals { $0.touchBytes = 4097 }
    #expect(memset.touches == 3 * (1000 + 2))
    #expect(memset.accesses == 3 * (64_000 + 2))
    #expect(memset.operations == 3 * 2 + 1)
    let shared = try totals { benchmark in
      benchmark.method = .referencePages
      benchmark.programBytes = 5 * 4096
    }
    #expect(shared.touches == 3 + 5 + 1)
    #expect(shared.operations == 3 * 2 + 1 + 1 + 3)
    let hinted = try totals { benchmark in
      benchmark.method = .tagHint
      benchmark.tag = MemoryTag(truncating: 5)
      benchmark.touchBytes = 0
    }
    #expect(hinted.touches == 0 && hinted.tagRuns == 0)
  }
}
