// SPDX-License-Identifier: Apache-2.0

/// A text trace that needs more memory than the smallest limits allow.
///
/// 160 tagged pages are written, their granules 0 and 1 get tags of their own, and all of them are
/// read again; then the process forks, and the child writes every page.
enum ReplayTrace {
  static let pages = 160
  /// The options that make its memory short.
  static let shortage = ["--limit", "512K"]

  static let text: String = {
    var lines = ["page-size 4K", "command replay-trace", "map 0x100000 640K rw mte anon fixed"]
    for page in 0..<pages {
      let address = "0x" + String(0x100000 + page * 4096, radix: 16)
      lines.append("write \(address)")
      lines.append("tag \(address) 16 \(1 + page % 15)")
      lines.append("tag 0x\(String(0x100010 + page * 4096, radix: 16)) 16 \(1 + (page + 7) % 15)")
    }
    for page in 0..<pages {
      lines.append("read 0x" + String(0x100000 + page * 4096, radix: 16))
    }
    lines.append("fork 1")
    lines.append("process 1")
    for page in 0..<pages {
      lines.append("write 0x" + String(0x100000 + page * 4096, radix: 16))
    }
    return lines.joined(separator: "\n") + "\n"
  }()
}
