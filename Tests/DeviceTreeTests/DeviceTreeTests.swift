// SPDX-License-Identifier: Apache-2.0

import DeviceTree
import MemoryModel
import TagStorage
import Testing

/// Blobs, built here token by token, read back.
@Suite struct DeviceTreeTests {
  /// A tree with tag storage as the newest binding wants it.
  private func rfc3(
    memoryReg: [UInt64] = [0x8000_0000, 0x4000_0000],
    link: UInt32 = 1
  ) -> TreeNode {
    TreeNode(
      "",
      ["#address-cells": .cells([2]), "#size-cells": .cells([2])],
      [
        TreeNode(
          "memory@80000000",
          [
            "device_type": .text("memory"), "reg": .numbers(memoryReg), "phandle": .cells([1]),
          ]
        ),
        TreeNode(
          "memory@c0000000",
          ["device_type": .text("memory"), "reg": .numbers([0xc000_0000, 0x200_0000])]
        ),
        TreeNode(
          "reserved-memory",
          ["#address-cells": .cells([2]), "#size-cells": .cells([2]), "ranges": .cells([])],
          [
            TreeNode(
              "tags@c0000000",
              [
                "compatible": .text("arm,mte-tag-storage"),
                "reg": .numbers([0xc000_0000, 0x200_0000]), "block-size": .cells([0x2000]),
                "tagged-memory": .cells([link]), "reusable": .cells([]),
              ]
            )
          ]
        ),
      ]
    )
  }

  @Test func readsTheNewestBinding() throws {
    let tree = try DeviceTree(blob: rfc3().blob)
    #expect(tree.nodes.map(\.path).first == "/" && tree.nodes.count == 5)
    #expect(tree.nodes[4].name == "tags@c0000000" && tree.nodes[4].parent == 3)
    #expect(
      try tree.memory() == [
        PhysicalRange(start: 0x8000_0000, byteCount: 1 << 30),
        PhysicalRange(start: 0xc000_0000, byteCount: 32 << 20),
      ]
    )
    #expect(tree.tagStorageBinding == .rfc3)
    #expect(
      try tree.tagStorage(binding: .rfc3) == [
        TagStorageDescription(
          name: "/reserved-memory/tags@c0000000",
          tags: PhysicalRange(start: 0xc000_0000, byteCount: 32 << 20),
          blockBytes: 0x2000,
          memory: .range(
            PhysicalRange(start: 0x8000_0000, byteCount: 1 << 30),
            node: "/memory@80000000",
            rangeCount: 1
          )
        )
      ]
    )
    #expect(throws: DeviceTreeError.noTagStorage) { try tree.tagStorage(binding: .rfc1) }
  }

  /// The older bindings find nodes at the root by name; cells of one word each.
  @Test(arguments: [
    (TagStorageBinding.rfc1, "metadata@80000000"), (.rfc2, "tag-storage@80000000"),
  ])
  func readsOlderBindings(binding: TagStorageBinding, name: String) throws {
    func tree(_ name: String, status: String) throws -> DeviceTree {
      let node = TreeNode(
        name,
        [
          "compatible": .text("arm,mte-tag-storage"), "reg": .cells([0x8000_0000, 0x200_0000]),
          "block-size": .cells([0x1000]), "memory": .cells([9]), "status": .text(status),
        ]
      )
      let memory = TreeNode(
        "memory@40000000",
        [
          "device_type": .text("memory"), "reg": .cells([0x4000_0000, 0x4000_0000]),
          "linux,phandle": .cells([9]),
        ]
      )
      let root = TreeNode("", ["#address-cells": .cells([1]), "#size-cells": .cells([1])])
      return try DeviceTree(blob: root.with([memory, node]).blob)
    }
    let found = try tree(name, status: "okay")
    #expect(found.tagStorageBinding == binding)
    let regions = try found.tagStorage(binding: binding)
    #expect(regions.map(\.tags) == [PhysicalRange(start: 0x8000_0000, byteCount: 32 << 20)])
    #expect(
      regions.map(\.memory) == [
        .range(
          PhysicalRange(start: 0x4000_0000, byteCount: 1 << 30),
          node: "/memory@40000000",
          rangeCount: 1
        )
      ]
    )
    #expect(try tree(name, status: "disabled").tagStorageBinding == nil)
    #expect(try tree("other@80000000", status: "okay").tagStorageBinding == nil)
  }

  @Test func linksThatLeadNowhere() throws {
    func memory(_ node: TreeNode) throws -> TagStorageDescription.TaggedMemory {
      try DeviceTree(blob: node.blob).tagStorage(binding: .rfc3)[0].memory
    }
    #expect(try memory(rfc3(link: 77)) == .noNode(phandle: 77))
    #expect(try memory(rfc3(memoryReg: [])) == .noAddress(node: "/memory@80000000"))
    let several = try memory(rfc3(memoryReg: [0x8000_0000, 0x1000, 0x9000_0000, 0x1000]))
    #expect(
      several
        == .range(
          PhysicalRange(start: 0x8000_0000, byteCount: 0x1000),
          node: "/memory@80000000",
          rangeCount: 2
        )
    )
  }

  /// Memory behind a bus is where the bus's `ranges` puts it, or nowhere.
  @Test(arguments: [true, false]) func addressesTranslate(hasRanges: Bool) throws {
    var bus: [String: TreeNode.Value] = ["#address-cells": .cells([1]), "#size-cells": .cells([1])]
    if hasRanges { bus["ranges"] = .cells([0x1000, 0x2, 0x1000_0000, 0x1_0000]) }
    let root = TreeNode(
      "",
      ["#address-cells": .cells([2]), "#size-cells": .cells([2])],
      [TreeNode("bus", bus, [TreeNode("m", ["reg": .cells([0x3000, 0x4000])])])]
    )
    let tree = try DeviceTree(blob: root.blob)
    let node = try #require(tree.nodes.firstIndex { $0.name == "m" })
    let range = try #require(try tree.ranges(of: node).first)
    #expect(range == PhysicalRange(start: 0x3000, byteCount: 0x4000))
    let expected = PhysicalRange(start: 0x2_1000_2000, byteCount: 0x4000)
    #expect(tree.translated(range, of: node) == (hasRanges ? expected : nil))
  }

  @Test func wrongPropertiesAreNamed() throws {
    let root = TreeNode(
      "",
      ["#address-cells": .cells([2]), "#size-cells": .cells([2])],
      [TreeNode("memory@0", ["device_type": .text("memory"), "reg": .cells([1, 2, 3])])]
    )
    let error = #expect(throws: DeviceTreeError.self) {
      try DeviceTree(blob: root.blob).memory()
    }
    #expect(
      error?.description == "/memory@0: expected reg of whole ranges of 4 cells, found 12 bytes"
    )
  }

  @Test func cutAndChangedBlobsAreRefused() throws {
    let blob = rfc3().blob
    for length in 0..<blob.count {
      #expect(throws: DeviceTreeError.self, "\(length)") {
        try DeviceTree(blob: Array(blob.prefix(length)))
      }
    }
    // Any single byte changed: refused, or read without harm.
    for index in blob.indices {
      for mask in [0x01, 0x80, 0xff] as [UInt8] {
        var changed = blob
        changed[index] ^= mask
        let tree = try? DeviceTree(blob: changed)
        _ = try? tree?.memory()
        _ = try? tree?.tagStorage(binding: .rfc3)
      }
    }
  }
}
