// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A file that is open for reading.
///
/// This file and OutputFile.swift are the only ones of their module that call the C library. The
/// calls are sound because paths are passed as strings, which Swift keeps alive and terminated for
/// the length of the call, buffers are borrowed arrays whose exact sizes are passed along, and the
/// descriptor is owned by a noncopyable value, so that nobody can use it after it was closed.
public struct InputFile: ~Copyable {
  private let descriptor: Int32
  /// Bytes in the file when it was opened.
  let byteCount: UInt64

  /// Opens a file.
  ///
  /// - Throws: where the file is missing, is not readable, or is not a regular file.
  init(path: String) throws(TraceError) {
    let opened = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard opened >= 0 else { throw Self.unreadable(path, systemMessage()) }
    let end = lseek(opened, 0, SEEK_END)
    guard end >= 0 else {
      let message = systemMessage()
      close(opened)
      throw Self.unreadable(path, message)
    }
    // A directory can be opened but not read, and says so only then.
    var probe: UInt8 = 0
    guard unsafe pread(opened, &probe, 1, 0) >= 0 else {
      let message = systemMessage()
      close(opened)
      throw Self.unreadable(path, message)
    }
    descriptor = opened
    byteCount = UInt64(end)
  }

  deinit {
    close(descriptor)
  }

  /// Reads a whole file.
  ///
  /// - Throws: where the file is missing, is not a regular file, or cannot be read.
  public static func contents(of path: String) throws(TraceError) -> [UInt8] {
    let file = try InputFile(path: path)
    var bytes: [UInt8] = []
    try file.read(Int(file.byteCount), at: 0, into: &bytes, path: path)
    return bytes
  }

  /// Reads exactly `count` bytes at `offset`, replacing the contents of `buffer`.
  ///
  /// - Throws: where the file has become shorter or cannot be read.
  borrowing func read(
    _ count: Int,
    at offset: UInt64,
    into buffer: inout [UInt8],
    path: String
  ) throws(TraceError) {
    if buffer.count > count {
      buffer.removeLast(buffer.count - count)
    } else {
      buffer.append(contentsOf: repeatElement(0, count: count - buffer.count))
    }
    var done = 0
    while done < count {
      let got = unsafe buffer.withUnsafeMutableBytes { bytes in
        unsafe pread(
          descriptor,
          bytes.baseAddress.map { unsafe $0 + done },
          count - done,
          off_t(offset) + off_t(done)
        )
      }
      if got < 0 {
        if errno == EINTR { continue }
        throw Self.unreadable(path, systemMessage())
      }
      guard got > 0 else {
        throw TraceError.bad(
          path,
          .byte(offset + UInt64(done)),
          expected: "\(count - done) more bytes",
          found: "the end of the file"
        )
      }
      done += got
    }
  }

  private static func unreadable(_ path: String, _ message: String) -> TraceError {
    TraceError(
      kind: .unreadableInput,
      path: path,
      location: .wholeFile,
      expected: "a readable file",
      found: message
    )
  }
}

/// The text of the last failed system call's error number.
func systemMessage() -> String {
  unsafe String(cString: strerror(errno))
}
