// SPDX-License-Identifier: Apache-2.0

import Foundation
import MemoryModel
import Reporting
import Testing

#if canImport(FoundationXML)
import FoundationXML
#endif

@Suite struct VerdictTests {
  /// One case of each kind, with everything in its texts that a form has to escape.
  private static let verdicts: [CaseVerdict] = {
    var failure = CaseFailure(
      kind: "difference after swap-in",
      message:
        "a.mtt:record 3:+33: after swap-in, page 0x1000 of process 0: granule 7: expected tag 5,"
        + " found 0",
      facts: [
        ("event", "4"), ("place", "a.mtt:record 3:+33"), ("process", "0"), ("page", "0x1000"),
        ("granule", "7"), ("expected", "tag 5"), ("found", "tag 0"),
      ]
    )
    failure.shrunkPath = "a-rfc3.trace"
    return [
      CaseVerdict(name: "a.mtt rfc3 mtecomp 4K", result: .passed, checks: checks(restores: 1234)),
      CaseVerdict(name: "b.mtt rfc3 raw 4K", result: .passed, checks: checks(restores: 0)),
      CaseVerdict(name: "a.mtt rfc3 raw 4K", result: .failed(failure), checks: checks(restores: 1)),
      CaseVerdict(
        name: "<odd> & \"named\" #1 \\",
        result: .failedAsExpected(
          CaseFailure(kind: "lost tags", message: "2 pages lost their tags"),
          reason: "posted \"v5\" & its <defects>"
        ),
        checks: nil
      ),
      CaseVerdict(name: "c.mtt", result: .skipped("recorded with pages of 4K"), checks: nil),
      CaseVerdict(
        name: "d.mtt",
        result: .unusable("d.mtt: expected \"a\"\u{7}, found\nb"),
        checks: nil
      ),
    ]
  }()

  private static func checks(restores: UInt64) -> CaseChecks {
    var design = SampleReport.report.designs[0]
    design.counters = CounterSet()
    design.counters.add(.tagsRestoredSwap, Int(restores))
    design.verification = VerificationReport()
    design.verification.swapIns = restores
    design.verification.snapshots = 12
    return CaseChecks(design)
  }

  @Test func textIsStored() throws {
    try expectGolden(VerdictText.text(Self.verdicts), "Tests/ReportingTests/Golden/verdicts.txt")
  }

  @Test func tapIsStored() throws {
    try expectGolden(TAPReport.text(Self.verdicts), "Tests/ReportingTests/Golden/verdicts.tap")
  }

  @Test func junitIsStoredAndWellFormed() throws {
    let text = JUnitReport.text(Self.verdicts)
    try expectGolden(text, "Tests/ReportingTests/Golden/verdicts.junit.xml")
    let parser = XMLParser(data: Data(text.utf8))
    let names = ElementNames()
    parser.delegate = names
    #expect(parser.parse(), "\(String(describing: parser.parserError))")
    #expect(names.count["testcase"] == Self.verdicts.count)
    #expect(names.count["failure"] == 1 && names.count["error"] == 1)
    #expect(names.count["skipped"] == 2)
    #expect(names.cases.contains("<odd> & \"named\" #1 \\"))
  }

  @Test func nothingIsAVerdictToo() {
    #expect(TAPReport.text([]).hasPrefix("TAP version 14\n1..0\n"))
    #expect(VerdictText.text([]).hasPrefix("0 passed, 0 failed; 0 pages"))
  }
}

/// Counts elements; a class, because the parser calls it back.
private final class ElementNames: NSObject, XMLParserDelegate {
  var count: [String: Int] = [:]
  var cases: [String] = []

  func parser(
    _ parser: XMLParser,
    didStartElement name: String,
    namespaceURI: String?,
    qualifiedName: String?,
    attributes: [String: String]
  ) {
    count[name, default: 0] += 1
    if name == "testcase", let text = attributes["name"] { cases.append(text) }
  }
}
