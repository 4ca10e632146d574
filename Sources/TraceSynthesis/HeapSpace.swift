// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import TraceFormat

/// One process of a recording: what it has mapped, and how far its heap is initialised.
struct HeapSpace {
  let pageBytes: UInt64
  /// All that is mapped.
  var mapped: MappedRanges
  /// Pages of the heap.
  private(set) var heap = PageSet()
  /// Pages of the heap that hold the pattern, or what the program wrote over it.
  private(set) var initialized = PageSet()
  /// Where the heap of `brk` ends, in bytes, once that is known.
  private(set) var breakEnd: UInt64?
  /// The descriptor of the process's reference page.
  var descriptor: UInt32?

  init(pageSize: PageSize) {
    pageBytes = UInt64(pageSize.bytes)
    mapped = MappedRanges(pageSize: pageSize)
  }

  /// The pages that an address and a length cover.
  func pages(_ address: UInt64, _ length: UInt64) -> Range<UInt64> {
    PageSet.pages(address, length, pageBytes: pageBytes)
  }

  /// A length in whole pages.
  func roundedUp(_ length: UInt64) -> UInt64 { (length + (pageBytes - 1)) / pageBytes }

  /// Adds a mapping that there was when recording began; its heap has been initialised before.
  mutating func addInitial(_ request: MappingRequest) {
    mapped.insert(request)
    if request.flags.contains(.heap) { breakEnd = request.address + request.length }
  }

  /// Notes new heap, in place of what was there.
  mutating func addHeap(_ range: Range<UInt64>) {
    removeHeap(range)
    heap.insert(range)
  }

  /// Notes that a range is heap no longer.
  mutating func removeHeap(_ range: Range<UInt64>) {
    heap.remove(range)
    initialized.remove(range)
  }

  /// Notes that pages hold the pattern.
  mutating func markInitialized(_ range: Range<UInt64>) { initialized.insert(range) }

  /// Notes that pages were given back to the kernel.
  mutating func forget(_ range: Range<UInt64>) { initialized.remove(range) }

  /// The pages of a range that are heap, may be written, and do not hold the pattern, in order.
  mutating func uninitialized(in range: Range<UInt64>) -> [UInt64] {
    // Most pages that are touched were touched before.
    if initialized.contains(range) { return [] }
    var found: [UInt64] = []
    for part in heap.parts(of: range) {
      for page in part where !initialized.contains(page) {
        guard let mapping = mapped.lookup(page * pageBytes),
          mapping.protection.contains(.write)
        else { continue }
        found.append(page)
      }
    }
    return found
  }

  /// Moves pages of the heap.
  mutating func move(_ source: Range<UInt64>, to destination: Range<UInt64>) {
    let isHeap = heap.contains(source.lowerBound)
    let kept = initialized.parts(of: source)
    removeHeap(source)
    removeHeap(destination)
    guard isHeap else { return }
    heap.insert(destination)
    for part in kept {
      let first = destination.lowerBound + (part.lowerBound - source.lowerBound)
      initialized.insert((first..<first + UInt64(part.count)).clamped(to: destination))
    }
  }

  /// Notes where the break lies now.
  mutating func setBreak(_ end: UInt64) { breakEnd = end }

  /// What a new program starts with.
  mutating func startAnew(pageSize: PageSize) { self = HeapSpace(pageSize: pageSize) }
}
