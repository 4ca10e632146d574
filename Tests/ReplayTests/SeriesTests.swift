// SPDX-License-Identifier: Apache-2.0

import Foundation
import MachineModel
import MemoryModel
import Replay
import TagStorage
import Testing

/// What a series over time says, beside the report of the same run.
@Suite struct SeriesTests {
  private static let designs = TagStorageDesign.allCases

  private static func configuration(_ design: TagStorageDesign) -> MachineConfiguration {
    var configuration = MachineConfiguration()
    configuration.design = design
    configuration.groupLimitBytes = 64 * 4096
    return configuration
  }

  /// Two programs with a fork each, in too little memory.
  private static func run(
    _ design: TagStorageDesign,
    points: Int?,
    verified: Bool = true
  ) throws -> (report: DesignReport, series: RunSeries?) {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("mtesim-series-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("case.trace")
    let program =
      swappingProgram(pages: 90, rounds: 6) + "mark half\nfork 1\nprocess 1\n"
      + (0..<90).map { "write 0x\(hex(0x100000 + $0 * 4096))\n" }.joined()
      + "process 0\n" + (0..<90).map { "write 0x\(hex(0x100000 + $0 * 4096))\n" }.joined()
    try Data(program.utf8).write(to: file)
    let configuration = configuration(design)
    var plan = ReplayPlan(
      tracePaths: [file.path],
      copies: 2,
      machine: configuration,
      isVerified: verified
    )
    plan.quantumAccesses = 16
    plan.seriesPoints = points
    if points != nil { plan.observation = .swapOut }
    var session = try ReplaySession.open(plan)
    var runs = TagRunCounter(configuration.codec, pageSize: configuration.pageSize)
    let report = try session.run(observing: &runs)
    var series = session.series()
    series?.tagRuns = runs.counts
    return (report, series)
  }

  @Test(arguments: designs, [2, 7, 1_024])
  func theReportIsTheSameWithASeries(design: TagStorageDesign, points: Int) throws {
    let plain = try Self.run(design, points: nil)
    #expect(plain.series == nil)
    let counters = plain.report.counters
    #expect(counters[.pswpin] + counters[.storeRestored] > 100, "the machine is to swap")
    let recorded = try Self.run(design, points: points)
    #expect(recorded.report == plain.report)
    #expect(try Self.run(design, points: points).series == recorded.series)
  }

  @Test(arguments: designs, [2, 7, 1_024])
  func pointsAddUpToTheReport(design: TagStorageDesign, points: Int) throws {
    for verified in [true, false] {
      let run = try Self.run(design, points: points, verified: verified)
      let series = try #require(run.series)
      let report = run.report
      #expect(series.memory.count <= points)
      let accesses = series.memory.reduce(0) { $0 + $1.accesses }
      #expect(accesses == report.counters[.accesses])
      for category in MemoryCategory.allCases {
        let integral = series.memory.reduce(0) { $0 + $1.integral(of: category) }
        #expect(integral / UInt128(accesses) == UInt128(report[category].mean), "\(category)")
        #expect(series.memory.last?.lastBytes[category.rawValue] == report[category].last)
      }
      // Every rise of a counter belongs to one stretch of one process, but those of the boot, when
      // the zero page gets its tag block.
      let boot = try Machine(Self.configuration(design)).counters
      for (index, counter) in KernelActivity.allCounters.enumerated() {
        let rises = series.processes.flatMap(\.points).reduce(0) { $0 + $1.rises[index] }
        #expect(rises == report.counters[counter] - boot[counter], "\(counter)")
        #expect(series.memory.last?.counters[counter] == report.counters[counter])
      }
      #expect(series.tagRuns.pages.reduce(0, +) == report.counters[.tagsSavedSwap])
    }
  }

  @Test(arguments: designs)
  func mapsShowTheUseOfTagStorage(design: TagStorageDesign) throws {
    let run = try Self.run(design, points: 64)
    let map = try #require(run.series).tagStorage
    let cells = try #require(map.points.last).cells
    func bytes(_ use: TagStorageUse) -> UInt64 { UInt64(cells.count { $0 == use }) * 4096 }
    #expect(bytes(.withheld) == run.report[.tagStorageWithheld].last)
    #expect(bytes(.held) == run.report[.tagStorageHeld].last)
    #expect(bytes(.data) == run.report[.tagStorageData].last)
    #expect(bytes(.free) == run.report[.tagStorageFree].last)
    #expect(bytes(.idle) == run.report[.tagStorageIdle].last)
    let blocks =
      switch design.policy.bootPlacement {
      case .outsideRAM: 0
      case .interleaved: 496
      case .withheld, .cmaArea, .store: 512
      }
    #expect(map.blocks == blocks)
    #expect(map.blocksPerCell == 1)
    #expect(map.points.count <= 64)
    #expect(map.points.reduce(0) { $0 + $1.accesses } == run.report.counters[.accesses])
    if design == .rfc3 { #expect(bytes(.held) > 0) }
  }

  @Test func processesAndMarksHaveNames() throws {
    let series = try #require(try Self.run(.rfc3, points: 64).series)
    let names = series.processes.map(\.name)
    #expect(
      names.sorted()
        == ["#0", "#0, process 1", "#1", "#1, process 1"].map { "case.trace\($0)" }
    )
    #expect(Set(series.processes.map(\.process)).count == 4)
    #expect(series.marks.map(\.text) == ["half", "half"])
    for process in series.processes {
      for (point, next) in zip(process.points, process.points.dropFirst()) {
        #expect(point.clocks.upperBound <= next.clocks.lowerBound, "\(process.name)")
      }
    }
  }
}
