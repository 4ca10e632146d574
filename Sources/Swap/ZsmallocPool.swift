// SPDX-License-Identifier: Apache-2.0

public import Containers
public import MemoryModel

/// Where the objects of a zsmalloc pool lie: spans of frames that its owner gives and takes.
///
/// A span has objects of one class. A new object goes to a span that is full by the largest number of
/// tenths but not wholly, to the one of these that became so last; where every span is full, to a new one.
/// A span whose last object is freed goes at once. Spans are not compacted.
///
/// Source: Linux v6.8 `mm/zsmalloc.c`.
public struct ZsmallocPool: InvariantChecks, Sendable {
  /// One span.
  struct Span: Sendable {
    var place: Int
    var objects = 0
    /// The frames, in order; empty for a span that is gone.
    var frames: [UInt32]
  }

  /// The size classes.
  public let classes: ZsmallocClasses
  /// Pages of all spans.
  public private(set) var pages = 0
  private(set) var spans: [Span] = []
  /// Numbers of spans that are gone, the next to be used again last.
  private var freeNumbers: [Int] = []
  /// For each class and fullness the spans, the one that became so last at the end.
  private(set) var groups: [[Int]]

  /// The fullness groups of spans with room: one for each tenth.
  private static let groupCount = 10

  /// Creates an empty pool.
  public init(pageSize: PageSize) {
    classes = ZsmallocClasses(pageSize: pageSize)
    groups = Array(repeating: [], count: classes.all.count * Self.groupCount)
  }

  /// The frames that an object of `bytes` needs: 0 where a span has room.
  public func framesNeeded(forBytes bytes: Int) -> Int {
    let place = classes.place(forBytes: bytes)
    return spanWithRoom(place) == nil ? classes.all[place].pagesPerSpan : 0
  }

  /// Places an object.
  ///
  /// - Precondition: `frames` holds as many as ``framesNeeded(forBytes:)`` says; the pool owns them until
  ///   ``free(_:)`` returns them.
  /// - Returns: the number of its span.
  public mutating func allocate(bytes: Int, frames: [UInt32]) -> Int {
    let place = classes.place(forBytes: bytes)
    let number: Int
    if let found = spanWithRoom(place) {
      precondition(frames.isEmpty, "\(frames.count) frames for a span with room")
      number = found
    } else {
      precondition(frames.count == classes.all[place].pagesPerSpan, "\(frames.count) frames")
      let span = Span(place: place, frames: frames)
      if let reused = freeNumbers.popLast() {
        number = reused
        spans[reused] = span
      } else {
        number = spans.count
        spans.append(span)
      }
      pages += frames.count
    }
    changeObjects(of: number, by: 1)
    return number
  }

  /// Frees an object of a span.
  ///
  /// - Returns: the frames of the span if that was its last object, else none.
  public mutating func free(_ number: Int) -> [UInt32] {
    precondition(spans[number].objects > 0, "span \(number) has no object")
    changeObjects(of: number, by: -1)
    guard spans[number].objects == 0 else { return [] }
    let frames = spans[number].frames
    spans[number].frames = []
    pages -= frames.count
    freeNumbers.append(number)
    return frames
  }

  /// Notes that a page of a span moved to another frame.
  public mutating func replaceFrame(ofSpan number: Int, at index: Int, with frame: UInt32) {
    spans[number].frames[index] = frame
  }

  /// The frame of one page of a span, `nil` if the span has no such page.
  public func frame(ofSpan number: Int, at index: Int) -> UInt32? {
    guard spans.indices.contains(number), spans[number].frames.indices.contains(index) else {
      return nil
    }
    return spans[number].frames[index]
  }

  private func spanWithRoom(_ place: Int) -> Int? {
    for group in (0..<Self.groupCount).reversed() {
      if let number = groups[place * Self.groupCount + group].last { return number }
    }
    return nil
  }

  /// The group of a span, `nil` for a full one and one without objects.
  private func group(of number: Int) -> Int? {
    let span = spans[number]
    let all = classes.all[span.place].objectsPerSpan
    guard span.objects > 0, span.objects < all else { return nil }
    return span.place * Self.groupCount + 100 * span.objects / all / 10
  }

  /// Counts an object in or out; a span keeps its place where it stays in its group.
  private mutating func changeObjects(of number: Int, by change: Int) {
    let old = group(of: number)
    spans[number].objects += change
    let new = group(of: number)
    guard old != new else { return }
    if let old {
      // Spans that change again soon are near the end.
      guard let place = groups[old].lastIndex(of: number) else {
        preconditionFailure("span \(number) is not in its group \(old)")
      }
      groups[old].remove(at: place)
    }
    if let new { groups[new].append(number) }
  }

  /// Checks that the pool does not contradict itself.
  public func verifyInvariants() throws(BrokenInvariant) {
    var found = 0
    for (number, span) in spans.enumerated() {
      let isGone = span.frames.isEmpty
      let shape = classes.all[span.place]
      try BrokenInvariant.unless(
        isGone ? span.objects == 0 : (1...shape.objectsPerSpan).contains(span.objects),
        "zsmalloc",
        "span \(number) has \(span.objects) objects"
      )
      try BrokenInvariant.unless(
        isGone || span.frames.count == shape.pagesPerSpan,
        "zsmalloc",
        "span \(number) has \(span.frames.count) frames"
      )
      found += span.frames.count
      let listed = groups.indices.filter { groups[$0].contains(number) }
      let expected = isGone ? nil : group(of: number)
      try BrokenInvariant.unless(
        listed == (expected.map { [$0] } ?? []),
        "zsmalloc",
        "span \(number) is in groups \(listed)"
      )
    }
    try BrokenInvariant.unless(found == pages, "zsmalloc", "a pool of \(pages) pages has \(found)")
  }
}
