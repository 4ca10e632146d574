// SPDX-License-Identifier: Apache-2.0

public import MachineModel
import MemoryModel
import PhysicalMemory
public import TagStorage

/// What a configuration amounts to: zones, watermarks and tag storage, design by design.
public struct EffectiveMachine {
  private let configuration: MachineConfiguration
  private let designs: [(name: String, layout: MachineLayout)]

  /// Lays out the machine under each design.
  ///
  /// - Throws: ``MachineModel/MachineError`` for the first design that the machine cannot have.
  public init(
    _ configuration: MachineConfiguration,
    designs: [TagStorageDesign]
  ) throws(MachineError) {
    self.configuration = configuration
    var layouts: [(name: String, layout: MachineLayout)] = []
    for design in designs {
      var configuration = configuration
      configuration.design = design
      layouts.append((design.rawValue, try MachineLayout(configuration)))
    }
    self.designs = layouts
  }

  /// The settings that differ from the defaults, and a table with one column for each design.
  public var text: String {
    let table = groups.map { group in
      (title: group.title, rows: group.rows.map { ($0.title, cells(of: $0)) })
    }
    let width = designs.indices.map { column in
      let cells = table.flatMap(\.rows).map { $0.1[column].count }
      return cells.reduce(max(designs[column].name.count, 12), max)
    }
    var lines = settingLines + ["", Self.row("", designs.map(\.name), width)]
    for group in table {
      lines.append(group.title)
      lines += group.rows.map { Self.row("  " + $0.0, $0.1, width) }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func cells(of row: Row) -> [String] {
    designs.map { row.value($0.layout) }
  }

  private var settingLines: [String] {
    let changed = MachineKey.settings(of: configuration).filter { !$0.isDefault }
    guard !changed.isEmpty else { return ["settings: all defaults"] }
    return ["settings other than the defaults"] + changed.map { "  \($0.name) = \($0.value)" }
  }

  private struct Row {
    let title: String
    let value: (MachineLayout) -> String

    init(_ title: String, _ value: @escaping (MachineLayout) -> Int) {
      self.title = title
      self.value = { "\(value($0))" }
    }

    init(_ title: String, text value: @escaping (MachineLayout) -> String) {
      self.title = title
      self.value = value
    }
  }

  private var groups: [(title: String, rows: [Row])] {
    [("memory, pages", memoryRows)]
      + zoneKinds.map { ("zone \($0.name), pages", zoneRows($0)) }
      + [
        ("tag storage, pages", tagStorageRows),
        ("memory given up before anything runs, KiB", overheadRows),
      ]
  }

  /// The zones that have memory under some design.
  private var zoneKinds: [ZoneKind] {
    ZoneKind.allCases.filter { kind in
      designs.contains { Self.zone(kind, of: $0.layout)?.extent.frames.isEmpty == false }
    }
  }

  private static func zone(_ kind: ZoneKind, of layout: MachineLayout) -> ZonePlan? {
    layout.zones.first { $0.extent.kind == kind }
  }

  private var memoryRows: [Row] {
    let (zone, pageSize) = (configuration.zone, configuration.pageSize)
    return [
      Row("managed (MemTotal)", \.managedPages),
      Row("of those CMA (CmaTotal)", \.cmaFrames.count),
      Row("min_free_kbytes, KiB") {
        MinimumFree.kibibytes(of: $0.zoneSizes, pageSize: pageSize, parameters: zone)
      },
    ]
  }

  /// The rows of a zone; the last ones are the page list of a CPU.
  private func zoneRows(_ kind: ZoneKind) -> [Row] {
    let pageSize = configuration.pageSize
    let parameters = configuration.zone
    func row(_ title: String, _ value: @escaping (ZonePlan) -> Int) -> Row {
      Row(title, text: { layout in Self.zone(kind, of: layout).map { "\(value($0))" } ?? "-" })
    }
    func list(_ zone: ZonePlan) -> PerCPUListSize {
      PerCPUListSize(
        managedPages: zone.managedPages,
        lowMark: zone.watermarks.low,
        processors: parameters.listProcessors,
        pageSize: pageSize
      )
    }
    let columns = designs.first?.layout.zones.map(\.extent.kind) ?? []
    let kept = columns.indices.filter { columns[$0].rawValue > max(kind.rawValue, 1) }.map {
      place in
      row("kept from requests for \(columns[place].name)") { $0.reserves[place] }
    }
    return [
      Row("PFN", text: { layout in Self.numbers(Self.zone(kind, of: layout)) }),
      row("spanned") { $0.extent.spannedPages },
      row("present") { $0.extent.frames.count },
      row("managed") { $0.managedPages },
      row("of those CMA") { $0.cmaPages },
      row("pageblocks") {
        let order = parameters.pageblockOrder(pageSize)
        return ($0.extent.frames.count + 1 << order - 1) >> order
      },
      row("min") { $0.watermarks.min },
      row("low") { $0.watermarks.low },
      row("high") { $0.watermarks.high },
      row("boost at most") {
        Watermarks.largestBoost(
          highMark: $0.watermarks.high,
          managedPages: $0.managedPages,
          pageSize: pageSize,
          parameters: parameters
        )
      },
    ] + kept + [
      row("list of a CPU, batch") { list($0).batch },
      row("list of a CPU, high at least") { list($0).highMinimum },
      row("list of a CPU, high at most") { list($0).highMaximum },
    ]
  }

  private static func numbers(_ zone: ZonePlan?) -> String {
    guard let extent = zone?.extent, !extent.frames.isEmpty else { return "none" }
    return "\(extent.firstPFN)-\(extent.firstPFN + extent.spannedPages - 1)"
  }

  private var tagStorageRows: [Row] {
    [
      Row(
        "PFN of tag storage",
        text: { Self.ranges($0.kernelRegions.regions.map(\.tags), $0.map) }
      ),
      Row("pages", \.region.tags.count),
      Row("pages of a block", \.region.blockPages),
      Row("blocks", \.region.blockCount),
      Row("PFN of tagged memory", text: { Self.ranges([$0.region.memory], $0.map) }),
    ] + tagOfTagsRows + storeRows
  }

  /// The tag storage that belongs to a store and not to the page allocator, where a design has one.
  private var storeRows: [Row] {
    guard designs.contains(where: { $0.layout.storePages > 0 }) else { return [] }
    return [Row("in a store of copies", \.storePages)]
  }

  /// What the tags of tag storage take, where a design has them.
  private var tagOfTagsRows: [Row] {
    func pages(_ region: TagStorageRegion) -> Int {
      (region.blockCount - region.firstBlockOfTagStorage) * region.blockPages
    }
    guard designs.contains(where: { pages($0.layout.region) > 0 }) else { return [] }
    let best = TagOfTagsLayout(
      ramBytes: UInt64(configuration.ramBytes),
      pageSize: configuration.pageSize
    )
    return [
      Row("never reused, for tags of tags") { pages($0.region) },
      // What tag storage that is not the top 1/32 of RAM could spare.
      Row(
        "the least of them there can be",
        text: { layout in
          pages(layout.region) > 0 ? best.map { "\($0.lostPages)" } ?? "-" : "0"
        }
      ),
    ]
  }

  private var overheadRows: [Row] {
    let kibibytesPerPage = configuration.pageSize.bytes / 1024
    return [
      Row("tag storage withheld") { $0.withheldPages * kibibytesPerPage },
      Row("page descriptors") { $0.descriptorPages * kibibytesPerPage },
      Row("zero page") { _ in kibibytesPerPage },
    ]
  }

  /// The PFNs of ranges of frames, each piece of memory apart.
  private static func ranges(_ ranges: [Range<Int>], _ map: MemoryMap) -> String {
    let pieces = ranges.flatMap { frames in map.pieces.map { frames.clamped(to: $0.frames) } }
    let texts = pieces.filter { !$0.isEmpty }.map {
      "\(map.number(of: $0.lowerBound))-\(map.number(of: $0.upperBound - 1))"
    }
    return texts.isEmpty ? "none" : texts.joined(separator: ",")
  }

  private static func row(_ title: String, _ cells: [String], _ width: [Int]) -> String {
    let padded = zip(cells, width).map { cell, width in
      String(repeating: " ", count: max(0, width - cell.count)) + cell
    }
    let gap = String(repeating: " ", count: max(0, 34 - title.count))
    return ([title + gap] + padded).joined(separator: "  ")
  }
}
