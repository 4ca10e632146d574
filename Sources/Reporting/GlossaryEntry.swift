// SPDX-License-Identifier: Apache-2.0

/// What one name of a report means.
public struct GlossaryEntry: Equatable, Sendable {
  /// The name in JSON and CSV.
  public let name: String
  /// The name in tables, at most ``longestTitle`` characters.
  public let title: String
  /// What is counted.
  public let unit: GlossaryUnit
  /// The meaning in one sentence.
  public let meaning: String
  /// How it follows from other names, `nil` where the machine counts it.
  public let formula: String?
  /// The sum it belongs to, `nil` where none can be stated.
  public let sum: SumRule?
  /// The document that the meaning comes from.
  public let source: String

  /// The most characters of a title: with it three designs fit into 100 columns.
  public static let longestTitle = 34

  /// Creates an entry.
  init(
    _ name: String,
    _ title: String,
    _ unit: GlossaryUnit,
    _ meaning: String,
    formula: String? = nil,
    sum: SumRule? = nil,
    source: String
  ) {
    self.name = name
    self.title = title
    self.unit = unit
    self.meaning = meaning
    self.formula = formula
    self.sum = sum
    self.source = source
  }
}

/// The unit of a number in a report; the raw value is its name.
public enum GlossaryUnit: String, CaseIterable, Sendable {
  /// Accesses of a program to memory.
  case accesses
  /// Blocks of tag storage.
  case blocks
  /// Bytes; tables show them in KiB.
  case bytes
  /// Lines of a processor cache.
  case cacheLines = "cache lines"
  /// Calls of a function.
  case calls
  /// Comparisons of a page's tags with what they must be.
  case comparisons
  /// Events of a trace.
  case events
  /// Runs of the fault handler.
  case faults
  /// Granules of 16 bytes.
  case granules
  /// Interrupts between processors.
  case interrupts
  /// Nanoseconds of the cost model; tables show them in microseconds.
  case nanoseconds
  /// Objects of a size class.
  case objects
  /// Pages.
  case pages
  /// Hundredths of a percent, rounded to the nearest, halves up.
  case percent
  /// Mappings of one process with equal properties.
  case areas = "VMAs"
  /// Processes.
  case processes
  /// Runs of a kernel thread.
  case runs
  /// Not a number.
  case text
}
