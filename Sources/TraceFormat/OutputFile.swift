// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A file that appears under its name only when it is complete.
///
/// Bytes go to `NAME.partial`, which is renamed at the end. A value that is dropped before that
/// removes the partial file. A device or a pipe is written as it is, since another file in its
/// place would break whoever uses it. InputFile.swift says why its calls of the C library are sound.
public struct OutputFile: ~Copyable {
  private let descriptor: Int32
  private let path: String
  /// The file that bytes go to: the partial file, or `path` itself if it is a device or a pipe.
  private let writtenPath: String
  private var isComplete = false

  /// Creates the partial file.
  ///
  /// - Throws: where it cannot be created, or where a directory has its name.
  public init(path: String) throws(TraceError) {
    var status = stat()
    let exists = unsafe stat(path, &status) == 0
    let kind = status.st_mode & S_IFMT
    guard !exists || kind != S_IFDIR else { throw Self.unwritable(path, "a directory") }
    let written = exists && kind != S_IFREG ? path : path + ".partial"
    let opened = unsafe open(written, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard opened >= 0 else { throw Self.unwritable(path, systemMessage()) }
    self.path = path
    writtenPath = written
    descriptor = opened
  }

  deinit {
    if !isComplete {
      close(descriptor)
      if writtenPath != path { unsafe unlink(writtenPath) }
    }
  }

  /// Appends bytes.
  ///
  /// - Throws: where they cannot be written, for instance because the disk is full.
  public mutating func write(_ bytes: [UInt8]) throws(TraceError) {
    var done = 0
    while done < bytes.count {
      let wrote = unsafe bytes.withUnsafeBytes { buffer in
        #if canImport(Glibc)
        unsafe Glibc.write(
          descriptor,
          buffer.baseAddress.map { unsafe $0 + done },
          buffer.count - done
        )
        #elseif canImport(Musl)
        unsafe Musl.write(
          descriptor,
          buffer.baseAddress.map { unsafe $0 + done },
          buffer.count - done
        )
        #else
        unsafe Darwin.write(
          descriptor,
          buffer.baseAddress.map { unsafe $0 + done },
          buffer.count - done
        )
        #endif
      }
      if wrote < 0 {
        if errno == EINTR { continue }
        throw Self.unwritable(path, systemMessage())
      }
      done += wrote
    }
  }

  /// Gives the file its name.
  ///
  /// - Throws: where closing or renaming fails; the partial file is then removed.
  public consuming func finish() throws(TraceError) {
    // From here on this function, not `deinit`, closes and removes.
    isComplete = true
    let isClosed = close(descriptor) == 0
    if isClosed && writtenPath == path { return }
    guard isClosed, unsafe rename(writtenPath, path) == 0 else {
      let message = systemMessage()
      if writtenPath != path { unsafe unlink(writtenPath) }
      throw Self.unwritable(path, message)
    }
  }

  private static func unwritable(_ path: String, _ message: String) -> TraceError {
    TraceError(
      kind: .unwritableOutput,
      path: path,
      location: .wholeFile,
      expected: "a file that can be written",
      found: message
    )
  }
}
