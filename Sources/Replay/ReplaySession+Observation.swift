// SPDX-License-Identifier: Apache-2.0

import MachineModel
import MemoryModel

extension ReplaySession {
  /// Shows every tagged page of every process, and starts to wait for the next sample.
  mutating func showSample<Observer: TagObserver & ~Copyable>(to observer: inout Observer) {
    guard case .every(let interval) = plan.observation else { return }
    eventsUntilSample = interval
    oracle.forEachTaggedPage { observer.sample($0) }
    observer.endSample()
  }

  /// Shows what tags the machine saved and dropped since the last time.
  mutating func showSwappedTags<Observer: TagObserver & ~Copyable>(
    to observer: inout Observer
  ) {
    guard !machine.savedTagLog.steps.isEmpty else { return }
    let log = machine.savedTagLog
    machine.savedTagLog.removeAll()
    let bytes = plan.machine.pageSize.tagBytes
    var first = 0
    for step in log.steps {
      switch step {
      case .saved(let entry):
        observer.save(log.tags.span.extracting(first..<first + bytes), for: entry)
        first += bytes
      case .dropped(let entry):
        observer.drop(entry)
      }
    }
  }
}
