// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// Which zones a kernel is built with.
public enum ZoneSelection: String, CaseIterable, Sendable {
  /// All memory but Movable is one zone, Normal, as without `CONFIG_ZONE_DMA` and
  /// `CONFIG_ZONE_DMA32`.
  case one
  /// DMA, DMA32, Normal and Movable, as arm64 is configured by default.
  case kernel
}

/// What decides which zone a frame belongs to.
public struct ZoneRules: Equatable, Sendable {
  /// The zones that there are.
  public var selection: ZoneSelection = .one
  /// Bits of the addresses that every device can reach, as the firmware says; they limit DMA.
  public var deviceAddressBits = 32
  /// Bytes that are to be Movable, 0 for none: `movablecore`.
  public var movableBytes = 0

  /// Creates the rules of a machine with one zone.
  public init() {}
}

/// Why memory cannot be divided into zones.
public enum ZoneLayoutError: Error, Equatable, CustomStringConvertible {
  /// A zone would end inside a block of the buddy allocator.
  case border(ZoneKind, address: Int, unitBytes: Int)
  /// Movable would be empty, or all of memory.
  case movable(bytes: Int, memoryBytes: Int, unitBytes: Int)

  /// One line that says what was expected and what was found.
  public var description: String {
    switch self {
    case .border(let kind, let address, let unitBytes):
      "expected zone \(kind.name) to end at a multiple of \(unitBytes / 1024) KiB, the largest"
        + " block, found 0x\(String(address, radix: 16))"
    case .movable(let bytes, let memoryBytes, let unitBytes):
      "expected a zone Movable of at least \(unitBytes) bytes and less than the \(memoryBytes) bytes"
        + " of memory, found \(bytes)"
    }
  }
}

/// The frames of one zone that the kernel knows.
public struct ZoneExtent: Equatable, Sendable {
  /// Which zone it is.
  public let kind: ZoneKind
  /// The frames, consecutive by number; empty for a zone without memory.
  public let frames: Range<Int>
  /// The PFN of the first frame, 0 for a zone without memory.
  public let firstPFN: Int
  /// PFNs from the first to the last, holes included.
  public let spannedPages: Int

  init(_ kind: ZoneKind, _ frames: Range<Int>, _ map: MemoryMap) {
    self.kind = kind
    self.frames = frames
    guard let last = frames.last else {
      firstPFN = 0
      spannedPages = 0
      return
    }
    firstPFN = map.number(of: frames.lowerBound)
    spannedPages = map.number(of: last) - firstPFN + 1
  }

  /// Divides the first `presentFrames` frames of a memory map, the ones that the kernel knows.
  ///
  /// - Returns: every zone that the rules name, in the kernel's order, those without memory included.
  /// - Throws: ``ZoneLayoutError`` where a border lies inside a block, or Movable cannot have its size.
  ///
  /// Source: Linux v6.8 arm64 `zone_sizes_init`; `find_zone_movable_pfns_for_nodes`.
  public static func zones(
    of map: MemoryMap,
    presentFrames: Int,
    rules: ZoneRules,
    pageSize: PageSize,
    largestBlockPages: Int
  ) throws(ZoneLayoutError) -> [ZoneExtent] {
    let unitBytes = largestBlockPages * pageSize.bytes
    var zones: [ZoneExtent] = []
    var first = 0
    if rules.selection == .kernel, presentFrames > 0 {
      let start = map.number(of: 0) << pageSize.shift
      let end = (map.number(of: presentFrames - 1) + 1) << pageSize.shift
      let limits = [
        (ZoneKind.dma, limit(bits: min(32, rules.deviceAddressBits), start: start, end: end)),
        (ZoneKind.dma32, limit(bits: 32, start: start, end: end)),
      ]
      for (kind, limit) in limits {
        // The end of memory is no border between zones.
        guard limit == end || limit % unitBytes == 0 else {
          throw .border(kind, address: limit, unitBytes: unitBytes)
        }
        let next = max(first, min(map.frames(below: limit >> pageSize.shift), presentFrames))
        zones.append(ZoneExtent(kind, first..<next, map))
        first = next
      }
    }
    zones.append(ZoneExtent(.normal, first..<presentFrames, map))
    guard rules.movableBytes > 0 else {
      return zones + [ZoneExtent(.movable, presentFrames..<presentFrames, map)]
    }
    // Movable is cut off the highest zone that has memory.
    let highest = zones.lastIndex { !$0.frames.isEmpty } ?? zones.count - 1
    let donor = zones[highest]
    let split = movableStart(
      rules.movableBytes / pageSize.bytes,
      presentFrames: presentFrames,
      donor: donor,
      map: map,
      largestBlockPages: largestBlockPages
    )
    guard let split else {
      throw .movable(
        bytes: rules.movableBytes,
        memoryBytes: presentFrames * pageSize.bytes,
        unitBytes: unitBytes
      )
    }
    zones[highest] = ZoneExtent(donor.kind, donor.frames.lowerBound..<split, map)
    return zones + [ZoneExtent(.movable, split..<presentFrames, map)]
  }

  /// The address at which a zone of all addresses of so many bits ends, on a machine whose memory lies
  /// between `start` and `end`, in bytes.
  ///
  /// Source: Linux v6.8 arm64 `max_zone_phys`.
  public static func limit<Address: FixedWidthInteger>(
    bits: Int,
    start: Address,
    end: Address
  ) -> Address {
    if start >= 1 << 32 { return end }
    return min(start >= 1 << bits ? 1 << 32 : 1 << bits, end)
  }

  /// The first frame of Movable, `nil` where it would be empty or everything.
  ///
  /// What is not asked for Movable is the kernel's; the border between them is rounded up to a largest
  /// block, so that Movable is smaller than asked rather than larger, and is as large as the highest zone
  /// at most.
  private static func movableStart(
    _ movablePages: Int,
    presentFrames: Int,
    donor: ZoneExtent,
    map: MemoryMap,
    largestBlockPages: Int
  ) -> Int? {
    let unit = largestBlockPages
    let asked = min(movablePages, presentFrames).advanced(by: unit - 1) / unit * unit
    guard asked > 0, asked < presentFrames else { return nil }
    let start = max(donor.frames.lowerBound, presentFrames - asked)
    // Pieces begin at multiples of the largest block, so frame numbers are aligned as PFNs are.
    let rounded = (start + unit - 1) / unit * unit
    return rounded < presentFrames ? rounded : nil
  }
}
