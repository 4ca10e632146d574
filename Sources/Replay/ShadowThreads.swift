// SPDX-License-Identifier: Apache-2.0

import MachineModel
import MemoryModel

/// How the threads of a process have their tags checked, as the shadow oracle sees it.
struct ShadowThreads {
  /// Why the machine's treatment of an event is wrong, in words.
  typealias Complaint = String

  private struct Thread {
    var checksLoads: TagCheckMode
    var checksStores: TagCheckMode
    var isOverridden = false

    init(_ mode: TagCheckMode) {
      checksLoads = mode == .asymm ? .sync : mode
      checksStores = mode == .asymm ? .async : mode
    }
  }

  private let start: TagCheckMode
  private let preferred: TagCheckMode
  private let hasAsymmetric: Bool
  private var threads: [UInt32: Thread] = [:]
  private var current: UInt32 = 0
  /// Whether a fault of the current thread waits to be delivered.
  private var isWaiting = false

  init(_ machine: MachineConfiguration) {
    start = machine.tagChecks
    preferred = machine.preferredTagChecks
    hasAsymmetric = machine.hasAsymmetricTagChecks
    threads[0] = Thread(start)
  }

  private var thread: Thread {
    get { threads[current] ?? Thread(start) }
    set { threads[current] = newValue }
  }

  /// What a fork child starts from: the thread that forked, with no fault waiting.
  func forked() -> ShadowThreads {
    var child = self
    child.threads = [current: thread]
    child.isWaiting = false
    return child
  }

  /// Follows an operation that was performed.
  mutating func apply(_ operation: MemoryOperation, error: ErrorNumber?) {
    switch operation {
    case .thread(let number):
      if threads[number] == nil { threads[number] = thread }
      current = number
    case .tagCheckOverride(let isSet):
      thread.isOverridden = isSet
    case .tagControl(let control, let result):
      guard error == nil, result ?? 0 >= 0 else { return }
      let isOverridden = thread.isOverridden
      thread = Thread(mode(control))
      thread.isOverridden = isOverridden
    case .exec:
      threads = [0: Thread(start)]
      current = 0
    default:
      break
    }
  }

  private func mode(_ control: TagControl) -> TagCheckMode {
    let (sync, async) = (control.contains(.sync), control.contains(.async))
    let both = sync && async && hasAsymmetric
    switch preferred {
    case .sync where sync: return .sync
    case .async where async: return .async
    case .asymm where both: return .asymm
    default: return both ? .asymm : async ? .async : sync ? .sync : .none
    }
  }

  /// Checks the delivery of faults that were latched before an event.
  ///
  /// `mustDeliver` is for events that enter the kernel whatever happens; others may.
  mutating func followDelivery(_ outcome: Outcome, mustDeliver: Bool) -> Complaint? {
    let isDelivered = outcome.contains(.asyncTagFault)
    defer { if isDelivered { isWaiting = false } }
    if isDelivered, !isWaiting { return "a tag check fault was delivered that nobody latched" }
    if mustDeliver, isWaiting, !isDelivered { return "a latched tag check fault was not delivered" }
    return nil
  }

  /// Checks what came of an exact access; `isWrong` says whether its pointer has a wrong tag, `nil`
  /// where nobody can know.
  mutating func followAccess(
    _ outcome: Outcome,
    isWrite: Bool,
    isWrong: Bool?
  ) -> Complaint? {
    let results: Outcome = [.tagMismatch, .tagCheckFault, .tagCheckLatched]
    let found = outcome.intersection(results)
    if found.contains(.tagCheckLatched) { isWaiting = true }
    let mode = isWrite ? thread.checksStores : thread.checksLoads
    var expected: Outcome = .hit
    if !thread.isOverridden {
      switch mode {
      case .sync: expected = .tagCheckFault
      case .async: expected = .tagCheckLatched
      case .report: expected = .tagMismatch
      case .none, .asymm: break
      }
    }
    switch isWrong {
    case true?: break
    case false?: expected = .hit
    case nil: if found.isEmpty { return nil }
    }
    return found == expected ? nil : "expected the tag check \(expected), found \(found)"
  }
}
