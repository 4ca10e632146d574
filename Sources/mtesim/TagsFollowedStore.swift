// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import Swap
import TagCompression

/// A store that saves and drops what a machine saves and drops, with a codec of its own.
///
/// A final class because the store is noncopyable, and no array can hold it.
final class TagsFollowedStore {
  private var store: TagStore

  init(_ codec: TagCodec, _ pageSize: PageSize) {
    store = TagStore(
      codec: codec,
      pageSize: pageSize,
      processors: TagsStatistics.processors
    )
  }

  /// Bytes of slabs and map nodes.
  var realBytes: UInt64 { UInt64(store.realBytes) }

  /// Pages whose tags are saved.
  var pages: UInt64 { UInt64(store.count) }

  func save(_ tags: Span<UInt8>, for entry: SwapEntry) {
    do throws(TagStoreError) {
      try store.save(tags, for: entry)
    } catch {
      preconditionFailure("a store of which nothing is asked to fail: \(error)")
    }
  }

  func drop(_ entry: SwapEntry) { store.invalidate(entry) }
}
