// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// One line on standard error that says how far several replays are.
///
/// It appears when they have run for two seconds, only where standard error is a terminal, and is
/// erased at the end. It is the only part of the program that looks at a clock.
struct ProgressLine: ~Copyable {
  private struct State {
    var done: [UInt64]
    var total: [UInt64]
    var shown: ContinuousClock.Instant?
  }

  /// What the runs are called.
  private let name: String
  private let isShown = StandardError.isTerminal
  private let start = ContinuousClock.now
  private let state: Mutex<State>

  /// Creates the line of `runs` replays, without showing it.
  init(runs: Int) {
    self.init("replay", totals: [UInt64](repeating: 0, count: runs))
  }

  /// Creates the line of replays with so many events each, without showing it.
  init(_ name: String, totals: [UInt64]) {
    self.name = name
    state = Mutex(State(done: totals.map { _ in 0 }, total: totals))
  }

  /// Notes that a replay performed `done` of `total` events, and shows the line when it is time.
  borrowing func note(_ done: UInt64, of total: UInt64, run: Int) {
    guard isShown else { return }
    state.withLock { state in
      state.done[run] = done
      state.total[run] = total
      let now = ContinuousClock.now
      guard now - start >= .seconds(2), now - (state.shown ?? start) >= .milliseconds(200) else {
        return
      }
      state.shown = now
      let text = Self.text(
        name,
        done: state.done.reduce(0, +),
        total: state.total.reduce(0, +),
        elapsed: now - start
      )
      StandardError.write("\r\(text)\u{1b}[K")
    }
  }

  /// Shows another text when it is time, for work whose length nobody knows.
  borrowing func note(_ text: @autoclosure () -> String) {
    guard isShown else { return }
    state.withLock { state in
      let now = ContinuousClock.now
      guard now - start >= .seconds(2), now - (state.shown ?? start) >= .milliseconds(200) else {
        return
      }
      state.shown = now
      StandardError.write("\r\(name): \(text())\u{1b}[K")
    }
  }

  /// Erases the line if it was shown.
  borrowing func erase() {
    state.withLock { state in
      if state.shown != nil { StandardError.write("\r\u{1b}[K") }
      state.shown = nil
    }
  }

  /// The line: events done of all, the rate, and the time left at that rate.
  static func text(_ name: String, done: UInt64, total: UInt64, elapsed: Duration) -> String {
    let milliseconds =
      UInt64(elapsed.components.seconds) * 1000
      + UInt64(elapsed.components.attoseconds / 1_000_000_000_000_000)
    let perSecond = done * 1000 / max(1, milliseconds)
    let left = done >= total ? 0 : (total - done) / max(1, perSecond)
    let percent = done * 100 / max(1, total)
    return "\(name): \(done) of \(total) events, \(percent) %, \(perSecond) events/s,"
      + " \(left) s left"
  }
}
