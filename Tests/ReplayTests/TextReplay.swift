// SPDX-License-Identifier: Apache-2.0

import Foundation
import MachineModel
import MemoryModel
import Replay
import TagStorage

/// Replays text traces, each written to a file of its own that is removed afterwards.
///
/// A replay that stops the program leaves the folder behind, so that its traces can be looked at.
func replay(
  _ texts: [String],
  copies: Int = 1,
  verified: Bool = true,
  invariantsEvery: UInt64? = nil,
  ignoring ignored: Outcome = .hit,
  _ change: (inout MachineConfiguration) -> Void = { _ in }
) throws -> DesignReport {
  let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent("mtesim-replay-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  var paths: [String] = []
  for (number, text) in texts.enumerated() {
    let file = folder.appendingPathComponent("case\(number).trace")
    try Data(text.utf8).write(to: file)
    paths.append(file.path)
  }
  var configuration = MachineConfiguration()
  change(&configuration)
  var plan = ReplayPlan(
    tracePaths: paths,
    copies: copies,
    machine: configuration,
    isVerified: verified
  )
  if let invariantsEvery { plan.invariants = .every(invariantsEvery) }
  plan.ignoredSteps = ignored
  var session = try ReplaySession.open(plan)
  var report = try session.run()
  // Where the trace lay is no part of a result, and differs from run to run.
  report.verification.messages = report.verification.messages.map {
    $0.replacing(folder.path + "/", with: "")
  }
  return report
}

/// A program that tags and writes many pages and reads them all again, so that a small memory group
/// swaps most of them out and in.
func swappingProgram(pages: Int, rounds: Int = 2) -> String {
  let base = 0x100000
  var lines = ["map 0x\(hex(base)) \(pages * 4096) rw mte anon"]
  for page in 0..<pages {
    let address = base + page * 4096
    lines.append("write 0x\(hex(address))")
    lines.append("tag 0x\(hex(address)) 48 \(1 + page % 15)")
    lines.append("tag 0x\(hex(address + 48)) 1024 \(1 + (page + 7) % 15)")
  }
  for _ in 0..<rounds {
    for page in 0..<pages { lines.append("read 0x\(hex(base + page * 4096))") }
  }
  return lines.joined(separator: "\n") + "\n"
}

func hex(_ value: Int) -> String { String(value, radix: 16) }
