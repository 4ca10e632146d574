// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// What ran, as lines of a name and a value: traces, RAM, tag storage, swap, limit, and what else is not
/// as nobody configured it.
struct RunFacts {
  let lines: [(name: String, value: String)]

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
    let others = machine.settings.filter {
      !$0.isDefault && !Self.statedSettings.contains($0.name)
    }
    if !others.isEmpty {
      lines.append(
        (
          "settings",
          others.map { "\(printable($0.name)) \(printable($0.value))" }.joined(separator: ", ")
        )
      )
    }
    self.lines = lines
  }

  /// The settings that the lines above already tell, changed or not.
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
