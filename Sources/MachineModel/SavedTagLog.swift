// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// What became of saved tags, in order, for those who follow a machine's swap.
///
/// The machine only ever appends, and whoever follows it empties the log now and then.
public struct SavedTagLog: Equatable, Sendable {
  /// One step.
  public enum Step: Hashable, Sendable {
    /// The tags of a page were saved; they are the next tag page of ``SavedTagLog/tags``.
    case saved(SwapEntry)
    /// The tags of an entry are no more.
    case dropped(SwapEntry)
  }

  /// The steps since the log was emptied.
  public private(set) var steps: [Step] = []
  /// The tag pages of all steps that saved one, one after the other.
  public private(set) var tags: [UInt8] = []

  /// Creates an empty log.
  public init() {}

  mutating func noteSaved(_ entry: SwapEntry, _ page: [UInt8]) {
    steps.append(.saved(entry))
    tags += page
  }

  mutating func noteDropped(_ entry: SwapEntry) { steps.append(.dropped(entry)) }

  /// Forgets all steps.
  public mutating func removeAll() {
    steps.removeAll(keepingCapacity: true)
    tags.removeAll(keepingCapacity: true)
  }
}
