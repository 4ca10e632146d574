// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// Histories as JSON, laid out as the other results are; `report.schema.json` does not cover them.
public enum HistoryJSON {
  /// The name of the layout.
  static let schema = "mtesim-history-1"

  /// Writes the histories.
  ///
  /// - Returns: the text, which ends in a newline.
  public static func text(_ histories: [History]) -> String {
    var writer = JSONWriter()
    writer.object { writer in
      writer.member("schema", schema)
      writer.key("histories")
      writer.array { writer in
        for history in histories {
          writer.element()
          write(history, to: &writer)
        }
      }
    }
    return writer.text + "\n"
  }

  private static func write(_ history: History, to writer: inout JSONWriter) {
    writer.object { writer in
      writer.member("design", history.design)
      writer.member("subject", history.subject.words)
      writer.member("events", history.events)
      write(history.start, "start", to: &writer)
      writer.key("entries")
      writer.array { writer in
        for entry in history.entries {
          writer.element()
          write(entry, to: &writer)
        }
      }
      write(history.state(), "end", to: &writer)
    }
  }

  private static func write(
    _ state: [HistoryValue],
    _ name: String,
    to writer: inout JSONWriter
  ) {
    writer.key(name)
    writer.object(isCompact: true) { writer in
      for value in state { writer.member(value.field.rawValue, value.text) }
    }
  }

  private static func write(_ entry: HistoryEntry, to writer: inout JSONWriter) {
    writer.object { writer in
      writer.member("event", entry.event)
      writer.member("clock", entry.clock)
      writer.member("place", entry.place)
      writer.member("process", UInt64(entry.process))
      writer.member("action", entry.action)
      writer.member("outcome", "\(entry.outcome)")
      writer.key("steps")
      writer.array { writer in
        for step in entry.steps {
          writer.element()
          writer.object(isCompact: true) { writer in
            writer.member("name", step.name)
            if !step.cause.isEmpty { writer.member("cause", step.cause) }
            writer.member("words", step.words)
          }
        }
      }
      writer.key("changes")
      writer.array { writer in
        for change in entry.changes {
          writer.element()
          writer.object(isCompact: true) { writer in
            writer.member("field", change.field.rawValue)
            write("before", change.before, to: &writer)
            write("after", change.after, to: &writer)
          }
        }
      }
    }
  }

  private static func write(_ name: String, _ value: String?, to writer: inout JSONWriter) {
    if let value { writer.member(name, value) } else { writer.memberWithoutValue(name) }
  }
}
