// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import Testing

@testable import Reporting

/// A field of a Protocol Buffers message as a plain reader sees it.
private struct Field {
  let number: Int
  var value: UInt64 = 0
  var bytes: ArraySlice<UInt8> = []

  var text: String { String(decoding: bytes, as: UTF8.self) }
  var fields: [Field] { Self.all(in: bytes) }

  /// The fields of a message; a type that is not expected ends the list and fails the test.
  static func all(in bytes: ArraySlice<UInt8>) -> [Field] {
    var rest = bytes
    func number() -> UInt64 {
      var (value, shift) = (UInt64(0), UInt64(0))
      while let byte = rest.popFirst() {
        value |= UInt64(byte & 0x7f) << shift
        shift += 7
        if byte < 0x80 { return value }
      }
      Issue.record("a number is cut off")
      return 0
    }
    var fields: [Field] = []
    while !rest.isEmpty {
      let key = number()
      switch key & 7 {
      case 0:
        fields.append(Field(number: Int(key >> 3), value: number()))
      case 2:
        let length = Int(number())
        guard length <= rest.count else {
          Issue.record("a field is cut off")
          return fields
        }
        fields.append(Field(number: Int(key >> 3), bytes: rest.prefix(length)))
        rest = rest.dropFirst(length)
      default:
        Issue.record("type \(key & 7)")
        return fields
      }
    }
    return fields
  }
}

extension [Field] {
  fileprivate subscript(field number: Int) -> Field? { first { $0.number == number } }
}

/// What a timeline holds, read by a reader of its own; `Tools/check-timeline` asks Perfetto's.
@Suite struct TimelineReportTests {
  private struct Event {
    let time: UInt64
    let type: UInt64
    let track: UInt64
    let fields: [Field]
  }

  private struct Timeline {
    /// Names of tracks by identifier, with those of their parents before them.
    var names: [UInt64: String] = [:]
    var processNumbers: [UInt64] = []
    var events: [Event] = []

    init(_ bytes: [UInt8]) {
      for packet in Field.all(in: bytes[...]) {
        #expect(packet.number == 1)
        let fields = packet.fields
        #expect(fields[field: 10]?.value == 1)
        if let track = fields[field: 60]?.fields {
          let identifier = track[field: 1]?.value ?? 0
          let parent = track[field: 5].map { (names[$0.value] ?? "?") + "/" } ?? ""
          let process = track[field: 3]?.fields
          if let process { processNumbers.append(process[field: 1]?.value ?? 0) }
          #expect(names[identifier] == nil)
          names[identifier] = parent + (process?[field: 6]?.text ?? track[field: 2]?.text ?? "?")
        } else if let event = fields[field: 11]?.fields {
          let type = event[field: 9]?.value ?? 0
          let track = event[field: 11]?.value ?? 0
          #expect(names[track] != nil, "an event of track \(track), which is not known yet")
          events.append(
            Event(time: fields[field: 8]?.value ?? .max, type: type, track: track, fields: event)
          )
        } else {
          Issue.record("a packet without track and event")
        }
      }
    }

    /// The events of the track with a name.
    func events(of name: String) -> [Event] {
      events.filter { names[$0.track] == name }
    }
  }

  private let report = SampleReport.report
  private var timeline: Timeline { Timeline(TimelineReport.bytes(report, SampleSeries.all)) }

  @Test func everyProcessHasANumberOfItsOwn() {
    let timeline = timeline
    #expect(timeline.processNumbers.count == 2 * report.designs.count)
    #expect(Set(timeline.processNumbers).count == timeline.processNumbers.count)
    #expect(Set(timeline.names.values).count == timeline.names.count, "no name twice")
    #expect(timeline.names.values.contains("rfc3: made-up.mtt#0"))
  }

  @Test func slicesAreClosedAndInOrder() {
    var open: [UInt64: Int] = [:]
    var times: [UInt64: UInt64] = [:]
    for event in timeline.events {
      #expect(event.time >= times[event.track] ?? 0)
      times[event.track] = event.time
      if event.type == 1 { open[event.track, default: 0] += 1 }
      if event.type == 2 { open[event.track, default: 0] -= 1 }
      #expect((0...1).contains(open[event.track] ?? 0))
    }
    #expect(open.values.allSatisfy { $0 == 0 })
  }

  @Test func countersEndWhereTheReportDoes() {
    let timeline = timeline
    for (design, heading) in zip(report.designs, ReportRows.headings(report)) {
      for counter in Counter.allCases {
        let events = timeline.events(of: "\(heading): machine/\(counter.name)")
        #expect(events.isEmpty == (design.counters[counter] == 0), "\(counter)")
        guard let last = events.last else { continue }
        #expect(last.fields[field: 30]?.value == design.counters[counter], "\(counter)")
        #expect(last.type == 4 && events.first?.fields[field: 30]?.value == 0)
      }
      for category in MemoryCategory.allCases where design[category].last > 300 {
        let title = Glossary.entry(for: category.name)?.title ?? ""
        let last = timeline.events(of: "\(heading): machine/\(title)").last
        #expect(last?.fields[field: 30]?.value == design[category].last, "\(category)")
      }
    }
  }

  @Test func slicesSayHowOftenTheWorkWasDone() {
    let timeline = timeline
    for (design, heading) in zip(report.designs, ReportRows.headings(report)) {
      for activity in KernelActivity.allCases {
        let events = timeline.events(of: "\(heading): made-up.mtt#0/\(activity.title)")
        for counter in activity.counters {
          let numbers = events.flatMap { $0.fields.filter { $0.number == 4 } }.map(\.fields)
          let sum = numbers.filter { $0[field: 10]?.text == counter.name }.reduce(0) {
            $0 + ($1[field: 3]?.value ?? 0)
          }
          #expect(sum == design.counters[counter], "\(heading): \(counter)")
        }
      }
      let marks = timeline.events(of: "\(heading): made-up.mtt#0/marks")
      #expect(marks.map { $0.fields[field: 23]?.text } == ["halfway"])
      #expect(marks.map(\.time) == [15_000_000])
    }
  }

  @Test(arguments: [0, 1, 127, 128, 16_383, 16_384, UInt64(UInt32.max), 1 << 63, .max])
  func numbersOfEveryLengthReadBack(value: UInt64) {
    var message = ProtobufMessage()
    message.add(1, value)
    message.add(2_047, "ü")
    message.add(60) { $0.add(3, value) }
    let fields = Field.all(in: message.bytes[...])
    #expect(fields.map(\.number) == [1, 2_047, 60])
    #expect(fields[0].value == value)
    #expect(fields[1].text == "ü")
    #expect(fields[2].fields[field: 3]?.value == value)
  }
}
