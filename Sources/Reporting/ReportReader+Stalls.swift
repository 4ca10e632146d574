// SPDX-License-Identifier: Apache-2.0

import MemoryModel

// How long accesses and allocations had to wait.
extension ReportReader {
  mutating func stalls() throws(ReportError) -> StallReport {
    var stalls = StallReport()
    try object(.stalls) { (reader, member) throws(ReportError) in
      guard member < StallSubject.allCases.count else {
        return try reader.object(.allocationClasses) { (reader, member) throws(ReportError) in
          stalls.classes[AllocationClass.allCases[member].rank] = try reader.allocationClass()
        }
      }
      stalls[StallSubject.allCases[member]] = try reader.histogram()
    }
    return stalls
  }

  private mutating func allocationClass() throws(ReportError) -> AllocationClassTotals {
    var totals = AllocationClassTotals()
    try object(.allocationClass) { (reader, member) throws(ReportError) in
      let number = try reader.number()
      switch AllocationClassField.allCases[member] {
      case .count: totals.count = number
      case .migratedPages: totals.migratedPages = number
      case .total: totals.total = number
      case .max: totals.maximum = number
      }
    }
    return totals
  }

  /// A histogram of waits, whose derived numbers must be those of its buckets.
  private mutating func histogram() throws(ReportError) -> StallHistogram {
    let start = parser.position
    let statistics = StallStatistic.allCases
    var stated = [(value: UInt64, offset: Int)](repeating: (0, 0), count: statistics.count)
    var buckets: [UInt64] = []
    try object(.histogram) { (reader, member) throws(ReportError) in
      guard member < statistics.count else {
        return try reader.array { (reader) throws(ReportError) in
          try reader.bucket(after: &buckets)
        }
      }
      let offset = reader.parser.position
      stated[member] = (try reader.number(), offset)
    }
    func value(_ statistic: StallStatistic) -> UInt64 {
      zip(statistics, stated).first { $0.0 == statistic }?.1.value ?? 0
    }
    let found = StallHistogram(
      count: value(.count),
      total: value(.total),
      maximum: value(.max),
      buckets: buckets
    )
    guard let found else {
      throw parser.error("waits that go together", "others", at: start)
    }
    for (statistic, stated) in zip(statistics, stated)
    where statistic.value(of: found) != stated.value {
      throw parser.error(
        "\(statistic.value(of: found)) for \(statistic.rawValue)",
        "\(stated.value)",
        at: stated.offset
      )
    }
    return found
  }

  /// Appends a bucket, with the empty ones before it.
  private mutating func bucket(after counts: inout [UInt64]) throws(ReportError) {
    let start = parser.position
    var (least, count) = (UInt64(0), UInt64(0))
    try object(.bucket) { (reader, member) throws(ReportError) in
      if member == 0 { least = try reader.number() } else { count = try reader.number() }
    }
    let bucket = StallHistogram.bucket(of: least)
    guard bucket >= counts.count, count > 0,
      StallHistogram.waits(in: bucket).lowerBound == least
    else {
      throw parser.error(
        "the least wait of a bucket that follows, with a count",
        "\(least)",
        at: start
      )
    }
    counts += [UInt64](repeating: 0, count: bucket - counts.count) + [count]
  }
}
