// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// A range of physical addresses that is memory, in bytes.
public struct MemoryRange: Hashable, Sendable {
  /// The first address.
  public let start: Int
  /// The number of bytes.
  public let size: Int

  /// Creates a range.
  ///
  /// - Precondition: neither number is negative, and both are below 2^62.
  public init(start: Int, size: Int) {
    precondition(start >= 0 && start >> 62 == 0, "memory from \(start)")
    precondition(size >= 0 && size >> 62 == 0, "memory of \(size) bytes")
    self.start = start
    self.size = size
  }

  /// The address behind the last.
  public var end: Int { start + size }
}

extension MemoryRange: CustomStringConvertible {
  /// First and last address, in hexadecimal digits, as `/proc/iomem` prints them.
  public var description: String {
    "0x\(String(start, radix: 16))-0x\(String(max(start, end - 1), radix: 16))"
  }
}

/// Why ranges cannot be the memory of a machine.
public enum MemoryMapError: Error, Equatable, CustomStringConvertible {
  /// A range begins or ends inside a block of the buddy allocator.
  case unaligned(MemoryRange, unitBytes: Int)
  /// A range is empty or no whole number of pages.
  case notWholePages(MemoryRange, pageBytes: Int)
  /// Two ranges have addresses in common.
  case overlap(MemoryRange, MemoryRange)
  /// A range lies above the addresses that the kernel translates.
  case beyondAddresses(MemoryRange, addressBits: Int)

  /// One line that says what was expected and what was found.
  public var description: String {
    switch self {
    case .unaligned(let range, let unitBytes):
      "expected memory that begins, and ends unless it is the last, at a multiple of"
        + " \(unitBytes / 1024) KiB, the largest block, found \(range)"
    case .notWholePages(let range, let pageBytes):
      "expected memory of one or more whole pages of \(pageBytes / 1024) KiB, found \(range)"
    case .overlap(let first, let second):
      "expected memory ranges without common addresses, found \(first) and \(second)"
    case .beyondAddresses(let range, let addressBits):
      "expected memory below 2^\(addressBits), found \(range)"
    }
  }
}

/// Which frame lies at which physical address.
///
/// The frames of a machine are numbered from 0 without gaps, in the order of their addresses, so that
/// no record is spent on holes. A piece of consecutive page frame numbers (PFN) begins at a multiple of
/// the largest block in both numberings; a frame number and its PFN are therefore aligned alike, and
/// buddies, pageblocks and CMA areas are found by frame number alone.
///
///     address   0x80000000 ... 0xffffffff      0x880000000 ... 0x8ffffffff
///     PFN          0x80000 ... 0xfffff            0x880000 ... 0x8fffff
///     frame              0 ... 0x7ffff             0x80000 ... 0xfffff
public struct MemoryMap: Equatable, Sendable {
  /// Frames whose PFNs are consecutive.
  public struct Piece: Equatable, Sendable {
    /// The frames.
    public let frames: Range<Int>
    /// The PFN of the first.
    public let firstPFN: Int

    /// The PFNs.
    public var numbers: Range<Int> { firstPFN..<firstPFN + frames.count }
  }

  /// The pieces in ascending order; neighbours have a hole between them.
  public let pieces: [Piece]

  /// Bits of the physical addresses that arm64 translates with these pages.
  ///
  /// Source: Linux v6.8 `CONFIG_ARM64_PA_BITS`.
  static func addressBits(_ pageSize: PageSize) -> Int { pageSize == .kib64 ? 52 : 48 }

  /// Lays out memory from address 0.
  public init(frameCount: Int) {
    pieces = frameCount > 0 ? [Piece(frames: 0..<frameCount, firstPFN: 0)] : []
  }

  /// Lays out ranges, which may be in any order and may touch.
  ///
  /// - Throws: ``MemoryMapError`` for the first range, by address, that cannot be.
  public init(
    _ ranges: [MemoryRange],
    pageSize: PageSize,
    largestBlockPages: Int
  ) throws(MemoryMapError) {
    let ranges = ranges.sorted { $0.start < $1.start }
    let unitBytes = largestBlockPages * pageSize.bytes
    let addressBits = Self.addressBits(pageSize)
    var pieces: [Piece] = []
    for (index, range) in ranges.enumerated() {
      guard range.size > 0, range.size % pageSize.bytes == 0 else {
        throw .notWholePages(range, pageBytes: pageSize.bytes)
      }
      guard range.end <= 1 << addressBits else {
        throw .beyondAddresses(range, addressBits: addressBits)
      }
      if index > 0, ranges[index - 1].end > range.start {
        throw .overlap(ranges[index - 1], range)
      }
      let isLast = index == ranges.count - 1
      guard range.start % unitBytes == 0, isLast || range.end % unitBytes == 0 else {
        throw .unaligned(range, unitBytes: unitBytes)
      }
      let firstFrame = pieces.last?.frames.upperBound ?? 0
      let piece = Piece(
        frames: firstFrame..<firstFrame + range.size / pageSize.bytes,
        firstPFN: range.start / pageSize.bytes
      )
      if let last = pieces.last, last.numbers.upperBound == piece.firstPFN {
        pieces[pieces.count - 1] = Piece(
          frames: last.frames.lowerBound..<piece.frames.upperBound,
          firstPFN: last.firstPFN
        )
      } else {
        pieces.append(piece)
      }
    }
    self.pieces = pieces
  }

  /// The number of frames.
  public var frameCount: Int { pieces.last?.frames.upperBound ?? 0 }

  /// The PFN of a frame.
  ///
  /// - Precondition: 0 <= `frame` < ``frameCount``.
  /// - Complexity: O(*p*), where *p* is the number of pieces.
  public func number(of frame: Int) -> Int {
    for piece in pieces where piece.frames.contains(frame) {
      return piece.firstPFN + frame - piece.frames.lowerBound
    }
    preconditionFailure("frame \(frame) of \(frameCount)")
  }

  /// How many frames have PFNs below a number; this is also the first frame that does not.
  public func frames(below number: Int) -> Int {
    pieces.reduce(0) { count, piece in
      count + min(max(0, number - piece.firstPFN), piece.frames.count)
    }
  }

  /// Whether the PFNs of a range of frames are consecutive.
  public func isContiguous(_ frames: Range<Int>) -> Bool {
    frames.isEmpty
      || number(of: frames.upperBound - 1) - number(of: frames.lowerBound) == frames.count - 1
  }
}
