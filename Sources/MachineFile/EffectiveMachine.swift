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
    let width = designs.map { max($0.name.count, 12) }
    var lines = settingLines + [""]
    lines.append(Self.row("", designs.map(\.name), width))
    for group in groups {
      lines.append(group.title)
      for line in group.rows {
        lines.append(Self.row("  " + line.title, designs.map { line.value($0.layout) }, width))
      }
    }
    return lines.joined(separator: "\n") + "\n"
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
    [
      ("zone Normal, pages", zoneRows),
      ("watermarks, pages", markRows),
      ("lists of each CPU as the kernel sizes them, pages; this machine keeps none", listRows),
      ("tag storage, pages", tagStorageRows),
      ("memory given up before anything runs, KiB", overheadRows),
    ]
  }

  private var zoneRows: [Row] {
    [
      Row("spanned", \.presentPages),
      Row("present", \.presentPages),
      Row("managed (MemTotal)", \.managedPages),
      Row("of those CMA (CmaTotal)", \.cmaFrames.count),
      Row(
        "pageblocks",
        { [pageSize = configuration.pageSize] in
          ($0.presentPages + pageSize.pagesPerPageblock - 1) / pageSize.pagesPerPageblock
        }
      ),
      Row("kept from requests for Movable") { ZoneSize.lowMemoryReserves(of: $0.zones)[0][1] },
    ]
  }

  private var markRows: [Row] {
    let zone = configuration.zone
    let pageSize = configuration.pageSize
    return [
      Row("min_free_kbytes, KiB") {
        zone.minimumFree.kibibytes(
          managedPages: $0.managedPages,
          pageSize: pageSize,
          watermarkScaleFactor: zone.watermarkScaleFactor
        )
      },
      Row("min", \.watermarks.min),
      Row("low", \.watermarks.low),
      Row("high", \.watermarks.high),
      Row("boost at most") {
        Watermarks.largestBoost(
          highMark: $0.watermarks.high,
          managedPages: $0.managedPages,
          pageSize: pageSize,
          parameters: zone
        )
      },
    ]
  }

  private var listRows: [Row] {
    let (processors, pageSize) = (configuration.processors, configuration.pageSize)
    func size(_ layout: MachineLayout) -> PerCPUListSize {
      PerCPUListSize(
        managedPages: layout.managedPages,
        lowMark: layout.watermarks.low,
        processors: processors,
        pageSize: pageSize
      )
    }
    return [
      Row("batch") { size($0).batch },
      Row("high, at least") { size($0).highMinimum },
      Row("high, at most") { size($0).highMaximum },
    ]
  }

  private var tagStorageRows: [Row] {
    [
      Row("frames", text: { Self.range($0.region.tags) }),
      Row("pages", \.region.tags.count),
      Row("pages of a block", \.region.blockPages),
      Row("blocks", \.region.blockCount),
      Row("tagged memory, frames", text: { Self.range($0.region.memory) }),
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

  private static func range(_ frames: Range<Int>) -> String {
    frames.isEmpty ? "none" : "\(frames.lowerBound)-\(frames.upperBound - 1)"
  }

  private static func row(_ title: String, _ cells: [String], _ width: [Int]) -> String {
    let padded = zip(cells, width).map { cell, width in
      String(repeating: " ", count: max(0, width - cell.count)) + cell
    }
    let gap = String(repeating: " ", count: max(0, 34 - title.count))
    return ([title + gap] + padded).joined(separator: "  ")
  }
}
