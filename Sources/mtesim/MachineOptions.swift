// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MachineFile
import MachineModel
import TagStorage

/// The options that describe a machine apart from its codec and page size, of which some commands take
/// several: a file or preset, and options that replace single settings.
///
/// Every option but `--machine` and `--set` is a key of ``MachineFile/MachineKey``, which explains and
/// reads it.
struct CommonMachineOptions: ParsableArguments {
  @Option(
    name: .customLong("machine"),
    help: ArgumentHelp(
      "A machine file, or the name of a preset (mtesim machine list). The other options replace single"
        + " settings of it.",
      valueName: "file|preset"
    ),
    completion: .file(extensions: ["yaml", "yml"])
  )
  var machine: String?

  @Option(help: .key("ram", "size"), completion: .key("ram"))
  var ram: String?

  @Option(help: .key("memory.max", "size"), completion: .key("memory.max"))
  var limit: String?

  @Option(
    help: ArgumentHelp(
      "A swap device: zram, ssd, a rotational disk, or none. Can be given several times, for the devices"
        + " 0, 1 and so on; those of the highest priority are used first, equals in turn, and those"
        + " without one after all others in their order. A size is that of --swap-size where it is left"
        + " out. swap.device, or swap-devices where there are several or a size. (default: zram)",
      valueName: "kind[:size[:priority]]"
    ),
    completion: .key("swap.device")
  )
  var swap: [String] = []

  @Option(help: .key("swap.size", "size"), completion: .key("swap.size"))
  var swapSize: String?

  @Option(help: .key("vm.page-cluster", "n"), completion: .key("vm.page-cluster"))
  var pageCluster: String?

  @Option(help: .key("tag-storage.block-size", "size"), completion: .key("tag-storage.block-size"))
  var blockSize: String?

  @Option(help: .key("processors", "n"), completion: .key("processors"))
  var processors: String?

  @Option(help: .key("vm.swappiness", "n"), completion: .key("vm.swappiness"))
  var swappiness: String?

  @Option(help: .key("mte.tag-checks", "mode"), completion: .key("mte.tag-checks"))
  var tagChecks: String?

  @Option(
    help: .key("mte.preferred-tag-checks", "mode"),
    completion: .key("mte.preferred-tag-checks")
  )
  var preferredTagChecks: String?

  @Option(help: .key("vm.page-replacement", "policy"), completion: .key("vm.page-replacement"))
  var lru: String?

  @Option(help: .key("vm.lru-batch", "n"), completion: .key("vm.lru-batch"))
  var lruBatch: String?

  @Option(help: .key("vm.reclaim-version", "version"), completion: .key("vm.reclaim-version"))
  var kernel: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Set any switch of the machine (mtesim machine keys). Can be given several times; the last wins.",
      valueName: "key=value"
    ),
    completion: .list(MachineKey.all.map { $0.name + "=" })
  )
  var settings: [String] = []

  /// The options with keys of their own, in the order in which they are applied.
  private var keyed: [(key: String, value: String?)] {
    [
      ("ram", ram), ("memory.max", limit), ("swap.size", swapSize),
      ("vm.page-cluster", pageCluster),
      ("tag-storage.block-size", blockSize), ("processors", processors),
      ("vm.swappiness", swappiness), ("vm.page-replacement", lru), ("vm.lru-batch", lruBatch),
      ("vm.reclaim-version", kernel), ("mte.tag-checks", tagChecks),
      ("mte.preferred-tag-checks", preferredTagChecks),
    ]
  }

  /// Whether any of the options was given.
  var isUsed: Bool {
    machine != nil || !settings.isEmpty || keyed.contains { $0.value != nil }
  }

  func validate() throws {
    // What the options say does not depend on the file, so wrong ones are told before any file is read.
    var machine = MachineDescription()
    try apply(to: &machine)
  }

  /// The machine that file and options describe together.
  ///
  /// `others` are keys with options that the command adds; `--set` wins over them, too.
  func description(_ others: [(key: String, value: String?)] = []) throws -> MachineDescription {
    var description =
      try machine.map { try MachineInput.description(of: $0) }
      ?? MachineDescription()
    try apply(others, to: &description)
    return description
  }

  fileprivate func apply(
    _ others: [(key: String, value: String?)] = [],
    to description: inout MachineDescription
  ) throws {
    try applySwap(to: &description)
    for (key, value) in keyed + others {
      guard let value else { continue }
      let option = MachineKey.named(key)?.option ?? key
      try set(key, value, named: "--\(option)", in: &description)
    }
    for setting in settings {
      let parts = setting.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else {
        throw ValidationError("--set: expected KEY=VALUE, found \(setting)")
      }
      try set(String(parts[0]), String(parts[1]), named: "--set \(parts[0])", in: &description)
    }
  }

  /// A single kind says what the one device is; anything more is the list of all devices.
  private func applySwap(to description: inout MachineDescription) throws {
    if swap.count > 1 && swap.contains("none") {
      throw ValidationError("--swap: expected no device beside none, found none")
    }
    for setting in MachineKey.settings(ofSwap: swap) {
      try set(setting.key, setting.value, named: "--swap", in: &description)
    }
  }

  private func set(
    _ key: String,
    _ value: String,
    named option: String,
    in description: inout MachineDescription
  ) throws {
    do throws(MachineSettingError) {
      try description.set(key, to: value)
    } catch {
      throw ValidationError("\(option): \(error.description)")
    }
  }
}

/// The options that describe one machine.
struct MachineOptions: ParsableArguments {
  @OptionGroup(title: "Machine")
  var common: CommonMachineOptions

  @Option(help: .key("kernel.page-size", "size"), completion: .key("kernel.page-size"))
  var pageSize: String?

  @Option(help: .key("saved-tags.codec", "name"), completion: .key("saved-tags.codec"))
  var codec: String?

  /// The options with keys of their own.
  private var keyed: [(key: String, value: String?)] {
    [("kernel.page-size", pageSize), ("saved-tags.codec", codec)]
  }

  func validate() throws {
    var machine = MachineDescription()
    try common.apply(keyed, to: &machine)
  }

  /// The machine that file and options describe together.
  func description() throws -> MachineDescription { try common.description(keyed) }
}

extension ArgumentHelp {
  /// The help of an option that sets a key, made from what the key says about itself.
  fileprivate static func key(_ name: String, _ valueName: String) -> ArgumentHelp {
    guard let key = MachineKey.named(name) else {
      preconditionFailure("no key is called \(name)")
    }
    return ArgumentHelp(
      "\(key.meaning) \(key.name): \(key.values). (default: \(key.defaultValue))",
      valueName: valueName
    )
  }
}

extension CompletionKind {
  /// The words that a key can be set to, where it has any.
  fileprivate static func key(_ name: String) -> CompletionKind {
    .list(MachineKey.named(name)?.choices ?? [])
  }
}

/// Machines from files and presets.
enum MachineInput {
  /// More bytes than any machine file needs; what has more is something else.
  private static let largestBytes = 1 << 20

  /// The machine of a preset, or of a file where no preset has the name.
  static func description(of name: String) throws -> MachineDescription {
    if let preset = MachinePreset.named(name) { return preset.description }
    let yaml: String
    do {
      yaml = try text(of: name)
    } catch let failure as Failure where failure.code == .missingInput && !name.contains("/") {
      let presets = MachinePreset.all.map(\.name).joined(separator: ", ")
      throw Failure(.missingInput, "\(failure.description); presets are \(presets)")
    }
    do throws(MachineFileError) {
      return try MachineDescription(yaml: yaml, name: name)
    } catch {
      throw Failure(.badInput, error.description)
    }
  }

  /// The text of a file that is `kind`, which cannot be large.
  static func text(of path: String, _ kind: String = "a machine file") throws -> String {
    var input = try TagsInput(path: path)
    var bytes: [UInt8] = []
    try input.next(largestBytes + 1, into: &bytes)
    guard bytes.count <= largestBytes else {
      throw Failure(
        .badInput,
        "\(path): expected \(kind) of at most \(largestBytes) bytes, found more"
      )
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Failure(.badInput, "\(path): expected UTF-8, found other bytes")
    }
    return text
  }

  /// The failure that a combination of settings is: of the file's line that is to blame, or of the
  /// command line.
  static func failure(_ error: MachineError, of description: MachineDescription) -> Failure {
    if let located = description.explain(error) { return Failure(.badInput, located.description) }
    return Failure(.usage, error.description)
  }
}
