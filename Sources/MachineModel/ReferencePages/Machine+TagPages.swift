// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import MemoryModel
import PhysicalMemory

// Pages of zeros that the kernel keeps for each tag: mmap-tag-hint.
// Source: replies to the reference-pages patch; specification of the kernel around us, section 10.4.

extension Machine {
  /// `mmap` with a tag hint; with tag 0 it is `mmap` without.
  mutating func mapTagged(
    _ request: MappingRequest,
    tag: MemoryTag,
    of process: Int
  ) -> Outcome {
    guard configuration.referencePages == .mmapTagHint, !request.flags.contains(.shared) else {
      return .error(.einval)
    }
    guard tag != .zero else { return map(request, backing: nil, of: process) }
    guard let identity = reference(forTag: tag, askedBy: process) else {
      return processes[process].isAlive
        ? steps.union(.error(.enomem)) : steps.union(.processGone)
    }
    let backing = FileBacking(identity: identity, pageOffset: 0, kind: .referenceTag)
    return map(request, backing: backing, of: process)
  }

  /// The page of zeros with one tag, which is made when it is asked for first and then kept for ever.
  ///
  /// The page of tag 0 is the zero page, which there is already.
  ///
  /// - Returns: its identity, `nil` where memory ran out.
  mutating func reference(forTag tag: MemoryTag, askedBy process: Int) -> UInt32? {
    if let known = tagPages[Int(tag.rawValue)] { return known }
    var page = ReferencePage(
      kind: .taggedZero,
      contentBytes: MemoryTag.granuleBytes,
      stamp: 0,
      tags: [UInt8](repeating: tag.rawValue * 0x11, count: pageSize.tagBytes),
      home: .object
    )
    page.tag = tag
    let made = tag == .zero ? zeroFrame : allocateReferenceFrame(page, for: process)
    guard let frame = made else { return nil }
    let identity = references.add(page.moved(to: .frame(frame)))
    tagPages[Int(tag.rawValue)] = identity
    return identity
  }
}
