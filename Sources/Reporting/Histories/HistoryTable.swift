// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// A history as a table in plain text, made for 100 columns: what happened, event by event.
public enum HistoryTable {
  /// Columns that a line may fill before its last one is broken.
  private static let width = 100

  /// Writes the histories of one subject, one after the other, the first with a heading for all.
  ///
  /// - Returns: the text, which ends in a newline; no line ends in a space.
  public static func text(_ histories: [History]) -> String {
    histories.map(text).joined(separator: "\n")
  }

  private static func text(_ history: History) -> String {
    var lines = ["\(history.subject.words), \(printable(history.design))", ""]
    let start = history.start.map(words).joined(separator: "; ")
    lines += wrapped("at the start  \(start.isEmpty ? "nothing" : start)", indent: 14)
    if history.entries.isEmpty {
      lines += ["", "No event of \(grouped(history.events)) concerned it."]
      return lines.joined(separator: "\n") + "\n"
    }
    lines.append("")
    lines += table(history)
    let end = history.state().map(words).joined(separator: "; ")
    lines.append("")
    lines += wrapped("at the end    \(end.isEmpty ? "nothing" : end)", indent: 14)
    lines.append(
      "\(grouped(UInt64(history.entries.count))) of \(grouped(history.events)) events concerned it."
    )
    return lines.joined(separator: "\n") + "\n"
  }

  private static func table(_ history: History) -> [String] {
    let rows = history.entries.map {
      [grouped($0.event), grouped($0.clock), "\($0.process)"]
    }
    let headings = ["event", "clock", "by"]
    let widths = headings.indices.map { column in
      (rows.map { $0[column].count } + [headings[column].count]).max() ?? 0
    }
    func begin(_ cells: [String]) -> String {
      zip(cells, widths).map(rightAligned).joined(separator: "  ")
    }
    var lines = [begin(headings) + "  what happened"]
    let indent = widths.reduce(0, +) + 2 * widths.count
    for (entry, row) in zip(history.entries, rows) {
      let outcome = entry.outcome == .hit ? "" : " => \(entry.outcome)"
      lines += wrapped("\(begin(row))  \(printable(entry.action))\(outcome)", indent: indent)
      for sentence in entry.sentences(about: history.subject) {
        lines += wrapped(
          String(repeating: " ", count: indent + 2) + printable(sentence),
          indent: indent + 4
        )
      }
    }
    return lines
  }

  private static func words(_ value: HistoryValue) -> String {
    "\(value.field.title) \(printable(value.text))"
  }

  /// Breaks a line at spaces, so that it fits; what follows is indented.
  private static func wrapped(_ line: String, indent: Int) -> [String] {
    var lines: [String] = []
    var rest = Substring(line)
    while rest.count > width {
      let head = rest.prefix(width + 1)
      guard let space = head.lastIndex(of: " "),
        head.distance(from: head.startIndex, to: space) > indent
      else { break }
      lines.append(String(head[..<space]))
      rest = Substring(
        String(repeating: " ", count: indent) + rest[rest.index(after: space)...]
      )
    }
    return lines + [String(rest)]
  }
}

extension HistoryField {
  /// What a state calls the property, in words.
  var title: String {
    switch self {
    case .mapping: "mapping"
    case .entry: "entry"
    case .use: "use"
    case .owners: "mapped at"
    case .mappings: "mappings"
    case .swapCache: "swap cache"
    case .tags: "tags"
    case .tagBlock: "tag block"
    case .savedTags: "saved tags"
    case .pins: "pins"
    case .serves: "serves frames"
    case .holds: "other pages in it"
    }
  }
}
