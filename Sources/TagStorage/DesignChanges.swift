// SPDX-License-Identifier: Apache-2.0

/// Answers that differ from those of the named design; `nil` leaves the design's.
///
/// With them a machine can have any design between two others. A change about reservations has no
/// effect under a design that reserves nothing, and one about stores none where there is no store.
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
  /// Replaces ``StorePolicy/writes``.
  public var storeWrites: StorePolicy.Writes?
  /// Replaces ``StorePolicy/form``.
  public var storeForm: StorePolicy.Form?
  /// Replaces ``StorePolicy/whenFull``.
  public var storeWhenFull: StorePolicy.WhenFull?
  /// Replaces ``StorePolicy/slotsPercent``.
  public var storeSlotsPercent: Int?
  /// Replaces ``StorePolicy/admits``.
  public var storeAdmits: StorePolicy.Admission?
  /// Replaces ``StorePolicy/afterRestore``.
  public var storeAfterRestore: StorePolicy.AfterRestore?
  /// Replaces ``DesignPolicy/taggedFrames``.
  public var taggedFrames: DesignPolicy.TaggedFrames?
  /// What goes wrong at boot.
  public var bootFailure: BootFailure?
  /// Replaces ``DesignPolicy/guests``.
  public var guests: DesignPolicy.GuestTags?
  /// Replaces ``DesignPolicy/collapse``.
  public var collapse: DesignPolicy.Collapse?

  /// Replaces ``DesignPolicy/virtualTags`` where tags lie in virtual memory.
  public var swappedTags: DesignPolicy.SwappedTags?
  /// Replaces ``CellPolicy/clients``.
  public var cellClients: CellPolicy.Clients?
  /// Replaces ``CellPolicy/claimTargetPercent``.
  public var claimTargetPercent: Int?
  /// Replaces ``CellPolicy/inlineFreePages``.
  public var inlineFreePages: Int?
  /// Replaces ``CellPolicy/cellsPerActiveAtBoot``.
  public var cellsPerActiveAtBoot: Int?

  /// Creates no changes.
  public init() {}

  /// The answers of a design with these changes.
  public func applied(to policy: DesignPolicy) -> DesignPolicy {
    var changed = policy
    changed.cmaEligibility = cmaEligibility ?? policy.cmaEligibility
    changed.preferAbovePercent = preferAbovePercent ?? policy.preferAbovePercent
    changed.pageLists = pageLists ?? policy.pageLists
    changed.taggedFrames = taggedFrames ?? policy.taggedFrames
    changed.guests = guests ?? policy.guests
    changed.collapse = collapse ?? policy.collapse
    if let reservation = policy.reservation {
      changed.beforeTags = .reserve(applied(to: reservation))
    }
    if policy.virtualTags != nil { changed.virtualTags = swappedTags ?? policy.virtualTags }
    if let cells = policy.cells { changed.frameChoice = .cells(applied(to: cells)) }
    if let store = policy.store { changed.bootPlacement = .store(applied(to: store)) }
    return changed.failing(bootFailure ?? .none)
  }

  private func applied(to policy: CellPolicy) -> CellPolicy {
    var changed = policy
    changed.clients = cellClients ?? policy.clients
    changed.claimTargetPercent = claimTargetPercent ?? policy.claimTargetPercent
    changed.inlineFreePages = inlineFreePages ?? policy.inlineFreePages
    changed.cellsPerActiveAtBoot = cellsPerActiveAtBoot ?? policy.cellsPerActiveAtBoot
    return changed
  }

  private func applied(to policy: StorePolicy) -> StorePolicy {
    var changed = policy
    changed.writes = storeWrites ?? policy.writes
    changed.form = storeForm ?? policy.form
    changed.whenFull = storeWhenFull ?? policy.whenFull
    changed.slotsPercent = storeSlotsPercent ?? policy.slotsPercent
    changed.admits = storeAdmits ?? policy.admits
    changed.afterRestore = storeAfterRestore ?? policy.afterRestore
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
