// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// One row of every report: where its value comes from and when it is shown.
struct RowDefinition {
  let value: RowValue
  /// Whether the row stays when it is zero for every design.
  let isKept: Bool
  /// The title where that of the glossary would not do among its neighbours.
  var title: String?

  /// A row that is always shown.
  static func always(_ value: RowValue, _ title: String? = nil) -> RowDefinition {
    RowDefinition(value: value, isKept: true, title: title)
  }

  /// A row that is left out when it is zero for every design.
  static func ifAny(_ value: RowValue, _ title: String? = nil) -> RowDefinition {
    RowDefinition(value: value, isKept: false, title: title)
  }
}

/// Where the value of a row comes from.
enum RowValue: Hashable {
  case codec
  case counter(Counter)
  case memory(MemoryCategory, MemoryStatistic)
  case tagOverhead(MemoryStatistic)
  case tagOverheadPercent(MemoryStatistic)
  case tagOverheadChange(MemoryStatistic)
  case tagOverheadChangePercent(MemoryStatistic)
  case givenBack(MemoryStatistic)
  case givenBackPercent(MemoryStatistic)
  case savedTagClass(bytes: Int, SavedTagField)
  case savedTagMemory(MemoryStatistic)
  case savedTagsUncompressed
  case savedTagsCompressed
  case time(CostKind)
  case totalTime
  case stall(StallSubject, StallStatistic)
  case allocationClass(AllocationClass, AllocationClassField)
  case verification(VerificationField)
  case comparisons

  /// The name in CSV, which ``Glossary/entry(for:)`` explains.
  var name: String {
    switch self {
    case .codec: "codec"
    case .counter(let counter): counter.name
    case .memory(let category, let statistic): "\(category.name).\(statistic.rawValue)"
    case .tagOverhead(let statistic): "tag_overhead.\(statistic.rawValue)"
    case .tagOverheadPercent(let statistic): "tag_overhead_percent.\(statistic.rawValue)"
    case .tagOverheadChange(let statistic): "tag_overhead_change.\(statistic.rawValue)"
    case .tagOverheadChangePercent(let statistic):
      "tag_overhead_change_percent.\(statistic.rawValue)"
    case .givenBack(let statistic): "given_back.\(statistic.rawValue)"
    case .givenBackPercent(let statistic): "given_back_percent.\(statistic.rawValue)"
    case .savedTagClass(let bytes, let field): "saved_tag_class[\(bytes)].\(field.rawValue)"
    case .savedTagMemory(let statistic): "saved_tag_memory.\(statistic.rawValue)"
    case .savedTagsUncompressed: "saved_tags_uncompressed"
    case .savedTagsCompressed: "saved_tags_compressed"
    case .time(let kind): "time.\(kind.rawValue)"
    case .totalTime: "time.total"
    case .stall(let subject, let statistic): "\(subject.rawValue).\(statistic.rawValue)"
    case .allocationClass(let allocationClass, let field):
      "tagged_allocation_class[\(allocationClass.rawValue)].\(field.rawValue)"
    case .verification(let field): "verification.\(field.rawValue)"
    case .comparisons: "verification.comparisons"
    }
  }
}

/// A number of a size class of saved tags; the raw value is its name.
enum SavedTagField: String, CaseIterable {
  case allocations
  case frees
  case live
  case peak
}

/// The rows of one subject.
struct GroupDefinition {
  let title: String
  let rows: [RowDefinition]
}
