// SPDX-License-Identifier: Apache-2.0

public import TagStorage

extension DeviceTree {
  /// The index of the node with a phandle.
  public func node(withPhandle phandle: UInt32) -> Int? {
    nodes.indices.first { index in
      ["phandle", "linux,phandle"].contains { cells(nodes[index][$0]) == [phandle] }
    }
  }

  /// The indices of a node's children, in order.
  public func children(of node: Int) -> [Int] { nodes.indices.filter { nodes[$0].parent == node } }

  /// Whether a node is in use, which it is unless it says otherwise.
  public func isEnabled(_ node: Int) -> Bool {
    guard let status = nodes[node]["status"].map(strings) else { return true }
    return status == ["okay"] || status == ["ok"]
  }

  /// A property as texts, each of which ends in a zero byte.
  func strings(_ value: [UInt8]) -> [String] {
    value.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
  }

  /// A property as 32-bit big-endian cells, `nil` where it is missing or no whole number of cells.
  func cells(_ value: [UInt8]?) -> [UInt32]? {
    guard let value, value.count % 4 == 0 else { return nil }
    return stride(from: 0, to: value.count, by: 4).map { index in
      value[index..<(index + 4)].reduce(0) { $0 << 8 | UInt32($1) }
    }
  }

  /// The cells of an address or a size below a node.
  ///
  /// Source: Devicetree Specification v0.4, section 2.3.5; where the property is missing it is 2 for
  /// addresses and 1 for sizes.
  private func cellCount(_ property: String, of node: Int, default standard: Int) -> Int {
    cells(nodes[node][property])?.first.map { Int(min($0, 16)) } ?? standard
  }

  private func addressCells(of node: Int) -> Int {
    cellCount("#address-cells", of: node, default: 2)
  }

  private func sizeCells(of node: Int) -> Int { cellCount("#size-cells", of: node, default: 1) }

  /// A number of several cells, `nil` where it has no cells or does not fit 64 bits.
  private func number(_ cells: ArraySlice<UInt32>) -> UInt64? {
    guard !cells.isEmpty, cells.dropLast(2).allSatisfy({ $0 == 0 }) else { return nil }
    return cells.suffix(2).reduce(0) { $0 << 32 | UInt64($1) }
  }

  /// The ranges in a node's `reg`, empty ones included; none where the node has no `reg`.
  ///
  /// - Throws: where `reg` is no whole number of ranges, or a range does not fit 64 bits.
  public func ranges(of node: Int) throws(DeviceTreeError) -> [PhysicalRange] {
    guard let value = nodes[node]["reg"], let parent = nodes[node].parent else { return [] }
    let (address, size) = (addressCells(of: parent), sizeCells(of: parent))
    let stride = address + size
    func bad(_ expected: String) -> DeviceTreeError {
      .property(node: nodes[node].path, name: "reg", expected: expected, byteCount: value.count)
    }
    guard stride > 0, let cells = cells(value), cells.count % stride == 0 else {
      throw bad("whole ranges of \(stride) cells")
    }
    var ranges: [PhysicalRange] = []
    for first in Swift.stride(from: 0, to: cells.count, by: stride) {
      guard
        let start = number(cells[first..<(first + address)]),
        let byteCount = number(cells[(first + address)..<(first + stride)]),
        byteCount <= UInt64.max - start
      else { throw bad("ranges below 2^64") }
      ranges.append(PhysicalRange(start: start, byteCount: byteCount))
    }
    return ranges
  }

  /// A range of a node's `reg` as the processor sees it.
  ///
  /// - Returns: `nil` where a parent does not say how its addresses translate.
  ///
  /// Source: Devicetree Specification v0.4, section 2.3.8.
  public func translated(_ range: PhysicalRange, of node: Int) -> PhysicalRange? {
    var range = range
    var bus = nodes[node].parent
    while let child = bus, let parent = nodes[child].parent {
      guard let value = nodes[child]["ranges"], let cells = cells(value) else { return nil }
      if !cells.isEmpty {
        guard let next = translate(range, through: cells, from: child, to: parent) else {
          return nil
        }
        range = next
      }
      bus = parent
    }
    return range
  }

  private func translate(
    _ range: PhysicalRange,
    through cells: [UInt32],
    from bus: Int,
    to parent: Int
  ) -> PhysicalRange? {
    let (child, outer, size) = (
      addressCells(of: bus), addressCells(of: parent), sizeCells(of: bus)
    )
    let stride = child + outer + size
    guard stride > 0, cells.count % stride == 0 else { return nil }
    for first in Swift.stride(from: 0, to: cells.count, by: stride) {
      guard
        let start = number(cells[first..<(first + child)]),
        let target = number(cells[(first + child)..<(first + child + outer)]),
        let byteCount = number(cells[(first + child + outer)..<(first + stride)]),
        byteCount <= UInt64.max - start,
        PhysicalRange(start: start, byteCount: byteCount).contains(range)
      else { continue }
      let (moved, overflows) = target.addingReportingOverflow(range.start - start)
      guard !overflows, range.byteCount <= UInt64.max - moved else { return nil }
      return PhysicalRange(start: moved, byteCount: range.byteCount)
    }
    return nil
  }
}
