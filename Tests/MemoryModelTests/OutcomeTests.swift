// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import TestSupport
import Testing

/// Outcomes as text traces write them.
@Suite struct OutcomeTests {
  @Test func everyStepHasOneBitAndOneName() {
    var seen: Outcome = []
    for (step, name) in Outcome.stepNames {
      #expect(step.rawValue.nonzeroBitCount == 1, "\(name)")
      #expect(seen.isDisjoint(with: step), "\(name)")
      seen.insert(step)
      #expect(
        !name.isEmpty && name.allSatisfy { $0.isLowercase || $0.isNumber || $0 == "-" },
        "\(name)"
      )
      #expect(Outcome(name) == step)
      #expect(step.description == name)
    }
    // Every bit up to the highest has a name: a step without one could not be expected.
    #expect(seen.rawValue == 1 << UInt64(Outcome.stepNames.count) - 1)
    #expect(Set(Outcome.stepNames.map(\.name)).count == Outcome.stepNames.count)
  }

  @Test func hitHasTwoNames() {
    #expect(Outcome("hit") == .hit)
    #expect(Outcome("ok") == .hit)
    #expect(Outcome.hit.description == "hit")
  }

  @Test func errorsComeBack() {
    for number in ErrorNumber.allCases {
      let outcome = Outcome.error(number)
      #expect(outcome.errorNumber == number)
      #expect(outcome.description == number.name)
      #expect(Outcome(number.name) == outcome)
      #expect(outcome.isDisjoint(with: .zeroPage))
    }
    #expect(Outcome.swappedIn.errorNumber == nil)
    let both = Outcome.asyncTagFault.union(.error(.einval))
    #expect(both.errorNumber == .einval)
    #expect(both.description == "async-tag-fault+EINVAL")
    #expect(Outcome("EINVAL+async-tag-fault") == both)
    #expect(Outcome("EINVAL+ENOMEM") == nil)
  }

  @Test(arguments: 0..<20 as Range<UInt64>)
  func randomSetsComeBackInAnyOrder(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    for _ in 0..<200 {
      let bits = random.next() & (1 << UInt64(Outcome.stepNames.count) - 1)
      let outcome = Outcome(rawValue: bits)
      #expect(Outcome(outcome.description) == outcome, "seed \(seed): \(outcome)")
      let shuffled = outcome.description.split(separator: "+").shuffled(using: &random)
      #expect(Outcome(shuffled.joined(separator: "+")) == outcome, "seed \(seed): \(outcome)")
    }
  }

  @Test(arguments: ["", "+", "hit+", "copy+", "+copy", "copy++reuse", "COPY", "copy reuse", "EFOO"])
  func otherTextIsRefused(text: String) {
    #expect(Outcome(text) == nil)
  }
}
