// SPDX-License-Identifier: Apache-2.0

import DeviceTree
import MachineFile
import MemoryModel
import PhysicalMemory
import TagStorage
import TraceFormat

/// A device tree that a command was given: a blob, or source that `dtc` compiles.
struct DeviceTreeInput {
  /// The file, as the command line has it.
  var path: String
  /// The binding to read, `nil` for the one that the tree follows.
  var binding: TagStorageBinding?
  /// The page size to compute with.
  var pageSize: PageSize
  /// Whether to compute as the posted code does.
  var countsAsPosted: Bool

  /// Whether a file is a device tree by its name.
  static func isDeviceTree(_ path: String) -> Bool {
    path.hasSuffix(".dtb") || path.hasSuffix(".dts")
  }

  /// What the kernel makes of the tree's tag storage, as text.
  ///
  /// - Throws: where the file is no device tree, or where dynamic tag storage would be off.
  func text() throws(Failure) -> String {
    let blob = try blob()
    let binding: TagStorageBinding
    let descriptions: [TagStorageDescription]
    let memory: [PhysicalRange]
    do throws(DeviceTreeError) {
      let tree = try DeviceTree(blob: blob)
      guard let found = self.binding ?? tree.tagStorageBinding else {
        throw .noTagStorage
      }
      binding = found
      descriptions = try tree.tagStorage(binding: found)
      memory = try tree.memory()
    } catch {
      throw Failure(.badInput, "\(path): \(error)")
    }
    // RFC v1 and v2 have the kernel add the tag ranges to what memory nodes describe.
    let present = binding.needsCoveringMemory ? memory : memory + descriptions.map(\.tags)
    let map = GeometryMap(
      pageSize: pageSize,
      memory: present,
      zones: GeometryMap.zones(of: present, pageSize: pageSize)
    )
    let check = GeometryCheck(
      descriptions,
      binding: binding,
      map: map,
      countsAsPosted: countsAsPosted
    )
    guard let geometry = check.geometry else {
      throw Failure(.badInput, "\(path): \(check.violations.last?.description ?? "no regions")")
    }
    return GeometryText(
      path: path,
      binding: binding,
      map: map,
      geometry: geometry,
      violations: check.violations
    ).text
  }

  private func blob() throws(Failure) -> [UInt8] {
    do throws(TraceError) {
      let bytes = try InputFile.contents(of: path)
      guard path.hasSuffix(".dts"), !bytes.starts(with: DeviceTree.magic) else { return bytes }
    } catch {
      throw Failure(error)
    }
    return try DeviceTreeCompiler.blob(ofSource: path)
  }
}

/// The lines of `mtesim machine check` about a device tree.
private struct GeometryText {
  let path: String
  let binding: TagStorageBinding
  let map: GeometryMap
  let geometry: TagStorageGeometry
  let violations: [GeometryViolation]

  var text: String {
    var lines = ["\(path): binding \(binding.rawValue), pages of \(map.pageSize.name)", ""]
    for range in map.memory.sorted(by: { $0.start < $1.start }) {
      lines.append(line("memory", range))
    }
    for zone in map.zones {
      let range = self.range(zone.frames)
      // A zone reaches over holes.
      let present = map.memory.reduce(0) { $0 + $1.overlap(with: range) }
      lines.append(line("zone", range, ", \(zone.kind.name)", present: present))
    }
    for (index, region) in geometry.regions.enumerated() {
      lines += [
        "",
        "  region \(index), a block of tags for"
          + " \(TagStorageRegion.dataFramesPerTagFrame * region.blockPages) pages",
        line("memory", range(region.memory)),
        line(
          "tags",
          range(region.tags),
          ", \(region.blockCount) blocks of \(sizeText(region.blockPages * map.pageSize.bytes))"
        ),
      ]
    }
    lines.append("")
    lines += violations.map { "  \($0)" }
    let tagPages = geometry.regions.reduce(0) { $0 + $1.tags.count }
    lines.append(
      "  dynamic tag storage is on: \(count(geometry.regions.count, "region")) with"
        + " \(sizeText(tagPages * map.pageSize.bytes))"
    )
    return lines.map { $0 + "\n" }.joined()
  }

  private func line(
    _ title: String,
    _ range: PhysicalRange,
    _ note: String = "",
    present: UInt64? = nil
  ) -> String {
    let size = sizeText(Int(present ?? range.byteCount))
    return "  \(padded(title, 8))\(padded(range.description, 26))\(size)\(note)"
  }

  private func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(2, width - text.count))
  }

  private func range(_ frames: Range<Int>) -> PhysicalRange {
    PhysicalRange(
      start: UInt64(frames.lowerBound) << UInt64(map.pageSize.shift),
      byteCount: UInt64(frames.count) << UInt64(map.pageSize.shift)
    )
  }

  private func count(_ number: Int, _ noun: String) -> String {
    "\(number) \(noun)\(number == 1 ? "" : "s")"
  }
}
