// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import MemoryModel
import PhysicalMemory

// The calls that make and give up reference pages and map them.
// Source: the reference-pages patch, v5; specification of the kernel around us, section 10.

extension Machine {
  /// `refpage_create`: the checks in the order of the patch, then the page, then its descriptor.
  mutating func createReference(
    _ request: ReferenceRequest,
    recorded: Int64?,
    of process: Int
  ) -> Outcome {
    let size = request.size
    let address = VirtualPageNumber.untagged(request.address)
    guard request.flags == 0 else { return .error(.einval) }
    guard size > 0, size & (size - 1) == 0, size <= UInt64(pageSize.bytes),
      address.isMultiple(of: size)
    else { return .error(.einval) }
    guard let source = sourceOfReference(at: address, of: process) else {
      return processes[process].isAlive
        ? steps.union(.error(.efault)) : steps.union(.processGone)
    }
    if size >= 16, !source.isTagged {
      counters.add(.refpageUntaggedSource)
      steps.insert(.untaggedSource)
    }
    let identity: UInt32
    switch keep(contentOfReference(request, at: address, from: source), for: process) {
    case .failure(let error):
      return processes[process].isAlive ? steps.union(.error(error)) : steps.union(.processGone)
    case .success(let kept): identity = kept
    }
    // The allocation may have ended the process that asked for it.
    guard processes[process].isAlive else {
      abandon(identity)
      return steps.union(.processGone)
    }
    let number = recorded.map { UInt32(truncatingIfNeeded: $0) }
    if let number { closeDescriptor(number, of: process) }
    let free = processes[process].descriptors.lowestFree
    guard number != nil || free < UInt32(configuration.descriptorLimit) else {
      abandon(identity)
      return steps.union(.error(.emfile))
    }
    processes[process].descriptors.open(number ?? free, identity: identity)
    references.retain(identity)
    counters.add(.refpageCreated)
    lastValue = UInt64(number ?? free)
    return steps
  }

  /// What the page that holds a reference page's content holds, faulted in for reading.
  ///
  /// - Returns: `nil` where it cannot be had.
  private mutating func sourceOfReference(
    at address: UInt64,
    of process: Int
  ) -> (view: PageView, isTagged: Bool)? {
    let number = VirtualPageNumber(address: address, pageSize: pageSize)
    // Without FOLL_FORCE a page is got for reading only with PROT_READ itself.
    guard let vma = processes[process].vmas.find(number), vma.protection.contains(.read) else {
      return nil
    }
    let page = processes[process].pageIndex.identifierAdding(number)
    guard access(page, isWrite: false, of: process) else { return nil }
    let table = processes[process].table
    let isTagged: Bool
    switch table.state(page) {
    case .frame, .faultOnAccess, .zeroPage:
      let frame = PageFrameNumber(rawValue: table.target(page))
      isTagged = frames[frame].flags.contains(.tagged) || parkedTags[frame.rawValue] != nil
    case .none, .filePage, .swap, .swapExclusive:
      isTagged = false
    }
    return (view(page, of: process), isTagged)
  }

  /// Classifies a content and repeats its tags over a page.
  ///
  /// A page of equal bytes or with one tag is not recognised unless its size says so, and only 16 zero
  /// bytes make a page of tagged zeros, as in the patch.
  private func contentOfReference(
    _ request: ReferenceRequest,
    at address: UInt64,
    from source: (view: PageView, isTagged: Bool)
  ) -> ReferencePage {
    let first = Int(address & UInt64(pageSize.bytes - 1)) / MemoryTag.granuleBytes
    let count = Int(request.size) / MemoryTag.granuleBytes
    func sourceTag(_ granule: Int) -> UInt8 {
      let byte = source.view.tags[granule / 2]
      return granule & 1 == 0 ? byte & 15 : byte >> 4
    }
    var tags = [UInt8](repeating: 0, count: pageSize.tagBytes)
    if count > 0, source.isTagged {
      for granule in 0..<pageSize.granules {
        let tag = sourceTag(first + granule % count)
        tags[granule / 2] |= granule & 1 == 0 ? tag : tag << 4
      }
    }
    let isTaggedZero = request.size == 16 && request.content.isZero
    return ReferencePage(
      kind: request.size == 1 ? .bytePattern : isTaggedZero ? .taggedZero : .userSet,
      contentBytes: Int(request.size),
      stamp: request.content.isZero ? 0 : source.view.stamp,
      tags: tags,
      home: .object
    )
  }

  /// Puts a content where the machine's policy keeps it.
  ///
  /// - Returns: the identity of the reference page, or why there is none.
  private mutating func keep(
    _ page: ReferencePage,
    for process: Int
  ) -> Result<UInt32, ErrorNumber> {
    guard !configuration.injectedFaults.contains(.failReferencePage) else {
      return .failure(.enomem)
    }
    switch configuration.referencePages {
    case .asPosted, .zeroThenFill:
      guard let frame = allocateReferenceFrame(page, for: process) else { return .failure(.enomem) }
      return .success(references.add(page.moved(to: .frame(frame))))
    case .populateOnFault, .ownFaultCallback:
      return .success(references.add(page))
    case .memfdWrap:
      guard let cached = addToPageCache(page) else { return .failure(.enomem) }
      return .success(references.add(page.moved(to: .cached(cached))))
    case .mmapTagHint:
      guard page.kind == .taggedZero else { return .failure(.einval) }
      let tag = MemoryTag(truncating: page.tags[0])
      guard let identity = reference(forTag: tag, askedBy: process) else {
        return .failure(.enomem)
      }
      return .success(identity)
    }
  }

  /// `close`.
  mutating func close(_ descriptor: UInt32, of process: Int) -> Outcome {
    closeDescriptor(descriptor, of: process) ? steps : .error(.ebadf)
  }

  @discardableResult
  private mutating func closeDescriptor(_ number: UInt32, of process: Int) -> Bool {
    guard let identity = processes[process].descriptors.close(number) else { return false }
    references.release(identity)
    return true
  }

  /// Closes all descriptors of a process: they are close-on-exec, and end with the process.
  mutating func closeDescriptors(of process: Int) {
    for entry in processes[process].descriptors.entries { references.release(entry.identity) }
    processes[process].descriptors = DescriptorTable()
  }

  /// Gives a fork child the descriptors of its parent.
  mutating func copyDescriptors(from parent: Int, to child: Int) {
    processes[child].descriptors = processes[parent].descriptors
    for entry in processes[parent].descriptors.entries { references.retain(entry.identity) }
  }

  /// `mmap` of a descriptor.
  mutating func mapReference(
    _ request: MappingRequest,
    descriptor: UInt32,
    offset: UInt64,
    of process: Int
  ) -> Outcome {
    guard offset & UInt64(pageSize.bytes - 1) == 0 else { return .error(.einval) }
    guard let identity = processes[process].descriptors.identity(of: descriptor) else {
      return .error(.ebadf)
    }
    let kind: FileBacking.Kind =
      switch configuration.referencePages {
      case .asPosted, .populateOnFault, .zeroThenFill: .referencePage
      case .ownFaultCallback, .memfdWrap: .referenceOperations
      case .mmapTagHint: .referenceTag
      }
    let backing = FileBacking(
      identity: identity,
      pageOffset: offset >> UInt64(pageSize.shift),
      kind: kind
    )
    return map(request, backing: backing, of: process)
  }

  /// Gives up the reference pages that neither a descriptor nor a mapping refers to any more.
  ///
  /// Mappings are looked for only while some reference page has no descriptor left.
  ///
  /// - Complexity: O(*i* *n*), where *i* is the number of such pages and *n* that of VMAs.
  mutating func releaseIdleReferences() {
    guard !references.idle.isEmpty else { return }
    for identity in references.idle where !isMapped(identity) {
      abandon(identity)
      counters.add(.refpageReleased)
    }
  }

  /// Gives up a reference page that nobody refers to; one that the kernel keeps for a tag stays.
  private mutating func abandon(_ identity: UInt32) {
    let page = references[identity]
    guard page.tag == nil else { return }
    switch page.home {
    case .frame(let frame): freeReferenceFrame(frame)
    case .cached(let page): dropFromPageCache(page)
    case .object: break
    }
    references.remove(identity)
  }

  private func isMapped(_ identity: UInt32) -> Bool {
    processes.contains { process in
      process.vmas.areas.contains {
        $0.flags.contains(.reference) && $0.fileIdentity == identity
      }
    }
  }
}

extension ReferencePage {
  /// The same content in another place.
  func moved(to home: Home) -> ReferencePage {
    var page = ReferencePage(
      kind: kind,
      contentBytes: contentBytes,
      stamp: stamp,
      tags: tags,
      home: home
    )
    page.tag = tag
    return page
  }
}
