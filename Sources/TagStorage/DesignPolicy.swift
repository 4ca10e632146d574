// SPDX-License-Identifier: Apache-2.0

/// A design's answers, as plain values.
///
/// The machine asks on the slow path only, does the work itself, and then verifies what it did: a
/// policy can make a run slow or wasteful, but only a ``TagStorageDefect`` corrupts it, or a way of
/// following tags kept aside that the posted code has too.
public struct DesignPolicy: Equatable, Sendable {
  /// What the page allocator gets of the tag storage at boot.
  public enum BootPlacement: Equatable, Sendable {
    /// There is no tag storage in RAM.
    case outsideRAM
    /// Nothing: the frames stay reserved for ever.
    case withheld
    /// All of it, on free lists of its own that serve movable requests.
    case cmaArea
    /// All of it; it lies between the data, one page behind every 32.
    case interleaved
    /// Nothing: what holds no tags belongs to a store of copies of pages.
    case store(StorePolicy)

    /// Whether tag storage is a range of RAM.
    public var isRange: Bool {
      switch self {
      case .outsideRAM, .interleaved: false
      case .withheld, .cmaArea, .store: true
      }
    }
  }

  /// Which movable requests may be served from tag storage.
  public enum CMAEligibility: String, CaseIterable, Sendable {
    /// All of them.
    case allMovable = "all-movable"
    /// Those that do not ask for a page that can hold tags.
    case untaggedMovable = "untagged-movable"
    /// All of them, but those that ask for a page that can hold tags pass over tag storage page by page.
    case perPageFilter = "per-page-filter"
  }

  /// Whether freed frames of tag storage wait on the lists of a CPU.
  public enum PageListUse: String, CaseIterable, Sendable {
    /// As all other frames.
    case listed
    /// They go to the free lists at once.
    case bypassed
  }

  /// Whether a frame of tag storage can hold a tagged page.
  public enum SelfTagging: Equatable, Sendable {
    /// It has no tags of its own, so that a tagged page has to leave it.
    case untaggable
    /// The end of tag storage is withheld and holds the tags of the rest.
    case secondCarveout
  }

  /// What has to happen before a frame may hold tags.
  public enum BeforeTags: Equatable, Sendable {
    /// Nothing: every frame has storage for its tags at any time.
    case nothing
    /// Its tag block has to be taken out of the page allocator.
    case reserve(ReservationPolicy)
  }

  /// What becomes of the tags of a swapped page, where tags lie in virtual memory.
  public enum SwappedTags: String, CaseIterable, Sendable {
    /// The codec saves them, and they leave their tag page.
    case saved
    /// They stay in their tag page.
    case resident
  }

  /// Who decides which free frame a request gets.
  public enum FrameChoice: Equatable, Sendable {
    /// The page allocator, by its free lists.
    case allocator
    /// The cells of tag storage, by what else they cover.
    case cells(CellPolicy)
    /// The blocks that its tags belong to, where tags lie between the data.
    case blocks
  }

  /// Which frames count as tagged, so that their tag blocks are taken.
  public enum TaggedFrames: String, CaseIterable, Sendable {
    /// Those that a tagged mapping uses.
    case mapped
    /// All that were ever used, for ever.
    case touched
  }

  /// What guests with MTE get.
  public enum GuestTags: String, CaseIterable, Sendable {
    /// Nothing: the capability is hidden from them.
    case hidden
    /// A page gets its tag storage when it is mapped for a guest.
    case stageTwo = "stage-2"
    /// The same, and the VMAs are marked, so that the host's allocations already ask for it.
    case flagged
  }

  /// What becomes of the pages of a tagged mapping that are to be collapsed into a huge page.
  ///
  /// Source: specification of tag storage, section 9.
  public enum Collapse: String, CaseIterable, Sendable {
    /// They are copied to frames that were asked to hold tags.
    case tagged
    /// They are copied to frames that were not; tags for which these have no storage are kept aside.
    case untagged
    /// Nothing: the call is refused.
    case refused
  }

  /// Where tag storage is at boot.
  public var bootPlacement: BootPlacement
  /// Which requests tag storage may serve.
  public var cmaEligibility: CMAEligibility
  /// The share of free memory, in percent, above which free tag storage serves requests first that
  /// may use it: 0 first of all, 100 only when the lists of movable memory are empty.
  public var preferAbovePercent = 50
  /// Where freed frames of tag storage go.
  public var pageLists = PageListUse.listed
  /// Who decides which frame a request gets.
  public var frameChoice = FrameChoice.allocator
  /// Whether tag storage itself can be tagged.
  public var selfTagging = SelfTagging.untaggable
  /// What becomes of the tags of swapped pages where tags lie in virtual memory, otherwise `nil`.
  public var virtualTags: SwappedTags?
  /// What precedes the first tag of a frame.
  public var beforeTags: BeforeTags
  /// Which frames count as tagged; others than those of tagged mappings only where
  /// ``takesTagBlocksAtOnce``.
  public var taggedFrames = TaggedFrames.mapped
  /// What guests with MTE get.
  public var guests = GuestTags.flagged
  /// What a collapse does in a tagged mapping.
  public var collapse = Collapse.tagged
  /// What went wrong at boot, which has changed ``bootPlacement`` and ``beforeTags`` already.
  public internal(set) var bootFailure = BootFailure.none
  /// What is wrong with it.
  public var defects: TagStorageDefects = []

  /// How tag blocks are reserved, `nil` where nothing has to be.
  public var reservation: ReservationPolicy? {
    if case .reserve(let reservation) = beforeTags { return reservation }
    return nil
  }

  /// How cells change their state, `nil` where there are none.
  public var cells: CellPolicy? {
    if case .cells(let cells) = frameChoice { return cells }
    return nil
  }

  /// What tag storage stores while it holds no tags, `nil` where it belongs to no store.
  public var store: StorePolicy? {
    if case .store(let store) = bootPlacement { return store }
    return nil
  }

  /// Whether tag blocks are taken and given back.
  public var hasTagBlocks: Bool { bootPlacement == .cmaArea || store != nil }

  /// Whether taking a tag block never fails, and takes neither memory nor time that could be waited for:
  /// then every frame gets its tag storage when it is about to hold tags.
  public var takesTagBlocksAtOnce: Bool { store?.content == .cleanPages }

  /// Whether the kernel has page descriptors for tag storage.
  public var describesTagStorage: Bool {
    switch bootPlacement {
    case .withheld: bootFailure != .none
    case .outsideRAM, .cmaArea, .interleaved: true
    case .store(let store): store.descriptors == .described
    }
  }

  /// Creates a policy.
  public init(
    bootPlacement: BootPlacement,
    cmaEligibility: CMAEligibility,
    beforeTags: BeforeTags
  ) {
    self.bootPlacement = bootPlacement
    self.cmaEligibility = cmaEligibility
    self.beforeTags = beforeTags
  }

  /// Whether the design keeps every tag and shows none to another owner, as far as it is not injected
  /// with faults.
  ///
  /// What it may lose otherwise, `tags_lost` counts by cause.
  public var keepsEveryTag: Bool {
    defects.isEmpty && reservation?.parkedLookup ?? .everywhere == .everywhere
  }
}
