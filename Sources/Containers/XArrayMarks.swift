// SPDX-License-Identifier: Apache-2.0

/// One of the three marks that an entry of an ``XArray`` can carry.
///
/// Source: Linux v6.8 XArray, `XA_MARK_0` to `XA_MARK_2`.
public enum XArrayMark: Int, CaseIterable, Sendable {
  /// The first mark; an allocating XArray of the kernel keeps its free indices by it.
  case mark0
  /// The second mark.
  case mark1
  /// The third mark.
  case mark2
}

/// The marks of the slots of all nodes: three words for each node, one bit for each slot.
///
/// The bit of a slot with a value is that entry's mark; the bit of a slot with a child says that some
/// entry below has the mark. The slots that are siblings have none. Nothing is allocated before the
/// first mark is set, because the map of saved tags has millions of entries and no marks.
struct XArrayMarks: ~Copyable, Sendable {
  private var words = FlatStorage<UInt64>(repeating: 0, count: 0)

  /// The marks of the entry that is the head, one bit for each mark.
  private(set) var headBits: UInt8 = 0

  private static let marks = XArrayMark.allCases.count

  /// Whether any mark was ever set.
  var isUsed: Bool { words.count > 0 }

  /// The slots of `node` that carry `mark`.
  subscript(_ node: Int, _ mark: XArrayMark) -> UInt64 {
    get { isUsed ? words[node * Self.marks + mark.rawValue] : 0 }
    set { words[node * Self.marks + mark.rawValue] = newValue }
  }

  /// Whether the entry that is the head carries `mark`.
  func isHeadMarked(_ mark: XArrayMark) -> Bool { headBits >> mark.rawValue & 1 == 1 }

  mutating func setHead(_ mark: XArrayMark, _ isMarked: Bool) {
    let bit: UInt8 = 1 << mark.rawValue
    headBits = isMarked ? headBits | bit : headBits & ~bit
  }

  mutating func clearHead() { headBits = 0 }

  /// Makes room for the marks of `nodes` nodes, all clear.
  mutating func reserve(nodes: Int) {
    let needed = max(nodes, 1) * Self.marks
    if words.count < needed { words.grow(to: needed, repeating: 0) }
  }

  /// Clears the marks of a node that comes into use; there are `nodes` nodes in all.
  mutating func clear(_ node: Int, nodes: Int) {
    guard isUsed else { return }
    reserve(nodes: nodes)
    for mark in XArrayMark.allCases { self[node, mark] = 0 }
  }
}
