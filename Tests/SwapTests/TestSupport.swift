// SPDX-License-Identifier: Apache-2.0

@testable import Swap

extension Swap.SplitMix64 {
  init(seed: UInt64) { self.init(state: seed) }

  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}
