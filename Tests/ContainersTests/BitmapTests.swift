// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Containers

@Suite struct BitmapTests {
  /// The slow model: every candidate is tried bit by bit.
  private func slowRun(
    _ bits: [Bool],
    length: Int,
    from start: Int,
    alignment: Int,
    offset: Int
  ) -> Int? {
    for index in bits.indices where index >= start && (index + offset) % alignment == 0 {
      guard index + length <= bits.count else { return nil }
      if !bits[index..<index + length].contains(true) { return index }
    }
    return nil
  }

  @Test(arguments: [0, 1, 63, 64, 65, 127, 128, 129, 200])
  func randomStepsAgreeWithAnArrayOfBools(count: Int) {
    let seed = UInt64(count) + 1
    var random = SplitMix64(seed: seed)
    var bitmap = Bitmap(count: count)
    var model = [Bool](repeating: false, count: count)
    for step in 0..<1500 {
      let place = "count \(count), step \(step)"
      let low = Int.random(in: 0...count, using: &random)
      let high = min(count, low + Int.random(in: 0...80, using: &random))
      if Int.random(in: 0..<3, using: &random) > 0 {
        let value = Int.random(in: 0..<3, using: &random) == 0
        bitmap.setRange(low..<high, to: value)
        for index in low..<high { model[index] = value }
      } else if low < count {
        bitmap[low].toggle()
        model[low].toggle()
        #expect(bitmap[low] == model[low], "\(place)")
      }
      bitmap.checkInvariants()
      #expect(bitmap.population == model.count { $0 }, "\(place)")
      #expect(bitmap.isClear(low..<high) == !model[low..<high].contains(true), "\(place)")
      let length = Int.random(in: 1...70, using: &random)
      let alignment = 1 << Int.random(in: 0...6, using: &random)
      let offset = Int.random(in: 0..<70, using: &random)
      #expect(
        bitmap.firstClearRun(length: length, from: low, alignment: alignment, offset: offset)
          == slowRun(model, length: length, from: low, alignment: alignment, offset: offset),
        "\(place), length \(length), from \(low), alignment \(alignment), offset \(offset)"
      )
    }
    #expect((0..<count).allSatisfy { bitmap[$0] == model[$0] })
  }

  @Test func allRunsOfASmallBitmap() {
    for pattern in 0..<512 {
      var bitmap = Bitmap(count: 9)
      let model = (0..<9).map { pattern >> $0 & 1 == 1 }
      for index in 0..<9 { bitmap[index] = model[index] }
      for length in 1...9 {
        for start in 0...9 {
          for alignment in [1, 2, 4] {
            #expect(
              bitmap.firstClearRun(length: length, from: start, alignment: alignment)
                == slowRun(model, length: length, from: start, alignment: alignment, offset: 0),
              "pattern \(pattern), length \(length), from \(start), alignment \(alignment)"
            )
          }
        }
      }
    }
  }
}
