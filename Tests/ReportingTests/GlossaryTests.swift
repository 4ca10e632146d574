// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import Testing

@testable import Reporting

/// The glossary explains every name, and says nothing that the reports do not know.
@Suite struct GlossaryTests {
  @Test func everyCounterAndCategoryHasAnEntryInOrder() {
    let names = Glossary.entries.map(\.name)
    #expect(Set(names).count == names.count, "no name twice")
    #expect(Array(names.prefix(Counter.allCases.count)) == Counter.allCases.map(\.name))
    #expect(
      Array(names.dropFirst(Counter.allCases.count).prefix(MemoryCategory.allCases.count))
        == MemoryCategory.allCases.map(\.name)
    )
  }

  @Test func everyRowHasAnEntryAndEveryEntryARow() {
    let rows = ReportRows(SampleReport.report, .all).groups.flatMap(\.rows)
    var explained: Set<String> = []
    for row in rows {
      let entry = Glossary.entry(for: row.name)
      #expect(entry != nil, "\(row.name)")
      if let entry { explained.insert(entry.name) }
    }
    for entry in Glossary.entries { #expect(explained.contains(entry.name), "\(entry.name)") }
  }

  @Test func entriesAreWellFormed() {
    for entry in Glossary.entries {
      #expect(!entry.title.isEmpty && entry.title.count <= GlossaryEntry.longestTitle)
      #expect(entry.meaning.hasSuffix("."), "\(entry.name)")
      #expect(!entry.meaning.contains("|") && !(entry.formula ?? "").contains("|"))
      #expect(!entry.source.isEmpty)
    }
  }

  @Test func titlesDifferWithinAGroup() {
    for group in ReportRows(SampleReport.report, .all).groups {
      let titles = group.rows.map(\.title)
      #expect(Set(titles).count == titles.count, "\(group.title)")
    }
  }

  @Test func unknownNamesHaveNoEntry() {
    for name in [
      "", "pgfaults", "tag_overhead.median", "saved_tag_class[16].x", "a]b[", "pgfault.",
    ] {
      #expect(Glossary.entry(for: name) == nil, "\(name)")
    }
  }

  @Test func pageIsTheStoredOne() throws {
    try expectGolden(Glossary.markdown, "Sources/Reporting/Reporting.docc/Glossary.md")
  }
}
