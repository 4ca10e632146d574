// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// Reading values of the event model from a line.
extension TextLine {
  /// `ADDR LENGTH rw[x] [mte] [anon|file [N [offset BYTES]]] [shared] ...`.
  mutating func mapping() throws(TraceError) -> MappingRequest {
    let address = try address()
    let length = try number("a length")
    let protection = try protection()
    var flags: MappingFlags = .anonymous
    var file: MappedFile?
    while let next = peek {
      if let known = TextWords.mappingFlags.first(where: { $0.word == next }) {
        flags.insert(known.flag)
        _ = take(known.word)
      } else if take("file") {
        flags.remove(.anonymous)
        file = try mappedFile()
      } else if !take("anon") {
        break
      }
    }
    return MappingRequest(
      address: address,
      length: length,
      protection: protection,
      flags: flags,
      file: flags.contains(.anonymous) ? nil : file
    )
  }

  /// `N [offset BYTES]`, which file it is; `nil` where no number follows.
  private mutating func mappedFile() throws(TraceError) -> MappedFile? {
    guard peek?.first?.isNumber == true else { return nil }
    let number = try number32("a file")
    return MappedFile(
      number: number,
      offset: take("offset") ? try self.number("an offset in bytes") : 0
    )
  }

  /// `rw[x]` or `none`, and the words for the other bits.
  mutating func protection() throws(TraceError) -> Protection {
    let word = try word("a protection")
    guard var protection = TextWords.protection(letters: word.text) else {
      throw error(
        expected: "a protection of the letters r, w and x, or none",
        found: String(word.text),
        at: word.byteOffset
      )
    }
    while let next = peek,
      let known = TextWords.protectionWords.first(where: { $0.word == next })
    {
      protection.insert(known.bit)
      _ = take(known.word)
    }
    return protection
  }

  /// `= VALUE`, what the recorded kernel returned; negative for an error.
  mutating func result() throws(TraceError) -> Int64? {
    guard take("=") else { return nil }
    let word = try word("a result")
    let isNegative = word.text.first == "-"
    let digits = isNegative ? word.text.dropFirst() : word.text
    let magnitude = try number(digits, "a result", at: word.byteOffset)
    // The smallest value has a magnitude that the largest has not.
    guard magnitude <= UInt64(Int64.max) + (isNegative ? 1 : 0) else {
      throw error(expected: "a result below 2^63", found: String(word.text), at: word.byteOffset)
    }
    return isNegative ? Int64(bitPattern: 0 &- magnitude) : Int64(magnitude)
  }

  /// The name of an outcome.
  mutating func outcome() throws(TraceError) -> Outcome {
    let word = try word("an outcome")
    guard let outcome = Outcome(word.text) else {
      throw error(expected: "an outcome", found: String(word.text), at: word.byteOffset)
    }
    return outcome
  }

  /// A tag, 0 to 15.
  mutating func tag() throws(TraceError) -> MemoryTag {
    let word = try word("a tag")
    let value = try number(word.text, "a tag up to 15", at: word.byteOffset)
    guard let small = UInt8(exactly: value), let tag = MemoryTag(rawValue: small) else {
      throw error(expected: "a tag up to 15", found: String(word.text), at: word.byteOffset)
    }
    return tag
  }

  /// `xN`, how often; `nil` where the next word is something else.
  mutating func repetitions() throws(TraceError) -> UInt64? {
    guard let next = peek, next.first == "x" else { return nil }
    let word = try word("a count")
    let count = try number(word.text.dropFirst(), "a count after x", at: word.byteOffset)
    return try checked(count, "a count", word)
  }

  /// A count of 16 bits.
  mutating func count16(_ what: String) throws(TraceError) -> UInt64 {
    let word = try word(what)
    return try checked(try number(word.text, what, at: word.byteOffset), what, word)
  }

  private func checked(
    _ count: UInt64,
    _ what: String,
    _ word: Word
  ) throws(TraceError) -> UInt64 {
    guard count >= 1, count <= 0xffff else {
      throw error(
        expected: "\(what) from 1 to 65535",
        found: String(word.text),
        at: word.byteOffset
      )
    }
    return count
  }

  /// An exit status, which may be negative.
  mutating func status() throws(TraceError) -> Int32 {
    let word = try word("an exit status")
    guard let status = Int32(word.text) else {
      throw error(expected: "an exit status", found: String(word.text), at: word.byteOffset)
    }
    return status
  }

  /// A number of granules from 1 to `limit`.
  mutating func granules(atMost limit: Int) throws(TraceError) -> Int {
    let word = try word("a number of granules")
    let count = try number(word.text, "a number of granules", at: word.byteOffset)
    guard count >= 1, count <= UInt64(limit) else {
      throw error(
        expected: "1 to \(limit) granules",
        found: String(word.text),
        at: word.byteOffset
      )
    }
    return Int(count)
  }

  /// Runs of tags to the end of the line, `5*16 0*240`: a tag and how many granules have it.
  ///
  /// Those of an event that leads somewhere end before `=>`, too.
  mutating func runs(
    atMost limit: Int,
    beforeOutcome: Bool = false
  ) throws(TraceError) -> [UInt8] {
    var tags: [UInt8] = []
    repeat {
      let word = try word("a run of tags")
      let parts = word.text.split(separator: "*", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else {
        throw error(expected: "TAG*GRANULES", found: String(word.text), at: word.byteOffset)
      }
      let tag = try number(parts[0], "a tag up to 15", at: word.byteOffset)
      let count = try number(parts[1], "a number of granules", at: word.byteOffset)
      guard tag <= 15, count >= 1, count <= UInt64(limit - tags.count) else {
        throw error(
          expected: "a tag up to 15 for 1 to \(limit - tags.count) granules",
          found: String(word.text),
          at: word.byteOffset
        )
      }
      tags.append(contentsOf: repeatElement(UInt8(tag), count: Int(count)))
    } while !isAtEnd && !(beforeOutcome && peek == "=>")
    return tags
  }
}
