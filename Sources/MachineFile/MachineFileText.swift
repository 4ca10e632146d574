// SPDX-License-Identifier: Apache-2.0

public import MachineModel

/// Machines and keys as text.
public enum MachineFileText {
  /// A machine file that sets every key and explains it, and that reads back as the same machine.
  ///
  /// `heading` becomes comments at its top.
  public static func yaml(of configuration: MachineConfiguration, heading: [String]) -> String {
    var lines = heading.flatMap { comment($0) }
    var section = ""
    for key in MachineKey.all {
      lines.append("")
      if key.section != section {
        section = key.section
        lines.append("\(section):")
      }
      let indent = section.isEmpty ? "" : "  "
      lines += comment(key.meaning, indent: indent)
      lines += comment(limits(of: key), indent: indent)
      lines.append("\(indent)\(key.shortName): \(key.value(in: configuration))")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// All keys with what they mean, as plain text.
  public static var keys: String {
    var lines: [String] = []
    for key in MachineKey.all {
      if !lines.isEmpty { lines.append("") }
      lines.append(key.name)
      lines += wrapped(key.meaning, width: 94).map { "  \($0)" }
      lines.append("  values   \(values(of: key))")
      lines.append("  default  \(key.defaultValue)")
      if let option = key.option { lines.append("  option   --\(option)") }
      lines.append("  kernel   \(key.source)")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// All presets with what they are and where their values come from, as plain text.
  public static var presets: String {
    let width = MachinePreset.all.map(\.name.count).max() ?? 0
    var lines: [String] = []
    for preset in MachinePreset.all {
      let gap = String(repeating: " ", count: width - preset.name.count + 2)
      lines.append("\(preset.name)\(gap)\(preset.summary)")
      let indent = String(repeating: " ", count: width + 2)
      lines += wrapped(preset.origin, width: 98 - width).map { indent + $0 }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func values(of key: MachineKey) -> String {
    key.unit.isEmpty ? key.values : "\(key.values) (\(key.unit))"
  }

  private static func limits(of key: MachineKey) -> String {
    "Values: \(values(of: key)). Default: \(key.defaultValue). Kernel: \(key.source)."
  }

  private static func comment(_ text: String, indent: String = "") -> [String] {
    wrapped(text, width: 98 - indent.count).map { "\(indent)# \($0)" }
  }

  /// The words of a text on lines of at most `width` characters, longer words on lines of their own.
  static func wrapped(_ text: String, width: Int) -> [String] {
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ") {
      if line.isEmpty {
        line = String(word)
      } else if line.count + 1 + word.count <= width {
        line += " \(word)"
      } else {
        lines.append(line)
        line = String(word)
      }
    }
    return line.isEmpty ? lines : lines + [line]
  }
}
