// SPDX-License-Identifier: Apache-2.0

import MemoryModel

extension Glossary {
  /// Times by the cost model, and waits.
  static let costRows: [GlossaryEntry] =
    times + [total] + stalls(.fault, "accesses that faulted, replays included")
    + stalls(.taggedAllocation, "allocations of pages with the tagged flag") + classes

  private static let times: [GlossaryEntry] = CostKind.allCases.map { kind in
    GlossaryEntry(
      RowValue.time(kind).name,
      kind.title,
      .nanoseconds,
      "The time of \(kind.meaning) by the cost model.",
      formula: "\(kind.formula) * \(kind.parameter.key)",
      source: Source.model
    )
  }

  private static let total = GlossaryEntry(
    RowValue.totalTime.name,
    "all of it",
    .nanoseconds,
    "The time of a run by the cost model, as if nothing overlapped.",
    formula: "the sum of all other time.*",
    source: Source.model
  )

  private static func stalls(_ subject: StallSubject, _ things: String) -> [GlossaryEntry] {
    StallStatistic.allCases.map { statistic in
      let (title, unit, meaning, formula) = text(of: statistic, things)
      return GlossaryEntry(
        RowValue.stall(subject, statistic).name,
        title,
        unit,
        meaning,
        formula: formula,
        sum: [.count, .waited, .total].contains(statistic) ? .stalls : nil,
        source: "specification of tag storage, section 16"
      )
    }
  }

  private static func text(
    of statistic: StallStatistic,
    _ things: String
  ) -> (title: String, unit: GlossaryUnit, meaning: String, formula: String?) {
    switch statistic {
    case .count: ("number", .events, "How many \(things).", nil)
    case .waited:
      ("of these waited", .events, "How many of the \(things) waited at all.", nil)
    case .total: ("all waits", .nanoseconds, "What the waits of \(things) add up to.", nil)
    case .mean: ("mean", .nanoseconds, "The mean wait of \(things), rounded down.", "total / count")
    case .p50: percentile("median", things, "half")
    case .p90: percentile("90 %", things, "90 %")
    case .p99: percentile("99 %", things, "99 %")
    case .p99_9: percentile("99.9 %", things, "99.9 %")
    case .max: ("longest", .nanoseconds, "The longest wait of \(things).", nil)
    }
  }

  private static func percentile(
    _ title: String,
    _ things: String,
    _ share: String
  ) -> (title: String, unit: GlossaryUnit, meaning: String, formula: String?) {
    (
      title, .nanoseconds,
      "The wait that \(share) of the \(things) did not exceed, rounded up to the end of its bucket.",
      nil
    )
  }

  private static let classes: [GlossaryEntry] = AllocationClassField.allCases.map { field in
    let texts: (title: String, unit: GlossaryUnit, meaning: String) =
      switch field {
      case .count: ("number", .events, "Allocations of the class.")
      case .migratedPages: ("pages moved", .pages, "Pages migrated for allocations of the class.")
      case .total: ("all waits", .nanoseconds, "What allocations of the class waited.")
      case .max: ("longest", .nanoseconds, "The longest wait of an allocation of the class.")
      }
    return GlossaryEntry(
      "tagged_allocation_class.\(field.rawValue)",
      texts.title,
      texts.unit,
      texts.meaning,
      sum: field == .count || field == .total ? .stalls : nil,
      source: "specification of tag storage, section 16"
    )
  }
}

extension CostKind {
  /// The name in tables.
  var title: String {
    switch self {
    case .accesses: "accesses of programs"
    case .systemCalls: "system calls"
    case .faults: "faults"
    case .faultsRetried: "faults started again"
    case .pagesZeroed: "pages zeroed"
    case .pagesFilled: "pages filled"
    case .copiesOnWrite: "pages copied on write"
    case .copiesByMigration: "pages copied by migration"
    case .otherCopies: "other pages copied"
    case .pagesUnmapped: "pages unmapped"
    case .pagesForked: "entries copied at forks"
    case .reserveCalls: "requests for tag storage"
    case .reserveFast: "tag blocks from the free lists"
    case .contiguousAttempts: "contiguous allocations, attempts"
    case .interrupts: "interrupts to empty LRU batches"
    case .migrations: "migrations, without copying"
    case .dataLines: "data cache lines invalidated"
    case .tagLines: "tag cache lines invalidated"
    case .directReclaims: "entries to direct reclaim"
    case .pagesScanned: "pages looked at by reclaim"
    case .pagesReclaimed: "pages freed by reclaim"
    case .pagesCompressed: "pages written to zram"
    case .pagesDecompressed: "pages read from zram"
    case .deviceWrites: "pages written to disks"
    case .deviceReads: "pages read from disks"
    case .fileReads: "pages read from files"
    case .tagsSaved: "tags of pages saved"
    case .tagsRestored: "tags of pages restored"
    case .tagsParked: "tags of pages kept aside"
    }
  }

  /// What the time goes to, to follow "the time of".
  fileprivate var meaning: String {
    switch self {
    case .faults: "all runs of the fault handler, each with the allocation of a page"
    case .migrations: "migrations, with those that failed and without copying"
    case .deviceWrites: "pages written to disks, which no process waits for,"
    case .reserveCalls: "all requests for the tag storage of a page"
    default: title
    }
  }

  /// How often it happened, by the names of the counters.
  fileprivate var formula: String {
    let plus = added.map(\.name).joined(separator: " + ")
    let all = plus + subtracted.map { " - \($0.name)" }.joined()
    return added.count + subtracted.count > 1 ? "(\(all))" : all
  }
}
