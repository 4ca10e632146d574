// SPDX-License-Identifier: Apache-2.0

public import MachineModel
import MemoryModel

/// One switch of a machine: its name, what it may be, what it means, and where it is in a configuration.
///
/// ``all`` is the only list of switches. Machine files, options, help, documentation and the settings
/// in reports are all made from it, so that a switch is added by adding one entry.
public struct MachineKey: Sendable {
  /// The name, `section.name` or a name alone.
  ///
  /// Where the kernel has the switch, the name is the kernel's.
  public let name: String
  /// The values that can be set, to follow "expected".
  public let values: String
  /// The unit of a bare number; empty where there is none.
  public let unit: String
  /// What the switch decides, in one sentence.
  public let meaning: String
  /// Where the kernel or the hardware has it.
  public let source: String
  /// The option of `mtesim replay` that also sets it, `nil` if `--set` is the only one.
  public let option: String?
  /// Whether the value is a list, whose items a machine file may also write as a YAML list.
  public let isList: Bool

  /// Whether a machine file may also write an item of the list as a mapping with a start and a size.
  var isRangeList = false

  private let readValue: @Sendable (MachineConfiguration) -> String
  private let writeValue: @Sendable (inout MachineConfiguration, String) -> Bool

  /// Creates a key from two functions: one that writes the value of a configuration as text, and one
  /// that sets it from text, or changes nothing and returns `false` where the text is no value.
  init(
    _ name: String,
    values: String,
    unit: String = "",
    meaning: String,
    source: String,
    option: String? = nil,
    isList: Bool = false,
    read: @escaping @Sendable (MachineConfiguration) -> String,
    write: @escaping @Sendable (inout MachineConfiguration, String) -> Bool
  ) {
    self.name = name
    self.values = values
    self.unit = unit
    self.meaning = meaning
    self.source = source
    self.option = option
    self.isList = isList
    readValue = read
    writeValue = write
  }

  /// The section of a machine file that the key is in; empty for a key of the file itself.
  public var section: String {
    name.firstIndex(of: ".").map { String(name[..<$0]) } ?? ""
  }

  /// The name inside its section.
  public var shortName: String {
    name.firstIndex(of: ".").map { String(name[name.index(after: $0)...]) } ?? name
  }

  /// The value in a configuration, as a machine file writes it.
  public func value(in configuration: MachineConfiguration) -> String {
    readValue(configuration)
  }

  /// The value that a machine has which nobody configured.
  public var defaultValue: String { readValue(MachineConfiguration()) }

  /// Sets the value from text.
  ///
  /// - Returns: `false`, and nothing changed, where the text is none of ``values``.
  public func set(_ value: String, in configuration: inout MachineConfiguration) -> Bool {
    writeValue(&configuration, value)
  }

  /// The key that is called `name`, `nil` if there is none.
  public static func named(_ name: String) -> MachineKey? {
    all.first { $0.name == name }
  }

  /// The key whose name is most like a wrong one.
  ///
  /// A name without its section counts as well, because that is what people forget.
  public static func nearest(to name: String) -> MachineKey? {
    all.min { distance($0, name) < distance($1, name) }
  }

  private static func distance(_ key: MachineKey, _ name: String) -> Int {
    // The full name wins against a short one that is as near.
    min(2 * editDistance(key.name, name), 2 * editDistance(key.shortName, name) + 1)
  }
}
