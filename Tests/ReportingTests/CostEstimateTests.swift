// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import Testing

@testable import Reporting

/// Time by the cost model.
@Suite struct CostEstimateTests {
  /// What the microbenchmark of reference pages counts in 1000 rounds with 1000 pages each.
  private func counters(touched: UInt64, memset: Bool) -> CounterSet {
    var counters = CounterSet()
    let pages = 1000 * (memset ? 1000 : touched)
    counters[.pgfault] = pages
    counters[memset ? .faultZeroFill : .pagesFilled] = pages
    counters[.pagesUnmapped] = pages
    counters[.mappingCalls] = 2000
    counters[.accesses] = 1000 * touched + (memset ? 64_000_000 : 0)
    return counters
  }

  private func seconds(touched: UInt64, memset: Bool) -> Double {
    let estimate = CostEstimate(counters(touched: touched, memset: memset), EventCosts())
    return Double(estimate.nanoseconds) / 1e9
  }

  /// The three published figures that the defaults were solved from come out again.
  @Test func defaultsAreThoseOfTheMeasurement() {
    #expect(abs(seconds(touched: 1, memset: false) / 0.027 - 1) < 0.005)
    #expect(abs(seconds(touched: 1000, memset: false) / 3.39 - 1) < 0.005)
    #expect(abs(seconds(touched: 1, memset: true) / 3.96 - 1) < 0.005)
    // Predictions: the other two by memset are met, half a mapping from reference pages is not.
    #expect(abs(seconds(touched: 500, memset: true) / 3.93 - 1) < 0.02)
    #expect(abs(seconds(touched: 1000, memset: true) / 3.99 - 1) < 0.02)
    #expect(abs(seconds(touched: 500, memset: false) / 1.48 - 1.15) < 0.02)
  }

  @Test func everyItemIsEventsTimesCost() {
    var costs = EventCosts()
    costs.pageZeroed = 7
    var counters = CounterSet()
    counters[.faultZeroFill] = 3
    counters[.pagesZeroedTwice] = 2
    let estimate = CostEstimate(counters, costs)
    #expect(estimate.nanoseconds == 35)
    #expect(estimate.items.filter { $0.events > 0 }.map(\.kind) == [.pagesZeroed])
    counters[.accesses] = .max
    #expect(CostEstimate(counters, costs).nanoseconds == .max)
  }

  @Test func kindsAddUpToTheTotalRow() {
    for column in SampleReport.report.designs.indices {
      let rows = ReportRows(SampleReport.report, .all).groups.flatMap(\.rows)
      func nanoseconds(_ row: ReportRow) -> UInt64 {
        if case .nanoseconds(let number) = row.cells[column] { number } else { 0 }
      }
      let parts = rows.filter { $0.name.hasPrefix("time.") && $0.name != "time.total" }
      #expect(parts.count == CostKind.allCases.count)
      let total = rows.first { $0.name == "time.total" }.map(nanoseconds)
      #expect(parts.reduce(0) { $0 + nanoseconds($1) } == total)
    }
  }

  /// Each event is charged once: what a kind adds is in no other kind, or is taken away there.
  @Test func noCounterIsChargedTwiceForOneThing() {
    for counter in Counter.allCases {
      let weight = CostKind.allCases.reduce(0) { sum, kind in
        sum + kind.added.count { $0 == counter } - kind.subtracted.count { $0 == counter }
      }
      #expect((0...1).contains(weight), "\(counter): \(weight)")
    }
    for parameter in CostParameter.allCases {
      #expect(CostKind.allCases.contains { $0.parameter == parameter }, "\(parameter)")
    }
  }

  @Test func defaultsAreThoseOfTheSettings() {
    var machine = SampleReport.report.machine
    #expect(EventCosts(of: machine) == EventCosts())
    for (index, parameter) in CostParameter.allCases.enumerated() {
      machine.settings.append(
        MachineSetting(name: parameter.key, value: "\(index + 1)", defaultValue: "0")
      )
    }
    let costs = EventCosts(of: machine)
    #expect(CostParameter.allCases.map { costs[$0] } == Array(1...CostParameter.allCases.count))
  }

  @Test func tableHasAColumnForEachDesign() {
    let text = CostTable.text(SampleReport.report)
    let lines = text.split(separator: "\n")
    #expect(lines[0].hasSuffix("  rfc3-as-posted"))
    #expect(lines[1] == "Time by the cost model, microseconds")
    #expect(lines.allSatisfy { $0.last != " " })
    #expect(lines[2].hasPrefix("  accesses of programs"))
    #expect(lines[2].hasSuffix("  1,125,000  1,125,000       1,125,000"))
    #expect(
      CostTable.markdown(SampleReport.report).contains("| accesses of programs | 1,125,000 |")
    )
  }
}
