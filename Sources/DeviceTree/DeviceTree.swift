// SPDX-License-Identifier: Apache-2.0

import CFDT

/// A flattened device tree, read whole.
///
/// libfdt checks the blob and walks it; what this module needs of it is copied, so that nothing points
/// into the blob afterwards.
///
/// Source: Devicetree Specification v0.4, chapters 2 and 5.
public struct DeviceTree: Sendable {
  /// The first four bytes of a blob.
  public static let magic: [UInt8] = [0xd0, 0x0d, 0xfe, 0xed]

  /// A node with its properties in the order of the blob.
  public struct Node: Sendable {
    /// The path from the root, which is `/`.
    public let path: String
    /// The index of the parent among ``DeviceTree/nodes``, `nil` for the root.
    public let parent: Int?
    /// Names and values.
    public let properties: [(name: String, value: [UInt8])]

    /// The name with its unit address, empty for the root.
    public var name: String { path.split(separator: "/").last.map(String.init) ?? "" }

    /// The value of a property, `nil` where the node has none of this name.
    public subscript(property: String) -> [UInt8]? {
      properties.first { $0.name == property }?.value
    }
  }

  /// All nodes in the order of the blob: a node stands before its children.
  public let nodes: [Node]

  /// Reads a blob.
  ///
  /// - Throws: where libfdt finds that the bytes are no whole and valid blob, or where names nest so
  ///   deep that the tree cannot be one of a machine.
  public init(blob: [UInt8]) throws(DeviceTreeError) {
    let status = unsafe blob.withUnsafeBytes { bytes in
      unsafe bytes.baseAddress.map { unsafe fdt_check_full($0, bytes.count) } ?? -FDT_ERR_TRUNCATED
    }
    guard status == 0 else { throw .invalidBlob(reason: Self.message(status)) }
    nodes = unsafe blob.withUnsafeBytes { bytes in
      // The blob has at least a header, so there is an address.
      unsafe bytes.baseAddress.map { unsafe Self.nodes(of: $0) } ?? []
    }
    guard !nodes.isEmpty else { throw .invalidBlob(reason: "no root node") }
  }

  /// Copies all nodes of a blob that libfdt found valid.
  private static func nodes(of blob: UnsafeRawPointer) -> [Node] {
    var nodes: [Node] = []
    // The node that is open at each depth.
    var open: [Int] = []
    var depth: Int32 = 0
    var offset: Int32 = 0
    while offset >= 0, depth >= 0 {
      open.removeLast(max(0, open.count - Int(depth)))
      let parent = open.last
      let name = unsafe fdt_get_name(blob, offset, nil).map { unsafe String(cString: $0) } ?? ""
      let prefix = parent.map { nodes[$0].path == "/" ? "" : nodes[$0].path } ?? ""
      nodes.append(
        Node(
          path: "\(prefix)/\(parent == nil ? "" : name)",
          parent: parent,
          properties: unsafe properties(of: blob, node: offset)
        )
      )
      open.append(nodes.count - 1)
      offset = unsafe fdt_next_node(blob, offset, &depth)
    }
    return nodes
  }

  private static func properties(
    of blob: UnsafeRawPointer,
    node: Int32
  ) -> [(name: String, value: [UInt8])] {
    var properties: [(name: String, value: [UInt8])] = []
    var offset = unsafe fdt_first_property_offset(blob, node)
    while offset >= 0 {
      var name: UnsafePointer<CChar>?
      var length: Int32 = 0
      let value = unsafe fdt_getprop_by_offset(blob, offset, &name, &length)
      if let value = unsafe value, let name = unsafe name, length >= 0 {
        let bytes = unsafe UnsafeRawBufferPointer(start: value, count: Int(length))
        unsafe properties.append((name: String(cString: name), value: Array(bytes)))
      }
      offset = unsafe fdt_next_property_offset(blob, offset)
    }
    return properties
  }

  private static func message(_ status: Int32) -> String {
    unsafe fdt_strerror(status).map { unsafe String(cString: $0) } ?? "error \(status)"
  }
}

/// Why a device tree cannot be read.
public enum DeviceTreeError: Error, Equatable, CustomStringConvertible {
  /// The bytes are no flattened device tree.
  case invalidBlob(reason: String)
  /// A property does not have the form that it must have.
  case property(node: String, name: String, expected: String, byteCount: Int)
  /// Nothing in the tree describes tag storage.
  case noTagStorage

  /// One line that says what was expected and what was found.
  public var description: String {
    switch self {
    case .invalidBlob(let reason):
      "expected a flattened device tree, found \(reason)"
    case .property(let node, let name, let expected, let byteCount):
      "\(node): expected \(name) of \(expected), found \(byteCount) bytes"
    case .noTagStorage:
      "expected a node that is compatible with arm,mte-tag-storage, found none"
    }
  }
}
