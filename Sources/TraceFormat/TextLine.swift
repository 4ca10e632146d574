// SPDX-License-Identifier: Apache-2.0

/// One line of a text trace, cut into words that know where they stand.
struct TextLine {
  /// A word and the offset of its first byte in the file.
  struct Word {
    var text: Substring
    var byteOffset: Int
  }

  let path: String
  /// Counted from 1.
  let number: Int
  /// The words up to a comment.
  private(set) var words: [Word] = []
  /// The offset of the line's first byte in the file.
  let byteOffset: Int
  private let text: Substring
  private var next = 0

  init(path: String, number: Int, byteOffset: Int, text: Substring) {
    self.path = path
    self.number = number
    self.byteOffset = byteOffset
    self.text = text
    var offset = byteOffset
    var rest = text
    while let first = rest.first {
      if first == "#" { break }
      if first == " " || first == "\t" || first == "\r" {
        rest = rest.dropFirst()
        offset += first.utf8.count
        continue
      }
      let word = rest.prefix { $0 != " " && $0 != "\t" && $0 != "\r" && $0 != "#" }
      words.append(Word(text: word, byteOffset: offset))
      offset += word.utf8.count
      rest = rest[word.endIndex...]
    }
  }

  /// Whether all words have been read.
  var isAtEnd: Bool { next == words.count }

  /// The next word, if there is one, without reading it.
  var peek: Substring? { isAtEnd ? nil : words[next].text }

  /// Reads a word.
  mutating func word(_ what: String) throws(TraceError) -> Word {
    guard !isAtEnd else {
      throw error(expected: what, found: "the end of the line", at: endOffset)
    }
    next += 1
    return words[next - 1]
  }

  /// Reads the next word if it is this one.
  mutating func take(_ word: String) -> Bool {
    guard peek == word[...] else { return false }
    next += 1
    return true
  }

  /// Reads a number: decimal or `0x` hexadecimal, with an optional suffix K, M or G of 1,024s.
  mutating func number(_ what: String) throws(TraceError) -> UInt64 {
    let word = try word(what)
    return try number(word.text, what, at: word.byteOffset)
  }

  /// Reads a number of 32 bits.
  mutating func number32(_ what: String) throws(TraceError) -> UInt32 {
    let word = try word(what)
    let value = try number(word.text, what, at: word.byteOffset)
    guard let small = UInt32(exactly: value) else {
      throw error(expected: "\(what) below 2^32", found: "\(value)", at: word.byteOffset)
    }
    return small
  }

  /// Reads an address below 2^56.
  mutating func address(_ what: String = "an address") throws(TraceError) -> UInt64 {
    let word = try word(what)
    let value = try number(word.text, what, at: word.byteOffset)
    guard value < 1 << 56 else {
      throw error(expected: "\(what) below 2^56", found: String(word.text), at: word.byteOffset)
    }
    return value
  }

  /// Reads an address and a length that ends at or below 2^56.
  mutating func range() throws(TraceError) -> (address: UInt64, length: UInt64) {
    let address = try address()
    let place = next
    let length = try number("a length")
    guard length <= 1 << 56 - address else {
      throw error(
        expected: "a length that ends below 2^56",
        found: String(words[place].text),
        at: words[place].byteOffset
      )
    }
    return (address, length)
  }

  func number(
    _ text: Substring,
    _ what: String,
    at offset: Int
  ) throws(TraceError) -> UInt64 {
    var digits = text
    var shift: UInt64 = 0
    switch digits.last {
    case "K": shift = 10
    case "M": shift = 20
    case "G": shift = 30
    default: break
    }
    if shift != 0 { digits = digits.dropLast() }
    let isHexadecimal = digits.hasPrefix("0x")
    if isHexadecimal { digits = digits.dropFirst(2) }
    // `UInt64(_:radix:)` takes a sign, which a number of this form does not have.
    let value = digits.first == "+" ? nil : UInt64(digits, radix: isHexadecimal ? 16 : 10)
    guard let value, value <= UInt64.max >> shift else {
      throw error(expected: what, found: String(text), at: offset)
    }
    return value << shift
  }

  /// The rest of the line after the words read so far, as it stands, without blanks at its ends.
  mutating func literalRest() -> String {
    let after =
      next == 0 ? byteOffset : words[next - 1].byteOffset + words[next - 1].text.utf8.count
    next = words.count
    var rest = Substring(text.utf8.dropFirst(after - byteOffset))
    while let first = rest.first, first == " " || first == "\t" { rest = rest.dropFirst() }
    while let last = rest.last, last == " " || last == "\t" || last == "\r" {
      rest = rest.dropLast()
    }
    return String(rest)
  }

  /// Fails where words are left over.
  func checkEnd() throws(TraceError) {
    guard isAtEnd else {
      let word = words[next]
      throw error(expected: "the end of the line", found: String(word.text), at: word.byteOffset)
    }
  }

  /// The offset after the last word.
  var endOffset: Int {
    words.last.map { $0.byteOffset + $0.text.utf8.count } ?? byteOffset
  }

  /// An error in this line.
  func error(expected: String, found: String, at offset: Int) -> TraceError {
    .bad(path, .line(number, byteOffset: offset), expected: expected, found: found)
  }
}
