// SPDX-License-Identifier: Apache-2.0

public import CPrefetch

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A fixed-length array of plain values that is never copied and never shared.
///
/// The frame table and the page tables are made of these. Compared with `Array` it saves the
/// uniqueness check and the exclusivity check on every store, which is most of the cost of a store
/// in a loop over frames; bounds are still checked on every access.
///
/// This is the only file that reaches that memory by pointer. It is sound because the pointer is
/// allocated and initialised for `count` elements in `init`, is never handed out, every index and
/// range is compared with `count` first, elements are bitwise copyable and so need no destruction, and the
/// storage is noncopyable, so that nobody can use it after `deinit`.
@safe public struct FlatStorage<Element: BitwiseCopyable & Sendable>: ~Copyable, @unchecked Sendable
{
  @usableFromInline var base: UnsafeMutablePointer<Element>

  @usableFromInline var length: Int

  /// The number of elements.
  @inlinable public var count: Int { length }

  /// Creates storage of `count` elements, all equal to `value`.
  ///
  /// - Precondition: `count` is not negative.
  /// - Complexity: O(`count`).
  @inlinable
  public init(repeating value: Element, count: Int) {
    precondition(count >= 0, "storage of \(count) elements")
    unsafe base = Self.allocate(count)
    unsafe base.initialize(repeating: value, count: count)
    length = count
  }

  deinit {
    unsafe base.deallocate()
  }

  /// Room for `count` elements; from 2 MiB on in pages of that size, where the computer has them.
  ///
  /// The tables of a large machine are read at random, and with pages of 4 KiB most of these reads
  /// would wait for the translation of an address, too. All of the room is written at once, so that
  /// large pages take no more memory than small ones.
  @inlinable
  static func allocate(_ count: Int) -> UnsafeMutablePointer<Element> {
    let bytes = count * MemoryLayout<Element>.stride
    guard bytes >= largePageBytes else {
      let room = UnsafeMutableRawPointer.allocate(byteCount: max(bytes, 1), alignment: 64)
      return unsafe room.bindMemory(to: Element.self, capacity: count)
    }
    let room = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: largePageBytes)
    unsafe preferLargePages(room, bytes: bytes)
    return unsafe room.bindMemory(to: Element.self, capacity: count)
  }

  @inlinable static var largePageBytes: Int { 2 << 20 }

  /// Asks for large pages; a kernel that refuses changes nothing but speed.
  @usableFromInline
  static func preferLargePages(_ room: UnsafeMutableRawPointer, bytes: Int) {
    #if os(Linux)
    _ = unsafe madvise(room, bytes, Int32(MADV_HUGEPAGE))
    #endif
  }

  /// The element at `index`.
  ///
  /// - Precondition: 0 <= `index` < `count`.
  /// - Complexity: O(1).
  public subscript(_ index: Int) -> Element {
    @inlinable @inline(__always) get {
      precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "index out of range")
      return unsafe base[index]
    }
    @inlinable @inline(__always) _modify {
      precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "index out of range")
      yield unsafe &base[index]
    }
  }

  /// Asks the processor to bring an element near, so that a later access need not wait for it.
  ///
  /// An index outside the storage does no harm.
  @inlinable @inline(__always)
  public func prefetch(_ index: Int) {
    unsafe mtesim_prefetch(base.advanced(by: index))
  }

  /// Makes room for `newCount` elements; the new ones are equal to `value`.
  ///
  /// - Precondition: `newCount` is at least `count`.
  /// - Complexity: O(`newCount`).
  @inlinable
  public mutating func grow(to newCount: Int, repeating value: Element) {
    precondition(newCount >= count, "storage of \(count) elements cannot shrink to \(newCount)")
    let grown = unsafe Self.allocate(newCount)
    unsafe grown.update(from: base, count: count)
    unsafe (grown + count).initialize(repeating: value, count: newCount - count)
    unsafe base.deallocate()
    unsafe base = grown
    length = newCount
  }

  /// Sets the elements of a half-open range of indices.
  ///
  /// - Precondition: the range lies within 0..<`count`.
  /// - Complexity: O(*n*), where *n* is the length of the range.
  @inlinable
  public mutating func fill(_ range: Range<Int>, with value: Element) {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "range out of range")
    unsafe (base + range.lowerBound).update(repeating: value, count: range.count)
  }

  /// Copies elements from index `start` on into a span, as many as it holds.
  ///
  /// - Precondition: they lie within 0..<`count`.
  @inlinable
  public borrowing func copy(from start: Int, into destination: inout MutableSpan<Element>) {
    let end = start + destination.count
    precondition(start >= 0 && end <= count, "range out of range")
    unsafe destination.withUnsafeMutableBufferPointer { buffer in
      guard let first = buffer.baseAddress else { return }
      unsafe first.update(from: base + start, count: buffer.count)
    }
  }

  /// Sets the elements from index `start` on to those of a span.
  ///
  /// - Precondition: they lie within 0..<`count`.
  @inlinable
  public mutating func copy(_ source: Span<Element>, to start: Int) {
    let end = start + source.count
    precondition(start >= 0 && end <= count, "range out of range")
    unsafe source.withUnsafeBufferPointer { buffer in
      guard let first = buffer.baseAddress else { return }
      unsafe (base + start).update(from: first, count: buffer.count)
    }
  }

  /// Copies a range of elements to index `start` and on; the two may overlap.
  ///
  /// - Precondition: both lie within 0..<`count`.
  @inlinable
  public mutating func copy(_ range: Range<Int>, to start: Int) {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "range out of range")
    precondition(start >= 0 && start + range.count <= count, "range out of range")
    unsafe (base + start).update(from: base + range.lowerBound, count: range.count)
  }

  /// Reads a half-open range of elements as a span.
  ///
  /// - Precondition: the range lies within 0..<`count`.
  @inlinable
  public borrowing func withSpan<Result>(
    _ range: Range<Int>,
    _ body: (Span<Element>) -> Result
  ) -> Result {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "range out of range")
    return body(unsafe Span(_unsafeStart: base + range.lowerBound, count: range.count))
  }

  /// Changes a half-open range of elements through a span.
  ///
  /// - Precondition: the range lies within 0..<`count`.
  @inlinable
  public mutating func withMutableSpan<Result>(
    _ range: Range<Int>,
    _ body: (inout MutableSpan<Element>) -> Result
  ) -> Result {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "range out of range")
    var span = unsafe MutableSpan(_unsafeStart: base + range.lowerBound, count: range.count)
    return body(&span)
  }
}
