// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A file or standard input, read from start to end in pieces of bounded size.
///
/// The calls of the C library are sound because the path is a string, which Swift keeps alive and
/// terminated for the length of the call, the buffer is borrowed with its exact size, and the
/// descriptor is owned by a noncopyable value.
struct TagsInput: ~Copyable {
  private static let bufferBytes = 1 << 16

  /// What messages call the input.
  let name: String
  /// The byte that is read next, from 0.
  private(set) var offset: UInt64 = 0

  private let descriptor: Int32
  private var buffer = [UInt8](repeating: 0, count: bufferBytes)
  // The part of the buffer that was filled and not yet taken.
  private var unread = 0..<0

  /// Opens a file, or standard input for `-`.
  init(path: String) throws {
    if path == "-" {
      name = "standard input"
      descriptor = 0
      return
    }
    name = path
    descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Self.unreadable(path) }
  }

  deinit {
    if descriptor > 0 { close(descriptor) }
  }

  /// Takes the next `count` bytes.
  ///
  /// - Returns: fewer bytes at the end of the input, none after it.
  mutating func next(_ count: Int, into bytes: inout [UInt8]) throws {
    bytes.removeAll(keepingCapacity: true)
    while bytes.count < count, try fill() {
      let taken = min(count - bytes.count, unread.count)
      bytes += buffer[unread.lowerBound..<unread.lowerBound + taken]
      take(taken)
    }
  }

  /// Takes the next line, its end left out; the last line may lack an end.
  ///
  /// A line of more than `limit` bytes is cut, which no use of it takes for a whole one.
  ///
  /// - Returns: `false` after the last line.
  mutating func nextLine(into line: inout [UInt8], limit: Int) throws -> Bool {
    line.removeAll(keepingCapacity: true)
    let start = offset
    while try fill() {
      let end = buffer[unread].firstIndex(of: 0x0a)
      let piece = unread.lowerBound..<(end ?? unread.upperBound)
      line += buffer[piece].prefix(limit - line.count)
      take(piece.count)
      if end != nil {
        take(1)
        return true
      }
      if line.count == limit { return true }
    }
    return offset > start
  }

  private mutating func take(_ count: Int) {
    unread = unread.lowerBound + count..<unread.upperBound
    offset += UInt64(count)
  }

  /// Sees to it that there are unread bytes; `false` at the end of the input.
  private mutating func fill() throws -> Bool {
    if !unread.isEmpty { return true }
    while true {
      let got = unsafe buffer.withUnsafeMutableBytes { bytes in
        unsafe read(descriptor, bytes.baseAddress, bytes.count)
      }
      if got < 0 && errno == EINTR { continue }
      guard got >= 0 else { throw Self.unreadable(name) }
      unread = 0..<got
      return got > 0
    }
  }

  private static func unreadable(_ name: String) -> Failure {
    let message = unsafe String(cString: strerror(errno))
    return Failure(.missingInput, "\(name): expected a readable file, found \(message)")
  }
}

/// Standard output for bytes that are no text.
enum TagsStandardOutput {
  /// Writes all of `bytes`.
  static func write(_ bytes: [UInt8]) throws {
    var done = 0
    while done < bytes.count {
      // Sound: the buffer is borrowed for the call, which reads no more than the rest of it.
      let wrote = unsafe bytes.withUnsafeBytes { buffer in
        let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[done...])
        #if canImport(Glibc)
        return unsafe Glibc.write(1, rest.baseAddress, rest.count)
        #elseif canImport(Musl)
        return unsafe Musl.write(1, rest.baseAddress, rest.count)
        #else
        return unsafe Darwin.write(1, rest.baseAddress, rest.count)
        #endif
      }
      if wrote < 0 && errno == EINTR { continue }
      guard wrote >= 0 else {
        let message = unsafe String(cString: strerror(errno))
        throw Failure(.unwritableOutput, "standard output: expected to write, found \(message)")
      }
      done += wrote
    }
  }
}

/// Collects small pieces of output and passes them on in larger ones.
struct TagsBuffer {
  private static let pieceBytes = 1 << 16

  /// What was not passed on yet.
  var bytes: [UInt8] = []

  /// Passes on what was collected once it is worth a call.
  mutating func drain(to sink: ([UInt8]) throws -> Void) throws {
    if bytes.count >= Self.pieceBytes { try flush(to: sink) }
  }

  /// Passes on all that was collected.
  mutating func flush(to sink: ([UInt8]) throws -> Void) throws {
    try sink(bytes)
    bytes.removeAll(keepingCapacity: true)
  }
}
