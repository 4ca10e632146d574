// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// Checks every ``SumRule`` on a report.
///
/// - Returns: the violations, each as `design: rule: what is wrong with which numbers`, designs in
///   their order; empty for a sound report.
/// - Precondition: no number is above ``JSONReport/largestNumber``, so that sums cannot overflow.
public func checkSums(_ report: RunReport) -> [String] {
  var violations: [String] = []
  for (heading, design) in zip(ReportRows.headings(report), report.designs) {
    var check = SumCheck(design: design, report: report)
    for rule in SumRule.allCases { check.run(rule) }
    violations += check.violations.map { "\(heading): \($0)" }
  }
  return violations
}

/// The rules applied to one design.
struct SumCheck {
  let design: DesignReport
  let report: RunReport
  /// What is violated so far, as `rule: what is wrong`.
  private(set) var violations: [String] = []
  private var rule = SumRule.tagOverhead

  init(design: DesignReport, report: RunReport) {
    self.design = design
    self.report = report
  }

  /// Checks one rule.
  mutating func run(_ rule: SumRule) {
    self.rule = rule
    switch rule {
    case .tagOverhead: checkTagOverhead()
    case .tagStorage: checkTagStorage()
    case .frames: checkFrames()
    case .statistics: checkStatistics()
    case .faults: checkFaults()
    case .majorFaults:
      equal(
        "pgmajfault",
        count(.pgmajfault),
        "fault_swap_device + fault_file_read",
        count(.faultSwapDevice, .faultFileRead)
      )
    case .fileReads:
      atMost(
        "fault_file_read",
        count(.faultFileRead),
        "file_pages_read + store_restored",
        count(.filePagesRead, .storeRestored)
      )
    case .swapReads:
      atMost(
        "fault_swap_device + swap_ra",
        count(.faultSwapDevice, .swapRa),
        "pswpin + store_restored",
        count(.pswpin, .storeRestored)
      )
      atMost(.swapRaHit, .swapRa)
      atMost(.pswpinSync, .pswpin)
    case .zram: checkZram()
    case .store: checkStore()
    case .scans: checkScans()
    case .steals: checkSteals()
    case .refaults:
      atMost(.workingsetRestoreAnon, .workingsetActivateAnon)
      atMost(.workingsetActivateAnon, .workingsetRefaultAnon)
      atMost(.workingsetRestoreFile, .workingsetActivateFile)
      atMost(.workingsetActivateFile, .workingsetRefaultFile)
    case .savedTags: checkSavedTags()
    case .parkedTags:
      atMost(.tagsParkedRestored, .tagsParked)
      atMost(.tagsLeaked, .tagsParkedRestored)
    case .lostTags:
      let causes = count(
        .tagsLostNoMemory,
        .tagsLostEncoding,
        .tagsLostDecoding,
        .tagsLostCopying,
        .tagsLostUnsaved,
        .tagsLostOverwritten
      )
      equal("tags_lost", count(.tagsLost), "the sum of its causes", causes)
    case .reservations: checkReservations()
    case .tagBlocks: checkTagBlocks()
    case .cells: checkCells()
    case .tagPages: checkTagPages()
    case .faultsOnAccess:
      let results = count(
        .foaResolvedReserve,
        .foaReplacedTsp,
        .foaReplacedOther,
        .foaReplacedFail
      )
      atMost("faults on access with a result", results, .foaFaults)
    case .guests:
      let results = count(.s2Reserve, .s2Replace, .s2ReplaceFail)
      atMost("faults of guests with a result", results, .s2Fault)
    case .migrations:
      equal(
        "migrations by reason",
        count(.pgmigrateContigRange, .pgmigrateTagStorage, .pgmigrateLongterm),
        "pgmigrate_success",
        count(.pgmigrateSuccess)
      )
    case .copies:
      let copies = count(.pgmigrateSuccess, .faultCopyOnWrite)
      atMost("pgmigrate_success + fault_copy_on_write", copies, .pagesCopied)
      atMost(
        "pgmigrate_success + fault_copy_on_write + fault_reference_fill",
        copies + count(.faultReferenceFill),
        "pages_copied + pages_filled",
        count(.pagesCopied, .pagesFilled)
      )
    case .references:
      atMost(.refpageReleased, .refpageCreated)
      atMost(.pagesZeroedTwice, .faultReferenceFill)
    case .pins: atMost(.nrFollPinReleased, .nrFollPinAcquired)
    case .tagChecks: checkTagChecks()
    case .stalls: checkStalls()
    case .verification: checkVerification()
    case .performed: checkPerformed()
    case .contents: checkContents()
    }
  }

  // MARK: - What rules are made of

  /// The sum of counters.
  func count(_ counters: Counter...) -> UInt64 {
    counters.reduce(0) { $0 + design.counters[$1] }
  }

  /// States that `left` is equal to `right`.
  mutating func equal(_ name: String, _ left: UInt64, _ other: String, _ right: UInt64) {
    guard left != right else { return }
    fail("\(name) is \(left), not \(other.isEmpty ? "" : other + " = ")\(right)")
  }

  /// States that `left` is at most `right`.
  mutating func atMost(_ name: String, _ left: UInt64, _ other: String, _ right: UInt64) {
    guard left > right else { return }
    fail("\(name) is \(left), above \(other) = \(right)")
  }

  /// States that `left` is at most a counter.
  mutating func atMost(_ name: String, _ left: UInt64, _ counter: Counter) {
    atMost(name, left, counter.name, count(counter))
  }

  /// States that one counter is at most another.
  mutating func atMost(_ left: Counter, _ right: Counter) {
    atMost(left.name, count(left), right)
  }

  /// Notes a violation of the rule in hand.
  mutating func fail(_ text: String) { violations.append("\(rule.rawValue): \(text)") }
}
