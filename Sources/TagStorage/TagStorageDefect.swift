// SPDX-License-Identifier: Apache-2.0

/// Something wrong with the tag-storage series as it was posted, which can be switched on.
///
/// D*n* are defects of the code of RFC v3, H*n* holes in the preservation of tags that RFC v2 and v3
/// have.
///
/// Source: specification of tag storage, sections 11.4 and 14.
public enum TagStorageDefect: UInt16, CaseIterable, Sendable {
  /// D1: a large allocation reserves only one for every *B* of its tag blocks, the first of them.
  ///
  /// It shows where blocks have several pages, with transparent huge pages or a collapse.
  case skippedBlocks
  /// D2: the split of a region at a zone border gives the first part 31 data pages too few.
  case shortSplit
  /// D3: the size test of the fast track is never true.
  case deadFastTrack
  /// D4: the fast track counts one reference too few, and takes a block of which only the first pages
  /// are free.
  case uncountedFastTrack
  /// D5: a failed registration does not withdraw the areas registered before.
  case keptRegistration
  /// D6: a failed activation warns when taking an area back succeeds.
  case invertedWarning
  /// D7: tags kept aside are written back before the frame is marked as having storage.
  case earlyTagged
  /// D9: without the feature the code does not compile.
  case wrongStub
  /// D10: a released block is not free in the area's bitmap when the next reservation looks.
  case lateBitmap
  /// H1: tags kept aside for a frame outlive it, and its next owner gets them.
  case outlivingTags
  /// H2: the swap-out of a page whose tags are kept aside does not save them.
  case unsavedParkedTags
  /// H3: every 16th time tags are kept aside there is no memory to note them, which counts as done.
  case unnotedTags
  /// H4, which is also D8: memory to keep tags aside cannot be had in atomic context.
  case atomicCopy
  /// H5: tags kept aside are dropped when the copy of their page has storage already.
  case droppedMovedTags

  /// The name in options and reports: the case's name in lower case with hyphens.
  public var name: String {
    var spelled = ""
    for character in String(describing: self) {
      if character.isUppercase { spelled += "-" }
      spelled += character.lowercased()
    }
    return spelled
  }

  /// The identifiers, in the specification's order; a second one for what was reported twice.
  public var identifiers: [String] {
    switch self {
    case .skippedBlocks: ["D1"]
    case .shortSplit: ["D2"]
    case .deadFastTrack: ["D3"]
    case .uncountedFastTrack: ["D4"]
    case .keptRegistration: ["D5"]
    case .invertedWarning: ["D6"]
    case .earlyTagged: ["D7"]
    case .wrongStub: ["D9"]
    case .lateBitmap: ["D10"]
    case .outlivingTags: ["H1"]
    case .unsavedParkedTags: ["H2"]
    case .unnotedTags: ["H3"]
    case .atomicCopy: ["H4", "D8"]
    case .droppedMovedTags: ["H5"]
    }
  }

  /// Why a machine cannot show the defect, `nil` where it can.
  public var reasonWithoutEffect: String? {
    switch self {
    case .wrongStub: "it is an error of the compiler, not of the running kernel"
    default: nil
    }
  }

  /// The defect of a name or an identifier, `nil` if there is none.
  public init?(name: String) {
    guard
      let found = Self.allCases.first(where: {
        $0.name == name || $0.identifiers.contains(name)
      })
    else { return nil }
    self = found
  }
}

/// Some ``TagStorageDefect``s.
public struct TagStorageDefects: OptionSet, Hashable, Sendable {
  /// One bit for each defect, in the order of its declaration.
  public let rawValue: UInt16

  /// Creates a set from its bits.
  public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// Creates a set of some defects.
  public init(_ defects: [TagStorageDefect]) {
    rawValue = defects.reduce(0) { $0 | 1 << $1.rawValue }
  }

  /// Whether a defect is in the set.
  public func contains(_ defect: TagStorageDefect) -> Bool {
    rawValue >> defect.rawValue & 1 != 0
  }

  /// The defects, in the order of their declaration.
  public var members: [TagStorageDefect] { TagStorageDefect.allCases.filter { contains($0) } }
}
