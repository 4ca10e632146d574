// SPDX-License-Identifier: Apache-2.0

import Foundation
import MemoryModel
import Testing

@testable import Reporting

/// The published JSON Schema describes the reports that are written.
@Suite struct SchemaTests {
  private let schema: Schema

  init() throws {
    let path = "Sources/Reporting/Reporting.docc/report.schema.json"
    schema = try Schema(Data(contentsOf: packageRoot.appendingPathComponent(path)))
  }

  private func violations(_ report: String) throws -> [String] {
    schema.violations(try JSONSerialization.jsonObject(with: Data(report.utf8)))
  }

  @Test func writtenReportIsValid() throws {
    #expect(try violations(JSONReport.text(SampleReport.report)) == [])
  }

  @Test func namesAreThoseOfTheTypesInTheirOrder() throws {
    #expect(schema.required("counters") == Counter.allCases.map(\.name))
    #expect(schema.required("memory") == MemoryCategory.allCases.map(\.name))
    #expect(
      schema.required("verification") == VerificationField.allCases.map(\.rawValue) + ["messages"]
    )
    for definition in schema.definitions {
      let required = schema.required(definition)
      #expect(schema.properties(definition) == Set(required), "\(definition)")
    }
  }

  @Test(
    arguments: [
      (#""schema": "mtesim.report/1""#, #""schema": "mtesim.report/2""#),
      (#""copies": 4,"#, ""),
      (#""copies": 4,"#, #""copies": -4,"#),
      (#""copies": 4,"#, #""copies": 9007199254740992,"#),
      (#""copies": 4,"#, #""copies": "4","#),
      (#""copies": 4,"#, #""copies": 4, "more": 1,"#),
      (#""messages": []"#, #""messages": [1]"#),
      (#""messages": []"#, #""messages": {}"#),
    ]
  ) func whatTheReaderRefusesTheSchemaRefuses(from: String, to: String) throws {
    let text = JSONReport.text(SampleReport.report)
    let range = try #require(text.range(of: from))
    let changed = text.replacingCharacters(in: range, with: to)
    #expect(try !violations(changed).isEmpty)
    #expect(throws: ReportError.self) { try JSONReport.report(from: Array(changed.utf8)) }
  }
}

/// The part of JSON Schema that the published one uses; any other keyword is a violation.
private struct Schema {
  private let root: [String: Any]

  init(_ data: Data) throws {
    root = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  private var defined: [String: Any] { root["$defs"] as? [String: Any] ?? [:] }

  /// The names of the definitions that are objects.
  var definitions: [String] { defined.keys.filter { !required($0).isEmpty }.sorted() }

  func required(_ definition: String) -> [String] {
    (defined[definition] as? [String: Any])?["required"] as? [String] ?? []
  }

  func properties(_ definition: String) -> Set<String> {
    let properties = (defined[definition] as? [String: Any])?["properties"] as? [String: Any]
    return Set((properties ?? [:]).keys)
  }

  func violations(_ value: Any) -> [String] { violations(value, root, "report") }

  private func violations(_ value: Any, _ schema: [String: Any], _ path: String) -> [String] {
    var found: [String] = []
    for (keyword, rule) in schema.sorted(by: { $0.key < $1.key }) {
      switch (keyword, rule) {
      case ("$schema", _), ("$defs", _), ("title", _), ("description", _): continue
      case ("$ref", let name as String):
        let target = defined[name.replacingOccurrences(of: "#/$defs/", with: "")]
        guard let target = target as? [String: Any] else { return ["\(path): no \(name)"] }
        found += violations(value, target, path)
      case ("const", let constant as String):
        if value as? String != constant { found.append("\(path): not \(constant)") }
      case ("type", let type as String):
        if !isType(value, type) { found.append("\(path): not of type \(type)") }
      case ("minimum", let bound as Double):
        if let number = value as? Double, number < bound { found.append("\(path): too small") }
      case ("maximum", let bound as Double):
        if let number = value as? Double, number > bound { found.append("\(path): too large") }
      case ("items", let items as [String: Any]):
        for (index, element) in (value as? [Any] ?? []).enumerated() {
          found += violations(element, items, "\(path)[\(index)]")
        }
      case ("required", let names as [String]):
        let members = value as? [String: Any] ?? [:]
        for name in names where members[name] == nil { found.append("\(path): no \(name)") }
      case ("properties", let properties as [String: Any]):
        for (name, member) in value as? [String: Any] ?? [:] {
          guard let property = properties[name] as? [String: Any] else { continue }
          found += violations(member, property, "\(path).\(name)")
        }
      case ("additionalProperties", false as Bool):
        let properties = schema["properties"] as? [String: Any] ?? [:]
        for name in (value as? [String: Any] ?? [:]).keys where properties[name] == nil {
          found.append("\(path): has \(name)")
        }
      default: found.append("keyword \(keyword) is not known to this checker")
      }
    }
    return found
  }

  private func isType(_ value: Any, _ type: String) -> Bool {
    switch type {
    case "object": value is [String: Any]
    case "array": value is [Any]
    case "string": value is String
    case "integer": value is NSNumber
    default: false
    }
  }
}
