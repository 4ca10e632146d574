// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// How many levels of tables a virtual address is translated by, and what each table spans.
///
/// | pages | address bits | levels | a leaf table spans | next levels span |
/// |---|---|---|---|---|
/// | 4K | 39 | 3 | 2 MiB | 1 GiB |
/// | 4K | 48 | 4 | 2 MiB | 1 GiB, 512 GiB |
/// | 16K | 47 | 3 | 32 MiB | 64 GiB |
/// | 16K | 48 | 4 | 32 MiB | 64 GiB, 128 TiB |
/// | 64K | 42 | 2 | 512 MiB | |
/// | 64K | 48 | 3 | 512 MiB | 4 TiB |
///
/// The top table is not among the spans: there is one for each process.
///
/// Source: Arm Architecture Reference Manual, chapter D8; Linux v6.8 arm64 Kconfig.
public struct TableLayout: Equatable, Sendable {
  /// The size of a page, and of a table.
  public let pageSize: PageSize
  /// Bits of a virtual address.
  public let addressBits: Int

  /// Creates a layout.
  ///
  /// - Precondition: `addressBits` is above `pageSize.shift` and at most 52.
  public init(pageSize: PageSize, addressBits: Int) {
    precondition(
      addressBits > pageSize.shift && addressBits <= 52,
      "\(addressBits) address bits with pages of \(pageSize.name)"
    )
    self.pageSize = pageSize
    self.addressBits = addressBits
  }

  /// The arm64 default of Android and of small machines: 39, 47 or 42 bits.
  public static func standard(_ pageSize: PageSize) -> TableLayout {
    switch pageSize {
    case .kib4: TableLayout(pageSize: pageSize, addressBits: 39)
    case .kib16: TableLayout(pageSize: pageSize, addressBits: 47)
    case .kib64: TableLayout(pageSize: pageSize, addressBits: 42)
    }
  }

  /// The number of levels, the top one included.
  public var levels: Int {
    let bits = Self.bitsPerLevel(pageSize)
    return (addressBits - pageSize.shift + bits - 1) / bits
  }

  /// For each level below the top, leaf tables first: the power of two of the pages that one table
  /// spans.
  public var spanShifts: [Int] {
    (1..<levels).map { $0 * Self.bitsPerLevel(pageSize) }
  }

  /// Bytes of the top table: a page, or less where few of its entries can be used.
  public var topTableBytes: Int {
    let bits = addressBits - pageSize.shift - (levels - 1) * Self.bitsPerLevel(pageSize)
    return 8 << bits
  }

  /// Index bits of one level: 9, 11 or 13.
  private static func bitsPerLevel(_ pageSize: PageSize) -> Int { pageSize.shift - 3 }
}
