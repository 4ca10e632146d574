// SPDX-License-Identifier: Apache-2.0

/// How tag blocks are reserved, and what follows when that fails.
public struct ReservationPolicy: Equatable, Sendable {
  /// What an allocation does about a frame whose tag block cannot be had.
  public enum Mode: String, CaseIterable, Sendable {
    /// It uses the frame; a fault on access sees to the tags.
    case bestEffort = "best-effort"
    /// It gives the frame back and takes another, until memory counts as exhausted.
    case mandatory
    /// It does not ask: the first access to a tagged mapping does.
    case onFaultOnly = "on-fault-only"
  }

  /// How much is taken for a frame.
  public enum Extent: String, CaseIterable, Sendable {
    /// Its tag block, until the last frame that it serves is freed.
    case block
    /// All tag storage, for ever.
    case everything
  }

  /// Which tag blocks are taken straight from the free lists when all their frames are free.
  public enum FastTrack: String, CaseIterable, Sendable {
    /// None.
    case none
    /// Those of one page.
    case singlePage = "single-page"
    /// Those of any size.
    case block
  }

  /// What a fault on access does when it cannot reserve.
  public enum FailureAtFault: String, CaseIterable, Sendable {
    /// It moves the page to a frame that can hold tags.
    case replace
    /// It is tried again, and then the access is replayed.
    case replay
    /// It is tried again once, and then moves the page.
    case retryThenReplace = "retry-then-replace"
  }

  /// What a reservation that has to migrate pages reports for a process that is being ended.
  public enum FatalSignal: String, CaseIterable, Sendable {
    /// Failure.
    case error
    /// Success without storage, so that the allocator does not look for another victim.
    case pretendSuccess = "pretend-success"
  }

  /// Which sources of a page copy are searched for tags kept aside.
  public enum ParkedLookup: String, CaseIterable, Sendable {
    /// None: such tags stay behind.
    case nowhere
    /// Frames of tag storage.
    case tagStorage = "tag-storage"
    /// All frames.
    case everywhere
  }

  /// Which freed frames give their share of a tag block back.
  public enum ReleaseCondition: String, CaseIterable, Sendable {
    /// Those that were tagged; a share that was reserved and never used is leaked.
    case tagged
    /// Those with storage.
    case reserved
  }

  /// What an allocation does about a frame without tag storage.
  public var mode = Mode.bestEffort
  /// How much is taken.
  public var extent = Extent.block
  /// Attempts at a block whose frames are busy, before a reservation fails.
  public var attempts = 3
  /// Which blocks are taken without isolating their pageblock.
  public var fastTrack = FastTrack.block
  /// What follows at a fault that cannot reserve.
  public var failureAtFault = FailureAtFault.retryThenReplace
  /// What is reported for a process that is being ended.
  public var fatalSignal = FatalSignal.error
  /// Which sources of a copy are searched for tags kept aside.
  public var parkedLookup = ParkedLookup.everywhere
  /// Which freed frames give their share back.
  public var releaseCondition = ReleaseCondition.reserved
  /// Attempts at replacing a page by one that can hold tags.
  public var replaceAttempts = 3
  /// Replays of one access before the machine calls it a livelock.
  public var replayCap = 8

  /// Creates the policy that RFC v3 intends.
  public init() {}
}
