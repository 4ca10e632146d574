// SPDX-License-Identifier: Apache-2.0

public import Containers
public import MemoryModel

/// The page table of one process: for each page identifier one byte of flags and one target.
///
/// A hit needs the byte only: five bytes for each page and process, in two arrays, so that 64 pages
/// share a cache line of flags. It is a `final class` because a machine keeps its processes in an
/// array, and arrays cannot hold noncopyable values, which the flat storage makes of a struct.
///
/// Its stored properties are exempt from the check of exclusive access at run time, which would cost
/// more than the work it guards. That is sound because they are reached only in this file, where each
/// access begins and ends within one expression that calls nothing but the storage itself, so that
/// no access can begin while another is under way; and a machine is used by one thread at a time.
///
/// Pages have no entry until their identifier is below ``capacity``; reading one then says
/// ``EntryState/none``, and writing one makes room. The tables that a real process would need are
/// counted beside the entries, since they depend on addresses: see ``noteMapped(_:)``.
public final class PageTable: InvariantChecks {
  /// The levels of translation.
  public let layout: TableLayout
  /// Entries whose target is a frame: the resident set, in pages.
  public var residentPages: Int { unsafe resident }
  /// Entries whose target is a swap slot.
  public var swapEntries: Int { unsafe swapped }

  @exclusivity(unchecked) @usableFromInline var resident = 0
  @exclusivity(unchecked) @usableFromInline var swapped = 0
  @exclusivity(unchecked) @usableFromInline var flagBytes: FlatStorage<UInt8>
  @exclusivity(unchecked) @usableFromInline var targets: FlatStorage<UInt32>
  @exclusivity(unchecked) private var tables: TableSpans

  /// Creates an empty table with room for `capacity` identifiers.
  public init(layout: TableLayout, capacity: Int) {
    self.layout = layout
    unsafe flagBytes = FlatStorage(repeating: 0, count: capacity)
    unsafe targets = FlatStorage(repeating: 0, count: capacity)
    unsafe tables = TableSpans(layout: layout)
  }

  /// Identifiers below this have an entry.
  @inlinable public var capacity: Int { unsafe flagBytes.count }

  /// Makes room for identifiers below `capacity`, and for half as many again.
  public func reserve(_ capacity: Int) {
    guard capacity > self.capacity else { return }
    let grown = capacity + capacity / 2
    unsafe flagBytes.grow(to: grown, repeating: 0)
    unsafe targets.grow(to: grown, repeating: 0)
  }

  // MARK: Entries

  /// The flags of an entry, without its state.
  @inlinable @inline(__always) public func flags(_ page: PageIdentifier) -> EntryFlags {
    EntryFlags(rawValue: byte(page)).intersection(.all)
  }

  /// What an entry holds.
  @inlinable @inline(__always) public func state(_ page: PageIdentifier) -> EntryState {
    let bits = byte(page) >> EntryState.shift
    guard let state = EntryState(rawValue: bits) else {
      preconditionFailure("page-table entry \(page) has state \(bits)")
    }
    return state
  }

  /// The target of an entry as stored: a frame number, or a ``PackedSwapEntry``, by state.
  @inlinable @inline(__always) public func target(_ page: PageIdentifier) -> UInt32 {
    Int(page) < capacity ? unsafe targets[Int(page)] : 0
  }

  /// Asks the processor to bring the target of an entry near.
  @inlinable @inline(__always) public func prefetchTarget(_ page: PageIdentifier) {
    unsafe targets.prefetch(Int(page))
  }

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
  @inlinable @inline(__always) public func setFlags(_ page: PageIdentifier, _ flags: EntryFlags) {
    precondition(byte(page) != 0, "page-table entry \(page) is empty")
    let kept = unsafe flagBytes[Int(page)] & ~EntryFlags.all.rawValue
    unsafe flagBytes[Int(page)] = kept | flags.intersection(.all).rawValue
  }

  /// Replaces the target of an entry and keeps its state and flags, for a page that migrates.
  ///
  /// - Precondition: the entry has a target.
  public func setTarget(_ page: PageIdentifier, _ target: UInt32) {
    let held = state(page)
    precondition(held.hasFrame || held.hasSlot, "page-table entry \(page) is \(held)")
    unsafe targets[Int(page)] = target
  }

  /// Replaces a whole entry, and keeps the counts of resident pages and swap entries.
  ///
  /// - Precondition: an empty entry has no flags and target 0, so that its byte is 0.
  @inlinable @inline(__always) public func setEntry(
    _ page: PageIdentifier,
    state: EntryState,
    flags: EntryFlags,
    target: UInt32
  ) {
    precondition(
      state != .none || flags.isEmpty && target == 0,
      "empty page-table entry \(page) with flags \(flags.rawValue) and target \(target)"
    )
    if Int(page) >= capacity { reserve(Int(page) + 1) }
    let old = self.state(page)
    unsafe resident += (state.hasFrame ? 1 : 0) - (old.hasFrame ? 1 : 0)
    unsafe swapped += (state.hasSlot ? 1 : 0) - (old.hasSlot ? 1 : 0)
    unsafe flagBytes[Int(page)] =
      state.rawValue << EntryState.shift | flags.intersection(.all).rawValue
    unsafe targets[Int(page)] = target
  }

  /// Maps the zero page, or a reference page, for reading.
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

  /// Stores a swap entry; `exclusively` is the "anon exclusive" mark.
  public func setSwap(_ page: PageIdentifier, _ entry: PackedSwapEntry, state: EntryState) {
    precondition(state.hasSlot, "a swap entry with state \(state)")
    setEntry(page, state: state, flags: [], target: entry.rawValue)
  }

  /// Empties an entry.
  @inlinable @inline(__always) public func clear(_ page: PageIdentifier) {
    guard byte(page) != 0 else { return }
    setEntry(page, state: .none, flags: [], target: 0)
  }

  /// Moves an entry to another page, as `mremap` does; the source becomes empty.
  ///
  /// - Precondition: the destination is empty.
  public func move(_ source: PageIdentifier, to destination: PageIdentifier) {
    precondition(byte(destination) == 0, "page-table entry \(destination) is in use")
    let (state, flags, target) = (state(source), flags(source), target(source))
    clear(source)
    setEntry(destination, state: state, flags: flags, target: target)
  }

  /// Clears the young flag of an entry.
  ///
  /// - Returns: whether it was set.
  @inlinable @inline(__always) public func clearYoung(_ page: PageIdentifier) -> Bool {
    guard byte(page) & EntryFlags.young.rawValue != 0 else { return false }
    unsafe flagBytes[Int(page)] &= ~EntryFlags.young.rawValue
    return true
  }

  /// Frees all tables, for a process that ends or starts anew.
  public func releaseAllTables() { unsafe tables = TableSpans(layout: layout) }

  /// Lets `body` read and change the bytes of all entries, for a loop over records.
  ///
  /// A byte holds flags and state as ``EntryFlags`` draws them; the index is the identifier, below
  /// ``capacity``. `body` may set and clear `young` and `dirty`, and must change nothing else. It must
  /// not use this table otherwise: the program stops if it does.
  public func withFlags<Result>(_ body: (inout MutableSpan<UInt8>) -> Result) -> Result {
    unsafe flagBytes.withMutableSpan(0..<capacity, body)
  }

  @inlinable func byte(_ page: PageIdentifier) -> UInt8 {
    Int(page) < capacity ? unsafe flagBytes[Int(page)] : 0
  }

  // MARK: Tables

  /// The number of table pages, without the top one: `nr_page_table_pages`.
  public var tablePages: Int { unsafe tables.count }

  /// Makes the tables that an entry for `page` needs.
  ///
  /// - Returns: how many are new.
  /// - Complexity: O(1) for a page near the last one, else O(log *n*) plus O(*n*) moves for a new
  ///   table, where *n* is the number of tables.
  @discardableResult
  public func noteMapped(_ page: VirtualPageNumber) -> Int {
    unsafe tables.note(page.rawValue)
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
    unsafe tables.release(
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
      if unsafe tables.hasLeaf(old) { created += unsafe tables.note(new) }
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
      _ = unsafe child.tables.copy(range, from: tables)
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

  /// Checks the counts against a walk over all entries, and the tables against their levels.
  public func verifyInvariants() throws(BrokenInvariant) {
    var resident = 0
    var swapped = 0
    for index in 0..<capacity {
      let state = state(PageIdentifier(index))
      resident += state.hasFrame ? 1 : 0
      swapped += state.hasSlot ? 1 : 0
    }
    try BrokenInvariant.unless(
      resident == residentPages,
      "S5",
      "\(residentPages) resident, \(resident) found"
    )
    try BrokenInvariant.unless(
      swapped == swapEntries,
      "S5",
      "\(swapEntries) swapped, \(swapped) found"
    )
    try unsafe tables.verifyInvariants()
  }
}
