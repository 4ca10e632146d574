// SPDX-License-Identifier: Apache-2.0

/// A rule that the description of tag storage must satisfy.
///
/// Source: specification of tag storage, section 2.3; the names are those of its table.
public enum GeometryRule: String, CaseIterable, Sendable {
  /// At most 32 regions, before and after splitting.
  case regionCount = "G1"
  /// `block-size` is there, above zero, and a number of pages the kernel can compute.
  case blockSize = "G2"
  /// The tag range is whole blocks.
  case wholeBlocks = "G3"
  /// The link to the tagged memory is there.
  case link = "G4"
  /// The linked memory exists, has an address that translates, and is not empty.
  case taggedMemory = "G5"
  /// Start and length of the tag range are whole pageblocks.
  case pageblocks = "G6"
  /// The memory is 32 times the tag range.
  case size = "G7"
  /// The tag range is memory that the kernel can address.
  case addressable = "G8"
  /// Blocks, or split regions, lie in one zone each.
  case zones = "G9"
  /// The tag range starts at a multiple of the block size.
  case blockAlignment = "G10"
  /// There is a free CMA area for each region.
  case areas = "G11"
  /// All CMA areas came into use.
  case activation = "G12"

  /// What breaking the rule leads to.
  public enum Effect: Equatable, Sendable {
    /// The regions are forgotten; their pages are what other nodes say they are.
    case regionsDropped
    /// Tags are not managed; the tag range stays reserved, as a static carve-out.
    case featureOff
    /// The feature is on and every reservation in the region fails.
    case reservationsFail
    /// The kernel does not look; tags of some memory have no place, or storage is never used.
    case unnoticed

    /// What it means for a user, as part of a sentence.
    public var explanation: String {
      switch self {
      case .regionsDropped: "all regions are dropped and dynamic tag storage is off"
      case .featureOff: "dynamic tag storage is off"
      case .reservationsFail: "every reservation in this region fails"
      case .unnoticed: "the kernel does not notice"
      }
    }

    /// Whether the machine can still use dynamic tag storage.
    public var leavesFeatureOn: Bool { self == .reservationsFail || self == .unnoticed }
  }

  /// What breaking the rule leads to under a binding.
  public func effect(under binding: TagStorageBinding) -> Effect {
    switch self {
    case .regionCount, .blockSize, .wholeBlocks, .link: .regionsDropped
    case .size: binding.checksSize ? .featureOff : .unnoticed
    case .blockAlignment: .reservationsFail
    case .taggedMemory, .pageblocks, .addressable, .zones, .areas, .activation: .featureOff
    }
  }
}

/// A rule that a description breaks, with the value that breaks it.
public struct GeometryViolation: Error, Equatable, CustomStringConvertible, Sendable {
  /// The rule.
  public let rule: GeometryRule
  /// The region by its node or place, `nil` for a rule about all of them.
  public let region: String?
  /// What was expected.
  public let expected: String
  /// What was found.
  public let found: String
  /// What it leads to.
  public let effect: GeometryRule.Effect

  /// Rule, region, expectation, value and effect in one line.
  public var description: String {
    "\(rule.rawValue): \(region.map { "\($0): " } ?? "")expected \(expected), found \(found);"
      + " \(effect.explanation)"
  }
}
