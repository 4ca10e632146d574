// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// What sets two reports apart besides their designs, because a change of a number may come from there.
enum ComparisonConditions {
  /// One line for each difference of program, traces and machine between `base` and `new`.
  static func lines(_ base: Comparison.Input, _ new: Comparison.Input) -> [String] {
    var lines: [String] = []
    func add(_ what: String, _ before: String, _ after: String) {
      if before != after {
        lines.append(
          "\(what): \(printable(before)), but \(printable(after)) in \(printable(new.name))"
        )
      }
    }
    let (old, now) = (base.report, new.report)
    add("program", old.programVersion, now.programVersion)
    if old.traces.count == now.traces.count {
      for (before, after) in zip(old.traces, now.traces) {
        add("trace", before.name, after.name)
        if before.digest != after.digest && before.name == after.name {
          add("digest of \(before.name)", before.digest, after.digest)
        }
        add("copies of \(before.name)", String(before.copies), String(after.copies))
      }
    } else {
      add("traces", names(of: old), names(of: now))
    }
    let facts = zip(RunFacts(old).machineLines, RunFacts(now).machineLines)
    for (before, after) in facts { add(before.name, before.value, after.value) }
    let settings = RunFacts.otherSettings(of: old.machine)
    let others = RunFacts.otherSettings(of: now.machine)
    for name in settings.map(\.name)
      + others.map(\.name).filter({ name in
        !settings.contains { $0.name == name }
      })
    {
      // A report of another version of the program may lack a setting.
      let before = settings.first { $0.name == name }?.value ?? "not stated"
      let after = others.first { $0.name == name }?.value ?? "not stated"
      add(name, before, after)
    }
    if lines.isEmpty && old.machine.digest != now.machine.digest {
      add("digest of the machine", old.machine.digest, now.machine.digest)
    }
    return lines
  }

  private static func names(of report: RunReport) -> String {
    report.traces.map { "\($0.copies) x \($0.name)" }.joined(separator: ", ")
  }
}
