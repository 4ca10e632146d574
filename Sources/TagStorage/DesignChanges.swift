// SPDX-License-Identifier: Apache-2.0

/// Answers that differ from those of the named design; `nil` leaves the design's.
///
/// With them a machine can have any design between two others. A change about reservations has no
/// effect under a design that reserves nothing.
public struct DesignChanges: Equatable, Sendable {
  /// Replaces ``DesignPolicy/cmaEligibility``.
  public var cmaEligibility: DesignPolicy.CMAEligibility?
  /// Replaces ``DesignPolicy/preferAbovePercent``.
  public var preferAbovePercent: Int?
  /// Replaces ``DesignPolicy/pageLists``.
  public var pageLists: DesignPolicy.PageListUse?
  /// Replaces ``ReservationPolicy/mode``.
  public var mode: ReservationPolicy.Mode?
  /// Replaces ``ReservationPolicy/extent``.
  public var extent: ReservationPolicy.Extent?
  /// Replaces ``ReservationPolicy/attempts``.
  public var attempts: Int?
  /// Replaces ``ReservationPolicy/fastTrack``.
  public var fastTrack: ReservationPolicy.FastTrack?
  /// Replaces ``ReservationPolicy/failureAtFault``.
  public var failureAtFault: ReservationPolicy.FailureAtFault?
  /// Replaces ``ReservationPolicy/fatalSignal``.
  public var fatalSignal: ReservationPolicy.FatalSignal?
  /// Replaces ``ReservationPolicy/parkedLookup``.
  public var parkedLookup: ReservationPolicy.ParkedLookup?
  /// Replaces ``ReservationPolicy/releaseCondition``.
  public var releaseCondition: ReservationPolicy.ReleaseCondition?
  /// Replaces ``ReservationPolicy/replaceAttempts``.
  public var replaceAttempts: Int?
  /// Replaces ``ReservationPolicy/replayCap``.
  public var replayCap: Int?

  /// Creates no changes.
  public init() {}

  /// The answers of a design with these changes.
  public func applied(to policy: DesignPolicy) -> DesignPolicy {
    var changed = policy
    changed.cmaEligibility = cmaEligibility ?? policy.cmaEligibility
    changed.preferAbovePercent = preferAbovePercent ?? policy.preferAbovePercent
    changed.pageLists = pageLists ?? policy.pageLists
    if let reservation = policy.reservation {
      changed.beforeTags = .reserve(applied(to: reservation))
    }
    return changed
  }

  private func applied(to policy: ReservationPolicy) -> ReservationPolicy {
    var changed = policy
    changed.mode = mode ?? policy.mode
    changed.extent = extent ?? policy.extent
    changed.attempts = attempts ?? policy.attempts
    changed.fastTrack = fastTrack ?? policy.fastTrack
    changed.failureAtFault = failureAtFault ?? policy.failureAtFault
    changed.fatalSignal = fatalSignal ?? policy.fatalSignal
    changed.parkedLookup = parkedLookup ?? policy.parkedLookup
    changed.releaseCondition = releaseCondition ?? policy.releaseCondition
    changed.replaceAttempts = replaceAttempts ?? policy.replaceAttempts
    changed.replayCap = replayCap ?? policy.replayCap
    return changed
  }
}
