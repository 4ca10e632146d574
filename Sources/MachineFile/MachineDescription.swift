// SPDX-License-Identifier: Apache-2.0

public import MachineModel
import PhysicalMemory
import TagStorage
public import Yams

/// A machine as a file, a preset and options describe it together, with the place of each setting.
///
/// Later settings replace earlier ones. The design is not among them: it is what runs on one machine
/// are compared by.
public struct MachineDescription: Sendable {
  /// Who set a key.
  enum Origin: Equatable, Sendable {
    /// A line of the file.
    case file(MachineFilePosition)
    /// An option.
    case option
  }

  /// The machine so far.
  public private(set) var configuration = MachineConfiguration()
  /// The name of the file or preset, `nil` if there is none.
  public private(set) var file: String?
  /// Where each key was last set, by name; never iterated.
  private var origins: [String: Origin] = [:]

  /// Creates the machine that nobody configured.
  public init() {}

  /// Reads a machine file.
  ///
  /// `name` stands for the file in messages.
  ///
  /// - Throws: ``MachineFileError`` for the first thing in the file that is wrong.
  public init(yaml text: String, name: String) throws(MachineFileError) {
    file = name
    try apply(try MachineFileParser(file: name).entries(of: text), of: name)
  }

  /// Makes the settings of a mapping that is a part of another file.
  ///
  /// - Throws: ``MachineFileError`` for the first thing in the mapping that is wrong.
  public mutating func set(
    from node: Node,
    in document: YAMLDocument
  ) throws(MachineFileError) {
    try apply(try MachineFileParser(document: document).entries(in: node), of: document.file)
  }

  private mutating func apply(
    _ entries: [MachineFileParser.Entry],
    of file: String
  ) throws(MachineFileError) {
    for entry in entries {
      do throws(MachineSettingError) {
        try apply(entry.value, to: entry.key.name, by: .file(entry.keyPosition))
      } catch {
        throw MachineFileError(
          file: file,
          position: entry.valuePosition,
          message: "\(error.description) for \(entry.key.name)"
        )
      }
    }
  }

  /// Sets one key, as an option does.
  ///
  /// - Throws: ``MachineSettingError`` for an unknown key or a value that it cannot have.
  public mutating func set(_ key: String, to value: String) throws(MachineSettingError) {
    try apply(value, to: key, by: .option)
  }

  private mutating func apply(
    _ value: String,
    to name: String,
    by origin: Origin
  ) throws(MachineSettingError) {
    guard let key = MachineKey.named(name) else { throw .unknownKey(name) }
    guard key.set(value, in: &configuration) else {
      throw .value(value, key: name, expected: key.values)
    }
    origins[name] = origin
  }

  /// The line of the file that is to blame for a combination of settings which describes no machine.
  ///
  /// - Returns: `nil` where an option is to blame, or no setting of the file has to do with it.
  public func explain(_ error: MachineError) -> MachineFileError? {
    guard let file else { return nil }
    for name in error.concernedKeys {
      switch origins[name] {
      case .option: return nil
      case .file(let position):
        return MachineFileError(file: file, position: position, message: error.description)
      case nil: continue
      }
    }
    return nil
  }
}

extension MachineError {
  /// The keys that decide whether the error occurs, the one that most likely has to change first.
  var concernedKeys: [String] {
    switch self {
    case .tagStorage(.blockSize): ["tag-storage.block-size"]
    case .tagStorage(.notWholeBlocks): ["tag-storage.block-size", "ram", "kernel.page-size"]
    case .tagStorage, .cma, .ram: ["ram", "kernel.page-size"]
    case .memoryMap: ["ram-ranges", "kernel.max-order", "kernel.page-size"]
    case .memorySize: ["ram", "ram-ranges"]
    case .zones(.border): ["zone-dma-bits", "kernel.max-order", "kernel.page-size", "zones"]
    case .zones(.movable): ["movable-zone", "ram"]
    case .tagStorageBorder:
      ["tag-storage.block-size", "movable-zone", "zones", "ram-ranges", "ram"]
    case .blockPages: ["tag-storage.block-size", "kernel.page-size"]
    case .largestOrder: ["kernel.max-order", "kernel.page-size"]
    case .swap: ["swap-devices", "swap.size", "kernel.page-size"]
    case .zram: ["zram.same-filled", "zram.incompressible", "swap-devices", "swap.size", "ram"]
    case .lruBatch: ["vm.lru-batch"]
    case .groupLimit: ["memory.max", "kernel.page-size"]
    case .watermarks:
      ["vm.min_free_kbytes", "vm.watermark_scale_factor", "ram", "kernel.page-size"]
    case .addressBits: ["kernel.va-bits", "kernel.page-size"]
    }
  }
}
