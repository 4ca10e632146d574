// SPDX-License-Identifier: Apache-2.0

/// What goes wrong when the kernel takes tag storage into use, after which it does without: all regions or none.
///
/// Tag storage then stays reserved, as under a static carve-out. What a defect of the posted code makes of it
/// is another matter.
///
/// Source: specification of tag storage, sections 3.1 and 3.2.
public enum BootFailure: String, CaseIterable, Sendable {
  /// Nothing.
  case none
  /// The last region cannot be registered as a CMA area. The areas before it are unregistered, unless
  /// ``TagStorageDefect/keptRegistration`` keeps them.
  case registration
  /// The area of the last region cannot be activated. The others are taken back as a whole, of which the
  /// kernel warns with ``TagStorageDefect/invertedWarning``.
  case activation
}

extension DesignPolicy {
  /// The policy that is left where tag storage cannot be taken into use; designs without CMA areas have none
  /// that could fail.
  func failing(_ failure: BootFailure) -> DesignPolicy {
    guard failure != .none, bootPlacement == .cmaArea else { return self }
    var left = self
    left.bootFailure = failure
    left.bootPlacement = .withheld
    left.beforeTags = .nothing
    return left
  }

  /// Whether the areas of all regions but the last serve as memory although tags lie there.
  public var keepsAreasOfFailedBoot: Bool {
    bootFailure == .registration && defects.contains(.keptRegistration)
  }
}
