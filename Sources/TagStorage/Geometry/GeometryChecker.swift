// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// The checks of ``GeometryCheck``, in the kernel's order: what the early scan sees (G1 to G4), the
/// linked memory (G5), ranges and zones (G6 to G10), then the CMA areas (G11, G12).
struct GeometryChecker {
  let binding: TagStorageBinding
  let map: GeometryMap
  let countsAsPosted: Bool
  /// Broken rules that leave the feature on.
  var noticed: [GeometryViolation] = []

  /// A region with the name it has in messages.
  private struct Candidate {
    var name: String
    var tags: PhysicalRange
    var memory: PhysicalRange
    var blockPages: Int
  }

  mutating func check(
    _ descriptions: [TagStorageDescription]
  ) throws(GeometryViolation) -> [TagStorageRegion] {
    try checkCount(descriptions.count)
    var blockPages: [Int] = []
    for description in descriptions { blockPages.append(try scan(description)) }
    var candidates: [Candidate] = []
    for (description, pages) in zip(descriptions, blockPages) {
      candidates.append(
        Candidate(
          name: description.name,
          tags: description.tags,
          memory: try memory(of: description),
          blockPages: pages
        )
      )
    }
    for candidate in candidates { try checkRange(candidate) }
    var regions: [(name: String, region: TagStorageRegion)] = []
    for candidate in candidates {
      regions += try divide(candidate).map { (candidate.name, $0) }
    }
    try checkCount(regions.count)
    for (name, region) in regions { try checkBlockAlignment(region, name) }
    if binding.registersAreas { try checkAreas(regions) }
    return regions.map(\.region)
  }

  private func violation(
    _ rule: GeometryRule,
    _ region: String?,
    expected: String,
    found: String
  ) -> GeometryViolation {
    GeometryViolation(
      rule: rule,
      region: region,
      expected: expected,
      found: found,
      effect: rule.effect(under: binding)
    )
  }

  /// Throws what switches the feature off, and keeps the rest.
  private mutating func tell(_ violation: GeometryViolation) throws(GeometryViolation) {
    guard violation.effect.leavesFeatureOn else { throw violation }
    noticed.append(violation)
  }

  private func checkCount(_ count: Int) throws(GeometryViolation) {
    let limit = TagStorageGeometry.largestRegionCount
    guard count <= limit else {
      throw violation(.regionCount, nil, expected: "at most \(limit) regions", found: "\(count)")
    }
  }

  /// Checks G2 to G4.
  ///
  /// - Returns: the pages of a block.
  private func scan(_ description: TagStorageDescription) throws(GeometryViolation) -> Int {
    let name = description.name
    guard let bytes = description.blockBytes else {
      throw violation(.blockSize, name, expected: "a block-size", found: "none")
    }
    guard bytes > 0, bytes % 4096 == 0 else {
      throw violation(
        .blockSize,
        name,
        expected: "a block-size of a positive multiple of 4096 bytes",
        found: "\(bytes)"
      )
    }
    let pageSize = map.pageSize
    let product = pageSize.rawValue.multipliedReportingOverflow(by: bytes)
    if countsAsPosted && product.overflow {
      throw violation(
        .blockSize,
        name,
        expected: "a block-size that stays below 2^32 when it is multiplied by the page size",
        found: "\(bytes) with pages of \(pageSize.name)"
      )
    }
    let pages = TagStorageRegion.pages(ofBlockBytes: Int(bytes), pageSize: pageSize)
    let pageBytes = UInt64(pageSize.bytes)
    guard description.tags.start % pageBytes == 0 else {
      throw violation(
        .wholeBlocks,
        name,
        expected: "a tag range from a multiple of \(pageSize.name)",
        found: "\(description.tags)"
      )
    }
    let tagPages = description.tags.byteCount / pageBytes
    guard description.tags.byteCount > 0, description.tags.byteCount % pageBytes == 0,
      tagPages % UInt64(pages) == 0
    else {
      throw violation(
        .wholeBlocks,
        name,
        expected: "a tag range of whole blocks of \(pages) pages of \(pageSize.name)",
        found: "\(description.tags.byteCount) bytes"
      )
    }
    guard description.memory != .noLink else {
      throw violation(.link, name, expected: "a property \(binding.linkProperty)", found: "none")
    }
    return pages
  }

  /// G5.
  private func memory(
    of description: TagStorageDescription
  ) throws(GeometryViolation) -> PhysicalRange {
    let name = description.name
    func bad(_ found: String) -> GeometryViolation {
      violation(.taggedMemory, name, expected: "linked memory with one address range", found: found)
    }
    switch description.memory {
    case .noLink: throw bad("no link")
    case .noNode(let phandle):
      throw bad("no node with the phandle \(PhysicalRange.hexadecimal(UInt64(phandle)))")
    case .noAddress(let node): throw bad("\(node) without an address")
    case .notTranslated(let node): throw bad("\(node), whose address does not translate")
    case .range(let range, let node, let count):
      guard range.byteCount > 0 else { throw bad("\(node), which is empty") }
      guard count == 1 || binding != .rfc3 else { throw bad("\(count) ranges in \(node)") }
      let pages = range.pages(shift: map.pageSize.shift)
      guard range.byteCount == UInt64(pages.count * map.pageSize.bytes) else {
        throw bad("\(range), which is not whole pages")
      }
      return range
    }
  }

  /// G6 to G8.
  private mutating func checkRange(_ candidate: Candidate) throws(GeometryViolation) {
    let tags = candidate.tags
    let pageblock = UInt64(map.pageSize.pagesPerPageblock * map.pageSize.bytes)
    // RFC v3 leaves it to the CMA area, which refuses the same ranges.
    if tags.start % pageblock != 0 || tags.byteCount % pageblock != 0 {
      try tell(
        violation(
          .pageblocks,
          candidate.name,
          expected: "a tag range of whole pageblocks of \(pageblock >> 20) MiB"
            + (binding.checksAlignment ? "" : ", which a CMA area needs"),
          found: "\(tags)"
        )
      )
    }
    let (needed, overflows) = tags.byteCount.multipliedReportingOverflow(
      by: UInt64(TagStorageRegion.dataFramesPerTagFrame)
    )
    if overflows || needed != candidate.memory.byteCount {
      try tell(
        violation(
          .size,
          candidate.name,
          expected: "memory of 32 times the tag range, \(overflows ? "2^64 or more" : "\(needed)")"
            + " bytes",
          found: "\(candidate.memory.byteCount)"
        )
      )
    }
    let limit = PhysicalRange(start: 0, byteCount: 1 << UInt64(map.addressBits))
    let isCovered = binding.needsCoveringMemory ? covers(tags) : limit.contains(tags)
    guard isCovered else {
      throw violation(
        .addressable,
        candidate.name,
        expected: binding.needsCoveringMemory
          ? "a tag range inside memory" : "a tag range below 2^\(map.addressBits)",
        found: "\(tags)"
      )
    }
  }

  /// Whether memory nodes cover a range, which may reach over several that touch.
  private func covers(_ range: PhysicalRange) -> Bool {
    var next = range.start
    for memory in map.memory.sorted(by: { $0.start < $1.start }) {
      guard memory.start <= next else { break }
      next = max(next, memory.end)
    }
    return next >= range.end
      && map.memory.contains { $0.start <= range.start && $0.end > range.start }
  }

  /// G9.
  private func divide(_ candidate: Candidate) throws(GeometryViolation) -> [TagStorageRegion] {
    let shift = map.pageSize.shift
    let region = TagStorageRegion(
      memory: candidate.memory.pages(shift: shift),
      tags: candidate.tags.pages(shift: shift),
      blockPages: candidate.blockPages
    )
    let boundaries = map.zones.map(\.frames.lowerBound).filter {
      $0 > region.tags.lowerBound && $0 < region.tags.upperBound
    }
    // Where a boundary falls between two blocks, RFC v1 and v2 have nothing against it.
    for boundary in boundaries {
      let inBlock = (boundary - region.tags.lowerBound) % region.blockPages
      let isBad = binding.straddling == .split ? boundary % region.blockPages != 0 : inBlock != 0
      guard isBad else { continue }
      throw violation(
        .zones,
        candidate.name,
        expected: binding.straddling == .split
          ? "a zone boundary at a multiple of \(region.blockPages) pages"
          : "each block of \(region.blockPages) pages in one zone",
        found: "a boundary at frame \(PhysicalRange.hexadecimal(UInt64(boundary)))"
      )
    }
    guard binding.straddling == .split else { return [region] }
    return region.split(at: boundaries, asPosted: countsAsPosted)
  }

  /// G10.
  private mutating func checkBlockAlignment(
    _ region: TagStorageRegion,
    _ name: String
  ) throws(GeometryViolation) {
    guard region.tags.lowerBound % region.blockPages != 0 else { return }
    try tell(
      violation(
        .blockAlignment,
        name,
        expected: "a tag range from a multiple of \(region.blockPages) pages",
        found: "frame \(PhysicalRange.hexadecimal(UInt64(region.tags.lowerBound)))"
      )
    )
  }

  /// G11 and G12.
  private func checkAreas(
    _ regions: [(name: String, region: TagStorageRegion)]
  ) throws(GeometryViolation) {
    guard regions.count <= map.freeAreas else {
      throw violation(
        .areas,
        regions[map.freeAreas].name,
        expected: "at most \(map.freeAreas) CMA areas",
        found: "\(regions.count) regions"
      )
    }
    let pageblock = map.pageSize.pagesPerPageblock
    for (name, region) in regions
    where region.tags.lowerBound % pageblock != 0 || region.tags.count % pageblock != 0 {
      throw violation(
        .areas,
        name,
        expected: "a CMA area of whole pageblocks of \(pageblock) pages",
        found: "frames \(region.tags)"
      )
    }
    for (index, region) in regions.enumerated() where map.failingActivations.contains(index) {
      throw violation(
        .activation,
        region.name,
        expected: "a CMA area in use",
        found: "one that stayed reserved"
      )
    }
  }
}
