// SPDX-License-Identifier: Apache-2.0

import Containers
import AddressSpaces
import MemoryModel
import Testing

/// Mappings of reference pages: what they merge with, and what they allow.
@Suite struct ReferenceMappingTests {
  private static let page: UInt64 = 4096
  private static let start: UInt64 = 0x10_0000

  /// A set with mappings of one page each, one after the other, with these backings.
  private func set(
    _ backings: FileBacking?...,
    protection: Protection = [.read, .write, .mte],
    flags: MappingFlags = [.anonymous, .fixed]
  ) throws -> VMASet {
    var set = VMASet(pageSize: .kib4)
    for (number, backing) in backings.enumerated() {
      let request = MappingRequest(
        address: Self.start + UInt64(number) * Self.page,
        length: Self.page,
        protection: protection,
        flags: flags
      )
      _ = try set.map(request, backing: backing).get()
    }
    set.checkInvariants()
    return set
  }

  private func reference(
    _ identity: UInt32 = 1,
    at offset: UInt64 = 0,
    _ kind: FileBacking.Kind = .referencePage
  ) -> FileBacking {
    FileBacking(identity: identity, pageOffset: offset, kind: kind)
  }

  @Test func onlyContiguousOffsetsOfOneFileMerge() throws {
    #expect(try set(reference(at: 0), reference(at: 0), reference(at: 0)).count == 3)
    #expect(try set(reference(at: 4), reference(at: 5), reference(at: 6)).count == 1)
    #expect(try set(reference(1, at: 4), reference(2, at: 5)).count == 2)
    #expect(try set(reference(at: 0x100), nil, reference(at: 0x102)).count == 3)
    // The kernel's page for a tag has no file: what follows is the address, whatever is asked for.
    let tag = FileBacking.Kind.referenceTag
    #expect(try set(reference(1, tag), reference(1, at: 7, tag)).count == 1)
    #expect(try set(reference(1, tag), reference(2, tag)).count == 2)
  }

  private func reference(_ identity: UInt32, _ kind: FileBacking.Kind) -> FileBacking {
    reference(identity, at: 0, kind)
  }

  @Test func sharedMappingsCanNeverBeWritten() throws {
    var set = try set(
      reference(),
      protection: .read,
      flags: [.anonymous, .fixed, .shared]
    )
    let area = try #require(set.areas.first)
    #expect(area.flags.contains(.neverWritable) && !area.flags.contains(.shared))
    let result = set.protect(
      address: Self.start,
      length: Self.page,
      protection: [.read, .write]
    )
    #expect(result.error == .eacces && result.changed.isEmpty)
  }

  @Test(
    arguments: [
      (FileBacking.Kind.file, ErrorNumber.einval, ErrorNumber.einval),
      (.referencePage, nil, .einval),
      (.referenceOperations, .einval, .einval),
      (.referenceTag, nil, nil),
    ] as [(FileBacking.Kind, ErrorNumber?, ErrorNumber?)]
  )
  func adviceKnowsWhatIsAnonymous(
    kind: FileBacking.Kind,
    free: ErrorNumber?,
    wipeOnFork: ErrorNumber?
  ) throws {
    var set = try set(
      reference(1, kind),
      protection: [.read, .write],
      flags: kind == .file ? .fixed : [.anonymous, .fixed]
    )
    #expect(set.advise(address: Self.start, length: Self.page, advice: .free).error == free)
    let wiped = set.advise(address: Self.start, length: Self.page, advice: .wipeOnFork).error
    #expect(wiped == wipeOnFork)
  }
}
