// SPDX-License-Identifier: Apache-2.0

/// What a history is about.
public enum HistorySubject: Hashable, Sendable {
  /// A page of a process, by its address and by the machine's number of the process.
  case page(address: UInt64, process: Int)
  /// A frame, by its page frame number.
  case frame(Int)
  /// A tag block.
  case block(Int)
}

/// A property of a subject that a history follows.
///
/// The order of the cases is the order in which the values of a state stand.
public enum HistoryField: String, CaseIterable, Sendable {
  /// Of a page: the protection of its mapping, with `mte` where the mapping is tagged.
  case mapping
  /// Of a page: what its page-table entry refers to.
  case entry
  /// Of a frame or tag block: what it is used for.
  case use
  /// Of a frame: the pages whose entries map it, as address@process.
  case owners
  /// Of a page's frame: how many entries map it.
  case mappings
  /// The copy in the swap cache: of a page in swap its frame, of a page in a frame its slot.
  case swapCache = "swap_cache"
  /// Where the page's tags are: in its frame, kept aside, or nowhere.
  case tags
  /// The tag block that is reserved for the frame.
  case tagBlock = "tag_block"
  /// The tags that are saved for the page's slot.
  case savedTags = "saved_tags"
  /// Whether devices use the frame.
  case pins
  /// Of a tag block: the frames that it serves.
  case serves
  /// Of a tag block: how many of its own frames hold something else.
  case holds
}

/// The value of one property.
public struct HistoryValue: Equatable, Sendable {
  /// The property.
  public let field: HistoryField
  /// The value; a property without one is not part of a state.
  public let text: String

  /// Creates a value.
  public init(_ field: HistoryField, _ text: String) {
    self.field = field
    self.text = text
  }
}

/// A property that one event changed.
public struct HistoryChange: Equatable, Sendable {
  /// The property.
  public let field: HistoryField
  /// The value before the event, `nil` where there was none.
  public let before: String?
  /// The value after it, `nil` where there is none.
  public let after: String?

  /// Creates a change.
  public init(_ field: HistoryField, from before: String?, to after: String?) {
    self.field = field
    self.before = before
    self.after = after
  }
}

/// What one event did to a subject.
public struct HistoryEntry: Equatable, Sendable {
  /// The number of the event in the run, from 1.
  public let event: UInt64
  /// The clock of the trace after the event, in data accesses.
  public let clock: UInt64
  /// Where the event stands: trace, record and byte offset.
  public let place: String
  /// Whose event it is, by the machine's number of the process.
  public let process: Int
  /// The event as a text trace writes it.
  public let action: String
  /// What performing it led to.
  public let outcome: Outcome
  /// What happened on the way, in order.
  public let steps: [HistoryStep]
  /// What is different afterwards, in the order of ``HistoryField``.
  public let changes: [HistoryChange]

  /// Creates an entry.
  public init(
    event: UInt64,
    clock: UInt64,
    place: String,
    process: Int,
    action: String,
    outcome: Outcome,
    steps: [HistoryStep],
    changes: [HistoryChange]
  ) {
    self.event = event
    self.clock = clock
    self.place = place
    self.process = process
    self.action = action
    self.outcome = outcome
    self.steps = steps
    self.changes = changes
  }
}

/// What happened to one subject in a run.
public struct History: Equatable, Sendable {
  /// The design under which the run was made.
  public let design: String
  /// What it is about.
  public let subject: HistorySubject
  /// The state before the first event.
  public let start: [HistoryValue]
  /// The events that concerned the subject, in order.
  public var entries: [HistoryEntry] = []
  /// Events of the run so far.
  public var events: UInt64 = 0

  /// Creates the history of a run that has not begun.
  public init(design: String, subject: HistorySubject, start: [HistoryValue]) {
    self.design = design
    self.subject = subject
    self.start = start
  }

  /// The state after an event, computed from the start and the changes up to it.
  ///
  /// - Complexity: O(changes up to the event).
  public func state(after event: UInt64 = .max) -> [HistoryValue] {
    var values: [HistoryField: String] = [:]
    for value in start { values[value.field] = value.text }
    for entry in entries where entry.event <= event {
      for change in entry.changes { values[change.field] = change.after }
    }
    return HistoryField.allCases.compactMap { field in
      values[field].map { HistoryValue(field, $0) }
    }
  }

  /// What is different between two states, in the order of ``HistoryField``.
  public static func changes(
    from before: [HistoryValue],
    to after: [HistoryValue]
  ) -> [HistoryChange] {
    guard before != after else { return [] }
    return HistoryField.allCases.compactMap { field in
      let old = before.first { $0.field == field }?.text
      let new = after.first { $0.field == field }?.text
      return old == new ? nil : HistoryChange(field, from: old, to: new)
    }
  }
}
