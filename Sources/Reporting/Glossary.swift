// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// The meaning of every name in a report: counters, categories of memory, and derived rows.
///
/// A row of a report may carry a statistic behind a period, as in `page_tables.mean`, and a size
/// class in brackets, as in `saved_tag_class[16].frees`; ``entry(for:)`` knows both.
public enum Glossary {
  /// All entries: counters and categories in the order of their types, then what is derived.
  public static let entries: [GlossaryEntry] =
    faultCounters + reclaimCounters + swapCounters + tagStorageCounters + tagCounters
    + referenceCounters + memoryCategories + derivedRows + costRows

  /// The entry that explains the row `name`, `nil` if there is none.
  ///
  /// - Complexity: O(1) on average, since every row of every design asks.
  public static func entry(for name: String) -> GlossaryEntry? {
    if let exact = byName[name] { return exact }
    if let bracket = name.firstIndex(of: "["), let end = name.firstIndex(of: "]"), bracket < end {
      return byName[String(name[..<bracket] + name[name.index(after: end)...])]
    }
    guard let period = name.lastIndex(of: "."),
      MemoryStatistic(rawValue: String(name[name.index(after: period)...])) != nil
    else { return nil }
    return byName[String(name[..<period])]
  }

  /// The entries by their names, which are all different; never iterated.
  private static let byName = Dictionary(uniqueKeysWithValues: entries.map { ($0.name, $0) })

  /// An entry for a counter.
  static func counter(
    _ counter: Counter,
    _ title: String,
    _ unit: GlossaryUnit,
    _ meaning: String,
    sum: SumRule? = nil,
    source: String = Source.vmstat
  ) -> GlossaryEntry {
    GlossaryEntry(counter.name, title, unit, meaning, sum: sum, source: source)
  }

  /// An entry for a category of memory.
  static func category(
    _ category: MemoryCategory,
    _ title: String,
    _ meaning: String,
    formula: String? = nil,
    sum: SumRule? = nil,
    source: String
  ) -> GlossaryEntry {
    GlossaryEntry(
      category.name,
      title,
      .bytes,
      meaning,
      formula: formula,
      sum: sum,
      source: source
    )
  }

  /// Where meanings come from.
  enum Source {
    static let vmstat = "Linux v6.8, /proc/vmstat"
    static let kernel = "Linux v6.8"
    static let zram = "Linux v6.8, /sys/block/zram*/mm_stat"
    static let storage = "dynamic tag storage RFC v3"
    static let compression = "MTE tag compression v5"
    static let references = "reference-pages patch v5"
    static let model = "this model"
  }
}

/// A statistic of a category over a run; the raw value is its name.
enum MemoryStatistic: String, CaseIterable {
  case mean
  case peak
  case last
}

extension MemoryUse {
  /// The value of a statistic in bytes.
  subscript(_ statistic: MemoryStatistic) -> UInt64 {
    switch statistic {
    case .mean: mean
    case .peak: peak
    case .last: last
    }
  }
}
