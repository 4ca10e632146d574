// SPDX-License-Identifier: Apache-2.0

/// A page of tags in the forms that the models need, each found in the plainest way.
public struct ModelPage: Sendable {
  /// A run of equal tags.
  public typealias Run = (tag: UInt8, size: Int)

  /// The tags, one for each granule, in the order of addresses.
  public let tags: [UInt8]
  /// The tags two in a byte as hardware has them, the even granule in the low nibble.
  public let bytes: [UInt8]
  /// The runs.
  public let runs: [Run]
  /// The runs for a reader that takes the high nibble of each byte first.
  public let highNibbleFirstRuns: [Run]

  /// Creates a page from one tag for each granule.
  public init(_ tags: [UInt8]) {
    self.tags = tags
    bytes = Self.bytes(tags)
    runs = Self.runs(tags)
    highNibbleFirstRuns = Self.runs(Self.exchanged(tags))
  }

  /// The bytes of tags.
  public static func bytes(_ tags: [UInt8]) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: tags.count / 2)
    for index in bytes.indices { bytes[index] = tags[2 * index] | tags[2 * index + 1] << 4 }
    return bytes
  }

  /// The tags of bytes.
  public static func tags(_ bytes: [UInt8]) -> [UInt8] {
    var tags = [UInt8](repeating: 0, count: bytes.count * 2)
    for (index, byte) in bytes.enumerated() {
      tags[2 * index] = byte & 15
      tags[2 * index + 1] = byte >> 4
    }
    return tags
  }

  /// The tags with the two of each byte exchanged.
  static func exchanged(_ tags: [UInt8]) -> [UInt8] {
    var exchanged = tags
    for pair in stride(from: 0, to: tags.count, by: 2) {
      exchanged[pair] = tags[pair + 1]
      exchanged[pair + 1] = tags[pair]
    }
    return exchanged
  }

  /// The runs of tags, which are not empty.
  static func runs(_ tags: [UInt8]) -> [Run] {
    var runs: [Run] = []
    var run: Run = (tags[0], 0)
    for tag in tags {
      if tag != run.tag {
        runs.append(run)
        run = (tag, 0)
      }
      run.size += 1
    }
    runs.append(run)
    return runs
  }
}
