// SPDX-License-Identifier: Apache-2.0

/// What all subjects took for one kind of page.
struct Measurement {
  let kind: PageKind
  /// The subjects' names.
  let names: [String]
  /// One series for each subject.
  private(set) var encode: [Series]
  /// One series for each subject, empty where the subject loses the tags.
  private(set) var decode: [Series]

  /// Measures `rounds` rounds.
  init(_ kind: PageKind, _ subjects: inout [any Subject], rounds: Int) {
    self.kind = kind
    names = subjects.map(\.name)
    encode = subjects.map { _ in Series() }
    decode = subjects.map { _ in Series() }
    for _ in 0..<rounds {
      for index in subjects.indices { encode[index].add(Self.encodeTime(&subjects[index])) }
      for index in subjects.indices
      where kind.survivesPostedCodec || !subjects[index].isPostedCodec {
        decode[index].add(Self.decodeTime(&subjects[index]))
      }
    }
  }

  /// Nanoseconds a page of the fastest of four batches.
  private static func encodeTime(_ subject: inout any Subject) -> Double {
    var best = Double.infinity
    for _ in 0..<4 {
      let start = ContinuousClock.now
      subject.encodeAll()
      best = min(best, (ContinuousClock.now - start) / .nanoseconds(1))
      subject.releaseAll()
    }
    return best / Double(subject.corpus.pages)
  }

  private static func decodeTime(_ subject: inout any Subject) -> Double {
    subject.encodeAll()
    var best = Double.infinity
    for _ in 0..<4 {
      let start = ContinuousClock.now
      subject.decodeAll()
      best = min(best, (ContinuousClock.now - start) / .nanoseconds(1))
    }
    subject.releaseAll()
    return best / Double(subject.corpus.pages)
  }
}

/// One figure for each round.
struct Series {
  private var values: [Double] = []

  mutating func add(_ value: Double) { values.append(value) }

  /// The median, with minimum and maximum in brackets; a dash where nothing was measured.
  var text: String {
    if values.isEmpty { return "-" }
    let sorted = values.sorted()
    let range = "\(Self.decimal(sorted[0]))-\(Self.decimal(sorted[sorted.count - 1]))"
    return "\(Self.decimal(sorted[sorted.count / 2])) (\(range))"
  }

  /// How many times `other` goes into this: the median of the rounds.
  func ratio(to other: Series) -> String {
    let ratios = zip(values, other.values).map { $0 / $1 }.sorted()
    return ratios.isEmpty ? "-" : "\(Self.decimal(ratios[ratios.count / 2]))x"
  }

  private static func decimal(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10)"
  }
}
