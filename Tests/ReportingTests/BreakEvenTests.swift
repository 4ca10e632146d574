// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import TestSupport
import Testing

@testable import Reporting

@Suite struct BreakEvenTests {
  private func point(_ value: UInt64, _ first: UInt64, _ second: UInt64) -> BreakEvenPoint {
    let pair = DesignPair(first, second)
    return BreakEvenPoint(value: value, metric: pair, memory: pair, time: DesignPair(2_000, 1_000))
  }

  /// One change of order is found wherever it is, on every grid, in a logarithmic number of trials.
  @Test func theOnlyChangeIsFound() {
    for step in UInt64(1)...4 {
      for last in [UInt64(1), 2, 3, 7, 64, 100] {
        for change in 0...last + 1 {
          let search = BreakEvenSearch(range: 10...(10 + last * step), step: step, points: 3)
          var tried: [UInt64] = []
          let result = search.run { value in
            tried.append(value)
            return point(value, value < 10 + change * step ? 1 : 3, 2)
          }
          let place = "step \(step), \(last) steps, change at \(change)"
          #expect(Set(tried).count == tried.count && tried.count <= 3 + 7, "\(place)")
          #expect(result.points.map(\.value) == tried.sorted(), "\(place)")
          guard change > 0, change <= last else {
            #expect(result.crossing == nil, "\(place)")
            continue
          }
          #expect(result.crossing?.after.value == 10 + change * step, "\(place)")
          #expect(result.crossing?.before.value == 10 + (change - 1) * step, "\(place)")
        }
      }
    }
  }

  @Test func furtherChangesAreNamed() {
    let search = BreakEvenSearch(range: 0...90, step: 1, points: 10)
    let result = search.run { point($0, (25...64).contains($0) ? 3 : 1, 2) }
    #expect(result.crossing?.before.value == 24 && result.crossing?.after.value == 25)
    #expect(result.furtherChanges == [60...70])
  }

  @Test func equalityIsAnOrderOfItsOwn() {
    let result = BreakEvenSearch(range: 0...100, step: 1, points: 2)
      .run { point($0, min($0, 40), 40) }
    #expect(result.crossing?.after.value == 40 && result.crossing?.after.order == .equal)
  }

  /// The end of the range is tried where it is on the grid, and no value beyond it.
  @Test func gridStaysInTheRange() {
    for points in 2...9 {
      let result = BreakEvenSearch(range: 5...26, step: 4, points: points).run { point($0, 1, 2) }
      let values = result.points.map(\.value)
      #expect(values.first == 5 && values.last == 25, "\(points): \(values)")
      #expect(values.count == min(points, 6) && Set(values).count == values.count)
      #expect(values.allSatisfy { ($0 - 5) % 4 == 0 })
    }
  }

  @Test func priceIsWhatTheThriftyDesignPays() {
    func price(_ memory: DesignPair, _ time: DesignPair) -> UInt64? {
      BreakEvenPoint(value: 0, metric: memory, memory: memory, time: time).nanosecondsPerMebibyte
    }
    #expect(price(DesignPair(1 << 20, 3 << 20), DesignPair(700, 100)) == 300)
    #expect(price(DesignPair(3 << 20, 1 << 20), DesignPair(100, 700)) == 300)
    #expect(price(DesignPair(1 << 20, 3 << 20), DesignPair(100, 700)) == nil, "it pays nothing")
    #expect(price(DesignPair(1, 1), DesignPair(100, 700)) == nil)
    #expect(price(DesignPair(1, 2), DesignPair(700, 700)) == nil)
    #expect(price(DesignPair(0, 1), DesignPair(.max, 0)) == nil, "it does not fit")
  }

  @Test func metricsAreThoseOfTheReport() throws {
    let report = SampleReport.report
    let memory = try #require(ReportMetric("memory"))
    let time = try #require(ReportMetric("time"))
    #expect(memory.value(of: 1, in: report) == report.designs[1].tagOverhead.mean)
    let nanoseconds = CostEstimate(report.designs[1].counters, EventCosts()).nanoseconds
    #expect(time.value(of: 1, in: report) == nanoseconds)
    let price = ReportMetric(nanosecondsPerMebibyte: 1 << 20)
    #expect(price.value(of: 1, in: report) == nanoseconds + report.designs[1].tagOverhead.mean)
    #expect(
      ReportMetric(nanosecondsPerMebibyte: .max).value(of: 1, in: report) == .max,
      "what does not fit is the largest"
    )
    let stall = try #require(ReportMetric("fault_stall.p99_9"))
    #expect(stall.isMeasuredWhileRunning && !time.isMeasuredWhileRunning)
    #expect(stall.value(of: 1, in: report) == report.designs[1].stalls.faults.percentile(9_990))
    #expect(try #require(ReportMetric("pswpin")).value(of: 0, in: report) == 61_000)
    for name in ["", "codec", "pswpins", "tag_overhead_change.mean", "price"] {
      #expect(ReportMetric(name) == nil, "\(name)")
    }
  }

  private func report(_ metric: String, _ axis: BreakEvenReport.Axis) throws -> BreakEvenReport {
    BreakEvenReport(
      designs: ("rfc3", "static-carveout"),
      metric: try #require(ReportMetric(metric)),
      axis: axis,
      result: BreakEvenSearch(range: 0...10_000, step: 2_500, points: 3)
        .run { point($0, $0 * 1_024 + 1_024, 6 << 20) }
    )
  }

  @Test func formsSayTheSame() throws {
    let share = try report("memory", .taggedShare)
    #expect(
      share.text == """
        tagged-share  rfc3, KiB  static-carveout, KiB  rfc3, µs  static-carveout, µs  µs per MiB saved           better
              0.00 %          1                 6,144         2                    1                <1             rfc3
             50.00 %      5,001                 6,144         2                    1                 1             rfc3
             75.00 %      7,501                 6,144         2                    1                 -  static-carveout
            100.00 %     10,001                 6,144         2                    1                 -  static-carveout

        KiB: memory given up for tags, mean over the run. µs: time by the cost model.
        By memory, rfc3 is better up to tagged-share 50.00 %; static-carveout is better at 75.00 %.

        """
    )
    #expect(
      share.csv.split(separator: "\n")[1]
        == "0.00,1024,6291456,1024,6291456,2000,1000,166,rfc3"
    )
    #expect(share.markdownText.contains("| 50.00 % | 5,001 | 6,144 |"))
    #expect(share.json.contains("\"findings\": [\n    \"By memory, rfc3 is better up to"))
    let key = try report("pswpin", .key("cost.interrupt"))
    #expect(key.text.contains("\n        10,000           10,241,024 "))
    #expect(key.csv.split(separator: "\n").last?.hasPrefix("10000,10241024,") == true)
    let never = BreakEvenReport(
      designs: ("a", "b"),
      metric: try #require(ReportMetric("time")),
      axis: .key("ram"),
      result: BreakEvenSearch(range: 0...1, step: 1, points: 2).run { point($0, 1, 2) }
    )
    #expect(
      never.sentences == [
        "By time, a is better at all 2 values of ram tried, from 0 to 1: there is no break-even point."
      ]
    )
  }
}
