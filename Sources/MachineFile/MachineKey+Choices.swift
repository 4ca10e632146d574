// SPDX-License-Identifier: Apache-2.0

import MachineModel

extension MachineKey {
  /// The words of ``values`` that can be set as they are, for completion: all values of a switch with a
  /// few, and none where there are numbers only.
  public var choices: [String] {
    let words = values.split { $0 == " " || $0 == "," }.map(String.init)
    return words.filter { word in
      var configuration = MachineConfiguration()
      return word.contains { $0.isLetter } && set(word, in: &configuration)
    }
  }
}
