// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The only file of this tool that calls C: what it prints.
enum StandardStreams {
  /// Whether standard error is a terminal.
  static var isWatched: Bool { isatty(STDERR_FILENO) == 1 }

  /// Passes on what was printed so far.
  static func flush() { fflush(nil) }

  /// Writes text to standard error as it is.
  static func writeError(_ text: String) {
    let bytes = Array(text.utf8)
    #if canImport(Glibc)
    let function = unsafe Glibc.write
    #elseif canImport(Musl)
    let function = unsafe Musl.write
    #else
    let function = unsafe Darwin.write
    #endif
    // Sound: `bytes` is borrowed for the call, which reads exactly the count it is told. Nothing can
    // be done about a standard error that takes no bytes.
    _ = unsafe bytes.withUnsafeBytes { unsafe function(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
