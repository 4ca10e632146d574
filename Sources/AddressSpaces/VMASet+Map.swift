// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

extension VMASet {
  /// Says where `mmap` would map, and changes nothing.
  ///
  /// With `fixed`, and with a recorded address, that is where the request says, whatever is mapped
  /// there: ``mappedRanges(in:)`` of the result are the pages that get lost. With address 0 and no
  /// `fixed` it is the highest gap that is large enough.
  ///
  /// - Returns: the range, or
  ///   EINVAL for length 0 or a fixed address that is not aligned;
  ///   ENOMEM where the length passes the address space, no gap is large enough, or there are too
  ///   many VMAs; EEXIST where `fixedNoReplace` meets a mapping.
  ///
  /// Source: Linux v6.8 `do_mmap` and `mmap_region`.
  public func checkMap(_ request: MappingRequest) -> Result<Range<VirtualPageNumber>, ErrorNumber> {
    guard request.length > 0 else { return .failure(.einval) }
    guard let pages = pageCount(of: request.length) else { return .failure(.enomem) }
    guard areas.count <= limit else { return .failure(.enomem) }
    guard pages <= taskEnd.rawValue else { return .failure(.enomem) }

    let place: Range<VirtualPageNumber>
    if !request.flags.isDisjoint(with: [.fixed, .fixedNoReplace]) {
      guard isAligned(request.address) else { return .failure(.einval) }
      guard let found = userRange(request.address, pages: pages) else { return .failure(.enomem) }
      place = found
      if request.flags.contains(.fixedNoReplace), !mappedRanges(in: place).isEmpty {
        return .failure(.eexist)
      }
    } else if request.address != 0 {
      // A hint is rounded down; what a recorded kernel returned is aligned anyway.
      let hint = VirtualPageNumber.untagged(request.address) & ~UInt64(pageSize.bytes - 1)
      guard let found = userRange(hint, pages: pages) else { return .failure(.enomem) }
      place = found
    } else {
      guard let found = highestGap(pages: Int(pages)) else { return .failure(.enomem) }
      place = found
    }
    // Removing the middle of one VMA leaves two.
    if areas.count >= limit, let around = find(place.lowerBound), around.start < place.lowerBound,
      around.end > place.upperBound
    {
      return .failure(.enomem)
    }
    return .success(place)
  }

  /// Maps memory, replacing what is mapped there.
  ///
  /// The caller drops the pages of ``mappedRanges(in:)`` first, for the range that
  /// ``checkMap(_:)`` gives. `backing` names a file and the place in it where the caller knows them;
  /// without it every file mapping, and every shared anonymous one, counts as a file of its own. A
  /// mapping that has a `backing` and is anonymous by its flags (a reference page) accepts `PROT_MTE`.
  /// Where it is shared, it counts as private memory that can never be written, as the descriptor
  /// cannot be.
  ///
  /// - Returns: the mapped range, or the errors of ``checkMap(_:)``, which change nothing; or EINVAL for
  ///   `PROT_MTE` on a file, which the kernel finds only when it has unmapped the range.
  ///
  /// Source: Linux v6.8 `do_mmap`; arm64 `arch_calc_vm_flag_bits`.
  @discardableResult
  public mutating func map(
    _ request: MappingRequest,
    backing: FileBacking? = nil
  ) -> Result<Range<VirtualPageNumber>, ErrorNumber> {
    let place: Range<VirtualPageNumber>
    switch checkMap(request) {
    case .failure(let error): return .failure(error)
    case .success(let found): place = found
    }
    remove(place)
    if request.protection.contains(.mte), !request.flags.contains(.anonymous) {
      return .failure(.einval)
    }
    var area = VirtualMemoryArea(
      start: place.lowerBound,
      end: place.upperBound,
      protection: request.protection.intersection([.read, .write, .execute, .branchTarget]),
      flags: Self.flags(of: request),
      fileIdentity: 0,
      pageOffset: place.lowerBound.rawValue,
      anonVMA: 0,
      forkInherited: false,
      readAhead: 0
    )
    if let backing {
      area.fileIdentity = backing.identity
      area.flags.formUnion(backing.flags)
      if backing.kind != .referenceTag { area.pageOffset = backing.pageOffset }
      if area.flags.contains(.reference), area.flags.contains(.shared) {
        area.flags.remove(.shared)
        area.flags.insert(.neverWritable)
      }
    } else if area.flags.contains(.file) || area.flags.contains(.shared) {
      area.fileIdentity = nextFileIdentity
      area.pageOffset = 0
      nextFileIdentity += 1
    }
    insert(area)
    if area.flags.contains(.heap), heapStart == nil {
      heapStart = place.lowerBound.address(pageSize: pageSize)
      programBreak = place.upperBound.address(pageSize: pageSize)
    }
    return .success(place)
  }

  /// The flags of a new VMA.
  private static func flags(of request: MappingRequest) -> VMAFlags {
    var flags: VMAFlags = []
    if request.flags.contains(.anonymous) {
      flags.insert(.mteAllowed)
    } else {
      flags.insert(.file)
    }
    if request.protection.contains(.mte) { flags.insert(.mte) }
    if request.flags.contains(.shared) { flags.insert(.shared) }
    if request.flags.contains(.noReserve) { flags.insert(.noReserve) }
    if request.flags.contains(.growsDown) { flags.insert(.growsDown) }
    if request.flags.contains(.stack) { flags.formUnion([.stack, .growsDown]) }
    if request.flags.contains(.heap) { flags.insert(.heap) }
    if request.protection.contains(.write), flags.isDisjoint(with: [.shared, .noReserve]) {
      flags.insert(.accounted)
    }
    return flags
  }

  /// The range of an aligned address, `nil` where it leaves the address space.
  func userRange(_ address: UInt64, pages: UInt64) -> Range<VirtualPageNumber>? {
    let bytes = pages << UInt64(pageSize.shift)
    guard pages <= taskEnd.rawValue, address <= taskBytes - bytes else { return nil }
    return range(address, pages: pages)
  }

  /// The highest unmapped range of `pages` pages below the mapping base, `nil` if there is none.
  ///
  /// The base leaves 128 MiB for the stack, the least that the kernel leaves; without randomised
  /// layout the kernel chooses the same way, from the top down. The lowest 64 KiB stay unmapped.
  func highestGap(pages: Int) -> Range<VirtualPageNumber>? {
    let base = taskEnd.advanced(by: -((128 << 20) >> pageSize.shift))
    let lowest = VirtualPageNumber(rawValue: 65536 >> UInt64(pageSize.shift))
    var ceiling = base
    for area in areas.reversed() {
      if area.end < ceiling, (area.end..<ceiling).pageCount >= pages {
        return ceiling.advanced(by: -pages)..<ceiling
      }
      let guardPages = area.flags.contains(.growsDown) ? Self.stackGuardPages : 0
      let edge = Int64(area.start.rawValue) - Int64(guardPages)
      guard edge > Int64(lowest.rawValue) else { return nil }
      ceiling = min(ceiling, VirtualPageNumber(rawValue: UInt64(edge)))
    }
    guard ceiling > lowest, (lowest..<ceiling).pageCount >= pages else { return nil }
    return ceiling.advanced(by: -pages)..<ceiling
  }

  /// Takes the mapping away from a range.
  ///
  /// A pointer tag in `address` is ignored.
  ///
  /// - Returns: the ranges that were mapped and now are not, none where nothing was mapped; or
  ///   EINVAL for an address that is not aligned, length 0, or a range outside the address space;
  ///   ENOMEM where a hole in one VMA would need one VMA more than the limit.
  ///
  /// Source: Linux v6.8 `do_vmi_munmap`.
  @discardableResult
  public mutating func unmap(
    address: UInt64,
    length: UInt64
  ) -> Result<[Range<VirtualPageNumber>], ErrorNumber> {
    let address = VirtualPageNumber.untagged(address)
    guard isAligned(address), let pages = pageCount(of: length), pages > 0 else {
      return .failure(.einval)
    }
    guard let range = userRange(address, pages: pages) else { return .failure(.einval) }
    if areas.count >= limit, let area = find(range.lowerBound), area.start < range.lowerBound,
      area.end > range.upperBound
    {
      return .failure(.enomem)
    }
    return .success(remove(range))
  }
}
