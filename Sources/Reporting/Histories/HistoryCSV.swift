// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// A history as comma-separated values: one line for each step and each change of an event.
///
/// The state before the first event is told by lines of kind `start` with event 0. `name` is that of a
/// step or of the property that changed, `cause` the counter that counts a step's cause.
public enum HistoryCSV {
  /// Writes the histories, which a column tells apart by their design.
  ///
  /// - Returns: the text, which ends in a newline.
  public static func text(_ histories: [History]) -> String {
    var text = csvLine([
      "design", "event", "clock", "place", "process", "action", "outcome", "kind", "name", "before",
      "after", "cause", "words",
    ])
    for history in histories {
      for value in history.start {
        text += csvLine([
          history.design, "0", "0", "", "", "", "", "start", value.field.rawValue, "", value.text,
          "",
          "",
        ])
      }
      for entry in history.entries {
        let event = [
          history.design, "\(entry.event)", "\(entry.clock)", entry.place, "\(entry.process)",
          entry.action, "\(entry.outcome)",
        ]
        for step in entry.steps {
          text += csvLine(event + ["step", step.name, "", "", step.cause, step.words])
        }
        for change in entry.changes {
          text += csvLine(
            event + [
              "change", change.field.rawValue, change.before ?? "", change.after ?? "", "", "",
            ]
          )
        }
      }
    }
    return text
  }
}
