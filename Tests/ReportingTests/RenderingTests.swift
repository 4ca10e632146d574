// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import Testing

@testable import Reporting

/// What reports look like.
@Suite struct RenderingTests {
  private let golden = "Tests/ReportingTests/Golden"

  @Test func tableIsTheStoredOne() throws {
    try expectGolden(TableReport.text(SampleReport.report), "\(golden)/sample.table.txt")
  }

  @Test func shortTableIsTheStoredOne() throws {
    let text = TableReport.text(SampleReport.report, rows: .essential)
    try expectGolden(text, "\(golden)/sample.short.txt")
  }

  @Test func shortTableFitsOnOnePageAndShowsNothingElse() {
    let report = SampleReport.report
    let short = ReportRows(report, .essential).groups.flatMap(\.rows)
    #expect(short.count <= 45)
    let all = ReportRows(report, .all).groups.flatMap(\.rows)
    for row in short {
      let same = all.first { $0.name == row.name }
      #expect(same?.cells == row.cells, "\(row.name)")
      #expect(row.title.count <= GlossaryEntry.longestTitle, "\(row.title)")
    }
    #expect(Set(short.map(\.name)).count == short.count, "no row twice")
    for group in ReportRows(report, .essential).groups {
      #expect(Set(group.rows.map(\.title)).count == group.rows.count, "\(group.title)")
    }
    for kept in ["tags_lost", "verification.differences", "pswpin", "tag_storage_data.peak"] {
      #expect(short.contains { $0.name == kept }, "\(kept)")
    }
  }

  @Test func memoryGivenUpAddsUpInTheShortTable() throws {
    let rows = ReportRows(SampleReport.report, .essential).groups[0].rows
    func bytes(_ name: String, _ column: Int) -> UInt64 {
      guard case .bytes(let bytes) = rows.first(where: { $0.name == name })?.cells[column] else {
        return 0
      }
      return bytes
    }
    for column in 0..<3 {
      let parts = [
        "tag_storage_withheld.mean", "tag_storage_held.mean", "saved_tag_memory.mean",
        "parked_tags.mean",
      ].reduce(0) { $0 + bytes($1, column) }
      let total = bytes("tag_overhead.mean", column)
      // The mean of the total is rounded once, those of its parts each.
      #expect(parts <= total && total < parts + 13, "column \(column): \(parts) of \(total)")
      #expect(parts > 0)
    }
  }

  @Test func markdownIsTheStoredOne() throws {
    try expectGolden(MarkdownReport.text(SampleReport.report), "\(golden)/sample.md")
  }

  @Test func csvIsTheStoredOne() throws {
    try expectGolden(CSVReport.text(SampleReport.report), "\(golden)/sample.csv")
  }

  @Test func jsonIsTheStoredOne() throws {
    try expectGolden(JSONReport.text(SampleReport.report), "\(golden)/sample.json")
  }

  @Test func tableOfThreeDesignsFitsInto100Columns() {
    let texts = [ReportRows.Selection.essential, .occurring, .all].map {
      TableReport.text(SampleReport.report, rows: $0)
    }
    for line in texts.flatMap({ $0.split(separator: "\n") }) {
      // Sentences at the end are as long as they are; the terminal wraps them.
      if line.contains("comparisons") && line.contains(":") { continue }
      #expect(line.count <= 100, "\(line)")
      #expect(line.last != " ", "\(line)")
    }
  }

  @Test func everyCounterAndCategoryIsInARow() {
    let names = ReportRows(SampleReport.report, .all).groups.flatMap(\.rows).map(\.name)
    #expect(Set(names).count == names.count, "no row twice")
    for counter in Counter.allCases { #expect(names.contains(counter.name), "\(counter)") }
    for category in MemoryCategory.allCases {
      #expect(names.contains("\(category.name).mean"), "\(category)")
    }
    for field in VerificationField.allCases {
      #expect(names.contains("verification.\(field.rawValue)"))
    }
  }

  @Test func zeroRowsAreLeftOutOnlyIfZeroForAllDesigns() {
    let rows = ReportRows(SampleReport.report, .occurring).groups.flatMap(\.rows)
    #expect(rows.contains { $0.name == "reserve_calls" && $0.cells[0] == .count(0) })
    #expect(!rows.contains { $0.name == "livelocks" })
    var alone = SampleReport.report
    alone.designs.removeLast(2)
    let groups = ReportRows(alone, .occurring).groups
    #expect(!groups.contains { $0.title == "Fault on access" })
    for kept in ["tags_lost", "tag_storage_held.mean", "verification.differences"] {
      let row = groups.flatMap(\.rows).first { $0.name == kept }
      #expect(row?.cells.allSatisfy(\.isZero) == true, "\(kept) is zero and shown")
    }
  }

  @Test func reportWithoutDesignsOrTracesIsRendered() {
    var empty = SampleReport.report
    empty.designs = []
    empty.traces = []
    #expect(TableReport.text(empty).hasPrefix("mtesim 0.0.0-sample\n"))
    #expect(CSVReport.text(empty).hasPrefix("name,unit\ncodec,text\n"))
    #expect(MarkdownReport.text(empty).contains("RAM"))
    #expect(checkSums(empty).isEmpty)
  }

  @Test func foreignTextCannotBreakTheLayout() {
    var report = SampleReport.report
    report.traces[0].name = "a\u{1b}[2Jb\nc|d"
    report.designs[0].design = "x,\"y\"\r\n"
    #expect(TableReport.text(report).contains("a\\u{1b}[2Jb\\u{a}c|d: 250,000 events"))
    #expect(MarkdownReport.text(report).contains("c\\|d"))
    #expect(CSVReport.text(report).hasPrefix("name,unit,\"x,\"\"y\"\"\r\n\",rfc3,"))
  }

  @Test func designsThatOccurTwiceAreNamedWithTheirCodec() {
    var report = SampleReport.report
    report.designs[2].design = "rfc3"
    report.designs[2].codec = "raw"
    let rows = ReportRows(report, .occurring)
    #expect(rows.columns == ["static-carveout", "rfc3/mtecomp", "rfc3/raw"])
  }

  @Test func verdictSaysWhatIsKnown() {
    var report = SampleReport.report
    let verdict = Verdict(report)
    #expect(!verdict.isClean)
    #expect(
      verdict.sentences == [
        "No tag was lost under static-carveout, rfc3: 130,528 comparisons, 0 differences.",
        "TAGS WERE NOT KEPT under rfc3-as-posted: 12 pages lost their tags (9 for want of "
          + "memory, 2 in encoding, 1 in decoding), 12 of 65,294 comparisons differ.",
      ]
    )
    report.designs.removeLast()
    report.designs[1].verification = VerificationReport()
    #expect(Verdict(report).isClean)
    #expect(
      Verdict(report).sentences.last
        == "Nothing was compared under rfc3: no tag is known to be lost, and none to be kept."
    )
    report.designs[1].verification.expectations = 7
    report.designs[1].verification.failedExpectations = 2
    #expect(!Verdict(report).isClean)
  }

  @Test func numbersAreRoundedToTheNearest() {
    #expect(grouped(0) == "0")
    #expect(grouped(999) == "999")
    #expect(grouped(1_000) == "1,000")
    #expect(grouped(.max) == "18,446,744,073,709,551,615")
    let sizes: [(UInt64, String)] = [
      (0, "0"), (1, "<1"), (511, "<1"), (512, "1"), (1_535, "1"), (1_536, "2"),
      (.max, "18,014,398,509,481,984"),
    ]
    for (bytes, text) in sizes { #expect(kibibytes(bytes) == text) }
    #expect(hundredthsOfPercent(1, of: 32) == 313)
    #expect(decimal(hundredths: 313) == "3.13")
    #expect(decimal(hundredths: 100_005) == "1,000.05")
    #expect(hundredthsOfPercent(1, of: 20_001) == 0)
    #expect(hundredthsOfPercent(1, of: 20_000) == 1)
    #expect(hundredthsOfPercent(1, of: 0) == nil)
    #expect(hundredthsOfPercent(.max, of: .max) == 10_000)
    #expect(hundredthsOfPercent(.max, of: 1) == nil)
  }

  @Test func publishedStatisticsOfSavedTagsComeOut() {
    // Counts that the authors of tag compression v5 and v10 posted, with the totals they state.
    let posted: [(classes: [(Int, UInt64, UInt64)], uncompressed: UInt64, compressed: UInt64)] = [
      (
        [
          (8, 118_277, 16_089), (16, 10_762, 6_738), (32, 10_748, 6_823), (64, 10_510, 6_644),
          (128, 68_375, 47_378),
        ], 17_280_000, 3_125_024
      ),
      ([(8, 102_496, 67_302), (128, 212_234, 178_278)], 8_851_200, 4_346_368),
    ]
    for vector in posted {
      var report = SampleReport.report
      report.designs = [SampleReport.carveOut]
      report.designs[0].savedTags = vector.classes.map {
        SavedTagClass(bytes: $0.0, allocations: $0.1, frees: $0.2, peak: $0.1)
      }
      let rows = ReportRows(report, .all).groups.flatMap(\.rows)
      let cells = Dictionary(uniqueKeysWithValues: rows.map { ($0.name, $0.cells[0]) })
      #expect(cells["saved_tags_uncompressed"] == .bytes(vector.uncompressed))
      #expect(cells["saved_tags_compressed"] == .bytes(vector.compressed))
    }
  }
}
