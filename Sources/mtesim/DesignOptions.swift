// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MachineModel
import TagStorage

/// The options about designs that all commands with machines share: which ones, and what is broken on
/// purpose.
struct DesignOptions: ParsableArguments {
  @Option(
    name: .customLong("design"),
    help: ArgumentHelp(
      "Where tags live. Can be given several times. (default: as told above)",
      valueName: "name"
    )
  )
  var designs: [TagStorageDesign] = []

  @Option(
    name: .customLong("inject"),
    help: ArgumentHelp(
      "Break something on purpose, to see that it is noticed. Can be given several times. Of the defects"
        + " of the posted tag-storage series \(Injection.defectsWithIdentifiers).",
      valueName: "fault"
    )
  )
  var injected: [Injection] = []

  func validate() throws {
    if let twice = designs.first(where: { design in designs.count { $0 == design } > 1 }) {
      throw ValidationError("Expected different designs, found \(twice.rawValue) twice.")
    }
    if let reason = injected.lazy.compactMap(\.reasonWithoutEffect).first {
      throw ValidationError("--inject: \(reason)")
    }
  }

  /// A machine with everything broken that is to be.
  func broken(_ configuration: MachineConfiguration) -> MachineConfiguration {
    var configuration = configuration
    for injection in injected { configuration.inject(injection) }
    return configuration
  }
}

/// The options that say what runs on the machine.
struct TraceOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp("Traces, binary (.mtt) or text.", valueName: "trace"),
    completion: .file(extensions: ["mtt", "trace"])
  )
  var traces: [String]

  @Option(help: ArgumentHelp("Instances of each trace.", valueName: "n"))
  var copies = 1

  func validate() throws {
    guard !traces.isEmpty else { throw ValidationError("Expected at least one trace.") }
    guard (1...1000).contains(copies) else {
      throw ValidationError("Expected 1 to 1000 copies, found \(copies).")
    }
  }
}
