// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MachineFile
import MachineModel
import MemoryModel
import Replay
import Reporting
import TagStorage

/// `mtesim explain`: what happened to one page, frame or tag block, event by event.
struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Tells what happened to one page, frame or tag block, event by event.",
    discussion: """
      The traces are replayed as by `mtesim replay` with the same options, by default under rfc3, and \
      every event that changes the page, frame or tag block is told: who had it, when it was allocated, \
      migrated, swapped out and in, when its tag storage was reserved and its tags were saved, restored \
      or kept aside, and what failed for which cause. A cause is the name of the counter that counts it. \
      Events have the number of the whole run, from 1; the clock counts the data accesses of their trace. \
      The exit code is 0 whatever happened; mtesim verify is for judging.

      Example: mtesim explain Traces/recorded/lua-glibc.mtt --limit 12M --page 0x5502c21000
      """
  )

  @OptionGroup var input: TraceOptions

  @Option(
    help: ArgumentHelp(
      "The page with this address, in hexadecimal, of the process that messages call so. (default: the"
        + " first program)",
      valueName: "address[@process]"
    )
  )
  var page: PageArgument?

  @Option(help: ArgumentHelp("The frame with this page frame number.", valueName: "pfn"))
  var frame: FrameArgument?

  @Option(help: ArgumentHelp("The tag block with this number, from 0.", valueName: "n"))
  var block: Int?

  @OptionGroup var designs: DesignOptions

  @OptionGroup(title: "Machine")
  var machine: MachineOptions

  @Option(help: ArgumentHelp("How the history is printed.", valueName: "form"))
  var format: HistoryFormat = .table

  func validate() throws {
    let subjects = [page != nil, frame != nil, block != nil].count(where: \.self)
    guard subjects == 1 else {
      throw ValidationError(
        "Expected one of --page, --frame and --block, found \(subjects == 0 ? "none" : "\(subjects)")."
      )
    }
  }

  func run() throws {
    let description = try machine.description()
    let chosen = designs.designs.isEmpty ? [TagStorageDesign.rfc3] : designs.designs
    let progress = ProgressLine("explain", totals: chosen.map { _ in 0 })
    var histories: [History] = []
    for (index, design) in chosen.enumerated() {
      var configuration = designs.broken(description.configuration)
      configuration.design = design
      do throws(ReplayError) {
        var session = try ReplaySession.open(plan(configuration))
        guard let subject = subject(in: session) else { throw refusal(in: session, design) }
        session.follow(subject)
        let total = session.traceSummaries.reduce(0) { $0 + $1.events * UInt64($1.copies) }
        _ = try session.run { progress.note($0, of: total, run: index) }
        if let history = session.history { histories.append(history) }
      } catch {
        progress.erase()
        if case .machine(let error) = error { throw MachineInput.failure(error, of: description) }
        throw Failure(error)
      }
    }
    progress.erase()
    print(format.render(histories), terminator: "")
  }

  private func plan(_ machine: MachineConfiguration) -> ReplayPlan {
    var plan = ReplayPlan(
      tracePaths: input.traces,
      copies: input.copies,
      machine: machine,
      isVerified: true
    )
    // A history of what went wrong is what somebody may be here for.
    plan.invariants = .never
    return plan
  }
}

extension ExplainCommand {
  /// What the options name, `nil` where the machine has no such frame or tag block.
  private func subject(in session: borrowing ReplaySession) -> HistorySubject? {
    if let page {
      let offset = UInt64(session.pageBytes - 1)
      return .page(
        address: page.address & ~offset,
        process: page.process ?? session.firstProcess
      )
    }
    if let frame { return session.hasFrame(frame.number) ? .frame(frame.number) : nil }
    guard let block, (0..<session.tagBlockCount).contains(block) else { return nil }
    return .block(block)
  }

  /// Why the machine has no such frame or tag block.
  private func refusal(
    in session: borrowing ReplaySession,
    _ design: TagStorageDesign
  ) -> ReplayError {
    if let frame {
      return .subject(
        expected: "--frame to be one of \(session.frameNumbers)",
        found: "\(frame.number)"
      )
    }
    let count = session.tagBlockCount
    return .subject(
      expected: count == 0
        ? "--block with a design that has tag blocks, such as rfc3"
        : "--block from 0 to \(count - 1)",
      found: count == 0 ? design.rawValue : "\(block ?? 0)"
    )
  }
}

/// A page on the command line: an address in hexadecimal, and perhaps a process.
struct PageArgument: ExpressibleByArgument {
  let address: UInt64
  let process: Int?

  init?(argument: String) {
    let parts = argument.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
    let digits = parts[0].hasPrefix("0x") ? parts[0].dropFirst(2) : parts[0]
    guard let address = UInt64(digits, radix: 16), !digits.hasPrefix("+") else { return nil }
    self.address = address
    guard parts.count == 2 else {
      process = nil
      return
    }
    // Processes of a machine have 16 bits.
    guard let process = UInt16(parts[1]) else { return nil }
    self.process = Int(process)
  }
}

/// A page frame number on the command line: in decimal, or in hexadecimal after 0x.
struct FrameArgument: ExpressibleByArgument {
  let number: Int

  init?(argument: String) {
    let isHexadecimal = argument.hasPrefix("0x")
    let digits = isHexadecimal ? argument.dropFirst(2) : argument[...]
    guard let number = UInt32(digits, radix: isHexadecimal ? 16 : 10), !digits.hasPrefix("+") else {
      return nil
    }
    self.number = Int(number)
  }
}

/// A form of a history on standard output.
enum HistoryFormat: String, CaseIterable, ExpressibleByArgument {
  case table, csv, json

  /// The histories in this form.
  func render(_ histories: [History]) -> String {
    switch self {
    case .table: HistoryTable.text(histories)
    case .csv: HistoryCSV.text(histories)
    case .json: HistoryJSON.text(histories)
    }
  }
}
