// SPDX-License-Identifier: Apache-2.0

import Foundation
import MemoryModel
import Testing

@testable import Reporting

@Suite struct ComparisonTests {
  private let golden = "Tests/ReportingTests/Golden"
  private let base = Comparison.Input(name: "base.json", report: SampleReport.report)

  /// The sample with other numbers: more tag blocks, larger objects, and another limit.
  private var changed: Comparison.Input {
    var report = SampleReport.report
    report.machine.limitBytes = 12 << 20
    report.designs.removeLast()
    for index in report.designs.indices {
      var design = report.designs[index]
      design.counters.add(.pswpin, 1_000)
      design.memory[MemoryCategory.savedTags128.rawValue].mean += 20_000
      design.memory[MemoryCategory.savedTagSlack.rawValue].mean -= 5_000
      design.tagOverhead.mean += 15_000
      report.designs[index] = design
    }
    return Comparison.Input(name: "new.json", report: report)
  }

  @Test func tableIsTheStoredOne() throws {
    let comparison = Comparison(base: base, news: [changed], .changed)
    let thresholds = try ["tag_overhead.mean>+1%", "rfc3:pswpin>+5000"].map { try Threshold($0) }
    let text = ComparisonTable.text(comparison, try comparison.results(of: thresholds))
    try expectGolden(text, "\(golden)/comparison.table.txt")
    #expect(text.split(separator: "\n").allSatisfy { $0.last != " " })
  }

  @Test func markdownIsTheStoredOne() throws {
    let comparison = Comparison(base: base, news: [changed, base], .changed)
    try expectGolden(ComparisonMarkdown.text(comparison), "\(golden)/comparison.md")
  }

  /// More designs than one core takes at a time stand in the base's order, each as if it were alone.
  @Test func manyDesignsAreComparedInTheirOrder() {
    func report(adding pages: Int) -> RunReport {
      var report = SampleReport.report
      report.designs = (0..<1_300).map { number in
        var design = SampleReport.dynamic
        design.design = "design-\(number)"
        design.counters.add(.pswpin, number * pages)
        return design
      }
      return report
    }
    var new = report(adding: 3)
    new.designs.remove(at: 700)
    let comparison = Comparison(
      base: Comparison.Input(name: "base.json", report: report(adding: 1)),
      news: [Comparison.Input(name: "new.json", report: new)],
      .changed
    )
    let expected = (0..<1_300).filter { $0 != 700 }
    #expect(comparison.sections.map(\.title) == expected.map { "design-\($0)" })
    let changes = comparison.sections.map { section in
      section.groups.flatMap(\.rows).first { $0.name == "pswpin" }?.changes[0]?.delta
    }
    #expect(
      changes
        == expected.map {
          $0 == 0 ? nil : .countChange(UInt64(2 * $0), isDecrease: false)
        }
    )
    #expect(comparison.unmatched == ["design-700 is not in new.json"])
  }

  @Test func causesAddUpToTheChange() {
    var other = changed
    // A foreign report that rounded its sum apart from its parts.
    other.report.designs[1].tagOverhead.mean += 1
    let comparison = Comparison(base: base, news: [changed, other], .all)
    for section in comparison.sections {
      for causes in section.causes {
        for column in comparison.news.indices {
          let sum = causes.parts.reduce(0) { $0 + ($1.changes[column] ?? 0) }
          #expect(sum == causes.total[column] ?? 0, "\(section.title), \(causes.name)")
        }
      }
    }
    #expect(comparison.sections[0].causes.first?.total == [15_000, 15_000])
    #expect(comparison.sections[1].causes.first?.total == [15_000, 15_001])
  }

  @Test func aReportBesideItselfHasNoChange() {
    let comparison = Comparison(base: base, news: [base], .all)
    #expect(comparison.conditions.isEmpty)
    #expect(comparison.unmatched.isEmpty)
    for row in comparison.sections.flatMap(\.groups).flatMap(\.rows) {
      for change in row.changes {
        #expect(change?.value == row.base, "\(row.name)")
        #expect(change?.delta.isZero == true, "\(row.name)")
      }
    }
    let all = ReportRows(SampleReport.report, .all).groups.flatMap(\.rows).map(\.name)
    let compared = comparison.sections[0].groups.flatMap(\.rows).map(\.name)
    #expect(compared == all.filter { !$0.hasPrefix("tag_overhead_change") })
  }

  /// What the lines of the machine do not tell is told by the name of the setting.
  @Test func settingsThatDifferAreConditions() {
    var other = base
    other.name = "new.json"
    other.report.machine.digest = "other"
    other.report.machine.settings[1].value = "90"
    let settings = other.report.machine.settings
    other.report.machine.settings.removeLast()
    other.report.machine.settings.append(
      MachineSetting(name: "vm.new", value: "1", defaultValue: "0")
    )
    #expect(
      Comparison(base: base, news: [other], .all).conditions == [
        "vm.swappiness: 100, but 90 in new.json",
        "swap.slot-cache: 0, but not stated in new.json",
        "vm.new: not stated, but 1 in new.json",
      ]
    )
    // A setting that another line tells is not told twice.
    other.report.machine.settings = settings
    other.report.machine.settings[1].value = "100"
    other.report.machine.settings[0].value = "128M"
    other.report.machine.ramBytes = 128 << 20
    #expect(
      Comparison(base: base, news: [other], .all).conditions == [
        "RAM: 64 MiB in pages of 4 KiB, but 128 MiB in pages of 4 KiB in new.json"
      ]
    )
  }

  @Test func designsWithoutPartnerAreNamed() {
    let comparison = Comparison(base: base, news: [changed], .changed)
    #expect(comparison.sections.map(\.title) == ["static-carveout", "rfc3"])
    #expect(comparison.unmatched == ["rfc3-as-posted is not in new.json"])
    let reverse = Comparison(base: changed, news: [base], .changed)
    #expect(reverse.unmatched == ["rfc3-as-posted is only in base.json"])
  }

  @Test func twoReportsOfOneDesignEachAreComparedWhateverTheDesigns() {
    func only(_ place: Int) -> Comparison.Input {
      var report = SampleReport.report
      report.designs = [report.designs[place]]
      return Comparison.Input(name: "report \(place)", report: report)
    }
    let comparison = Comparison(base: only(0), news: [only(1)], .changed)
    #expect(comparison.sections.map(\.title) == ["static-carveout"])
    #expect(comparison.sections[0].otherTitles == ["rfc3"])
  }

  @Test func whatElseDiffersIsStatedFirst() {
    var other = changed
    other.report.programVersion = "0.0.1"
    other.report.traces[0].digest = "ff"
    other.report.traces[0].copies = 5
    other.report.machine.swapDevice = "disk"
    let lines = Comparison(base: base, news: [other], .changed).conditions
    #expect(
      lines == [
        "program: 0.0.0-sample, but 0.0.1 in new.json",
        "digest of made-up.mtt: 00112233445566778899aabbccddeeff, but ff in new.json",
        "copies of made-up.mtt: 4, but 5 in new.json",
        "swap: zram, 64 MiB, page-cluster 0, but disk, 64 MiB, page-cluster 0 in new.json",
        "limit: 16 MiB for each process, but 12 MiB for each process in new.json",
      ]
    )
  }

  @Test func csvAndJSONHaveEveryRow() throws {
    let comparison = Comparison(base: base, news: [changed], .all)
    let rows = comparison.sections.flatMap(\.groups).flatMap(\.rows)
    let csv = ComparisonCSV.text(comparison).split(separator: "\n")
    let parts = comparison.sections.flatMap(\.causes).flatMap(\.parts).count
    #expect(csv.count == 1 + rows.count + parts)
    #expect(csv.contains("rfc3,saved_tags128.mean,bytes,new.json,2500001,2520001,20000,0.80"))
    #expect(
      csv.contains("rfc3,tag_overhead.mean: packing of saved tags in slabs,bytes,new.json,,,-5000,")
    )
    let json = ComparisonJSON.text(comparison)
    _ = try JSONSerialization.jsonObject(with: Data(json.utf8))
    #expect(json.contains("\"name\": \"saved_tags128.mean\", \"unit\": \"bytes\""))
    #expect(json.contains("\"cause\": \"packing of saved tags in slabs\", \"change\": -5000"))
  }
}
