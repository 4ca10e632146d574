// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MachineModel
import TagStorage

/// Something that `--inject` breaks: a part of the model, or a thing that the posted tag-storage series
/// has wrong.
enum Injection: Equatable, ExpressibleByArgument {
  case fault(InjectedFault)
  case defect(TagStorageDefect)

  init?(argument: String) {
    if let fault = InjectedFault(rawValue: argument) {
      self = .fault(fault)
    } else if let defect = TagStorageDefect(name: argument) {
      self = .defect(defect)
    } else {
      return nil
    }
  }

  /// The names that have an effect; each defect can be called by its identifiers too.
  static var allValueStrings: [String] {
    InjectedFault.allCases.map(\.rawValue) + effectiveDefects.map(\.name)
  }

  /// The defects and their identifiers, for help.
  static var help: String {
    let defects = effectiveDefects.map {
      "\($0.name) is \($0.identifiers.joined(separator: " or "))"
    }
    return defects.joined(separator: ", ")
  }

  private static var effectiveDefects: [TagStorageDefect] {
    TagStorageDefect.allCases.filter { $0.reasonWithoutEffect == nil }
  }

  /// Why breaking it would show nothing, `nil` where it shows something.
  var reasonWithoutEffect: String? {
    guard case .defect(let defect) = self, let reason = defect.reasonWithoutEffect else {
      return nil
    }
    return "\(defect.identifiers[0]) (\(defect.name)) has no effect here: \(reason)"
  }
}
