// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
import MemoryModel
import PhysicalMemory

// Faults in mappings of reference pages, as the patch was posted; the alternatives that differ have
// files of their own.
// Source: the reference-pages patch, v5; specification of the kernel around us, section 10.3.

extension Machine {
  /// The first touch of a page, or a write to the shared page.
  mutating func faultOnReference(
    _ page: PageIdentifier,
    at address: VirtualPageNumber,
    in vma: FaultArea,
    isWrite: Bool,
    of process: Int
  ) -> Bool {
    let reference = references[vma.fileIdentity]
    switch reference.home {
    case .frame(let frame):
      guard !isWrite else {
        return fillFromReference(page, at: address, in: vma, isWrite: true, of: process)
      }
      return mapReferencePage(frame, at: page, address, in: vma, of: process)
    case .object:
      return populateFromReference(page, at: address, in: vma, isWrite: isWrite, of: process)
    case .cached(let cached):
      return isWrite
        ? copyFromPageCache(cached, to: page, at: address, in: vma, of: process)
        : mapFromPageCache(cached, at: page, address, in: vma, of: process)
    }
  }

  /// Maps the shared page like the zero page.
  private mutating func mapReferencePage(
    _ frame: PageFrameNumber,
    at page: PageIdentifier,
    _ address: VirtualPageNumber,
    in vma: FaultArea,
    of process: Int
  ) -> Bool {
    guard mapKernelPage(frame, at: page, address, in: vma, of: process) else { return false }
    counters.add(.faultReferencePage)
    steps.insert(.referencePage)
    note(.reference, process: process, page: page)
    return true
  }

  /// Gives a page a frame of its own with the content of its reference page.
  ///
  /// A copy of a page with tags is tagged even where its mapping is not, and where its frame has no
  /// storage for them they are kept aside; a byte pattern has no tags.
  ///
  /// - Returns: the frame, `nil` where memory ran out.
  mutating func fillFrame(
    at address: VirtualPageNumber,
    in vma: FaultArea,
    of process: Int
  ) -> PageFrameNumber? {
    guard let frame = allocatePrivateFrame(at: address, in: vma, of: process) else { return nil }
    let reference = references[vma.fileIdentity]
    counters.add(.faultReferenceFill)
    steps.insert(.referenceFill)
    if configuration.referencePages == .zeroThenFill { counters.add(.pagesZeroedTwice) }
    if reference.kind == .userSet, case .frame(let source) = reference.home {
      counters.add(.pagesCopied)
      contents[frame.index] = contents[source.index]
      copyTags(from: source, to: frame, dropping: .dropCopiedTags)
    } else {
      counters.add(reference.kind == .userSet ? .pagesCopied : .pagesFilled)
      contents[frame.index] = reference.stamp
      if reference.kind != .bytePattern { giveTags(reference.tags, to: frame) }
    }
    frames[frame].flags.insert([.swapBacked, .exclusive])
    return frame
  }

  /// Fills a page for a write.
  mutating func fillFromReference(
    _ page: PageIdentifier,
    at address: VirtualPageNumber,
    in vma: FaultArea,
    isWrite: Bool,
    of process: Int
  ) -> Bool {
    guard let frame = fillFrame(at: address, in: vma, of: process) else { return false }
    mapFrame(frame, at: page, in: vma, of: process, writable: true, dirty: isWrite)
    addToBatch(frame)
    note(.reference, process: process, page: page)
    return true
  }

  // MARK: The shared page

  /// Takes an unmovable frame for a content, with its tag block for as long as it lives.
  ///
  /// - Returns: `nil` where memory or tag storage ran out.
  mutating func allocateReferenceFrame(
    _ content: ReferencePage,
    for process: Int
  ) -> PageFrameNumber? {
    var request = FrameRequest.kernel
    request.isTagged = true
    guard let frame = allocateFrame(request, for: process) else { return nil }
    counters.add(.pgallocTagged)
    frames[frame].ownerPage = Self.noPage
    frames[frame].use = .kernel
    var result = reserveTagStorage(for: frame)
    // A block that was given back a moment ago can still look taken; the next time it does not.
    if result == .exists { result = reserveTagStorage(for: frame) }
    guard processes[process].isAlive, result == .reserved else {
      freeReferenceFrame(frame)
      return nil
    }
    frameTags.load(frame.index, from: content.tags.span)
    frames[frame].flags.insert(.tagged)
    contents[frame.index] = content.stamp
    return frame
  }

  /// Gives the frame of a reference page back, and its share of a tag block.
  mutating func freeReferenceFrame(_ frame: PageFrameNumber) {
    releaseTags(of: frame)
    freeFrame(frame)
  }

  /// What a page without a frame of its own shows: what lies in the shared page that it maps, or would
  /// be mapped; `nil` outside mappings of reference pages.
  func referenceView(at page: PageIdentifier, of process: Int) -> PageView? {
    let table = processes[process].table
    let frame = PageFrameNumber(rawValue: table.target(page))
    if table.state(page) == .zeroPage, frame != zeroFrame {
      return PageView(tags: tagBytes(of: frame), stamp: contents[frame.index], exists: false)
    }
    return untouchedView(at: processes[process].pageIndex.page(of: page), of: process)
  }

  /// What a page that nothing is mapped at would show, `nil` outside mappings of reference pages.
  func untouchedView(at number: VirtualPageNumber, of process: Int) -> PageView? {
    guard references.count > 0, let vma = processes[process].vmas.find(number),
      vma.flags.contains(.reference)
    else { return nil }
    let reference = references[vma.fileIdentity]
    return PageView(tags: reference.tags, stamp: reference.stamp, exists: false)
  }
}
