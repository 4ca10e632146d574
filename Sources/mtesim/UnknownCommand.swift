// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MemoryModel

/// A word of the command line that stands where a command must and is none.
struct UnknownCommand {
  /// The commands that the word follows, from the program's name on.
  let path: String
  /// The commands that could stand there.
  let known: [String]
  /// The word.
  let word: String

  /// Finds the word, `nil` where every word in the place of a command is one.
  init?(_ words: some Sequence<String>, of root: any ParsableCommand.Type) {
    var current = root
    var path = [root.configuration.commandName ?? ""]
    for word in words {
      let commands = current.configuration.subcommands
      guard !commands.isEmpty, !word.hasPrefix("-"), word != "help" else { return nil }
      guard let next = commands.first(where: { $0.configuration.commandName == word }) else {
        self.path = path.joined(separator: " ")
        known = commands.map { $0.configuration.commandName ?? "" }
        self.word = word
        return
      }
      current = next
      path.append(word)
    }
    return nil
  }

  /// One line that names the command which the word is most like, or all of them.
  var message: String {
    let nearest = known.min { editDistance($0, word) < editDistance($1, word) }
    let isNear = nearest.map { editDistance($0, word) <= max(1, word.count / 3) } ?? false
    let hint = isNear ? "; did you mean \(nearest ?? "")?" : ""
    return "mtesim: expected a command, \(known.joined(separator: ", ")), found \(word)\(hint)"
      + " (see '\(path) --help')"
  }
}
