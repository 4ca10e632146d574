// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import TestSupport
import Testing

@testable import Reporting

/// What a page holds; how it looks is for `Tools/check-html`.
@Suite struct HTMLReportTests {
  private let report = SampleReport.report

  private var pages: [String] {
    let base = Comparison.Input(name: "base <1>.json", report: report)
    var changed = report
    changed.designs[1].memory[MemoryCategory.tagStorageHeld.rawValue].mean += 5_000
    let new = Comparison.Input(name: "new & \"2\".json", report: changed)
    return [
      HTMLReport.text(report, SampleSeries.all),
      HTMLReport.text(report, report.designs.map { _ in RunSeries() }),
      ComparisonHTML.text(Comparison(base: base, news: [new, base], .changed)),
    ]
  }

  @Test func everyElementIsClosed() {
    for page in pages {
      var open: [Substring] = []
      let body = page.replacing(/<(style|script)>(?s:.*?)<\/\1>/, with: "")
      for match in body.matches(of: /<(\/?)([a-z0-9]+)([^<>]*?)(\/?)>/) {
        let (name, isEnd, isEmpty) = (match.2, !match.1.isEmpty, !match.4.isEmpty)
        if ["meta", "input"].contains(name) || isEmpty { continue }
        if isEnd {
          #expect(open.popLast() == name)
        } else {
          open.append(name)
        }
      }
      #expect(open.isEmpty)
    }
  }

  @Test func nothingComesFromElsewhere() {
    for page in pages {
      #expect(page.firstMatch(of: /(src|href|action)\s*=|url\(|@import|http:|https:/) == nil)
      #expect(page.contains("default-src 'none'"))
    }
  }

  @Test func numbersAreThoseOfTheTables() {
    let page = HTMLReport.text(report, SampleSeries.all)
    for group in ReportRows(report, .occurring).groups {
      #expect(page.contains(">\(html(group.title))</th></tr>"), "\(group.title)")
      for row in group.rows {
        let cells = row.cells.map { "<td>\(html($0.forReading))</td>" }.joined()
        #expect(page.contains(">\(html(row.title))</th>\(cells)</tr>"), "\(row.name)")
        #expect(page.contains(html(Glossary.explanation(of: row.name))), "\(row.name)")
      }
    }
    for sentence in Verdict(report).sentences { #expect(page.contains(html(sentence))) }
    for fact in RunFacts(report).lines { #expect(page.contains("<dd>\(html(fact.value))</dd>")) }
    for message in report.designs.flatMap(\.verification.messages) {
      #expect(page.contains(html(message)))
    }
    #expect(page.contains("class=\"verdict bad\""))
  }

  @Test func numbersOfComparisonsAreThoseOfTheirTables() {
    var changed = report
    changed.designs[1].counters.add(.pswpin, 77)
    let comparison = Comparison(
      base: .init(name: "base", report: report),
      news: [.init(name: "new", report: changed)],
      .changed
    )
    let page = ComparisonHTML.text(comparison)
    for row in comparison.sections.flatMap(\.groups).flatMap(\.rows) {
      let cells = ComparisonTable.cells(row).map { "<td>\(html($0))</td>" }.joined()
      #expect(page.contains(">\(html(row.title))</th>\(cells)</tr>"), "\(row.name)")
    }
    #expect(page.contains("<td>+77</td>"))
  }

  @Test func namesCannotBecomeMarkup() {
    var hostile = report
    hostile.traces[0].name = "</title><script>alert(1)</script>\u{1b}"
    hostile.designs[1].design = "<img onerror=\"x\">"
    let page = HTMLReport.text(hostile, SampleSeries.all)
    #expect(!page.contains("<script>alert"))
    #expect(!page.contains("<img"))
    #expect(!page.contains("\u{1b}"))
    #expect(page.contains("&lt;script&gt;alert(1)"))
  }

  @Test func pageWithoutSeriesHasNoFiguresOverTime() {
    let page = HTMLReport.text(report, report.designs.map { _ in RunSeries() })
    for identifier in ["memory", "tag-storage", "tag-runs"] {
      #expect(!page.contains("<section id=\"\(identifier)\">"), "\(identifier)")
      #expect(pages[0].contains("<section id=\"\(identifier)\">"), "\(identifier)")
    }
    #expect(page.contains("<section id=\"numbers\">"))
  }

  @Test(arguments: UInt64(0)..<200)
  func axesReachTheirLargestValueInFewSteps(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let largest = seed == 0 ? 0 : random.next() >> UInt64(22 + random.below(42))
    for scale in [AxisScale.bytes(largest), .count(largest, of: "pages")] {
      #expect(scale.maximum >= largest && scale.maximum > 0, "seed \(seed)")
      #expect((2...6).contains(scale.ticks.count), "seed \(seed): \(scale.ticks.count) ticks")
      #expect(scale.ticks.last?.value == scale.maximum, "seed \(seed)")
      #expect(scale.maximum <= max(1, 2 * largest), "seed \(seed)")
      #expect(Set(scale.ticks.map(\.label)).count == scale.ticks.count, "seed \(seed)")
      #expect(scale.ticks.allSatisfy { $0.label.count <= 5 || !scale.unit.contains(" ") })
      #expect(scale.position(0, length: 640) == 0)
      #expect(scale.position(scale.maximum, length: 640) == 640)
      #expect(scale.position(.max, length: 640) == 640)
    }
    let exact = AxisScale.exactCount(largest, of: "accesses")
    #expect(exact.maximum == max(1, largest))
    #expect(exact.ticks.allSatisfy { $0.value <= exact.maximum })
  }

  @Test func doublingsHaveEqualLengths() {
    let scale = AxisScale.doublings(200, of: "runs")
    #expect(scale.maximum == 256)
    #expect(scale.ticks.map(\.label) == ["1", "2", "4", "8", "16", "32", "64", "128", "256"])
    #expect(scale.ticks.map { scale.position($0.value, length: 640) } == (0...8).map { $0 * 80 })
    #expect(scale.position(3, length: 640) == 120)
    let places = (1...256).map { scale.position($0, length: 64_000) }
    #expect(zip(places, places.dropFirst()).allSatisfy { $0 < $1 })
    #expect(AxisScale.doublings(0, of: "runs").maximum == 2)
    #expect(AxisScale.doublings(64, of: "runs").maximum == 64)
  }

  @Test func everyPageIsInOneBar() {
    for (granules, limits) in [
      (256, [6, 11, 23, 46]), (1_024, [5, 9, 19, 39, 78, 157]), (4_096, [4, 8, 546]), (256, []),
    ] {
      var counts = TagRunCounts(
        granules: granules,
        limits: limits.map { .init(bytes: 8, runs: $0) }
      )
      for runs in 1...granules { counts.pages[runs - 1] = UInt64(runs) }
      let bars = RunHistogram(counts: counts).bars(upTo: granules)
      #expect(bars.first?.runs.lowerBound == 1)
      #expect(bars.last?.runs.contains(granules) == true)
      for (bar, next) in zip(bars, bars.dropFirst()) {
        #expect(bar.runs.upperBound == next.runs.lowerBound)
        for limit in limits {
          #expect(bar.runs.lowerBound > limit || bar.runs.upperBound <= limit + 1)
        }
      }
      #expect(bars.reduce(0) { $0 + $1.pages } == RunHistogram(counts: counts).pages)
    }
  }

  @Test func cellsAreWrittenAsRuns() {
    #expect(TagStorageMap.compact([]) == "")
    #expect(TagStorageMap.compact([.held, .held, .data, .free, .free, .held]) == "h2d1f2h1")
  }
}
