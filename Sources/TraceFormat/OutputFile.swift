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
/// removes the partial file. InputFile.swift says why its calls of the C library are sound.
public struct OutputFile: ~Copyable {
  private let descriptor: Int32
  private let path: String
  private var isComplete = false

  private var partialPath: String { path + ".partial" }

  /// Creates the partial file.
  ///
  /// - Throws: where it cannot be created.
  public init(path: String) throws(TraceError) {
    self.path = path
    let opened = unsafe open(path + ".partial", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard opened >= 0 else { throw Self.unwritable(path, systemMessage()) }
    descriptor = opened
  }

  deinit {
    if !isComplete {
      close(descriptor)
      unsafe unlink(partialPath)
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
    guard close(descriptor) == 0, unsafe rename(partialPath, path) == 0 else {
      let message = systemMessage()
      unsafe unlink(partialPath)
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
