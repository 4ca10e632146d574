// SPDX-License-Identifier: Apache-2.0

/// How tag storage that holds no tags keeps copies of pages.
///
/// The frames of a store never reach the page allocator: nobody maps, pins or migrates them, and what
/// they hold are copies. A tag block is taken from the store and given back to it.
///
/// Source: specification of tag storage, sections 15.8 to 15.14.
public struct StorePolicy: Equatable, Sendable {
  /// What is stored.
  public enum Content: Equatable, Sendable {
    /// Copies of pages on their way to a swap device, under the slot that they have there.
    case swappedPages
    /// The pages of a swap device of its own, which every page goes to first.
    case swapDevice
    /// Copies of clean pages of files that were evicted.
    case cleanPages
  }

  /// Which clean pages a store takes.
  public enum Admission: String, CaseIterable, Sendable {
    /// All of them.
    case everyPage = "every-page"
    /// Those that had been in use before they were evicted.
    case workingSet = "working-set"
  }

  /// What becomes of the copy of a clean page that was read.
  public enum AfterRestore: String, CaseIterable, Sendable {
    /// It stays, and becomes the one that was used last.
    case keepCopy = "keep-copy"
    /// It is given up: a page is in memory or in the store.
    case giveUpCopy = "give-up-copy"
  }

  /// Whether a page that is stored is also written to its swap device.
  public enum Writes: String, CaseIterable, Sendable {
    /// It is not: the copy is the only one, and has to go somewhere when tags need its place.
    case back
    /// It is, so that the copy can be dropped at any time.
    case through
  }

  /// What a page is stored as.
  public enum Form: String, CaseIterable, Sendable {
    /// As it is, in a frame of its own.
    case plain
    /// Compressed, several to a frame.
    case compressed
  }

  /// What happens when there is no room for a page.
  public enum WhenFull: String, CaseIterable, Sendable {
    /// It is not stored.
    case refuse
    /// The least recently used copies are given up for it and those after it.
    case reclaim
  }

  /// Whether the kernel has page descriptors for the frames of the store.
  public enum Descriptors: Equatable, Sendable {
    /// It has, as for all memory.
    case described
    /// It has none, and reaches the frames through the linear mapping only.
    case undescribed
  }

  /// What is stored.
  public var content: Content
  /// Whether stored pages are also written to their device; those of a ``Content/swapDevice`` never are.
  public var writes = Writes.back
  /// What a page is stored as.
  public var form: Form
  /// What happens when there is no room for a page.
  public var whenFull: WhenFull
  /// The slots of a ``Content/swapDevice``, in percent of the frames of tag storage.
  public var slotsPercent = 100
  /// Which clean pages are stored.
  public var admits = Admission.everyPage
  /// What becomes of the copy of a clean page that was read.
  public var afterRestore = AfterRestore.giveUpCopy
  /// The page descriptors of the store.
  public var descriptors = Descriptors.described

  /// Creates a policy.
  public init(content: Content, form: Form, whenFull: WhenFull) {
    self.content = content
    self.form = form
    self.whenFull = whenFull
  }

  /// Whether a copy can be given up at any time, because what it is a copy of lies elsewhere too.
  ///
  /// The pages of a ``Content/swapDevice`` have no other device, whatever ``writes`` says.
  public var isDroppable: Bool {
    switch content {
    case .swappedPages: writes == .through
    case .swapDevice: false
    case .cleanPages: true
    }
  }

  /// Whether what is stored are pages that were swapped out.
  public var holdsSwappedPages: Bool {
    switch content {
    case .swappedPages, .swapDevice: true
    case .cleanPages: false
    }
  }
}
