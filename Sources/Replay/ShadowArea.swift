// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// A mapped range of pages as the shadow oracle sees it.
struct ShadowArea {
  /// The first page.
  var start: UInt64
  /// The page after the last one.
  var end: UInt64
  /// Whether the pages have tags.
  var isTagged: Bool
  /// Whether the pages may be written.
  var isWritable: Bool
  /// Whether the area belongs to a file.
  var isFile: Bool
  /// Whether processes share the area's pages.
  var isShared: Bool
  /// Whether others may change the pages unseen: a shared file, or shared memory since a fork.
  var isUnknown: Bool
  /// Whether it may grow down, so that a gap must stay free below it.
  var growsDown = false
  /// Whether a fork child sees it empty: MADV_WIPEONFORK.
  var isWiped = false
  /// Whether a fork child does not get it: MADV_DONTFORK, which goes before `isWiped`.
  var isLeftOut = false
  /// What its untouched pages hold: that of a reference page, or zeros.
  var base = PageContents()
  /// Whether it keeps the descriptor of a reference page.
  var keepsDescriptor = false
  /// Whether it has operations of its own, so that it is not anonymous.
  var hasOperations = false
  /// Whether write permission cannot be had.
  var isNeverWritable = false

  /// An area that `mmap` makes.
  init(_ pages: Range<UInt64>, for request: MappingRequest) {
    start = pages.lowerBound
    end = pages.upperBound
    isTagged = request.protection.contains(.mte)
    isWritable = request.protection.contains(.write)
    isFile = !request.flags.contains(.anonymous)
    isShared = request.flags.contains(.shared)
    isUnknown = isShared && isFile
    growsDown = !request.flags.isDisjoint(with: [.growsDown, .stack])
  }

  /// An area that `mmap` makes with a reference page.
  init(_ pages: Range<UInt64>, for request: MappingRequest, _ reference: ShadowReference) {
    self.init(pages, for: request)
    // Its descriptor cannot be written, so that nobody shares anything.
    isNeverWritable = isShared
    isShared = false
    base = reference.contents
    isUnknown = reference.isUnknown
    keepsDescriptor = reference.isDescriptor
    hasOperations = reference.hasOperations
  }

  /// New heap.
  init(heap pages: Range<UInt64>) {
    start = pages.lowerBound
    end = pages.upperBound
    isTagged = false
    isWritable = true
    isFile = false
    isShared = false
    isUnknown = false
  }

  /// Whether `mmap` gave it neither a file nor other users.
  var isPrivateAnonymous: Bool { !isFile && !isShared && !keepsDescriptor }

  /// Whether its pages can be given up: MADV_FREE.
  var canBeGivenUp: Bool { !isFile && !isShared && !hasOperations }

  /// The area with other bounds.
  func part(_ start: UInt64, _ end: UInt64) -> Self {
    var part = self
    part.start = start
    part.end = end
    return part
  }
}
