// SPDX-License-Identifier: Apache-2.0

import MachineModel
import MemoryModel

/// A reference page as the shadow oracle sees it.
struct ShadowReference {
  /// What it holds.
  var contents: PageContents
  /// Whether that cannot be known, because the page that it was made from may have held something else.
  var isUnknown = false
  /// Whether mappings of it keep a descriptor.
  var isDescriptor: Bool
  /// Whether mappings of it have operations of their own.
  var hasOperations: Bool

  /// A page of zeros with one tag.
  init(tag: UInt8, _ pageSize: PageSize) {
    contents = PageContents(tags: [UInt8](repeating: tag | tag << 4, count: pageSize.tagBytes))
    isDescriptor = false
    hasOperations = false
  }

  init(_ contents: PageContents, policy: ReferencePagePolicy) {
    self.contents = contents
    isDescriptor = policy != .mmapTagHint
    hasOperations = policy == .ownFaultCallback || policy == .memfdWrap
  }
}

// What the calls for reference pages do, written down a second time.
extension ShadowSpace {
  /// Follows a call that succeeded.
  mutating func applyToReferences(_ operation: MemoryOperation) {
    switch operation {
    case .createReference(let request, let result):
      let number = result.map { UInt32(truncatingIfNeeded: $0) } ?? lowestFreeDescriptor
      descriptors[number] = reference(request)
    case .close(let number, _):
      descriptors[number] = nil
    case .mapReference(let request, let number, _, let result):
      guard let reference = descriptors[number] else { return }
      place(request, at: result) { ShadowArea($0, for: request, reference) }
    case .mapTagged(let request, let tag, let result):
      let reference = ShadowReference(tag: tag.rawValue, pageSize)
      place(request, at: result) { ShadowArea($0, for: request, reference) }
    default:
      break
    }
  }

  private var lowestFreeDescriptor: UInt32 {
    var number: UInt32 = 3
    while descriptors[number] != nil { number += 1 }
    return number
  }

  /// What a reference page holds that is made now.
  private func reference(_ request: ReferenceRequest) -> ShadowReference {
    let address = VirtualPageNumber.untagged(request.address)
    let number = address >> UInt64(pageSize.shift)
    let source = expectation(of: number)
    var page = PageContents()
    guard let only = source.onlyContents else {
      var reference = ShadowReference(page, policy: policy)
      reference.isUnknown = true
      return reference
    }
    if !request.content.isZero { page.stamp = only.stamp }
    if request.size >= 16 {
      let first = Int(address % UInt64(pageSize.bytes)) / 16
      let repeated = Int(request.size) / 16
      let granules = (0..<pageSize.granules).map { tag(only.tags, first + $0 % repeated) }
      page.tags = stride(from: 0, to: granules.count, by: 2).map {
        granules[$0] | granules[$0 + 1] << 4
      }
    }
    return ShadowReference(page, policy: policy)
  }
}
