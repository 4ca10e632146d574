// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MachineFile
import MachineModel
import TagStorage

/// `mtesim machine`: what a machine can be, and what one amounts to.
struct MachineCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "machine",
    abstract: "Lists, shows and checks machines.",
    discussion: """
      A machine file is YAML that sets switches of the machine; what it leaves out has its default. \
      Presets are machine files that come with the program.

      Example: mtesim machine check phone-8g
      """,
    subcommands: [
      MachineListCommand.self,
      MachineShowCommand.self,
      MachineCheckCommand.self,
      MachineKeysCommand.self,
    ]
  )
}

/// `mtesim machine list`: the presets.
struct MachineListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Prints the presets, and where their values come from."
  )

  func run() { print(MachineFileText.presets, terminator: "") }
}

/// `mtesim machine keys`: the switches.
struct MachineKeysCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keys",
    abstract:
      "Prints every switch of a machine, its values, its default and where the kernel has it."
  )

  func run() { print(MachineFileText.keys, terminator: "") }
}

/// `mtesim machine show`: a whole machine as a file.
struct MachineShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Prints a machine as a machine file that sets and explains every switch.",
    discussion: """
      What is printed reads back as the same machine, so it is the start of one's own machine file.

      Example: mtesim machine show phone-8g > mine.yaml
      """
  )

  @Argument(help: ArgumentHelp("A machine file or preset.", valueName: "file|preset"))
  var machine: String

  func run() throws {
    let description = try MachineInput.description(of: machine)
    let heading = MachinePreset.named(machine).map { ["\($0.name): \($0.summary).", $0.origin] }
    print(
      MachineFileText.yaml(of: description.configuration, heading: heading ?? []),
      terminator: ""
    )
  }
}

/// `mtesim machine check`: what a machine amounts to.
struct MachineCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Checks a machine and prints what it amounts to: zones, watermarks, tag storage.",
    discussion: """
      Of a device tree, a blob in FILE.dtb or source in FILE.dts, the tag storage is checked as the \
      kernel would do it. The message about a wrong one begins with the rule it breaks.

      Examples: mtesim machine check phone-8g --set vm.min_free_kbytes=khugepaged
                mtesim machine check board.dtb --page-size 16K
      """
  )

  @Argument(
    help: ArgumentHelp(
      "A machine file, a preset or a device tree; without it, the options alone.",
      valueName: "file|preset"
    )
  )
  var file: String?

  @Option(
    name: .customLong("design"),
    help: ArgumentHelp(
      "Where tags live. Can be given several times. (default: static-carveout and rfc3)",
      valueName: "name"
    )
  )
  var designs: [TagStorageDesign] = []

  @Option(
    help: ArgumentHelp(
      "The binding of a device tree: rfc1, rfc2 or rfc3. (default: the newest that it has)",
      valueName: "name"
    )
  )
  var binding: TagStorageBinding?

  @Flag(help: "Compute the tag storage of a device tree with the faults of the posted code.")
  var asPosted = false

  @OptionGroup(title: "Machine")
  var machine: MachineOptions

  func validate() throws {
    let isDeviceTree = file.map(DeviceTreeInput.isDeviceTree) ?? false
    guard isDeviceTree || (binding == nil && !asPosted) else {
      throw ValidationError(
        "--binding and --as-posted belong to a device tree, FILE.dtb or FILE.dts."
      )
    }
    guard file == nil || machine.machine == nil else {
      throw ValidationError("Expected one machine, found an argument and --machine.")
    }
  }

  func run() throws {
    var options = machine
    if let file, DeviceTreeInput.isDeviceTree(file) {
      let input = DeviceTreeInput(
        path: file,
        binding: binding,
        pageSize: try options.description().configuration.pageSize,
        countsAsPosted: asPosted
      )
      return print(try input.text(), terminator: "")
    }
    options.machine = file ?? machine.machine
    let description = try options.description()
    let effective: EffectiveMachine
    do throws(MachineError) {
      effective = try EffectiveMachine(
        description.configuration,
        designs: designs.isEmpty ? [.staticCarveout, .rfc3] : designs
      )
    } catch {
      throw MachineInput.failure(error, of: description)
    }
    print(effective.text, terminator: "")
  }
}
