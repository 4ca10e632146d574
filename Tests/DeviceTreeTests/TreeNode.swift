// SPDX-License-Identifier: Apache-2.0

/// A device tree to be, written as the flattened format's tokens.
///
/// Source: Devicetree Specification v0.4, chapter 5.
struct TreeNode {
  /// The value of a property.
  enum Value {
    case text(String)
    case cells([UInt32])
    case numbers([UInt64])

    var bytes: [UInt8] {
      switch self {
      case .text(let text): Array(text.utf8) + [0]
      case .cells(let cells): cells.flatMap(bigEndian)
      case .numbers(let numbers): numbers.flatMap(bigEndian)
      }
    }
  }

  let name: String
  let properties: [String: Value]
  let children: [TreeNode]

  init(_ name: String, _ properties: [String: Value], _ children: [TreeNode] = []) {
    self.name = name
    self.properties = properties
    self.children = children
  }

  func with(_ children: [TreeNode]) -> TreeNode { TreeNode(name, properties, children) }

  /// The whole blob: header, an empty list of reservations, structure, names.
  var blob: [UInt8] {
    var names: [UInt8] = []
    let structure = tokens(&names) + bigEndian(UInt32(9))
    let reservations = [UInt8](repeating: 0, count: 16)
    let headerBytes = 40
    let structureStart = headerBytes + reservations.count
    let namesStart = structureStart + structure.count
    let header: [UInt32] = [
      0xd00d_feed, UInt32(namesStart + names.count), UInt32(structureStart), UInt32(namesStart),
      UInt32(headerBytes), 17, 16, 0, UInt32(names.count), UInt32(structure.count),
    ]
    return header.flatMap(bigEndian) + reservations + structure + names
  }

  private func tokens(_ names: inout [UInt8]) -> [UInt8] {
    var bytes = bigEndian(UInt32(1)) + padded(Array(name.utf8) + [0])
    for (property, value) in properties.sorted(by: { $0.key < $1.key }) {
      let start = UInt32(names.count)
      names += Array(property.utf8) + [0]
      let contents = value.bytes
      bytes += [3, UInt32(contents.count), start].flatMap(bigEndian) + padded(contents)
    }
    for child in children { bytes += child.tokens(&names) }
    return bytes + bigEndian(UInt32(2))
  }
}

private func bigEndian<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
  (0..<(Number.bitWidth / 8)).reversed().map {
    UInt8(truncatingIfNeeded: number >> Number($0 * 8))
  }
}

private func padded(_ bytes: [UInt8]) -> [UInt8] {
  bytes + [UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4)
}
