// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The traces that lie in a folder.
///
/// The calls of the C library are sound because paths are passed as strings, which Swift keeps alive
/// and terminated for the length of the call, an entry is read before the next one is asked for, and
/// the folder is closed on every way out.
public enum TraceFolder {
  /// Names of traces end in one of these.
  private static let endings = [".mtt", ".trace"]

  /// The traces that a path stands for: those in the folder, sorted, or the path itself.
  ///
  /// A path that does not exist stands for itself, so that whoever opens it says so.
  ///
  /// - Throws: where a folder cannot be read, or holds no trace.
  public static func traces(at path: String) throws(TraceError) -> [String] {
    var status = stat()
    guard unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return [path] }
    guard let folder = unsafe opendir(path) else {
      throw TraceError(
        kind: .unreadableInput,
        path: path,
        location: .wholeFile,
        expected: "a readable folder",
        found: systemMessage()
      )
    }
    defer { unsafe closedir(folder) }
    var names: [String] = []
    while let entry = unsafe readdir(folder) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { field in
        unsafe field.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if endings.contains(where: name.hasSuffix) { names.append(name) }
    }
    guard !names.isEmpty else {
      throw TraceError(
        kind: .badData,
        path: path,
        location: .wholeFile,
        expected: "a folder with traces (*.mtt, *.trace)",
        found: "none"
      )
    }
    let start = path.hasSuffix("/") ? path : path + "/"
    return names.sorted().map { start + $0 }
  }
}
