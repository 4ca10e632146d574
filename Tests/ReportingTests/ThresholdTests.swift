// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import Testing

@testable import Reporting

@Suite struct ThresholdTests {
  @Test func boundsAreExact() throws {
    let vectors: [(text: String, before: UInt64, after: UInt64, isExceeded: Bool)] = [
      ("pswpin>+1%", 1_000, 1_010, false), ("pswpin>+1%", 1_000, 1_011, true),
      ("pswpin>+0.01%", 10_000, 10_001, false), ("pswpin>+0.01%", 10_000, 10_002, true),
      ("pswpin>+1%", 0, 0, false), ("pswpin>+1%", 0, 1, true),
      ("pswpin>+0", 5, 5, false), ("pswpin>+0", 5, 6, true), ("pswpin>+0", 5, 4, false),
      ("pswpin>-5", 100, 95, false), ("pswpin>-5", 100, 96, true),
      ("pswpin<-5%", 100, 95, false), ("pswpin<-5%", 100, 94, true),
      ("pswpin<+0", 100, 99, true), ("pswpin>0", 7, 0, false), ("pswpin>0", 0, 1, true),
      ("pswpin<10", 0, 9, true), ("pswpin<10", 0, 10, false),
      ("tag_overhead.mean>+64KiB", 0, 65_536, false), ("tag_overhead>+64KiB", 0, 65_537, true),
      ("tag_overhead.peak>1MiB", 0, 1 << 20, false),
      ("tag_overhead.peak>1MiB", 0, 1 << 20 + 1, true),
      // Numbers that are percentages themselves are bounded in points, in hundredths.
      ("tag_overhead_percent.mean>+1%", 300, 400, false),
      ("tag_overhead_percent.mean>+1", 300, 401, true),
      ("tag_overhead_percent.mean>3.13", 0, 313, false),
      ("tag_overhead_percent.mean>3.13%", 0, 314, true),
      ("pswpin>+1%", .max, .max, false), ("pswpin>+18446744073709551615", 0, .max, false),
      (" pswpin > +1% ", 100, 102, true),
    ]
    for vector in vectors {
      let isExceeded = try Threshold(vector.text).isExceeded(from: vector.before, to: vector.after)
      #expect(isExceeded == vector.isExceeded, "\(vector)")
    }
  }

  @Test func mistakesAreNamed() {
    let vectors = [
      ("pswpin", "expected METRIC>BOUND or METRIC<BOUND, found neither > nor <"),
      (">+1%", "expected METRIC or DESIGN:METRIC before the bound"),
      ("a:b:pswpin>1", "expected METRIC or DESIGN:METRIC before the bound"),
      ("pswpim>1", "no number of a report is called pswpim; did you mean pswpin?"),
      ("xyzzy>1", "no number of a report is called xyzzy"),
      ("tag_overhead_change.mean>1", "no number of a report is called tag_overhead_change.mean"),
      ("pswpin>", "expected a bound such as +1%, -20 or 0"),
      ("pswpin>1%", "expected a bound such as +1%, -20 or 0"),
      ("pswpin>+1KiB", "expected a bound such as +1%, -20 or 0"),
      ("pswpin>+1.234%", "expected a bound such as +1%, -20 or 0"),
      ("pswpin>++1", "expected a bound such as +1%, -20 or 0"),
      ("tag_overhead>+1kB", "expected a bound such as +1%, -20, +64KiB or 0"),
      ("codec>1", "expected a bound such as +1%, -20 or 0"),
    ]
    for (text, message) in vectors {
      let error = #expect(throws: ThresholdError.self) { _ = try Threshold(text) }
      let line = error?.description ?? ""
      #expect(line.hasPrefix("threshold \"\(text)\": \(message)"), "\(line)")
    }
  }

  @Test func aThresholdForOneDesignLeavesTheOthersAlone() throws {
    var report = SampleReport.report
    for index in report.designs.indices { report.designs[index].counters.add(.pswpin, 1) }
    let comparison = Comparison(
      base: .init(name: "a", report: SampleReport.report),
      news: [.init(name: "b", report: report)],
      .changed
    )
    let results = try comparison.results(
      of: ["rfc3:pswpin>+0", "pswpin>+0"].map { try Threshold($0) }
    )
    #expect(results.map(\.design) == ["rfc3", "static-carveout", "rfc3", "rfc3-as-posted"])
    #expect(results.filter(\.isExceeded).count == 4)
    #expect(throws: ThresholdError.self) {
      _ = try comparison.results(of: [Threshold("none:pswpin>0")])
    }
  }
}
