// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// Reading the events of mappings and reference pages from a line.
extension TextLine {
  /// `MAPPING [refpage FD [offset BYTES] | taghint TAG] [= RESULT]`.
  mutating func map() throws(TraceError) -> MemoryOperation {
    let request = try mapping()
    let place = endOffset
    let isReference = take("refpage")
    guard isReference || take("taghint") else { return .map(request, result: try result()) }
    guard request.flags.contains(.anonymous) else {
      throw error(expected: "a mapping of anonymous memory", found: "a file", at: place)
    }
    guard isReference else {
      let tag = try tag()
      return .mapTagged(request, tag: tag, result: try result())
    }
    let descriptor = try number32("a descriptor")
    let offset = take("offset") ? try number("an offset in bytes") : 0
    return .mapReference(
      request,
      descriptor: descriptor,
      offset: offset,
      result: try result()
    )
  }

  /// `ADDR SIZE [flags FLAGS] [bytes BYTE] [= RESULT]`.
  mutating func createReference() throws(TraceError) -> MemoryOperation {
    var request = ReferenceRequest(address: try address(), size: try number("a size"))
    if take("flags") { request.flags = try number("flags") }
    if take("bytes") {
      let word = try word("a byte")
      let value = try number(word.text, "a byte", at: word.byteOffset)
      guard let byte = UInt8(exactly: value) else {
        throw error(expected: "a byte", found: String(word.text), at: word.byteOffset)
      }
      request.content = .uniform(byte)
    }
    return .createReference(request, result: try result())
  }
}
