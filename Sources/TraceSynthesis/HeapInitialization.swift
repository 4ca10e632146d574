// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// How an allocator is taken to initialise the memory that it gets from the kernel.
public enum HeapInitialization: String, CaseIterable, Sendable {
  /// It writes all of a mapping as soon as that can be written, and what it gave back to the kernel again
  /// at its next use.
  case memset
  /// It writes each page just before its first use: the least that an allocator can do without help.
  case memsetOnTouch = "memset-on-touch"
  /// It maps its memory from a reference page.
  case referencePages = "reference-pages"
  /// As `referencePages`; it is the kernel that does it in another way, which is a switch of the machine.
  case populateOnFault = "populate-on-fault"

  /// Whether the program itself writes the memory.
  public var isByProgram: Bool { self == .memset || self == .memsetOnTouch }
}

/// What a heap is initialised with, and what counts as one.
public struct HeapModel: Equatable, Sendable {
  /// How it is initialised.
  public var method: HeapInitialization
  /// The byte of the pattern; not used where there is a tag, since memory with a tag is zeroed.
  public var pattern: UInt8 = 0xaa
  /// The tag of untouched memory, `nil` for a pattern.
  public var tag: MemoryTag?
  /// The smallest mapping that counts as heap, in bytes.
  public var smallestMappingBytes: UInt64 = 65536

  /// Creates a model with pattern 0xaa and mappings from 64 KiB on.
  public init(method: HeapInitialization) { self.method = method }

  /// Whether a new mapping is memory that an allocator hands out: private, anonymous, not a stack, and
  /// large, or a piece of heap that is mapped anew.
  ///
  /// What an importer only inferred from accesses is left alone, because nobody knows what it was.
  func isHeap(_ request: MappingRequest, isInsideHeap: Bool) -> Bool {
    request.flags.contains(.anonymous)
      && request.flags.isDisjoint(with: [.shared, .growsDown, .stack, .inferred])
      && !request.protection.contains(.execute)
      && (request.length >= smallestMappingBytes || isInsideHeap)
  }

  /// What the arguments of `refpage_create` are, apart from the address.
  func reference(at address: UInt64) -> ReferenceRequest {
    tag == nil
      ? ReferenceRequest(address: address, size: 1, content: .uniform(pattern))
      : ReferenceRequest(address: address, size: 16, content: .uniform(0))
  }

  /// Accesses that initialise a page of memory: one for each cache line.
  static let bytesPerAccess = 64
}

/// What a rewritten trace has that the recorded one has not.
public struct HeapRewriteSummary: Equatable, Sendable {
  /// Mappings that count as heap, growth by `brk` included.
  public var heapMappings = 0
  /// Their pages when they were made.
  public var heapPages = 0
  /// Pages that the program initialises.
  public var writtenPages = 0
  /// Reference pages created.
  public var referencePages = 0
  /// Expectations and snapshots left out, because they state what was so in the recording.
  public var droppedStatements = 0
}
