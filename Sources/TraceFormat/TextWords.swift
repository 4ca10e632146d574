// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// The words of text traces for values of the event model.
enum TextWords {
  /// The words for properties of a mapping, in the order in which they are printed.
  static let mappingFlags: [(flag: MappingFlags, word: String)] = [
    (.shared, "shared"), (.fixed, "fixed"), (.fixedNoReplace, "noreplace"),
    (.populate, "populate"), (.noReserve, "noreserve"), (.growsDown, "growsdown"),
    (.stack, "stack"), (.heap, "heap"), (.inferred, "inferred"),
  ]

  /// The words for protection bits other than read, write and execute.
  static let protectionWords: [(bit: Protection, word: String)] = [
    (.mte, "mte"), (.branchTarget, "bti"), (.semaphore, "sem"),
  ]

  /// The words for the flags of `remap`; `fixed` is followed by the new address.
  static let remapFlags: [(flag: RemapFlags, word: String)] = [
    (.mayMove, "maymove"), (.dontUnmap, "dontunmap"),
  ]

  /// The words for the argument of `prctl`; `include` is followed by the tags, `bits` by anything else.
  static let controlWords: [(bit: TagControl, word: String)] = [
    (.enable, "enable"), (.sync, "sync"), (.async, "async"),
  ]

  /// The words for the flags of `pin`.
  static let pinFlags: [(flag: PinFlags, word: String)] = [
    (.write, "write"), (.longTerm, "longterm"),
  ]

  /// The words for advice.
  static let advice: [(advice: Advice, word: String)] = [
    (.normal, "normal"), (.random, "random"), (.sequential, "sequential"),
    (.willNeed, "willneed"), (.dontNeed, "dontneed"), (.free, "free"), (.dontFork, "dontfork"),
    (.doFork, "dofork"), (.hugePage, "hugepage"), (.noHugePage, "nohugepage"),
    (.wipeOnFork, "wipeonfork"), (.keepOnFork, "keeponfork"), (.cold, "cold"),
    (.pageOut, "pageout"), (.populateRead, "populate-read"), (.populateWrite, "populate-write"),
    (.collapse, "collapse"),
  ]

  /// `r`, `w` and `x` for the bits that are set, `none` for none of them.
  static func letters(_ protection: Protection) -> String {
    let letters = [
      (Protection.read, "r"), (.write, "w"), (.execute, "x"),
    ].filter { protection.contains($0.0) }.map(\.1)
    return letters.isEmpty ? "none" : letters.joined()
  }

  /// Reads what `letters` prints.
  static func protection(letters: Substring) -> Protection? {
    if letters == "none" { return [] }
    var protection: Protection = []
    for letter in letters {
      let bit: Protection
      switch letter {
      case "r": bit = .read
      case "w": bit = .write
      case "x": bit = .execute
      default: return nil
      }
      // A letter twice is more likely a slip than meant.
      guard protection.insert(bit).inserted else { return nil }
    }
    return letters.isEmpty ? nil : protection
  }

  /// Text that stands on one line: backslashes, line ends, control characters and blanks at the
  /// ends are written as `\\`, `\n`, `\r`, `\t` and `\s`.
  static func escaped(_ text: String) -> String {
    var result = ""
    let scalars = Array(text.unicodeScalars)
    for (index, scalar) in scalars.enumerated() {
      switch scalar {
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case " " where index == 0 || index == scalars.count - 1: result += "\\s"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// Reads what `escaped` prints; a backslash before any other character stands for itself.
  static func unescaped(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    var isEscaped = false
    for scalar in text.unicodeScalars {
      if isEscaped {
        isEscaped = false
        switch scalar {
        case "\\": result.append("\\")
        case "n": result.append("\n")
        case "r": result.append("\r")
        case "t": result.append("\t")
        case "s": result.append(" ")
        default:
          result.append("\\")
          result.append(scalar)
        }
      } else if scalar == "\\" {
        isEscaped = true
      } else {
        result.append(scalar)
      }
    }
    if isEscaped { result.append("\\") }
    return String(result)
  }

  /// Tags as runs: `5*16 0*240`.
  static func runs(_ tags: [UInt8]) -> String {
    var words: [String] = []
    var index = 0
    while index < tags.count {
      let end = tags[index...].firstIndex { $0 != tags[index] } ?? tags.count
      words.append("\(tags[index])*\(end - index)")
      index = end
    }
    return words.joined(separator: " ")
  }

  /// The tags of a snapshot, one byte a granule.
  static func unpacked(_ snapshot: [UInt8]) -> [UInt8] {
    snapshot.flatMap { [$0 & 15, $0 >> 4] }
  }

  /// Tags as a snapshot holds them, two a byte.
  static func packed(_ tags: [UInt8]) -> [UInt8] {
    stride(from: 0, to: tags.count, by: 2).map { tags[$0] | tags[$0 + 1] << 4 }
  }
}
