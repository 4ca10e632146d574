// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import TagCompression

/// What tag pages compress to with every codec, in memory that does not depend on their number.
///
/// Pages are counted in samples: the pages of one sample are in swap together, and share slabs and
/// map nodes. A file of tag pages is one sample.
struct TagsStatistics {
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

  /// What one codec made of the pages.
  struct CodecRow {
    let codec: TagCodec
    let classes: [TagSizeClass]
    /// Pages by class.
    var pages: [UInt64]
    /// Pages of the sample at hand by class.
    fileprivate var samplePages: [UInt64]
    /// Bytes of slabs and map nodes, summed over samples.
    var realBytes: UInt64 = 0

    /// Bytes of objects, tags inside a handle counted as 0.
    var classBytes: UInt64 {
      zip(classes, pages).reduce(0) { $0 + UInt64($1.0.accountedBytes) * $1.1 }
    }
  }

  let pageSize: PageSize
  private(set) var pages: UInt64 = 0
  private(set) var samples: UInt64 = 0
  private(set) var runRows: [RunRow]
  private(set) var codecRows: [CodecRow]
  /// Runs of all pages by granule order.
  private(set) var runs: (hardware: UInt64, highNibbleFirst: UInt64) = (0, 0)
  /// Bytes of all pages as zstd frames, or as they are where that is less.
  private(set) var zstdBytes: UInt64 = 0

  private var samplePages: UInt64 = 0
  private var payload: [UInt8]

  init(pageSize: PageSize) {
    self.pageSize = pageSize
    payload = Array(repeating: 0, count: pageSize.tagBytes)
    runRows = [RunRow(runs: 1...1, sizeClass: .inline)]
    for sizeClass in TagCodec.mtecomp.sizeClasses(pageSize: pageSize) {
      let first = (runRows.last?.runs.upperBound ?? 0) + 1
      let last = TagRuns.capacity(of: sizeClass, pageSize: pageSize)
      runRows.append(RunRow(runs: first...last, sizeClass: sizeClass))
    }
    codecRows = TagCodec.allCases.map { codec in
      let classes = codec.sizeClasses(pageSize: pageSize)
      let zeros = [UInt64](repeating: 0, count: classes.count)
      return CodecRow(codec: codec, classes: classes, pages: zeros, samplePages: zeros)
    }
  }

  /// Counts one tag page.
  mutating func add(_ tags: Span<UInt8>, zstd: borrowing TagsZstandard) {
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
    for index in codecRows.indices {
      let codec = codecRows[index].codec
      var room = payload.mutableSpan
      let encoded = codec.encode(tags, pageSize: pageSize, payload: &room)
      guard let number = codecRows[index].classes.firstIndex(of: encoded.sizeClass) else {
        preconditionFailure("class of \(encoded.sizeClass.bytes) bytes is none of the codec's")
      }
      codecRows[index].samplePages[number] += 1
    }
    zstdBytes += UInt64(min(zstd.compressedBytes(tags), pageSize.tagBytes))
  }

  /// Ends a sample.
  mutating func endSample() {
    samples += 1
    for index in codecRows.indices {
      let row = codecRows[index]
      codecRows[index].realBytes += UInt64(Self.nodeBytes(entries: samplePages, pageSize))
      for (number, sizeClass) in row.classes.enumerated() {
        let live = row.samplePages[number]
        codecRows[index].pages[number] += live
        codecRows[index].samplePages[number] = 0
        guard !sizeClass.isInline else { continue }
        codecRows[index].realBytes +=
          UInt64(Self.slabBytes(objects: live, bytes: sizeClass.bytes, pageSize))
      }
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
