// SPDX-License-Identifier: Apache-2.0

import Foundation
import MemoryModel
import TestSupport
import Testing

@testable import Reporting

/// Reports as JSON: there and back, and every refusal at its place.
@Suite struct JSONReportTests {
  private let sample = Array(JSONReport.text(SampleReport.report).utf8)

  @Test func sampleComesBackEqual() throws {
    #expect(try JSONReport.report(from: sample) == SampleReport.report)
  }

  @Test(arguments: UInt64(1)...60) func randomReportsComeBackEqual(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let report = randomReport(using: &random)
    let text = JSONReport.text(report)
    let back = try JSONReport.report(from: Array(text.utf8))
    #expect(back == report, "seed \(seed)")
    #expect(JSONReport.text(back) == text, "seed \(seed)")
  }

  @Test func otherOrderAndSpaceAreTheSameReport() throws {
    let object = try JSONSerialization.jsonObject(with: Data(sample))
    for options in [JSONSerialization.WritingOptions.sortedKeys, [.prettyPrinted]] {
      let other = try JSONSerialization.data(withJSONObject: object, options: options)
      #expect(try JSONReport.report(from: Array(other)) == SampleReport.report)
    }
  }

  @Test func everyTruncationIsRefusedAtItsEnd() {
    // The last byte is the newline, without which the report is whole.
    for length in stride(from: 0, to: sample.count - 1, by: 13) {
      let cut = Array(sample[..<length])
      let error = #expect(throws: ReportError.self) { try JSONReport.report(from: cut) }
      #expect(
        error?.found == "the end of the file",
        "cut at \(length): \(String(describing: error))"
      )
      #expect(error?.byteOffset == length)
    }
  }

  @Test(
    arguments: [
      ("", "1:+0: expected a value, found the end of the file"),
      (" nul", "1:+1: expected an object, an array, a string or a whole number, found 'n'"),
      ("-1", "1:+0: expected an object, an array, a string or a whole number, found '-'"),
      ("[1,\n 01]", "2:+6: expected no digit after a leading 0, found '1'"),
      ("1.5", "1:+1: expected a whole number, found '.'"),
      ("1E5", "1:+1: expected a whole number, found 'E'"),
      ("9007199254740992", "1:+0: expected a whole number below 2^53, found a larger one"),
      ("[1 2]", "1:+3: expected ',' or ']', found '2'"),
      ("[1,]", "1:+3: expected an object, an array, a string or a whole number, found ']'"),
      ("{\"a\":1,}", "1:+7: expected a name in quotation marks, found '}'"),
      ("{\"a\" 1}", "1:+5: expected ':', found '1'"),
      ("{\"a\":1\n\"b\":2}", "2:+7: expected ',' or '}', found '\"'"),
      ("{\"a\":1,\n\"\\u0061\":2}", "2:+8: expected each name once, found \"a\" again"),
      ("\"a\nb\"", "1:+2: expected an escaped control character, found byte 0xa"),
      ("\"\\x\"", "1:+1: expected an escape of JSON, found another one"),
      ("\"\\u12g4\"", "1:+5: expected a hexadecimal digit, found 'g'"),
      ("\"\\ud800\"", "1:+1: expected a pair of surrogates, found half of one"),
      ("\"\\udc00\\ud800\"", "1:+1: expected a pair of surrogates, found half of one"),
      ("{} x", "1:+3: expected the end of the file, found 'x'"),
      (
        String(repeating: "[", count: 17),
        "1:+16: expected at most 16 nested values, found one more"
      ),
      ("7", "1:+0: expected an object for a report, found 7"),
      ("{}", "1:+0: expected \"schema\" in a report, found an object without it"),
      (
        "{\"schema\": \"mtesim.report/0\", \"x\": 1}",
        "1:+11: expected \"mtesim.report/1\", found \"mtesim.report/0\""
      ),
      ("{\"schem\": 1}", "1:+10: expected a member of a report, found \"schem\""),
    ]
  ) func badTextIsRefusedAtItsPlace(text: String, message: String) {
    let error = #expect(throws: ReportError.self) {
      try JSONReport.report(from: Array(text.utf8))
    }
    #expect(error?.description == message)
  }

  @Test func bytesThatAreNotUTF8AreRefused() {
    let error = #expect(throws: ReportError.self) { try JSONParser.parse([0x22, 0xff, 0x22]) }
    #expect(error?.description == "1:+0: expected a string in UTF-8, found other bytes")
  }

  @Test func writtenStringsHoldNoControlCharacter() {
    var text = ""
    for value in UInt8(0)...0x7f { text.unicodeScalars.append(Unicode.Scalar(value)) }
    let written = quoted(text)
    #expect(written.hasPrefix(#""\u0000\u0001"#))
    #expect(written.contains(##"\u0008\t\n\u000b\u000c\r\u000e\u000f\u0010"##))
    #expect(written.contains(##" !\"#"##) && written.contains(##"[\\]"##))
    #expect(written.hasSuffix(#"~\u007f""#))
    #expect(written.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f })
    #expect(quoted("\u{e4}\u{1f600}") == "\"\u{e4}\u{1f600}\"")
  }

  @Test func escapesAreResolved() throws {
    let text = #""\"\\\/\b\f\n\r\tA\u00e4\ud83d\ude00""#
    guard case .string(let value) = try JSONParser.parse(Array(text.utf8)).value else {
      Issue.record("not a string")
      return
    }
    #expect(value == "\"\\/\u{8}\u{c}\n\r\tA\u{e4}\u{1f600}")
  }

  @Test func wrongValuesAreRefusedAtTheirPlace() {
    let cases: [(from: String, to: String, expected: String, found: String)] = [
      (#""pgfault": 98765"#, #""pgfault": "98765""#, "a whole number", #""98765""#),
      (#""pgfault": 98765"#, #""pgfaults": 98765"#, "a member of the counters", #""pgfaults""#),
      (#""design": "static-carveout""#, #""design": 5"#, "a string", "5"),
      (#""messages": []"#, #""messages": {}"#, "an array", "an object"),
      (#""frees": 16089"#, #""frees": 118278"#, "at most 118277 frees", "118278"),
      (#""copies": 4,"#, "", "\"copies\" in a trace", "an object without it"),
    ]
    for (from, to, expected, found) in cases {
      let text = String(decoding: sample, as: UTF8.self)
      guard let range = text.range(of: from) else {
        Issue.record("no \(from) in the sample")
        continue
      }
      let changed = text.replacingCharacters(in: range, with: to)
      let error = #expect(throws: ReportError.self) {
        try JSONReport.report(from: Array(changed.utf8))
      }
      #expect(error?.expected == expected)
      #expect(error?.found == found)
    }
  }

  @Test func randomDamageNeverStopsTheProgram() {
    for seed in UInt64(1)...300 {
      var random = SplitMix64(seed: seed)
      var damaged = sample
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let place = Int.random(in: 0..<damaged.count, using: &random)
        damaged[place] = UInt8.random(in: 0...255, using: &random)
      }
      // Either refused, or a report that every format can show.
      if let report = try? JSONReport.report(from: damaged) {
        _ = (TableReport.text(report), CSVReport.text(report), checkSums(report))
      }
    }
  }

  @Test func largestNumbersCanBeShown() throws {
    var text = ""
    var digits = false
    var isAboutWaits = false
    // Every number but those with an invariant of their own becomes the largest one.
    for character in String(decoding: sample, as: UTF8.self) {
      if text.hasSuffix("\"stalls\": ") { isAboutWaits = true }
      if text.hasSuffix("\"verification\": ") { isAboutWaits = false }
      if character.isNumber && !digits && !isAboutWaits && text.hasSuffix(": ") {
        digits = true
        text += String(JSONReport.largestNumber)
      }
      if !character.isNumber { digits = false }
      if !digits { text.append(character) }
    }
    let report = try JSONReport.report(from: Array(text.utf8))
    #expect(report.designs[0].counters[.pgfault] == JSONReport.largestNumber)
    for text in [TableReport.text(report), MarkdownReport.text(report), CSVReport.text(report)] {
      #expect(text.contains("static-carveout"))
    }
    #expect(!checkSums(report).isEmpty)
  }

  private func randomReport(using random: inout SplitMix64) -> RunReport {
    func number() -> UInt64 {
      random.next() >> UInt64.random(in: 11...63, using: &random)
    }
    func text() -> String {
      let alphabet: [Character] = ["a", "\"", "\\", "\n", "\u{0}", "\u{7f}", "ä", "\u{1f600}", "/"]
      return String(
        (0..<Int.random(in: 0...9, using: &random)).map { _ in
          alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
        }
      )
    }
    func use() -> MemoryUse { MemoryUse(mean: number(), peak: number(), last: number()) }
    var report = SampleReport.report
    report.programVersion = text()
    report.traces = (0..<Int.random(in: 0...3, using: &random)).map { _ in
      TraceSummary(
        name: text(),
        digest: text(),
        commandLine: text(),
        copies: Int(number()),
        events: number(),
        accesses: number(),
        pages: number()
      )
    }
    report.machine.ramBytes = number()
    report.machine.swapDevice = text()
    report.designs = (0..<Int.random(in: 0...3, using: &random)).map { _ in
      var design = SampleReport.carveOut
      design.design = text()
      for counter in Counter.allCases { design.counters[counter] = number() }
      design.memory = MemoryCategory.allCases.map { _ in use() }
      design.tagOverhead = use()
      design.savedTags = (0..<Int.random(in: 0...3, using: &random)).map { _ in
        let frees = number() / 2
        return SavedTagClass(
          bytes: Int(number()),
          allocations: frees + number() / 2,
          frees: frees,
          peak: number()
        )
      }
      design.stalls = StallReport()
      for _ in 0..<Int.random(in: 0...20, using: &random) {
        design.stalls.faults.record(number())
        design.stalls.allocations.recordNothing()
      }
      design.stalls.classes = design.stalls.classes.map { _ in
        AllocationClassTotals(
          count: number(),
          migratedPages: number(),
          total: number(),
          maximum: number()
        )
      }
      for field in VerificationField.allCases { design.verification[field] = number() }
      design.verification.messages = (0..<Int.random(in: 0...2, using: &random)).map { _ in text() }
      return design
    }
    return report
  }
}
