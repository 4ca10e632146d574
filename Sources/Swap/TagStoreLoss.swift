// SPDX-License-Identifier: Apache-2.0

/// Why what a store keeps for a swap entry will not give the page its tags back.
///
/// The kernel takes none of these for a failure: the swap-out goes on, and the page comes back with
/// other tags. Only the posted v5 codec loses tags at all.
public enum TagStoreLoss: Hashable, CaseIterable, Sendable {
  /// There was no memory for the tags, and nothing was stored in their place.
  case noMemory
  /// What is stored is the form of other tags: those of a page with two equal halves.
  case encoding
  /// What is stored cannot be read back: the handle is taken for the address of an object.
  case decoding
}

/// What is wrong with an entry of a store.
enum TagStoreFlaw: Hashable {
  /// Nothing was allocated for the entry or counted; a page of zero tags loses nothing by it.
  case withoutMemory(isLoss: Bool)
  case otherTags
  case unreadable

  var loss: TagStoreLoss? {
    switch self {
    case .withoutMemory(let isLoss): isLoss ? .noMemory : nil
    case .otherTags: .encoding
    case .unreadable: .decoding
    }
  }

  /// Whether the statistics count the entry among the saved ones.
  var isCounted: Bool {
    if case .withoutMemory = self { return false }
    return true
  }
}
