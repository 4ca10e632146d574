// SPDX-License-Identifier: Apache-2.0

import CXXHash
import MachineModel
import MemoryModel

/// Knows, independently of the machine, what every page of every process must hold.
///
/// It follows the programs' own view: a write leaves a stamp, a tag store leaves tags, a fork copies,
/// unmapping forgets. It has no frames, no swap and no designs. Whatever the machine does to a page
/// between a write and a read, the machine's view of the page must equal the oracle's.
struct ShadowOracle {
  private let machine: MachineConfiguration
  private var pageSize: PageSize { machine.pageSize }
  private var spaces: [ShadowSpace] = []
  private var threads: [ShadowThreads] = []
  private(set) var report = VerificationReport()
  /// The number of the event that is being followed.
  var event: UInt64 = 0
  /// The first failure.
  private(set) var firstFinding: ReplayFinding?

  /// The last failure.
  private(set) var lastFinding: ReplayFinding?

  /// Failures that are kept in full; the others are only counted.
  static let keptMessages = 20

  init(_ machine: MachineConfiguration) {
    self.machine = machine
  }

  /// Adds a process; its number must be the machine's.
  mutating func addProcess() {
    spaces.append(ShadowSpace(pageSize: pageSize, policy: machine.referencePages))
    threads.append(ShadowThreads(machine))
  }

  /// Adds a process that starts as a copy of another.
  mutating func fork(_ parent: Int) {
    let child = spaces[parent].forked()
    spaces.append(child)
    threads.append(threads[parent].forked())
  }

  /// Applies an operation that the machine performed, or refused.
  mutating func apply(
    _ operation: MemoryOperation,
    outcome: Outcome,
    of process: Int,
    at place: @autoclosure () -> String
  ) {
    guard !outcome.contains(.processGone) else { return }
    followDelivery(outcome, mustDeliver: operation.isSystemCall, of: process, at: place())
    spaces[process].apply(operation, error: outcome.errorNumber)
    threads[process].apply(operation, error: outcome.errorNumber)
  }

  /// Notes whether a latched tag check fault was delivered in an event.
  mutating func followDelivery(
    _ outcome: Outcome,
    mustDeliver: Bool,
    of process: Int,
    at place: @autoclosure () -> String
  ) {
    guard
      let complaint = threads[process].followDelivery(outcome, mustDeliver: mustDeliver)
    else { return }
    fail(complaint, of: process, at: place())
  }

  /// Applies a touch, access or tag store that the machine performed.
  mutating func apply(
    _ record: EventRecord,
    page: UInt64,
    stamp: UInt64,
    outcome: Outcome,
    of process: Int,
    at place: @autoclosure () -> String
  ) {
    let mustDeliver = outcome.contains(.tagCheckFault)
    followDelivery(outcome, mustDeliver: mustDeliver, of: process, at: place())
    guard outcome.isDisjoint(with: .accessFailures) else { return }
    switch record.kind {
    case .touch:
      if record.isWrite { spaces[process].write(stamp, to: page) }
    case .access:
      if record.argument & EventRecord.accessHasTag != 0 {
        let isWrong = spaces[process].hasWrongTag(record, page: page)
        if let complaint = threads[process].followAccess(
          outcome,
          isWrite: record.isWrite,
          isWrong: isWrong
        ) {
          fail(complaint, page: page, of: process, at: place())
        }
      }
      if record.isWrite, !outcome.contains(.tagCheckFault) {
        spaces[process].write(stamp, to: page)
      }
    case .tagRun:
      spaces[process].storeTags(
        to: page,
        first: Int(record.detail),
        count: Int(record.count),
        tag: record.argument
      )
    case .operation:
      break
    }
  }

  /// Applies a tag instruction that the machine performed; `value` is what it returned.
  mutating func apply(
    _ instruction: TagInstruction,
    stamp: UInt64,
    outcome: Outcome,
    value: UInt64?,
    of process: Int,
    at place: @autoclosure () -> String
  ) {
    guard !outcome.contains(.processGone) else { return }
    let isException = !outcome.isDisjoint(with: [.undefined, .misaligned])
    followDelivery(outcome, mustDeliver: isException, of: process, at: place())
    let complaint =
      instruction.opcode == .ldg
      ? spaces[process].complaint(aboutLoaded: value, by: instruction)
      : spaces[process].store(instruction, stamp: stamp, outcome: outcome)
    if let complaint { fail(complaint, of: process, at: place()) }
  }

  /// Applies what a guest did that the machine performed, or could not.
  mutating func apply(_ access: GuestAccess, stamp: UInt64, outcome: Outcome, of process: Int) {
    guard outcome.isDisjoint(with: .accessFailures), outcome.errorNumber == nil else { return }
    spaces[process].apply(access, stamp: stamp)
  }

  /// Forgets a process that was ended for want of memory.
  mutating func forget(_ process: Int) { spaces[process].forgetEverything() }

  /// Compares one page.
  ///
  /// - Returns: whether the machine's view is what the oracle expects.
  @discardableResult
  mutating func compare(
    _ view: PageView,
    page: UInt64,
    of process: Int,
    after cause: ComparisonCause,
    at place: @autoclosure () -> String
  ) -> Bool {
    count(cause)
    let expected = spaces[process].expectation(of: page)
    if let seen = expected.contents.first(where: { expected.difference($0, from: view) == nil }) {
      if !expected.isUnknown { spaces[process].settle(page, on: seen) }
      return true
    }
    guard let difference = expected.difference(from: view) else { return true }
    report.differences += 1
    keep(finding(difference, page: page, of: process, after: cause, at: place()))
    return false
  }

  /// Looks at one page without counting it, and remembers a difference where it is the first failure.
  mutating func inspect(
    _ view: PageView,
    page: UInt64,
    of process: Int,
    at place: @autoclosure () -> String
  ) {
    guard firstFinding == nil,
      let difference = spaces[process].expectation(of: page).difference(from: view)
    else { return }
    firstFinding = finding(difference, page: page, of: process, after: .inspection, at: place())
  }

  private func finding(
    _ difference: PageDifference,
    page: UInt64,
    of process: Int,
    after cause: ComparisonCause,
    at place: String
  ) -> ReplayFinding {
    let address = page << UInt64(pageSize.shift)
    return ReplayFinding(
      .difference(after: cause.rawValue),
      event: event,
      place: place,
      process: process,
      page: address,
      granule: difference.granule,
      expected: difference.expected,
      found: difference.found,
      description: "\(place): after \(cause.rawValue), page 0x\(hexadecimal(address)) of process"
        + " \(process): \(difference.text)"
    )
  }

  /// Compares a recorded tag snapshot with the machine's view of the page.
  mutating func compareSnapshot(
    _ tags: [UInt8],
    view: PageView,
    page: UInt64,
    of process: Int,
    at place: @autoclosure () -> String
  ) {
    report.snapshots += 1
    guard let granule = firstDifferentGranule(view.tags, tags) else { return }
    let address = page << UInt64(pageSize.shift)
    let (expected, found) = (tag(tags, granule), tag(view.tags, granule))
    report.differences += 1
    keep(
      ReplayFinding(
        .snapshot,
        event: event,
        place: place(),
        process: process,
        page: address,
        granule: granule,
        expected: "tag \(expected)",
        found: "tag \(found)",
        description: "\(place()): page 0x\(hexadecimal(address)) of process \(process): granule"
          + " \(granule): the recording's tag memory held \(expected), found \(found)"
      )
    )
  }

  /// Notes that an expectation of the trace was checked.
  mutating func noteExpectation(failure: ReplayFinding?) {
    report.expectations += 1
    guard let failure else { return }
    report.failedExpectations += 1
    keep(failure)
  }

  /// Every page that a process must still see, in ascending order.
  func pages(of process: Int) -> [UInt64] { spaces[process].pageNumbers }

  /// Calls `body` with the tags of each page of a tagged mapping that was written or tagged, by
  /// process and address; pages that other programs may have changed are left out.
  func forEachTaggedPage(_ body: (Span<UInt8>) -> Void) {
    for space in spaces {
      for page in space.pageNumbers {
        let expected = space.expectation(of: page)
        guard expected.isTagged, !expected.isUnknown, let contents = expected.contents.first else {
          continue
        }
        body(contents.tags.span)
      }
    }
  }

  /// Adds the expected view of a process's pages to a digest.
  ///
  /// Two runs that end with the same digest showed the programs the same tags and data.
  func digest(of process: Int, into digest: inout UInt64) {
    for page in spaces[process].pageNumbers {
      let expected = spaces[process].expectation(of: page)
      guard let contents = expected.contents.first else { continue }
      digest = hash(contents.tags, seed: digest ^ page)
      digest = hash(contents.stamp, seed: digest)
    }
  }

  private mutating func count(_ cause: ComparisonCause) {
    switch cause {
    case .swapIn: report.swapIns += 1
    case .migration: report.migrations += 1
    case .copy, .reference: report.copies += 1
    case .endOfRun: report.finalPages += 1
    case .inspection: break
    }
  }

  /// Notes that a tag check, a signal or a tag instruction was not what it had to be.
  private mutating func fail(
    _ complaint: String,
    page: UInt64? = nil,
    of process: Int,
    at place: String
  ) {
    let address = page.map { $0 << UInt64(pageSize.shift) }
    let subject = address.map { "page 0x\(hexadecimal($0)) of " } ?? ""
    report.differences += 1
    keep(
      ReplayFinding(
        .tagCheck,
        event: event,
        place: place,
        process: process,
        page: address,
        expected: "the outcome of the oracle",
        found: complaint,
        description: "\(place): \(subject)process \(process): \(complaint)"
      )
    )
  }

  private mutating func keep(_ finding: ReplayFinding) {
    if firstFinding == nil { firstFinding = finding }
    lastFinding = finding
    if report.messages.count < Self.keptMessages { report.messages.append(finding.description) }
  }
}

/// What made the oracle look at a page.
enum ComparisonCause: String {
  /// The page came back from swap.
  case swapIn = "swap-in"
  /// The page moved to another frame.
  case migration
  /// The page was copied on write.
  case copy = "copy on write"
  /// The page was mapped or filled from a reference page.
  case reference = "a fault on a reference page"
  /// The run, or the process, ended.
  case endOfRun = "the end of the run"
  /// All pages were looked at, together with the invariants of the machine.
  case inspection = "a check of all pages"
}

/// What a page holds.
struct PageContents: Equatable {
  /// The stamp of the last write.
  var stamp: UInt64 = 0
  /// The tags, two in a byte; empty while all are 0.
  var tags: [UInt8] = []
}

/// What the oracle expects of one page.
struct PageExpectation {
  /// What it may hold, one of which is right; `tags` are complete.
  var contents: [PageContents]
  /// Whether the tags can be seen: the mapping is tagged.
  var isTagged: Bool
  /// Whether other processes may have changed the page.
  var isUnknown: Bool
  /// Whether the page may have been dropped, with its contents and tags.
  var mayBeGone: Bool

  /// What differs from everything that the page may hold, `nil` where something fits.
  func difference(from view: PageView) -> PageDifference? {
    if isUnknown || contents.contains(where: { difference($0, from: view) == nil }) { return nil }
    // A page given up with MADV_FREE may have been dropped at any time since.
    if mayBeGone && !view.exists { return nil }
    return contents.first.flatMap { difference($0, from: view) }
  }

  /// What differs from one of the contents, `nil` where nothing does.
  ///
  /// Equal hashes mean equal pages here, so that the common case costs two short hashes.
  func difference(_ contents: PageContents, from view: PageView) -> PageDifference? {
    let (stamp, tags) = (contents.stamp, contents.tags)
    if stamp == view.stamp && (!isTagged || hash(tags, seed: 0) == hash(view.tags, seed: 0)) {
      return nil
    }
    if isTagged, let granule = firstDifferentGranule(view.tags, tags) {
      let (wanted, seen) = (tag(tags, granule), tag(view.tags, granule))
      return PageDifference(
        granule: granule,
        expected: "tag \(wanted)",
        found: "tag \(seen)",
        text: "granule \(granule): expected tag \(wanted), found \(seen)"
      )
    }
    guard stamp != view.stamp else { return nil }
    return PageDifference(
      granule: nil,
      expected: "the data of event \(stamp)",
      found: "those of event \(view.stamp)",
      text: "expected the data of event \(stamp), found those of event \(view.stamp)"
    )
  }
}

/// How a page differs from what it must hold.
struct PageDifference {
  /// The first granule whose tag differs, `nil` where only the data do.
  let granule: Int?
  let expected: String
  let found: String
  /// All of it in words.
  let text: String
}

extension Outcome {
  /// Steps that are signals to the program.
  static let signals: Outcome = [
    .unmapped, .protected, .tagCheckFault, .asyncTagFault, .misaligned, .undefined,
  ]
  /// Steps after which the access itself did not happen.
  static let accessFailures: Outcome = [
    .unmapped, .protected, .livelock, .outOfMemory, .processGone,
  ]
}

/// The first granule whose tag differs between two tag pages.
func firstDifferentGranule(_ found: [UInt8], _ expected: [UInt8]) -> Int? {
  guard let index = expected.indices.first(where: { found[$0] != expected[$0] }) else {
    return nil
  }
  return found[index] & 15 != expected[index] & 15 ? 2 * index : 2 * index + 1
}

/// The tag of one granule of a tag page.
func tag(_ tags: [UInt8], _ granule: Int) -> UInt8 {
  granule & 1 == 0 ? tags[granule / 2] & 15 : tags[granule / 2] >> 4
}

/// A number in lower-case hexadecimal digits.
func hexadecimal(_ value: UInt64) -> String { String(value, radix: 16) }
