// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// What rows need of a report beside the design that they are about, derived once for all of them.
struct RowContext: Sendable {
  let report: RunReport
  /// What the report says that events cost.
  let costs: EventCosts

  /// Derives it in the time of a look at every setting of the machine.
  init(_ report: RunReport) {
    self.report = report
    costs = EventCosts(of: report.machine)
  }
}

extension RowValue {
  /// What the row states for `design`.
  func cell(of design: DesignReport, in context: RowContext) -> ReportCell {
    let report = context.report
    return switch self {
    case .codec: .text(design.codec)
    case .counter(.stallNanoseconds): .nanoseconds(design.counters[.stallNanoseconds])
    case .counter(let counter): .count(design.counters[counter])
    case .memory(let category, let statistic): .bytes(design[category][statistic])
    case .tagOverhead(let statistic): .bytes(design.tagOverhead[statistic])
    case .tagOverheadPercent(let statistic):
      percent(design.tagOverhead[statistic], of: report.machine.ramBytes)
    case .tagOverheadChange(let statistic):
      change(design, in: report, statistic) { amount, _, isDecrease in
        .byteChange(amount, isDecrease: isDecrease)
      }
    case .tagOverheadChangePercent(let statistic):
      change(design, in: report, statistic) { amount, first, isDecrease in
        hundredthsOfPercent(amount, of: first).map {
          .percentChange($0, isDecrease: isDecrease)
        } ?? .none
      }
    case .givenBack(let statistic): .bytes(design.givenBack(statistic))
    case .givenBackPercent(let statistic):
      percent(design.givenBack(statistic), of: report.machine.tagStorageBytes)
    case .savedTagClass(let bytes, let field): .count(design.savedTags(bytes, field))
    case .savedTagMemory(let statistic): .bytes(design.savedTagMemory(statistic))
    case .savedTagsUncompressed:
      .bytes(
        clampedProduct(design.savedTags.reduce(0) { $0 + $1.live }, report.machine.pageBytes / 32)
      )
    case .savedTagsCompressed:
      .bytes(
        design.savedTags.filter { $0.bytes != 8 }.reduce(0) {
          clampedSum($0, clampedProduct($1.live, UInt64($1.bytes)))
        }
      )
    case .time(let kind):
      .nanoseconds(CostEstimate.Item(kind, design.counters, context.costs).nanoseconds)
    case .totalTime:
      .nanoseconds(CostEstimate(design.counters, context.costs).nanoseconds)
    case .stall(let subject, let statistic): statistic.cell(of: design.stalls[subject])
    case .allocationClass(let allocationClass, let field):
      field.cell(of: design.stalls.classes[allocationClass.rank])
    case .verification(let field): .count(design.verification[field])
    case .comparisons: .count(design.verification.comparisons)
    }
  }

  private func percent(_ part: UInt64, of whole: UInt64) -> ReportCell {
    hundredthsOfPercent(part, of: whole).map { .percent($0) } ?? .none
  }

  /// What `state` makes of the change from the first design, nothing for the first one itself.
  private func change(
    _ design: DesignReport,
    in report: RunReport,
    _ statistic: MemoryStatistic,
    _ state: (_ amount: UInt64, _ first: UInt64, _ isDecrease: Bool) -> ReportCell
  ) -> ReportCell {
    guard let first = report.designs.first?.tagOverhead[statistic] else { return .none }
    let own = design.tagOverhead[statistic]
    return state(own < first ? first - own : own - first, first, own < first)
  }
}

extension DesignReport {
  /// Tag storage that serves as ordinary memory, in bytes.
  func givenBack(_ statistic: MemoryStatistic) -> UInt64 {
    self[.tagStorageData][statistic] + self[.tagStorageFree][statistic]
  }

  /// What saved tags take with their slabs and their map, in bytes.
  ///
  /// - Precondition: `statistic` is not the peak, since peaks of categories need not coincide.
  func savedTagMemory(_ statistic: MemoryStatistic) -> UInt64 {
    precondition(statistic != .peak, "the peak of a sum is not the sum of its peaks")
    let sizes = [16, 32, 64, 128, 256, 512, 1024, 2048]
    let categories =
      sizes.compactMap(MemoryCategory.savedTags(objectBytes:)) + [.savedTagSlack, .savedTagNodes]
    return categories.reduce(0) { clampedSum($0, self[$1][statistic]) }
  }

  /// A number of the size class of `bytes`, 0 where the design has no such class.
  func savedTags(_ bytes: Int, _ field: SavedTagField) -> UInt64 {
    guard let savedTags = savedTags.first(where: { $0.bytes == bytes }) else { return 0 }
    return switch field {
    case .allocations: savedTags.allocations
    case .frees: savedTags.frees
    case .live: savedTags.live
    case .peak: savedTags.peak
    }
  }
}
