// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// The page table of one process: for each page identifier one byte of flags and one target.
///
/// A hit needs the byte only: five bytes for each page and process, in two arrays, so that 64 pages
/// share a cache line of flags. It is a `final class` because a machine keeps its processes in an
/// array, and arrays cannot hold noncopyable values, which the flat storage makes of a struct.
///
/// Pages have no entry until their identifier is below ``capacity``; reading one then says
/// ``EntryState/none``, and writing one makes room. The tables that a real process would need are
/// counted beside the entries, since they depend on addresses: see ``noteMapped(_:)``.
public final class PageTable {
  /// The levels of translation.
  public let layout: TableLayout
  private var entries: PageTableEntries
  private var tables: TableSpans

  /// Creates an empty table with room for `capacity` identifiers.
  public init(layout: TableLayout, capacity: Int) {
    self.layout = layout
    entries = PageTableEntries(capacity: capacity)
    tables = TableSpans(layout: layout)
  }

  /// Identifiers below this have an entry.
  public var capacity: Int { entries.capacity }

  /// Entries whose target is a frame: the resident set, in pages.
  public var residentPages: Int { entries.residentPages }

  /// Entries whose target is a swap slot.
  public var swapEntries: Int { entries.swapEntries }

  /// Makes room for identifiers below `capacity`, and for half as many again.
  public func reserve(_ capacity: Int) { entries.reserve(capacity) }

  // MARK: Entries

  /// The flags of an entry, without its state.
  public func flags(_ page: PageIdentifier) -> EntryFlags {
    EntryFlags(rawValue: entries.byte(page)).intersection(.all)
  }

  /// What an entry holds.
  public func state(_ page: PageIdentifier) -> EntryState {
    let bits = entries.byte(page) >> EntryState.shift
    guard let state = EntryState(rawValue: bits) else {
      preconditionFailure("page-table entry \(page) has state \(bits)")
    }
    return state
  }

  /// The target of an entry as stored: a frame number, or a ``PackedSwapEntry``, by state.
  public func target(_ page: PageIdentifier) -> UInt32 { entries.target(page) }

  /// The frame of an entry, `nil` where it has none.
  public func frame(_ page: PageIdentifier) -> PageFrameNumber? {
    state(page).hasFrame ? PageFrameNumber(rawValue: target(page)) : nil
  }

  /// The swap slot of an entry, `nil` where it has none.
  public func swapEntry(_ page: PageIdentifier) -> PackedSwapEntry? {
    state(page).hasSlot ? PackedSwapEntry(rawValue: target(page)) : nil
  }

  /// Replaces the flags of an entry and keeps its state and target.
  ///
  /// - Precondition: the entry is not empty.
  public func setFlags(_ page: PageIdentifier, _ flags: EntryFlags) {
    entries.setFlags(page, flags)
  }

  /// Replaces the target of an entry and keeps its state and flags, for a page that migrates.
  ///
  /// - Precondition: the entry has a target.
  public func setTarget(_ page: PageIdentifier, _ target: UInt32) {
    entries.setTarget(page, target)
  }

  /// Replaces a whole entry, and keeps the counts of resident pages and swap entries.
  ///
  /// - Precondition: an empty entry has no flags and target 0, so that its byte is 0.
  public func setEntry(
    _ page: PageIdentifier,
    state: EntryState,
    flags: EntryFlags,
    target: UInt32
  ) {
    precondition(
      state != .none || flags.isEmpty && target == 0,
      "empty page-table entry \(page) with flags \(flags.rawValue) and target \(target)"
    )
    entries.set(
      page,
      byte: state.rawValue << EntryState.shift | flags.intersection(.all).rawValue,
      target: target
    )
  }

  /// Maps the zero page, or a reference page, for reading.
  ///
  /// - Precondition: `flags` does not allow writes.
  public func setZeroPage(_ page: PageIdentifier, flags: EntryFlags) {
    precondition(!flags.contains(.writable), "the zero page of entry \(page) would be writable")
    setEntry(page, state: .zeroPage, flags: flags, target: 0)
  }

  /// Maps a frame.
  public func setFrame(_ page: PageIdentifier, _ frame: PageFrameNumber, flags: EntryFlags) {
    setEntry(page, state: .frame, flags: flags, target: frame.rawValue)
  }

  /// Maps a frame that no access may reach yet; of `flags` only `tagged`, `young` and `dirty` stay.
  public func setFaultOnAccess(
    _ page: PageIdentifier,
    _ frame: PageFrameNumber,
    flags: EntryFlags
  ) {
    let kept = flags.subtracting([.readable, .writable])
    setEntry(page, state: .faultOnAccess, flags: kept, target: frame.rawValue)
  }

  /// Stores a swap entry; `state` says whether it has the "anon exclusive" mark.
  ///
  /// - Precondition: `state` is ``EntryState/swap`` or ``EntryState/swapExclusive``.
  public func setSwap(_ page: PageIdentifier, _ entry: PackedSwapEntry, state: EntryState) {
    precondition(state.hasSlot, "a swap entry with state \(state)")
    setEntry(page, state: state, flags: [], target: entry.rawValue)
  }

  /// Empties an entry.
  public func clear(_ page: PageIdentifier) {
    guard entries.byte(page) != 0 else { return }
    setEntry(page, state: .none, flags: [], target: 0)
  }

  /// Moves an entry to another page, as `mremap` does; the source becomes empty.
  ///
  /// - Precondition: the destination is empty.
  public func move(_ source: PageIdentifier, to destination: PageIdentifier) {
    precondition(entries.byte(destination) == 0, "page-table entry \(destination) is in use")
    let (state, flags, target) = (state(source), flags(source), target(source))
    clear(source)
    setEntry(destination, state: state, flags: flags, target: target)
  }

  /// Clears the young flag of an entry.
  ///
  /// - Returns: whether it was set.
  public func clearYoung(_ page: PageIdentifier) -> Bool { entries.clearYoung(page) }

  /// Frees all tables, for a process that ends or starts anew.
  public func releaseAllTables() { tables = TableSpans(layout: layout) }

  /// Lets `body` read and change the bytes of all entries, for a loop over records.
  ///
  /// A byte holds flags and state as ``EntryFlags`` draws them; the index is the identifier, below
  /// ``capacity``. `body` may set and clear `young` and `dirty`, and must change nothing else. It must
  /// not use this table otherwise: the program stops if it does.
  public func withFlags<Result>(_ body: (inout MutableSpan<UInt8>) -> Result) -> Result {
    entries.withBytes(body)
  }

  // MARK: Tables

  /// The number of table pages, without the top one: `nr_page_table_pages`.
  public var tablePages: Int { tables.count }

  /// Makes the tables that an entry for `page` needs.
  ///
  /// - Returns: how many are new.
  /// - Complexity: O(1) for a page near the last one, else O(log *n*) plus O(*n*) moves for a new
  ///   table, where *n* is the number of tables.
  @discardableResult
  public func noteMapped(_ page: VirtualPageNumber) -> Int {
    tables.note(page.rawValue)
  }

  /// Frees the tables that unmapping `range` leaves to nobody.
  ///
  /// `bounds` is ``VMASet/tableBounds(around:)``: a table is freed when its span overlaps `range` and
  /// lies in `bounds`.
  ///
  /// - Returns: how many were freed.
  ///
  /// Source: Linux v6.8 `free_pgtables`.
  @discardableResult
  public func releaseTables(
    _ range: Range<VirtualPageNumber>,
    within bounds: Range<VirtualPageNumber>
  ) -> Int {
    tables.release(
      range.lowerBound.rawValue..<range.upperBound.rawValue,
      within: bounds.lowerBound.rawValue..<bounds.upperBound.rawValue
    )
  }

  /// Makes the tables that moving `source` to `destination` needs: one wherever the source has one.
  ///
  /// - Returns: how many are new.
  ///
  /// Source: Linux v6.8 `move_page_tables`.
  @discardableResult
  public func noteMoved(
    _ source: Range<VirtualPageNumber>,
    to destination: VirtualPageNumber
  ) -> Int {
    guard let shift = layout.spanShifts.first else { return 0 }
    let span: UInt64 = 1 << UInt64(shift)
    var created = 0
    var old = source.lowerBound.rawValue
    var new = destination.rawValue
    while old < source.upperBound.rawValue {
      if tables.hasLeaf(old) { created += tables.note(new) }
      let step = min(span - old & (span - 1), span - new & (span - 1))
      old += step
      new += step
    }
    return created
  }

  // MARK: Fork

  /// Creates the table of a child that is forked now.
  ///
  /// Copies the entries of `areas`, which are the parent's VMAs with
  /// ``VirtualMemoryArea/isCopiedAtFork`` (others may be passed, too), and write-protects private
  /// frames in both. The child's entries are old; a swap entry loses its exclusive mark in both.
  /// `body` is called for each copied entry that has a frame or a slot, with the entry's state before
  /// the fork and its target, by ascending page: the caller counts one more user.
  public func copyForFork(
    areas: [VirtualMemoryArea],
    index: PageIndex,
    _ body: (PageIdentifier, EntryState, UInt32) -> Void
  ) -> PageTable {
    let child = PageTable(layout: layout, capacity: capacity)
    for area in areas {
      let range = area.start.rawValue..<area.end.rawValue
      _ = child.tables.copy(range, from: tables)
      let isShared = area.flags.contains(.shared)
      index.forEachIdentifier(in: area.pages) { page, _ in
        let state = self.state(page)
        guard state != .none else { return }
        let target = self.target(page)
        if state.hasSlot {
          self.setEntry(page, state: .swap, flags: [], target: target)
          child.setEntry(page, state: .swap, flags: [], target: target)
        } else {
          var flags = self.flags(page)
          if !isShared {
            flags.remove(.writable)
            self.setFlags(page, flags)
          }
          child.setEntry(page, state: state, flags: flags.subtracting(.young), target: target)
        }
        if state.hasFrame || state.hasSlot { body(page, state, target) }
      }
    }
    return child
  }

  /// Stops the program where the counts disagree with a walk over all entries.
  public func checkInvariants() {
    var resident = 0
    var swapped = 0
    for index in 0..<capacity {
      let state = state(PageIdentifier(index))
      resident += state.hasFrame ? 1 : 0
      swapped += state.hasSlot ? 1 : 0
    }
    precondition(resident == residentPages, "S5: \(residentPages) resident, \(resident) found")
    precondition(swapped == swapEntries, "S5: \(swapEntries) swapped, \(swapped) found")
    tables.checkInvariants()
  }
}
