// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
public import MemoryModel
import PhysicalMemory
import Swap

/// What a program would see of one page.
public struct PageView: Equatable, Sendable {
  /// The tags, two in a byte, even granule in the low nibble; all 0 where the page has none.
  public var tags: [UInt8]
  /// The stamp of the last write, 0 where nobody wrote.
  public var stamp: UInt64
  /// Whether the page exists at all: touched, and neither unmapped nor dropped since.
  public var exists: Bool

  /// Creates a view.
  public init(tags: [UInt8], stamp: UInt64, exists: Bool) {
    self.tags = tags
    self.stamp = stamp
    self.exists = exists
  }
}

extension Machine {
  /// Looks at the page that holds an address, which no event need ever have concerned.
  public func view(at address: UInt64, process: Int) -> PageView {
    if let page = identifier(of: address, process: process) { return view(page, of: process) }
    return untouchedView(at: VirtualPageNumber(address: address, pageSize: pageSize), of: process)
      ?? PageView(
        tags: [UInt8](repeating: 0, count: pageSize.tagBytes),
        stamp: 0,
        exists: false
      )
  }

  /// Looks at a page the way a program would, without changing anything: in its frame, kept aside,
  /// or in swap.
  ///
  /// - Complexity: O(*g*), where *g* is granules per page.
  public func view(_ page: PageIdentifier, of process: Int) -> PageView {
    let untagged = [UInt8](repeating: 0, count: pageSize.tagBytes)
    let table = processes[process].table
    let target = table.target(page)
    switch table.state(page) {
    case .none, .zeroPage, .filePage:
      if let shown = referenceView(at: page, of: process) { return shown }
      return PageView(tags: untagged, stamp: 0, exists: false)
    case .frame, .faultOnAccess:
      return view(ofFrame: PageFrameNumber(rawValue: target))
    case .swap, .swapExclusive:
      if let cached = device.cachedFrame(target) {
        let frame = PageFrameNumber(rawValue: cached)
        var seen = view(ofFrame: frame)
        // Pages in the swap cache get their tags when an entry is about to map them.
        if !frames[frame].flags.contains(.tagged) && parkedTags[frame.rawValue] == nil {
          seen.tags = savedTags(of: target) ?? untagged
        }
        return seen
      }
      return PageView(
        tags: residentTags[target] ?? savedTags(of: target) ?? untagged,
        stamp: swappedStamp(target),
        exists: true
      )
    }
  }

  private func view(ofFrame frame: PageFrameNumber) -> PageView {
    let tags: [UInt8]
    if let parked = parkedTags[frame.rawValue] {
      tags = parked
    } else if frames[frame].flags.contains(.tagged) {
      tags = tagBytes(of: frame)
    } else {
      tags = [UInt8](repeating: 0, count: pageSize.tagBytes)
    }
    return PageView(tags: tags, stamp: contents[frame.index], exists: true)
  }

  /// The saved tags of a slot, `nil` where none are saved or they cannot be decoded.
  private func savedTags(of slot: UInt32) -> [UInt8]? {
    var tags = [UInt8](repeating: 0, count: pageSize.tagBytes)
    do throws(TagStoreError) {
      var span = tags.mutableSpan
      guard try tagStore.load(swapEntry(slot), into: &span) else { return nil }
    } catch {
      return nil
    }
    return tags
  }

  /// The identifier of a page of a process, `nil` where no event ever concerned it.
  func identifier(of address: UInt64, process: Int) -> PageIdentifier? {
    processes[process].pageIndex.identifier(
      of: VirtualPageNumber(address: address, pageSize: pageSize)
    )
  }

  /// The address of a page of a process.
  public func address(of page: PageIdentifier, process: Int) -> UInt64 {
    processes[process].pageIndex.page(of: page).address(pageSize: pageSize)
  }

  /// How many pages a process has identifiers for.
  public func pageCount(of process: Int) -> Int { processes[process].pageIndex.count }
}
