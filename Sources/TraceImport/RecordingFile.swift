// SPDX-License-Identifier: Apache-2.0

import CZstd
import TraceFormat

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The bytes of a recording, decompressed piece by piece where the file is zstd compressed.
///
/// This is the only file of its module with unsafe calls. They are sound because the path is a
/// string that Swift keeps alive and terminated for the length of the call; both buffers are arrays
/// that are borrowed for the length of a call, whose exact sizes are passed along and whose filled
/// parts the callee reports; and descriptor and stream are owned by a noncopyable value, which frees
/// them once.
///
/// libzstd refuses streams that need a window above 128 MiB, which bounds the memory for any input.
@safe struct RecordingFile: ~Copyable {
  /// Bytes handed out at once.
  static let pieceBytes = 1 << 16

  private let path: String
  private let descriptor: Int32
  private let stream: OpaquePointer?
  private var packed: [UInt8] = Array(repeating: 0, count: Self.pieceBytes)
  private var packedStart = 0
  private var packedEnd = 0
  private var packedBytesRead: UInt64 = 0
  /// Whether a zstd frame has begun and not ended.
  private var isInsideFrame = false

  /// Opens a recording, compressed or not.
  ///
  /// - Throws: where the file is missing or unreadable.
  init(path: String) throws(TraceError) {
    let opened = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard opened >= 0 else { throw Self.unreadable(path) }
    var magic: [UInt8] = [0, 0, 0, 0]
    let got = unsafe magic.withUnsafeMutableBytes { bytes in
      unsafe pread(opened, bytes.baseAddress, bytes.count, 0)
    }
    guard got >= 0 else {
      let error = Self.unreadable(path)
      close(opened)
      throw error
    }
    let isPacked = got == 4 && magic == [0x28, 0xb5, 0x2f, 0xfd]
    let created = unsafe isPacked ? ZSTD_createDStream() : nil
    let isCreated = unsafe created != nil
    precondition(isCreated == isPacked, "no memory for a decompression stream")
    self.path = path
    descriptor = opened
    unsafe stream = created
  }

  deinit {
    close(descriptor)
    if let stream = unsafe stream { unsafe ZSTD_freeDStream(stream) }
  }

  /// Fills the start of `buffer` with the next bytes.
  ///
  /// - Precondition: `buffer` holds `pieceBytes` bytes.
  /// - Returns: how many bytes there are now; 0 at the end.
  /// - Throws: where the file cannot be read or its compressed data are damaged or cut off.
  mutating func read(into buffer: inout [UInt8]) throws(TraceError) -> Int {
    precondition(buffer.count == Self.pieceBytes, "a buffer of \(buffer.count) bytes")
    guard unsafe stream != nil else {
      return try Self.readFile(descriptor, into: &buffer, path: path)
    }
    while true {
      if packedStart == packedEnd {
        packedStart = 0
        packedEnd = try Self.readFile(descriptor, into: &packed, path: path)
        packedBytesRead += UInt64(packedEnd)
        if packedEnd == 0 {
          guard !isInsideFrame else {
            throw damaged(expected: "the end of a zstd frame", found: "the end of the file")
          }
          return 0
        }
      }
      let count = try decompress(into: &buffer)
      if count > 0 { return count }
    }
  }

  private mutating func decompress(into buffer: inout [UInt8]) throws(TraceError) -> Int {
    var target = unsafe ZSTD_outBuffer(dst: nil, size: buffer.count, pos: 0)
    var source = unsafe ZSTD_inBuffer(src: nil, size: packedEnd - packedStart, pos: 0)
    let start = packedStart
    let code = unsafe buffer.withUnsafeMutableBytes { output in
      unsafe packed.withUnsafeBytes { input in
        unsafe target.dst = output.baseAddress
        unsafe source.src = input.baseAddress.map { unsafe $0 + start }
        return unsafe ZSTD_decompressStream(stream, &target, &source)
      }
    }
    let (written, consumed) = unsafe (target.pos, source.pos)
    guard ZSTD_isError(code) == 0 else {
      throw damaged(expected: "valid zstd data", found: "damaged data")
    }
    packedStart += consumed
    isInsideFrame = code != 0
    return written
  }

  private static func readFile(
    _ descriptor: Int32,
    into buffer: inout [UInt8],
    path: String
  ) throws(TraceError) -> Int {
    while true {
      let got = unsafe buffer.withUnsafeMutableBytes { bytes in
        #if canImport(Glibc)
        unsafe Glibc.read(descriptor, bytes.baseAddress, bytes.count)
        #elseif canImport(Musl)
        unsafe Musl.read(descriptor, bytes.baseAddress, bytes.count)
        #else
        unsafe Darwin.read(descriptor, bytes.baseAddress, bytes.count)
        #endif
      }
      if got >= 0 { return got }
      if errno != EINTR { throw unreadable(path) }
    }
  }

  private func damaged(expected: String, found: String) -> TraceError {
    TraceError(
      kind: .badData,
      path: path,
      location: .byte(packedBytesRead - UInt64(packedEnd - packedStart)),
      expected: expected,
      found: found
    )
  }

  private static func unreadable(_ path: String) -> TraceError {
    TraceError(
      kind: .unreadableInput,
      path: path,
      location: .wholeFile,
      expected: "a readable file",
      found: unsafe String(cString: strerror(errno))
    )
  }
}
