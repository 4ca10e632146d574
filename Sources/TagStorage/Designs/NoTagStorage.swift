// SPDX-License-Identifier: Apache-2.0

extension DesignPolicy {
  /// Tags live outside RAM, as they would in spare bits that the operating system never sees.
  ///
  /// Mechanism: none. Every frame can hold tags at any time and RAM is whole. Saving the tags of
  /// swapped pages costs what it costs everywhere. This is the lower bound against which the other
  /// designs are read; it does not model how such a memory would be built.
  public static let none = DesignPolicy(
    bootPlacement: .outsideRAM,
    cmaEligibility: .allMovable,
    beforeTags: .nothing
  )
}
