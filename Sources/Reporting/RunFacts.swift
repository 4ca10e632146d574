// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// What ran, as lines of a name and a value: traces, RAM, tag storage, swap, limit, and what else is not
/// as nobody configured it.
struct RunFacts {
  /// The lines of the traces.
  let traceLines: [(name: String, value: String)]
  /// The lines of the machine, the same names for every report.
  let machineLines: [(name: String, value: String)]

  /// One line with the settings that are not the default and not told by the lines of the machine, or
  /// none.
  let settingsLines: [(name: String, value: String)]

  /// All lines.
  var lines: [(name: String, value: String)] { traceLines + machineLines + settingsLines }

  init(_ report: RunReport) {
    var lines: [(name: String, value: String)] = []
    for trace in report.traces {
      let copies = trace.copies == 1 ? "" : "\(grouped(UInt64(clamping: trace.copies))) x "
      lines.append(
        (
          "trace",
          "\(copies)\(printable(trace.name)): \(grouped(trace.events)) events, "
            + "\(grouped(trace.accesses)) accesses, \(grouped(trace.pages)) pages"
        )
      )
    }
    traceLines = lines
    lines = []
    let machine = report.machine
    lines.append(
      ("RAM", "\(Self.size(machine.ramBytes)) in pages of \(Self.size(machine.pageBytes))")
    )
    let pages = machine.blockPages == 1 ? "1 page" : "\(grouped(machine.blockPages)) pages"
    lines.append(
      (
        "tag storage",
        machine.tagStorageBytes == 0
          ? "none" : "\(Self.size(machine.tagStorageBytes)) in blocks of \(pages)"
      )
    )
    lines.append(
      (
        "swap",
        machine.swapDevice == "none"
          ? "none"
          : "\(printable(machine.swapDevice)), \(Self.size(machine.swapBytes)), page-cluster \(machine.pageCluster)"
      )
    )
    lines.append(
      (
        "limit",
        machine.limitBytes == 0 ? "none" : "\(Self.size(machine.limitBytes)) for each process"
      )
    )
    machineLines = lines
    let others = Self.otherSettings(of: machine).filter { !$0.isDefault }
    settingsLines =
      others.isEmpty
      ? []
      : [
        (
          "settings",
          others.map { "\(printable($0.name)) \(printable($0.value))" }.joined(separator: ", ")
        )
      ]
  }

  /// The settings that the lines of the machine do not tell.
  static func otherSettings(of machine: MachineSummary) -> [MachineSetting] {
    machine.settings.filter { !statedSettings.contains($0.name) }
  }

  /// The settings that the lines of the machine tell.
  private static let statedSettings: Set<String> = [
    "ram", "kernel.page-size", "tag-storage.block-size", "swap.device", "swap.size",
    "vm.page-cluster", "memory.max",
  ]

  /// `bytes` in the largest unit that leaves a whole number.
  private static func size(_ bytes: UInt64) -> String {
    for (shift, unit) in [(UInt64(40), "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")]
    where bytes > 0 && bytes % (1 << shift) == 0 {
      return "\(grouped(bytes >> shift)) \(unit)"
    }
    return "\(grouped(bytes)) B"
  }
}
