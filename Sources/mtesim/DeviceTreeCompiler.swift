// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The device-tree compiler, run as a program of its own.
///
/// Source goes through `dtc` because its language has includes, expressions and labels that nobody
/// should read in two ways. What the compiler says about wrong source goes to standard error as it is.
enum DeviceTreeCompiler {
  /// The blob that `dtc` makes of a source file.
  static func blob(ofSource path: String) throws(Failure) -> [UInt8] {
    var ends: [Int32] = [-1, -1]
    guard unsafe pipe(&ends) == 0 else {
      throw Failure(.internalError, "dtc: \(systemMessage())")
    }
    let child: pid_t
    do throws(Failure) {
      child = try start(path, output: ends[1])
    } catch {
      close(ends[0])
      close(ends[1])
      throw error
    }
    close(ends[1])
    let blob = readToEnd(ends[0])
    close(ends[0])
    var status: Int32 = 0
    while unsafe waitpid(child, &status, 0) < 0, errno == EINTR {}
    guard status == 0 else {
      throw Failure(.badInput, "\(path): expected device-tree source, found what dtc refuses")
    }
    return blob
  }

  private static func start(_ path: String, output: Int32) throws(Failure) -> pid_t {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
    unsafe posix_spawn_file_actions_addclose(&actions, output)
    // A path that begins with a dash would be an option.
    let file = path.hasPrefix("-") ? "./" + path : path
    let arguments = ["dtc", "-q", "-I", "dts", "-O", "dtb", file]
    let words = unsafe arguments.map { unsafe strdup($0) }
    defer { unsafe words.forEach { unsafe free($0) } }
    var child: pid_t = 0
    let status = unsafe posix_spawnp(&child, "dtc", &actions, nil, words + [nil], environ)
    guard status == 0 else {
      throw Failure(
        .missingInput,
        "\(path): expected the program dtc to compile it, found none; install"
          + " device-tree-compiler, or give the .dtb"
      )
    }
    return child
  }

  private static func readToEnd(_ descriptor: Int32) -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = unsafe read(descriptor, &buffer, buffer.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return bytes }
      bytes += buffer[..<count]
    }
  }

  private static func systemMessage() -> String { unsafe String(cString: strerror(errno)) }
}
