// SPDX-License-Identifier: Apache-2.0

public import MachineFile
public import MachineModel
public import MemoryModel
public import Replay
public import TagCompression
public import TagStorage
public import TraceFormat

/// What to verify, as a product: every trace with every codec, design, page size and limit.
public struct CaseMatrix: Sendable {
  /// The traces.
  public var tracePaths: [String]
  /// Whether all traces run together on one machine.
  public var isTogether = false
  /// Instances of each trace.
  public var copies = 1
  /// The machine apart from what is varied.
  public var machine = MachineDescription()
  /// The designs, `nil` for those that the trace is for.
  public var designs: [TagStorageDesign]?
  /// The codecs, `nil` for all that keep every tag.
  public var codecs: [TagCodec]?
  /// The page sizes, `nil` for the trace's own.
  public var pageSizes: [PageSize]?
  /// Limits of each memory group in bytes, `nil` for the machine's.
  public var limits: [Int]?
  /// Behaviour to break.
  public var injections: [Injection] = []
  /// See ``VerificationCase/invariants``.
  public var invariants = InvariantSchedule.end
  /// See ``VerificationCase/requiredRestores``.
  public var requiredRestores: UInt64 = 0
  /// See ``VerificationCase/runsTwice``.
  public var runsTwice = false
  /// See ``VerificationCase/expectedFailure``.
  public var expectedFailure: String?
  /// What the names of the cases begin with, empty for nothing.
  public var label = ""

  /// The codecs that keep every tag of every page, memory permitting.
  public static let losslessCodecs = TagCodec.allCases.filter { $0 != .mtecompV5 }

  /// Creates the product of what traces are for.
  public init(tracePaths: [String]) {
    self.tracePaths = tracePaths
  }

  /// The cases: by trace, then limit, page size, design and codec.
  ///
  /// - Throws: where a trace cannot be read, or says something wrong about itself.
  public func cases() throws(TraceError) -> [VerificationCase] {
    var cases: [VerificationCase] = []
    for paths in isTogether ? [tracePaths] : tracePaths.map({ [$0] }) {
      try addCases(of: paths, to: &cases)
    }
    return cases
  }

  private func addCases(
    of paths: [String],
    to cases: inout [VerificationCase]
  ) throws(TraceError) {
    var directives = TraceDirectives()
    var recorded: PageSize?
    var events: UInt64 = 0
    for path in paths {
      let reader = try TraceReader.open(path: path)
      recorded = recorded ?? reader.header.pageSize
      events += reader.totals.records * UInt64(copies)
      // What a trace demands is about a machine that it has for itself.
      if paths.count == 1 { directives = try TraceDirectives.read(path: path) }
    }
    let name = paths.map { String($0.split(separator: "/").last ?? "") }.joined(separator: "+")
    for limit in limits.map({ $0.map(Optional.some) }) ?? [nil] {
      for pageSize in pageSizes ?? [recorded ?? .kib4] {
        for design in designs ?? directives.designs ?? TagStorageDesign.allCases {
          for codec in codecs(directives) {
            var words = [name, design.rawValue, codec.rawValue, pageSize.name]
            if let limit { words.append("limit=\(sizeText(limit))") }
            if copies > 1 { words.append("copies=\(copies)") }
            if !label.isEmpty { words.insert("\(label):", at: 0) }
            var item = VerificationCase(
              name: words.joined(separator: " "),
              tracePaths: paths,
              machine: machine.configuration
            )
            item.machine.design = design
            item.machine.codec = codec
            item.machine.pageSize = pageSize
            for injection in injections { item.machine.inject(injection) }
            if let limit { item.machine.groupLimitBytes = limit }
            directives.apply(to: &item.machine)
            item.skipReason = skipReason(
              directives,
              recorded,
              item.machine,
              design,
              codec,
              pageSize
            )
            item.directives = directives
            item.events = item.skipReason == nil ? events : 0
            complete(&item)
            cases.append(item)
          }
        }
      }
    }
  }

  private func complete(_ item: inout VerificationCase) {
    item.copies = copies
    item.invariants = invariants
    item.requiredRestores = requiredRestores
    item.runsTwice = runsTwice
    item.expectedFailure = expectedFailure
  }

  /// The codecs to run with: those asked for, else the trace's, else all that are lossless.
  private func codecs(_ directives: TraceDirectives) -> [TagCodec] {
    let own = directives.value(of: "saved-tags.codec").flatMap(TagCodec.init(rawValue:))
    return codecs ?? own.map { [$0] } ?? Self.losslessCodecs
  }

  /// Why a combination that was asked for cannot be run, `nil` if it can.
  private func skipReason(
    _ directives: TraceDirectives,
    _ recorded: PageSize?,
    _ machine: MachineConfiguration,
    _ design: TagStorageDesign,
    _ codec: TagCodec,
    _ pageSize: PageSize
  ) -> String? {
    if let own = directives.designs, !own.contains(design) {
      return "the trace is for \(own.map(\.rawValue).joined(separator: " and "))"
    }
    if machine.codec != codec { return "the trace is for the codec \(machine.codec.rawValue)" }
    if let recorded, recorded != pageSize {
      return
        "recorded with pages of \(recorded.name): its system calls are not about whole pages of"
        + " \(pageSize.name)"
    }
    return nil
  }
}
