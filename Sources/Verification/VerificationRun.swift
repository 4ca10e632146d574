// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Replay
import Synchronization

/// The runs of several cases on as many cores as there are.
public enum VerificationRun {
  /// Runs all cases.
  ///
  /// `progress` is told, from any thread, how many events of which case were performed.
  ///
  /// - Returns: the runs in the order of the cases, whichever ends first.
  public static func results(
    of cases: [VerificationCase],
    progress: @Sendable (_ events: UInt64, _ index: Int) -> Void
  ) -> [CaseRun] {
    let runs = Mutex([CaseRun?](repeating: nil, count: cases.count))
    DispatchQueue.concurrentPerform(iterations: cases.count) { index in
      let run = CaseRun(cases[index]) { progress($0, index) }
      runs.withLock { $0[index] = run }
    }
    return runs.withLock { $0.compactMap(\.self) }
  }
}
