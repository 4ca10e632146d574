// SPDX-License-Identifier: Apache-2.0

public import TagStorage

extension DeviceTree {
  /// The memory that nodes with the type `memory` describe, without empty ranges.
  public func memory() throws(DeviceTreeError) -> [PhysicalRange] {
    var memory: [PhysicalRange] = []
    for node in children(of: 0) where isEnabled(node) {
      guard nodes[node]["device_type"].map(strings) == ["memory"] else { continue }
      memory += try ranges(of: node).filter { $0.byteCount > 0 }
    }
    return memory
  }

  /// The binding that the tree's tag storage follows, by the place and name of its nodes.
  ///
  /// - Returns: `nil` where no enabled node is compatible with tag storage in a place where a binding
  ///   looks for it. Where several bindings find nodes, the newest.
  public var tagStorageBinding: TagStorageBinding? {
    TagStorageBinding.allCases.last { !tagStorageNodes(under: $0).isEmpty }
  }

  /// The descriptions of all regions that a binding finds, in the order of the tree.
  ///
  /// - Throws: where a `reg` or `block-size` has the wrong form, or where there is no region.
  public func tagStorage(
    binding: TagStorageBinding
  ) throws(DeviceTreeError) -> [TagStorageDescription] {
    var descriptions: [TagStorageDescription] = []
    for node in tagStorageNodes(under: binding) {
      descriptions.append(try description(of: node, binding: binding))
    }
    guard !descriptions.isEmpty else { throw .noTagStorage }
    return descriptions
  }

  private func tagStorageNodes(under binding: TagStorageBinding) -> [Int] {
    let parents =
      binding == .rfc3 ? nodes.indices.filter { nodes[$0].path == "/reserved-memory" } : [0]
    return parents.flatMap(children).filter { node in
      isEnabled(node)
        && nodes[node]["compatible"].map(strings)?.contains(TagStorageBinding.compatible) == true
        && (binding.nodeName.map { nodes[node].name.contains($0) } ?? true)
    }
  }

  private func description(
    of node: Int,
    binding: TagStorageBinding
  ) throws(DeviceTreeError) -> TagStorageDescription {
    let path = nodes[node].path
    let ranges = try ranges(of: node)
    guard ranges.count == 1 else {
      throw .property(
        node: path,
        name: "reg",
        expected: "one range",
        byteCount: nodes[node]["reg"]?.count ?? 0
      )
    }
    var blockBytes: UInt32?
    if let value = nodes[node]["block-size"] {
      guard let cells = cells(value), cells.count == 1 else {
        throw .property(
          node: path,
          name: "block-size",
          expected: "one cell",
          byteCount: value.count
        )
      }
      blockBytes = cells[0]
    }
    return TagStorageDescription(
      name: path,
      tags: ranges[0],
      blockBytes: blockBytes,
      memory: try taggedMemory(of: node, binding: binding)
    )
  }

  private func taggedMemory(
    of node: Int,
    binding: TagStorageBinding
  ) throws(DeviceTreeError) -> TagStorageDescription.TaggedMemory {
    guard let value = nodes[node][binding.linkProperty] else { return .noLink }
    guard let cells = cells(value), cells.count == 1 else {
      throw .property(
        node: nodes[node].path,
        name: binding.linkProperty,
        expected: "one phandle",
        byteCount: value.count
      )
    }
    guard let memory = self.node(withPhandle: cells[0]) else { return .noNode(phandle: cells[0]) }
    let path = nodes[memory].path
    let ranges = try ranges(of: memory)
    guard let first = ranges.first else { return .noAddress(node: path) }
    guard let range = translated(first, of: memory) else { return .notTranslated(node: path) }
    return .range(range, node: path, rangeCount: ranges.count)
  }
}
