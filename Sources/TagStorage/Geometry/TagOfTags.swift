// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// Where tag storage lies so that its reusable part can itself be tagged.
///
/// With RAM of *R* bytes from address 0 and the tags of address *a* at *a* / 32 + `base`, the tags of
/// what lies below `base` take `base` / 32 bytes from `base` on and can be reused as data; the tags of
/// these take the rest of RAM and never can.
///
/// Source: specification of tag storage, section 2.7, second carve-out; recomputed there for 16 GiB.
public struct TagOfTagsLayout: Equatable, Sendable {
  /// RAM in bytes.
  public let ramBytes: UInt64
  /// The page size.
  public let pageSize: PageSize
  /// The address of the tag of address 0, in bytes; a multiple of 32 pages.
  public let base: UInt64

  /// The highest base at which the tag of the last reusable byte still lies in RAM.
  ///
  /// - Returns: `nil` for RAM that is too small for a base above 0.
  public init?(ramBytes: UInt64, pageSize: PageSize) {
    let step = UInt64(32 * pageSize.bytes)
    let (scaled, overflows) = ramBytes.multipliedReportingOverflow(by: 1024)
    guard !overflows, scaled < .max - 32 else { return nil }
    // The bound is strict, hence the -1 before rounding down.
    let base = ((scaled + 32 + 1056) / 1057 - 1) / step * step
    guard base > 0 else { return nil }
    self.init(ramBytes: ramBytes, pageSize: pageSize, base: base)
  }

  /// The layout with a chosen base, such as the one at the top 1/32 of RAM.
  ///
  /// - Returns: `nil` where `base` is not a multiple of 32 pages or lies outside RAM.
  public init?(ramBytes: UInt64, pageSize: PageSize, base: UInt64) {
    guard base > 0, base < ramBytes, base % UInt64(32 * pageSize.bytes) == 0 else { return nil }
    self.ramBytes = ramBytes
    self.pageSize = pageSize
    self.base = base
  }

  /// Tag storage that can hold data while its tags are not needed.
  public var reusable: PhysicalRange {
    PhysicalRange(start: base, byteCount: min(base / 32, ramBytes - base))
  }

  /// Tag storage that holds the tags of the reusable part and is lost.
  public var lost: PhysicalRange {
    PhysicalRange(start: reusable.end, byteCount: ramBytes - reusable.end)
  }

  /// The pages of ``reusable``.
  public var reusablePages: Int { reusable.pages(shift: pageSize.shift).count }

  /// The pages of ``lost``.
  public var lostPages: Int { Int(lost.byteCount) / pageSize.bytes }
}
