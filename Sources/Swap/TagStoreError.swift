// SPDX-License-Identifier: Apache-2.0

public import MemoryModel
public import TagCompression

/// Why tags could not be saved or restored.
public enum TagStoreError: Error, Hashable, Sendable {
  /// No memory for the tags of this entry.
  case outOfMemory(SwapEntry)
  /// The handle of this entry is taken for the address of an object that there is not.
  case misreadPointer(SwapEntry, TagHandle)
  /// What is saved for this entry is not the tags of a page.
  case corrupt(SwapEntry, TagDecodingError)

  /// The entry that could not be saved or restored.
  public var entry: SwapEntry {
    switch self {
    case .outOfMemory(let entry), .misreadPointer(let entry, _), .corrupt(let entry, _): entry
    }
  }
}

extension TagStoreError: CustomStringConvertible {
  /// What happened to which entry, in one line.
  public var description: String {
    let place = "swap entry \(entry.type):\(entry.offset)"
    return switch self {
    case .outOfMemory: "\(place): no memory for its tags"
    case .misreadPointer(_, let handle): "\(place): handle \(handle) leads to no object"
    case .corrupt(_, let error): "\(place): \(error)"
    }
  }
}
