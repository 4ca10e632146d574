// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import Reporting
import TraceFormat

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What the kernels of several designs would show at the end of a replay.
struct KernelViews {
  private let snapshots: [(design: String, snapshot: MachineSnapshot)]

  init(_ snapshots: [(design: String, snapshot: MachineSnapshot)]) {
    self.snapshots = snapshots
  }

  /// One file, as it is for a single design, else under a heading for each design.
  func text(of view: KernelView) -> String {
    guard snapshots.count > 1 else {
      return snapshots.map { view.text($0.snapshot) }.joined()
    }
    return snapshots.map { "==> \($0.design) <==\n\(view.text($0.snapshot))" }.joined(
      separator: "\n"
    )
  }

  /// Writes all files of all designs, as `DIRECTORY/DESIGN/FILE`.
  func write(to directory: String) throws {
    for (design, snapshot) in snapshots {
      let folder = "\(directory)/\(design)"
      try Self.makeDirectory(folder)
      for view in KernelView.allCases {
        var file = try OutputFile(path: "\(folder)/\(view.rawValue)")
        try file.write(Array(view.text(snapshot).utf8))
        try file.finish()
      }
    }
  }

  /// Makes a directory where it is missing.
  static func makeDirectory(_ path: String) throws {
    // Sound: the path is a string, which Swift keeps alive and terminated for the length of the calls,
    // and `status` is borrowed for one of them.
    if unsafe mkdir(path, 0o755) == 0 { return }
    let number = errno
    var status = stat()
    if number == EEXIST, unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
      return
    }
    let reason = unsafe String(cString: strerror(number == EEXIST ? ENOTDIR : number))
    throw Failure(
      .unwritableOutput,
      "\(path): expected a directory that can be written, found \(reason)"
    )
  }
}
