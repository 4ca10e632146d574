// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import Replay
import TagCompression

/// What tag pages compress to with every codec, in memory that does not depend on their number.
///
/// Pages are counted in samples: the pages of one sample are in swap together, and share slabs and
/// map nodes. A file of tag pages is one sample. Where pages come and go as a machine saves and drops
/// them, a store for each codec follows, and what counts is the most memory that it ever took.
struct TagsStatistics: ~Copyable {
  /// Processors of the machine whose slabs are counted, as the replay's default machine has.
  static let processors = 4

  /// Pages of a range of run counts.
  struct RunRow {
    /// The run counts.
    let runs: ClosedRange<Int>
    /// The class of `mtecomp` and `mtecomp-v5` that holds them.
    let sizeClass: TagSizeClass
    /// Pages by granule order: hardware's, and the high nibble first.
    var pages: (hardware: UInt64, highNibbleFirst: UInt64) = (0, 0)
  }

  /// What one codec, or one of the compressors beside them, made of the pages.
  struct Row {
    let name: String
    /// `nil` for a compressor that is no codec.
    let codec: TagCodec?
    let classes: [TagSizeClass]
    /// Pages by class.
    var pages: [UInt64]
    /// Pages of the sample at hand by class.
    fileprivate var samplePages: [UInt64]
    /// Bytes of slabs and map nodes, summed over samples; where pages come and go, the most ever.
    var realBytes: UInt64 = 0
    /// The pages that took them.
    var realPages: UInt64 = 0
    /// Bytes before rounding to classes.
    var exactBytes: UInt64 = 0

    fileprivate init(_ name: String, _ codec: TagCodec?, _ classes: [TagSizeClass]) {
      self.name = name
      self.codec = codec
      self.classes = classes
      pages = Array(repeating: 0, count: classes.count)
      samplePages = pages
    }

    /// Bytes of objects, tags inside a handle counted as 0.
    var classBytes: UInt64 {
      zip(classes, pages).reduce(0) { $0 + UInt64($1.0.accountedBytes) * $1.1 }
    }

    /// Counts a page in the smallest class that has `bytes`.
    fileprivate mutating func count(bytes: Int) {
      guard let number = classes.firstIndex(where: { $0.bytes >= bytes }) else {
        preconditionFailure("\(name) has no class of \(bytes) bytes")
      }
      samplePages[number] += 1
      exactBytes += UInt64(bytes)
    }
  }

  let pageSize: PageSize
  private(set) var pages: UInt64 = 0
  private(set) var samples: UInt64 = 0
  private(set) var runRows: [RunRow]
  /// The codecs, and then the other compressors.
  private(set) var rows: [Row]
  /// Runs of all pages by granule order.
  private(set) var runs: (hardware: UInt64, highNibbleFirst: UInt64) = (0, 0)
  /// Pages that `mtecomp-v5` would not give back.
  private(set) var lostByPosted: UInt64 = 0

  private var samplePages: UInt64 = 0
  private var payload: [UInt8]
  private var restored: [UInt8]
  private let baselines = TagsBaselines()
  // One for each codec once a page was saved; samples do without.
  private var stores: [TagsFollowedStore] = []

  init(pageSize: PageSize) {
    self.pageSize = pageSize
    payload = Array(repeating: 0, count: pageSize.tagBytes)
    restored = payload
    runRows = [RunRow(runs: 1...1, sizeClass: .inline)]
    for sizeClass in TagCodec.mtecomp.sizeClasses(pageSize: pageSize) {
      let first = (runRows.last?.runs.upperBound ?? 0) + 1
      let last = TagRuns.capacity(of: sizeClass, pageSize: pageSize)
      runRows.append(RunRow(runs: first...last, sizeClass: sizeClass))
    }
    rows = TagCodec.allCases.map {
      Row($0.rawValue, $0, $0.sizeClasses(pageSize: pageSize))
    }
    // What they compress to would be kept in objects of the same sizes, never in a handle.
    let objects = TagCodec.mtecomp.sizeClasses(pageSize: pageSize).filter { !$0.isInline }
    rows += TagsBaselines.names.map { Row($0, nil, objects) }
  }

  /// Whether pages came and went.
  var followsSwap: Bool { !stores.isEmpty }

  /// Counts one tag page.
  mutating func add(_ tags: Span<UInt8>) {
    pages += 1
    samplePages += 1
    let hardware = TagRuns.count(tags)
    let highNibbleFirst = TagRuns.count(tags, order: .highNibbleFirst)
    runs.hardware += UInt64(hardware)
    runs.highNibbleFirst += UInt64(highNibbleFirst)
    for index in runRows.indices {
      if runRows[index].runs.contains(hardware) { runRows[index].pages.hardware += 1 }
      if runRows[index].runs.contains(highNibbleFirst) {
        runRows[index].pages.highNibbleFirst += 1
      }
    }
    let pageSize = pageSize
    for (index, codec) in TagCodec.allCases.enumerated() {
      var room = payload.mutableSpan
      let encoded = codec.encode(tags, pageSize: pageSize, payload: &room)
      rows[index].count(bytes: encoded.sizeClass.bytes)
      if codec == .mtecompV5, case .inline(let handle) = encoded, !isKept(tags, handle) {
        lostByPosted += 1
      }
    }
    for (index, bytes) in baselines.compressedBytes(tags).enumerated() {
      // As large as the tags are, they are better kept as they are.
      rows[TagCodec.allCases.count + index].count(bytes: min(bytes, pageSize.tagBytes))
    }
  }

  /// Whether `mtecomp-v5` gives the tags of a handle back.
  private mutating func isKept(_ tags: Span<UInt8>, _ handle: TagHandle) -> Bool {
    let pageSize = pageSize
    do throws(TagDecodingError) {
      var output = restored.mutableSpan
      try TagCodec.mtecompV5.decode(handle, pageSize: pageSize, into: &output)
    } catch {
      return false
    }
    return tags.indices.allSatisfy { restored[$0] == tags[$0] }
  }

  /// Ends a sample.
  mutating func endSample() {
    samples += 1
    for index in rows.indices {
      let row = rows[index]
      var bytes = Self.nodeBytes(entries: samplePages, pageSize)
      for (number, sizeClass) in row.classes.enumerated() {
        let live = row.samplePages[number]
        rows[index].pages[number] += live
        rows[index].samplePages[number] = 0
        if sizeClass.isInline { continue }
        bytes += Self.slabBytes(objects: live, bytes: sizeClass.bytes, pageSize)
      }
      guard !followsSwap else { continue }
      rows[index].realBytes += UInt64(bytes)
      rows[index].realPages += samplePages
    }
    samplePages = 0
  }

  /// Bytes of the slabs of objects that were allocated one after the other.
  private static func slabBytes(objects: UInt64, bytes: Int, _ pageSize: PageSize) -> Int {
    let geometry = SlabGeometry(
      objectBytes: bytes,
      pageBytes: pageSize.bytes,
      processors: processors
    )
    let perSlab = UInt64(geometry.objectsPerSlab)
    return Int((objects + perSlab - 1) / perSlab) * geometry.slabBytes
  }

  /// Bytes of the slabs of map nodes for swap entries 1, 2, ...: slot 0 of a device is never used.
  ///
  /// A node has 64 slots and takes 584 bytes; each level of the map has one for every 64 below it.
  private static func nodeBytes(entries: UInt64, _ pageSize: PageSize) -> Int {
    guard entries > 0 else { return 0 }
    var nodes: UInt64 = 0
    var last = entries
    repeat {
      last /= 64
      nodes += last + 1
    } while last > 0
    return slabBytes(objects: nodes, bytes: 584, pageSize)
  }
}

extension TagsStatistics: TagObserver {
  mutating func sample(_ tags: Span<UInt8>) { add(tags) }

  mutating func save(_ tags: Span<UInt8>, for entry: SwapEntry) {
    if stores.isEmpty {
      for codec in TagCodec.allCases { stores.append(TagsFollowedStore(codec, pageSize)) }
    }
    add(tags)
    for (index, store) in stores.enumerated() {
      store.save(tags, for: entry)
      guard store.realBytes > rows[index].realBytes else { continue }
      rows[index].realBytes = store.realBytes
      rows[index].realPages = store.pages
    }
  }

  mutating func drop(_ entry: SwapEntry) {
    for store in stores { store.drop(entry) }
  }
}
