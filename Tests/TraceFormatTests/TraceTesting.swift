// SPDX-License-Identifier: Apache-2.0

import MemoryModel
import Testing

@testable import TraceFormat

/// One event with its operation in place.
struct Event: Equatable {
  var record: EventRecord?
  var operation: MemoryOperation?
  var clock: UInt64
}

/// All events of a trace, read batch by batch.
func events(_ reader: TraceReader) throws -> [Event] {
  var all: [Event] = []
  var batch = EventBatch()
  while try reader.next(into: &batch) {
    #expect(batch.firstRecordNumber == UInt64(all.count))
    #expect(batch.records.count <= 16384)
    for record in batch.records {
      if record.kind == .operation {
        let operation = batch.operations[Int(record.page)]
        all.append(Event(record: nil, operation: operation, clock: record.clock))
      } else {
        all.append(Event(record: record, operation: nil, clock: record.clock))
      }
    }
  }
  return all
}

/// Every operation once, with the odd fields that a trace can have.
let everyOperation: [MemoryOperation] = [
  .map(
    MappingRequest(
      address: 0x10_0000,
      length: 0x9000,
      protection: [.read, .write, .mte],
      flags: [.anonymous, .fixed]
    ),
    result: 0x10_0000
  ),
  .map(MappingRequest(address: 0, length: 0, protection: [], flags: []), result: nil),
  .map(
    MappingRequest(
      address: 1 << 56 - 1,
      length: .max,
      protection: Protection(rawValue: 0x3f),
      flags: MappingFlags(rawValue: 0x3ff)
    ),
    result: .min
  ),
  .unmap(address: 0x10_8000, length: 0x1000, result: 0),
  .unmap(address: 0x10_8000, length: 0, result: -22),
  .protect(address: 0x10_0000, length: 4096, protection: [.read], result: nil),
  .protect(address: 0x10_0000, length: 4096, protection: [.read, .branchTarget], result: -12),
  .remap(
    address: 0x10_0000,
    oldLength: 4096,
    newLength: 8192,
    flags: [.mayMove],
    newAddress: 0x20_0000,
    result: 0x20_0000
  ),
  .remap(
    address: 0x10_0000,
    oldLength: 4096,
    newLength: 8192,
    flags: [.mayMove, .fixed, .dontUnmap],
    newAddress: 0x20_0000,
    result: nil
  ),
  .createReference(ReferenceRequest(address: 0x10_0010, size: 16), result: 3),
  .createReference(
    ReferenceRequest(address: 0x10_0010, size: .max, flags: 7, content: .uniform(0)),
    result: -22
  ),
  .createReference(
    ReferenceRequest(address: 0x10_0010, size: 1, content: .uniform(255)),
    result: nil
  ),
  .mapReference(
    MappingRequest(
      address: 0x30_0000,
      length: 8192,
      protection: [.read, .write, .mte],
      flags: [.anonymous, .fixed]
    ),
    descriptor: 3,
    offset: 0,
    result: 0x30_0000
  ),
  .mapReference(
    MappingRequest(address: 0, length: .max, protection: [], flags: [.anonymous, .shared]),
    descriptor: .max,
    offset: 0x1800,
    result: nil
  ),
  .mapTagged(
    MappingRequest(address: 0, length: 1, protection: .read, flags: .anonymous),
    tag: MemoryTag(truncating: 15),
    result: -12
  ),
  .close(descriptor: 3, result: 0), .close(descriptor: .max, result: nil),
  .brk(address: 0, result: 0x55_0000_1000),
  .brk(address: 0x55_0000_2001, result: nil),
  .advise(address: 0x10_0000, length: 4096, advice: .dontNeed, result: 0),
  .advise(address: 0x10_0000, length: 4096, advice: .populateWrite, result: -14),
  .kernelCopy(address: 0x10_0001, length: 5000, intoUser: true),
  .kernelCopy(address: 0x10_0001, length: 1, intoUser: false),
  .thread(0), .thread(.max), .process(0), .fork(child: 1), .process(1), .exec,
  .exit(status: 0), .exit(status: -7), .process(0),
  .mark("a mark # with a sign"), .mark(""), .mark(" \\two\nlines\t\r "), .mark("größer"),
  .expect(.outcome(.hit)), .expect(.outcome([.zeroFill, .tagsReserved])),
  .expect(.outcome(.error(.einval))),
  .expect(.outcome([.asyncTagFault, .error(.enomem)])),
  .tagControl([.enable, .sync, .async, .include(0xfffe)], result: 0), .tagControl([], result: nil),
  .tagControl(TagControl(rawValue: .max), result: -22),
  .tagCheckOverride(isSet: true), .tagCheckOverride(isSet: false),
  .tagInstruction(TagInstruction(.irg, pointer: 0x0f00_0000_0010_0008)),
  .tagInstruction(
    TagInstruction(
      .irg,
      pointer: 0x10_0000,
      operand: 0xffff,
      result: 0x0300_0000_0010_0000
    )
  ),
  .tagInstruction(TagInstruction(.addg, pointer: 0x10_0000, operand: 1008 | 15 << 16)),
  .tagInstruction(TagInstruction(.subg, pointer: 0x10_0000, operand: 16)),
  .tagInstruction(TagInstruction(.gmi, pointer: 1 << 60 - 1, operand: .max)),
  .tagInstruction(TagInstruction(.ldg, pointer: 0x10_0001)),
  .tagInstruction(TagInstruction(.stg, pointer: 0x10_0000, operand: 15)),
  .tagInstruction(TagInstruction(.st2g, pointer: 0x10_0000, operand: 0)),
  .tagInstruction(TagInstruction(.stzg, pointer: 0x10_0000, operand: 1)),
  .tagInstruction(TagInstruction(.stz2g, pointer: 0x10_0000, operand: 2)),
  .tagInstruction(TagInstruction(.stgp, pointer: 0x0500_0000_0010_0000)),
  .tagInstruction(TagInstruction(.dcgva, pointer: 0x0500_0000_0010_0000)),
  .tagInstruction(TagInstruction(.dcgzva, pointer: 0x0500_0000_0010_0000)),
  .tagInstruction(TagInstruction(.ldgm, pointer: 0x10_0000)),
  .tagInstruction(TagInstruction(.stgm, pointer: 0x10_0000, operand: 3)),
  .tagInstruction(TagInstruction(.stzgm, pointer: 0x10_0000, operand: 3)),
  .pin(address: 0x10_0000, length: 8192, flags: [.write, .longTerm], result: 2),
  .pin(address: 0x10_0000, length: .max, flags: [], result: nil),
  .unpin(address: 0x10_0000, length: 8192),
  .swapOff(device: 0), .swapOn(device: .max),
  .peekTags(address: 0x10_0ff0, count: 1), .peekTags(address: 0x10_0000, count: 256),
  .pokeTags(address: 0x10_0fe0, tags: [15, 0]), .coreDump, .hibernate,
  .memorySlot(number: 7, address: 0x10_0000, length: 0x4000),
  .memorySlot(number: 32_763, address: 0, length: 0),
  .guest(GuestAccess(.read, at: 0x10_0008)), .guest(GuestAccess(.write, at: 0x10_0000)),
  .guest(GuestAccess(.storeTags([3, 3, 0]), at: 0x10_0010)),
  .expect(.value(.max)), .expect(.value(0)),
  .expect(.signal(Signal(code: .segvMTESErr, address: 0x0500_0000_0010_0000))),
  .expect(.signal(Signal(code: .illIllOpc, address: .max))),
  .expectTags(address: 0x10_0000, tags: [1, 2, 2, 15]),
]

/// A snapshot whose every granule is different from its neighbours.
func snapshot(page: UInt64, _ pageSize: PageSize) -> MemoryOperation {
  .tagSnapshot(
    page: page,
    tags: (0..<pageSize.tagBytes).map { UInt8(truncatingIfNeeded: $0 &* 37) }
  )
}

/// A header with all fields.
let fullHeader = TraceHeader(
  pageSize: .kib4,
  recorder: "recorder 1.0",
  commandLine: "prog --flag '#x'",
  note: "two\nlines",
  filterWindowAccesses: 65536,
  filterEntries: 1024,
  initialMappings: [
    MappingRequest(address: 0x1000, length: 0x4000, protection: [.read], flags: []),
    MappingRequest(
      address: 0x8000,
      length: 0x2000,
      protection: [.read, .write],
      flags: [.anonymous, .stack]
    ),
  ]
)

/// A container with every kind of record.
func everything(_ pageSize: PageSize = .kib4) throws -> [UInt8] {
  var header = fullHeader
  header.pageSize = pageSize
  var writer = try TraceWriter(header: header)
  var clock: UInt64 = 0
  try writer.touch(0x1000, reads: 1, writes: 0, clock: 1)
  try writer.touch(0x8abc, reads: 0, writes: 1, clock: 64)
  try writer.touch(0x8000, reads: 7, writes: 0xffff, clock: 127)
  try writer.touch(0x9000, reads: 0, writes: 3, clock: 1 << 40)
  clock = 1 << 40
  for operation in everyOperation {
    try writer.operation(operation, clock: clock)
    clock += 1
  }
  try writer.operation(snapshot(page: 9, pageSize), clock: clock)
  try writer.access(address: 0x8ff9, size: 16, isWrite: true, pointerTag: nil, clock: clock + 1)
  try writer.access(
    address: 0x8000,
    size: 1,
    isWrite: false,
    pointerTag: MemoryTag(truncating: 9),
    clock: clock + 2
  )
  try writer.tagRun(
    address: 0x10_0ff0,
    granules: 3,
    tag: MemoryTag(truncating: 5),
    clock: clock + 2
  )
  try writer.tagRun(address: 0x1000, granules: 1, tag: .zero, clock: EventRecord.largestClock)
  return try writer.finish().bytes
}

/// The error that opening and reading `bytes` to the end throws, `nil` if all is well.
func readingError(_ bytes: [UInt8]) -> TraceError? {
  do throws(TraceError) {
    let reader = try TraceReader(bytes: bytes, name: "t")
    var batch = EventBatch()
    while try reader.next(into: &batch) {}
    return nil
  } catch {
    return error
  }
}
