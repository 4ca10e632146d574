// SPDX-License-Identifier: Apache-2.0

public import TagStorage

/// Something that is broken on purpose: a part of the model, or a thing that the posted tag-storage
/// series has wrong.
public enum Injection: Hashable, Sendable {
  /// A part of the model.
  case fault(InjectedFault)
  /// A defect of the series.
  case defect(TagStorageDefect)

  /// The injection of a name, or of an identifier of a defect such as `H1`; `nil` where there is none.
  public init?(name: String) {
    if let fault = InjectedFault(rawValue: name) {
      self = .fault(fault)
    } else if let defect = TagStorageDefect(name: name) {
      self = .defect(defect)
    } else {
      return nil
    }
  }

  /// The name in options and reports.
  public var name: String {
    switch self {
    case .fault(let fault): fault.rawValue
    case .defect(let defect): defect.name
    }
  }

  /// The names that have an effect; each defect can be called by its identifiers, too.
  public static var effectiveNames: [String] {
    InjectedFault.allCases.map(\.rawValue) + effectiveDefects.map(\.name)
  }

  /// The defects that have an effect with their identifiers, for help.
  public static var defectsWithIdentifiers: String {
    effectiveDefects
      .map { "\($0.name) is \($0.identifiers.joined(separator: " or "))" }
      .joined(separator: ", ")
  }

  private static var effectiveDefects: [TagStorageDefect] {
    TagStorageDefect.allCases.filter { $0.reasonWithoutEffect == nil }
  }

  /// Why breaking it would show nothing, `nil` where it shows something.
  public var reasonWithoutEffect: String? {
    guard case .defect(let defect) = self, let reason = defect.reasonWithoutEffect else {
      return nil
    }
    return "\(defect.identifiers[0]) (\(defect.name)) has no effect here: \(reason)"
  }
}

extension MachineConfiguration {
  /// What is broken on purpose, in the order of the names' lists.
  public var injections: [Injection] {
    InjectedFault.allCases.filter(injectedFaults.contains).map(Injection.fault)
      + defects.members.map(Injection.defect)
  }

  /// Breaks something.
  public mutating func inject(_ injection: Injection) {
    switch injection {
    case .fault(let fault): injectedFaults.insert(fault)
    case .defect(let defect): defects.insert(TagStorageDefects([defect]))
    }
  }

  /// Mends what ``inject(_:)`` broke.
  public mutating func withdraw(_ injection: Injection) {
    switch injection {
    case .fault(let fault): injectedFaults.remove(fault)
    case .defect(let defect): defects.remove(TagStorageDefects([defect]))
    }
  }
}
