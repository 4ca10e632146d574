// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// Of what a histogram tells the waits; the raw value is its name in reports.
enum StallSubject: String, CaseIterable {
  case fault = "fault_stall"
  case taggedAllocation = "tagged_allocation_stall"
}

/// A number of a histogram of waits; the raw value is its name.
enum StallStatistic: String, CaseIterable {
  case count
  case waited
  case total
  case mean
  case p50
  case p90
  case p99
  case p99_9
  case max

  /// The percentiles that reports state, with the ten-thousandths that each leaves below it.
  static let percentiles: [(statistic: StallStatistic, share: UInt64)] = [
    (.p50, 5_000), (.p90, 9_000), (.p99, 9_900), (.p99_9, 9_990),
  ]

  /// What the histogram says.
  func value(of histogram: StallHistogram) -> UInt64 {
    switch self {
    case .count: histogram.count
    case .waited: histogram.waited
    case .total: histogram.total
    case .mean: histogram.mean
    case .p50, .p90, .p99, .p99_9:
      Self.percentiles.first { $0.statistic == self }.map { histogram.percentile($0.share) } ?? 0
    case .max: histogram.maximum
    }
  }

  func cell(of histogram: StallHistogram) -> ReportCell {
    switch self {
    case .count, .waited: .count(value(of: histogram))
    default: .nanoseconds(value(of: histogram))
    }
  }
}

/// A number of a class of tagged allocations; the raw value is its name.
enum AllocationClassField: String, CaseIterable {
  case count
  case migratedPages = "migrated_pages"
  case total
  case max

  /// What the totals say.
  func value(of totals: AllocationClassTotals) -> UInt64 {
    switch self {
    case .count: totals.count
    case .migratedPages: totals.migratedPages
    case .total: totals.total
    case .max: totals.maximum
    }
  }

  func cell(of totals: AllocationClassTotals) -> ReportCell {
    switch self {
    case .count, .migratedPages: .count(value(of: totals))
    case .total, .max: .nanoseconds(value(of: totals))
    }
  }
}

extension StallReport {
  /// The histogram of a subject.
  subscript(_ subject: StallSubject) -> StallHistogram {
    get {
      switch subject {
      case .fault: faults
      case .taggedAllocation: allocations
      }
    }
    set {
      switch subject {
      case .fault: faults = newValue
      case .taggedAllocation: allocations = newValue
      }
    }
  }
}

extension AllocationClass {
  /// The name in tables.
  var title: String {
    switch self {
    case .reserved: "reserved already"
    case .fast: "free block"
    case .migrated: "migration"
    case .retried: "retried"
    case .failed: "without a block"
    }
  }
}

extension GroupDefinition {
  /// What events cost in time, by kind, and how long accesses and allocations had to wait.
  static let costs: [GroupDefinition] = [
    GroupDefinition(
      title: "Time by the cost model, microseconds",
      rows: CostKind.allCases.map { .ifAny(.time($0)) } + [.always(.totalTime)]
    ),
    GroupDefinition(
      title: "Waits of accesses that faulted, beyond a plain fault, microseconds",
      rows: stall(.fault) + [.ifAny(.counter(.stallNanoseconds))]
    ),
    GroupDefinition(
      title: "Waits of allocations of tagged pages, microseconds",
      rows: stall(.taggedAllocation)
    ),
    GroupDefinition(
      title: "Allocations of tagged pages by what their tag storage took, microseconds",
      rows: AllocationClass.allCases.flatMap { allocationClass in
        AllocationClassField.allCases.map { .ifAny(.allocationClass(allocationClass, $0)) }
      }
    ),
  ]

  private static func stall(_ subject: StallSubject) -> [RowDefinition] {
    StallStatistic.allCases.map { statistic in
      subject == .fault ? .always(.stall(subject, statistic)) : .ifAny(.stall(subject, statistic))
    }
  }
}
