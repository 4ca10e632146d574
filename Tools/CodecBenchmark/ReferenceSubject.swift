// SPDX-License-Identifier: Apache-2.0

import CReference
import MemoryModel

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

// This file is unsafe because it calls C through pointers to functions, with pointers into arrays
// that it borrows for the length of the call, and whose sizes it has checked when it was made.

/// Ends the program.
func exitProgram(_ code: Int32) -> Never { exit(code) }

/// The codec in C, as one compiler made it.
@safe struct ReferenceLibrary {
  /// The name of the compiler.
  let compiler: String

  fileprivate let create: @convention(c) (UInt32, UInt32) -> OpaquePointer?
  fileprivate let encode: @convention(c) (OpaquePointer?, UnsafePointer<UInt8>?) -> UInt64
  fileprivate let bytes: @convention(c) (UInt64) -> UInt32
  fileprivate let object:
    @convention(c) (OpaquePointer?, UInt64) ->
      UnsafePointer<UInt8>?
  fileprivate let decode:
    @convention(c) (OpaquePointer?, UInt64, UnsafeMutablePointer<UInt8>?) ->
      Int32
  fileprivate let release: @convention(c) (OpaquePointer?, UInt64) -> Void

  /// The copy that is linked, made by the compiler that comes with Swift.
  static func linked() -> ReferenceLibrary? {
    unsafe codec_reference_library().flatMap { unsafe ReferenceLibrary("clang", $0.pointee) }
  }

  /// The copy in a shared library that gcc made.
  ///
  /// - Returns: `nil` where the file is no such library.
  static func load(_ path: String) -> ReferenceLibrary? {
    // Never closed: the program ends soon.
    guard let library = unsafe dlopen(path, RTLD_NOW | RTLD_LOCAL) else { return nil }
    guard let symbol = unsafe dlsym(library, "codec_reference_library") else { return nil }
    typealias List = @convention(c) () -> UnsafePointer<codec_reference_functions>?
    // A library that has this name is a copy of ours, whose function has this type.
    let list = unsafe unsafeBitCast(symbol, to: List.self)
    guard let functions = unsafe list() else { return nil }
    // The linker could have found the linked copy's functions, and one would be measured twice.
    guard unsafe functions != codec_reference_library() else { return nil }
    return unsafe ReferenceLibrary("gcc", functions.pointee)
  }

  private init?(_ compiler: String, _ functions: codec_reference_functions) {
    guard
      let create = unsafe functions.create, let encode = unsafe functions.encode,
      let bytes = functions.bytes, let object = unsafe functions.object,
      let decode = unsafe functions.decode, let release = unsafe functions.release
    else { return nil }
    self.compiler = compiler
    unsafe self.create = create
    unsafe self.encode = encode
    self.bytes = bytes
    unsafe self.object = object
    unsafe self.decode = decode
    unsafe self.release = release
  }
}

/// The codec in C, with its objects in a pool.
@safe struct ReferenceSubject: Subject {
  let corpus: TagCorpus
  private let library: ReferenceLibrary
  // Never freed: the program ends soon.
  private let codec: OpaquePointer
  private var handles: [UInt64]
  private var output: [UInt8]

  init(_ corpus: TagCorpus, _ library: ReferenceLibrary) {
    guard
      let codec = unsafe library.create(
        UInt32(corpus.pageSize.bytes),
        UInt32(corpus.pages)
      )
    else { preconditionFailure("no memory for the reference codec") }
    self.corpus = corpus
    self.library = library
    unsafe self.codec = codec
    handles = Array(repeating: 0, count: corpus.pages)
    output = Array(repeating: 0, count: corpus.pageSize.tagBytes)
  }

  var name: String { "C, \(library.compiler)" }

  var isPostedCodec: Bool { true }

  mutating func encodeAll() {
    let bytes = corpus.pageSize.tagBytes
    let encode = unsafe library.encode
    unsafe corpus.bytes.withUnsafeBufferPointer { tags in
      guard let base = tags.baseAddress else { return }
      for page in 0..<corpus.pages {
        handles[page] = unsafe encode(codec, base + page * bytes)
      }
    }
  }

  mutating func releaseAll() {
    // Last first, so that the pool hands objects out in the same order again.
    for handle in handles.reversed() { unsafe library.release(codec, handle) }
  }

  mutating func decodeAll() {
    let decode = unsafe library.decode
    unsafe output.withUnsafeMutableBufferPointer { output in
      for page in 0..<corpus.pages {
        let result = unsafe decode(codec, handles[page], output.baseAddress)
        precondition(result == 0, "page \(page) cannot be decoded")
      }
    }
  }

  func stored(_ page: Int) -> StoredTags? {
    guard let object = unsafe library.object(codec, handles[page]) else {
      return StoredTags(inlineHandle: handles[page], object: [])
    }
    let bytes = Int(library.bytes(handles[page]))
    return StoredTags(object: (0..<bytes).map { unsafe object[$0] })
  }

  mutating func restored(_ page: Int) -> [UInt8] {
    unsafe output.withUnsafeMutableBufferPointer { output in
      _ = unsafe library.decode(codec, handles[page], output.baseAddress)
    }
    return output
  }
}
