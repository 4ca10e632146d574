// SPDX-License-Identifier: Apache-2.0

/// The designs that answer where the tags of a page live.
///
/// A design is a name for a ``DesignPolicy``. Adding one is one file in `Designs`, one case here and
/// one line in the test that runs every design over every case trace.
public enum TagStorageDesign: String, CaseIterable, Sendable {
  /// Tags live outside RAM and cost nothing: the lower bound of every comparison.
  case none
  /// The top 1/32 of RAM holds tags and nothing else.
  case staticCarveout = "static-carveout"
  /// Dynamic reuse of tag storage through CMA, as RFC v3 intends it.
  case rfc3

  /// The answers that the machine acts on.
  public var policy: DesignPolicy {
    switch self {
    case .none: .none
    case .staticCarveout: .staticCarveout
    case .rfc3: .rfc3
    }
  }
}

/// A design's answers, as plain values.
///
/// The machine asks on the slow path only, does the work itself, and then verifies what it did: a
/// policy can make a run slow or wasteful, but not corrupt it.
public struct DesignPolicy: Equatable, Sendable {
  /// What the page allocator gets of the tag storage at boot.
  public enum BootPlacement: Equatable, Sendable {
    /// There is no tag storage in RAM.
    case outsideRAM
    /// Nothing: the frames stay reserved for ever.
    case withheld
    /// All of it, as a CMA area that serves movable requests.
    case cmaArea
  }

  /// Which movable requests may be served from CMA pageblocks.
  public enum CMAEligibility: Equatable, Sendable {
    /// All of them.
    case allMovable
    /// Those that do not ask for a page that can hold tags.
    case untaggedMovable
  }

  /// What has to happen before a frame may hold tags.
  public enum BeforeTags: Equatable, Sendable {
    /// Nothing: every frame has storage for its tags at any time.
    case nothing
    /// Its tag block has to be taken out of the page allocator.
    case reserve(ReservationPolicy)
  }

  /// Where tag storage is at boot.
  public var bootPlacement: BootPlacement
  /// Which requests CMA memory may serve.
  public var cmaEligibility: CMAEligibility
  /// What precedes the first tag of a frame.
  public var beforeTags: BeforeTags

  /// How tag blocks are reserved, `nil` where nothing has to be.
  public var reservation: ReservationPolicy? {
    if case .reserve(let reservation) = beforeTags { return reservation }
    return nil
  }

  /// Creates a policy.
  public init(
    bootPlacement: BootPlacement,
    cmaEligibility: CMAEligibility,
    beforeTags: BeforeTags
  ) {
    self.bootPlacement = bootPlacement
    self.cmaEligibility = cmaEligibility
    self.beforeTags = beforeTags
  }
}

/// How tag blocks are reserved, and what follows when that fails.
public struct ReservationPolicy: Equatable, Sendable {
  /// Attempts at a block whose frames are busy, before a reservation fails.
  public var attempts: Int
  /// Whether a block whose frames are all free is taken straight from the free lists.
  public var takesFreeBlocksDirectly: Bool
  /// Attempts at replacing a page by one that can hold tags.
  public var replaceAttempts: Int
  /// Replays of one access before the machine calls it a livelock.
  public var replayCap: Int

  /// Creates a policy.
  public init(
    attempts: Int,
    takesFreeBlocksDirectly: Bool,
    replaceAttempts: Int,
    replayCap: Int
  ) {
    self.attempts = attempts
    self.takesFreeBlocksDirectly = takesFreeBlocksDirectly
    self.replaceAttempts = replaceAttempts
    self.replayCap = replayCap
  }
}
