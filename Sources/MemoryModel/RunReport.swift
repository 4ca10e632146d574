// SPDX-License-Identifier: Apache-2.0

/// What one replay found: the traces, the machine, and one result for each design.
///
/// All numbers are integers, and nothing in it depends on the clock of the computer that ran the
/// replay: the same traces and configuration give the same report, byte for byte.
public struct RunReport: Equatable, Sendable {
  /// The version of the report's layout.
  public static let schema = "mtesim.report/1"

  /// The version of the program.
  public var programVersion: String
  /// The traces in the order of the command line.
  public var traces: [TraceSummary]
  /// The machine that every design ran on.
  public var machine: MachineSummary
  /// The results, in the order of the command line.
  public var designs: [DesignReport]

  /// Creates a report.
  public init(
    programVersion: String,
    traces: [TraceSummary],
    machine: MachineSummary,
    designs: [DesignReport]
  ) {
    self.programVersion = programVersion
    self.traces = traces
    self.machine = machine
    self.designs = designs
  }
}

/// What a report says about one of its traces.
public struct TraceSummary: Equatable, Sendable {
  /// The file's name without its directories.
  public var name: String
  /// The digest of the whole trace, as hexadecimal digits.
  public var digest: String
  /// The recorded program's command line.
  public var commandLine: String
  /// How many instances ran.
  public var copies: Int
  /// Events in the trace.
  public var events: UInt64
  /// Data accesses that the events stand for.
  public var accesses: UInt64
  /// Different virtual pages touched.
  public var pages: UInt64

  /// Creates a summary.
  public init(
    name: String,
    digest: String,
    commandLine: String,
    copies: Int,
    events: UInt64,
    accesses: UInt64,
    pages: UInt64
  ) {
    self.name = name
    self.digest = digest
    self.commandLine = commandLine
    self.copies = copies
    self.events = events
    self.accesses = accesses
    self.pages = pages
  }
}

/// What a report says about the machine.
public struct MachineSummary: Equatable, Sendable {
  /// Bytes of RAM, tag storage included.
  public var ramBytes: UInt64
  /// Bytes in a page.
  public var pageBytes: UInt64
  /// Bytes of tag storage, 1/32 of RAM, 0 without any.
  public var tagStorageBytes: UInt64
  /// Pages in a tag block.
  public var blockPages: UInt64
  /// The swap device: `zram`, `disk` or `none`.
  public var swapDevice: String
  /// Bytes of swap.
  public var swapBytes: UInt64
  /// How many pages swap-in reads at once, as a power of two; 0 turns read-ahead off.
  public var pageCluster: Int
  /// The limit of each process's memory group in bytes, 0 without groups.
  public var limitBytes: UInt64
  /// Every switch of the machine apart from the design, in a fixed order.
  public var settings: [MachineSetting]
  /// The digest of the whole configuration, as hexadecimal digits.
  public var digest: String

  /// Creates a summary.
  public init(
    ramBytes: UInt64,
    pageBytes: UInt64,
    tagStorageBytes: UInt64,
    blockPages: UInt64,
    swapDevice: String,
    swapBytes: UInt64,
    pageCluster: Int,
    limitBytes: UInt64,
    settings: [MachineSetting],
    digest: String
  ) {
    self.ramBytes = ramBytes
    self.pageBytes = pageBytes
    self.tagStorageBytes = tagStorageBytes
    self.blockPages = blockPages
    self.swapDevice = swapDevice
    self.swapBytes = swapBytes
    self.pageCluster = pageCluster
    self.limitBytes = limitBytes
    self.settings = settings
    self.digest = digest
  }
}

/// One switch of a machine and its value, as text.
public struct MachineSetting: Equatable, Sendable {
  /// The name of the switch, for instance `vm.swappiness`.
  public var name: String
  /// The value as a machine file writes it.
  public var value: String
  /// The value on a machine that nobody configured.
  public var defaultValue: String

  /// Creates a setting.
  public init(name: String, value: String, defaultValue: String) {
    self.name = name
    self.value = value
    self.defaultValue = defaultValue
  }

  /// Whether the value is the default.
  public var isDefault: Bool { value == defaultValue }
}

/// The result of one design.
public struct DesignReport: Equatable, Sendable {
  /// The design's name.
  public var design: String
  /// The codec of saved tags.
  public var codec: String
  /// Counted events.
  public var counters: CounterSet
  /// Memory by category, in the order of `MemoryCategory.allCases`.
  public var memory: [MemoryUse]
  /// What the categories given up for tags added up to at each sample.
  public var tagOverhead: MemoryUse
  /// Saved tags by size class.
  public var savedTags: [SavedTagClass]
  /// How long accesses and allocations had to wait.
  public var stalls: StallReport
  /// What the shadow oracle compared.
  public var verification: VerificationReport
  /// The digest of the tags and contents of every page that the processes could see at the end, as
  /// hexadecimal digits; equal for two designs that both lost nothing.
  public var contentsDigest: String

  /// Creates a result.
  public init(
    design: String,
    codec: String,
    counters: CounterSet,
    memory: [MemoryUse],
    tagOverhead: MemoryUse,
    savedTags: [SavedTagClass],
    stalls: StallReport = StallReport(),
    verification: VerificationReport,
    contentsDigest: String
  ) {
    self.design = design
    self.codec = codec
    self.counters = counters
    self.memory = memory
    self.tagOverhead = tagOverhead
    self.savedTags = savedTags
    self.stalls = stalls
    self.verification = verification
    self.contentsDigest = contentsDigest
  }

  /// What one category held.
  public subscript(_ category: MemoryCategory) -> MemoryUse { memory[category.rawValue] }
}

/// The saved tags of one size class.
public struct SavedTagClass: Equatable, Sendable {
  /// Bytes of an object; 8 for tags that fit the handle itself.
  public var bytes: Int
  /// Objects ever allocated.
  public var allocations: UInt64
  /// Objects freed again.
  public var frees: UInt64
  /// The most objects alive at once.
  public var peak: UInt64

  /// Creates a row.
  public init(bytes: Int, allocations: UInt64, frees: UInt64, peak: UInt64) {
    self.bytes = bytes
    self.allocations = allocations
    self.frees = frees
    self.peak = peak
  }

  /// Objects alive at the end.
  public var live: UInt64 { allocations - frees }
}

/// What the shadow oracle compared, and how often it saw something else than it expected.
public struct VerificationReport: Equatable, Sendable {
  /// Pages compared after they came back from swap.
  public var swapIns: UInt64 = 0
  /// Pages compared after they were migrated.
  public var migrations: UInt64 = 0
  /// Pages compared after they were copied on write, or mapped or filled from a reference page.
  public var copies: UInt64 = 0
  /// Pages compared at the end of the run.
  public var finalPages: UInt64 = 0
  /// Recorded tag snapshots compared.
  public var snapshots: UInt64 = 0
  /// Comparisons that failed.
  public var differences: UInt64 = 0
  /// Expectations of the traces that were checked.
  public var expectations: UInt64 = 0
  /// Expectations that failed.
  public var failedExpectations: UInt64 = 0
  /// The first failures in full, one line each.
  public var messages: [String] = []

  /// Creates a report without comparisons.
  public init() {}
}
