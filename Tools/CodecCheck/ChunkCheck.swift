// SPDX-License-Identifier: Apache-2.0

import CodecModel
import MemoryModel
import TagCompression
import TestSupport

/// What one codec did with the pages of one page size.
struct CodecTally: Sendable {
  /// Pages that went through it.
  var pages: UInt64 = 0
  /// Runs of those pages, as the codec sees them.
  var runs: UInt64 = 0
  /// Pages, handles and payloads with which it did anything else than the model.
  var mismatches: UInt64 = 0
  /// Pages that do not come back, and must not according to the model.
  var corrupted: UInt64 = 0
  /// Random and mutated handles and payloads.
  var hostile: UInt64 = 0
  /// Those that it refused.
  var refused: UInt64 = 0

  mutating func add(_ other: CodecTally) {
    pages += other.pages
    runs += other.runs
    mismatches += other.mismatches
    corrupted += other.corrupted
    hostile += other.hostile
    refused += other.refused
  }
}

/// A number of pages that one task puts through all codecs and compares with the model.
///
/// Its pages follow from its seed alone, so that the result does not depend on who runs it and when.
struct ChunkCheck {
  /// One codec beside its model.
  private struct Subject {
    let codec: TagCodec
    let model: CodecModel
    let classes: [TagSizeClass]
    var tally = CodecTally()
    /// The stored form of the page that was checked last.
    var example = CodecModel.Stored.inline(0)
  }

  private let pageSize: PageSize
  private let seed: UInt64
  private let maker: PageMaker
  private var subjects: [Subject]
  private var payload: [UInt8]
  private var output: [UInt8]

  /// The first thing that was not as the model has it.
  private(set) var firstMismatch: String?

  init(pageSize: PageSize, seed: UInt64) {
    self.pageSize = pageSize
    self.seed = seed
    maker = PageMaker(granules: pageSize.granules)
    subjects = CodecModel.Codec.allCases.compactMap { name in
      TagCodec(rawValue: name.rawValue).map {
        Subject(
          codec: $0,
          model: CodecModel(name, granules: pageSize.granules),
          classes: $0.sizeClasses(pageSize: pageSize)
        )
      }
    }
    precondition(subjects.count == TagCodec.allCases.count, "a codec has no model")
    payload = [UInt8](repeating: 0, count: pageSize.tagBytes)
    output = payload
  }

  /// The tallies in the order of the codecs.
  var tallies: [CodecTally] { subjects.map(\.tally) }

  /// Checks `pages` pages; the first one has the number `first`.
  mutating func run(first: Int, pages: Int) {
    var random = SplitMix64(seed: seed)
    var tags = [UInt8](repeating: 0, count: pageSize.granules)
    for number in first..<first + pages {
      maker.fill(&tags, number: number, using: &random)
      check(tags, number: number)
      // Not every page, because making noise takes longer than all codecs do.
      if number % 16 == 0 { checkHostile(number: number, using: &random) }
    }
  }

  /// Checks all pages of at most `runs` runs, 1 to 3, whose first run has `firstSize` granules.
  ///
  /// With one or two runs, all tags are tried; three runs have tags that change from page to page.
  mutating func runAll(runs: Int, firstSize: Int) {
    let granules = pageSize.granules
    guard runs > 1 || firstSize == granules else { return }
    var tags = [UInt8](repeating: 0, count: granules)
    func fill(_ range: Range<Int>, _ tag: UInt8) {
      for granule in range { tags[granule] = tag }
    }
    for first: UInt8 in 0..<16 {
      for second: UInt8 in 0..<16 where (first == second) == (firstSize == granules) {
        fill(0..<firstSize, first)
        fill(firstSize..<granules, second)
        check(tags, number: firstSize)
      }
    }
    guard runs == 3 && firstSize < granules - 1 else { return }
    for end in firstSize + 1..<granules {
      let mixed = UInt8(truncatingIfNeeded: firstSize &* 7 &+ end)
      fill(0..<firstSize, mixed & 15)
      fill(firstSize..<end, (mixed & 15) ^ 15)
      fill(end..<granules, (mixed >> 4) ^ (mixed & 15) ^ 1)
      check(tags, number: end)
    }
  }

  private mutating func check(_ tags: [UInt8], number: Int) {
    let page = ModelPage(tags)
    for index in subjects.indices {
      let model = subjects[index].model
      let expected = model.encode(page)
      let found = encode(page.bytes, subjects[index].codec)
      subjects[index].tally.pages += 1
      subjects[index].tally.runs += UInt64(model.runs(page).count)
      guard found == expected else {
        note(index, number, "\(page.bytes) is stored as \(found), not as \(expected)")
        continue
      }
      // What must come back: the page, but for what the posted codec is known to lose.
      var restored: [UInt8]? = page.bytes
      if model.codec == .mtecompV5, let defect = model.postedDefect(page) {
        subjects[index].tally.corrupted += 1
        switch defect {
        case .restoredAs(let tags): restored = ModelPage.bytes(tags)
        case .takenForAddress: restored = nil
        }
      }
      let back = decode(expected, subjects[index].codec)
      guard back == restored else {
        note(index, number, "\(page.bytes) comes back as \(back ?? []), not as \(restored ?? [])")
        continue
      }
      subjects[index].example = expected
    }
  }

  /// Decodes a stored form with one bit changed, a random handle, and a random object.
  private mutating func checkHostile(number: Int, using random: inout SplitMix64) {
    for index in subjects.indices {
      let classes = subjects[index].classes
      let bytes = classes[random.below(classes.count)].bytes
      var noise = [UInt8](repeating: 0, count: bytes)
      for byte in noise.indices { noise[byte] = UInt8(truncatingIfNeeded: random.next()) }
      // Mostly small numbers, so that not all sums of sizes are too large.
      if random.below(2) == 0 {
        for byte in noise.indices { noise[byte] &= UInt8(truncatingIfNeeded: random.next()) & 17 }
      }
      let changed = Self.changed(subjects[index].example, using: &random)
      for hostile in [changed, .inline(random.next() >> (1 + random.below(62))), .object(noise)] {
        let expected = subjects[index].model.decode(hostile).map { ModelPage.bytes($0) }
        let found = decode(hostile, subjects[index].codec)
        subjects[index].tally.hostile += 1
        if found == nil { subjects[index].tally.refused += 1 }
        guard found == expected else {
          note(index, number, "\(hostile) is read as \(found ?? []), not as \(expected ?? [])")
          break
        }
      }
    }
  }

  private static func changed(
    _ stored: CodecModel.Stored,
    using random: inout SplitMix64
  ) -> CodecModel.Stored {
    switch stored {
    case .inline(let handle):
      return .inline(handle ^ 1 << UInt64(random.below(63)))
    case .object(var bytes):
      bytes[random.below(bytes.count)] ^= 1 << UInt8(random.below(8))
      return .object(bytes)
    }
  }

  private mutating func note(_ index: Int, _ number: Int, _ text: String) {
    subjects[index].tally.mismatches += 1
    guard firstMismatch == nil else { return }
    firstMismatch =
      "\(subjects[index].codec.rawValue), \(pageSize.name), page \(number): \(text)"
  }

  private mutating func encode(_ page: [UInt8], _ codec: TagCodec) -> CodecModel.Stored {
    let pageSize = pageSize
    var room = payload.mutableSpan
    switch codec.encode(page.span, pageSize: pageSize, payload: &room) {
    case .inline(let handle): return .inline(handle.rawValue)
    case .object(let sizeClass): return .object(Array(payload.prefix(sizeClass.bytes)))
    }
  }

  /// The page of a stored form, `nil` where the codec refuses it.
  private mutating func decode(_ stored: CodecModel.Stored, _ codec: TagCodec) -> [UInt8]? {
    let pageSize = pageSize
    var room = output.mutableSpan
    do throws(TagDecodingError) {
      switch stored {
      case .inline(let handle):
        try codec.decode(TagHandle(truncating: handle), pageSize: pageSize, into: &room)
      case .object(let bytes):
        try codec.decode(payload: bytes.span, pageSize: pageSize, into: &room)
      }
    } catch {
      return nil
    }
    return output
  }
}
