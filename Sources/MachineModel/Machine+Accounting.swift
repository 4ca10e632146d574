// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
public import MemoryModel
import PhysicalMemory
import Swap
import TagCompression
import TagStorage

extension Machine {
  /// The bytes of one category now.
  ///
  /// - Complexity: O(1) for every category but the anonymous pages, which cost O(processes).
  public func bytes(of category: MemoryCategory) -> UInt64 {
    let page = pageSize.bytes
    let heldPages = blocks.reservedBlocks * region.blockPages + interleaved.taggedBlocks
    switch category {
    case .tagStorageWithheld:
      return UInt64(withheldTagStorage.count * page)
    case .tagStorageIdle: return UInt64(store.idleFrames * page)
    case .tagStorageHeld:
      return UInt64(heldPages * page)
    case .tagPages:
      return UInt64(processes.reduce(0) { $0 + $1.tagFrames.count } * page)
    case .savedTags16, .savedTags32, .savedTags64, .savedTags128, .savedTags256, .savedTags512,
      .savedTags1024, .savedTags2048, .savedTagSlack, .savedTagNodes:
      return UInt64(tagStore.bytes(in: category))
    case .parkedTags: return UInt64(parkedTags.count * pageSize.tagBytes)
    case .pageTables:
      return UInt64(processes.reduce(0) { $0 + $1.tableFrames.count } * page)
    case .structPages:
      return UInt64(presentPages * MachineLayout.descriptorBytes)
    case .referencePages: return UInt64(referencePageBytes)
    case .tagStorageData:
      if policy.store != nil { return UInt64(store.occupiedFrames * page) }
      let usable = tagStorageLayout.pages - withheldTagStorage.count
      return UInt64((usable - heldPages - unusedTagStoragePages) * page)
    case .tagStorageFree:
      return UInt64(unusedTagStoragePages * page)
    case .storeOrigData: return UInt64(storedPages * page)
    case .storeComprData: return UInt64(storedBytes)
    case .storeMemUsed: return UInt64(store.occupiedFrames * page)
    case .anonymous:
      return UInt64(mappedAnonymousPages * page)
    case .swapCache:
      return UInt64(unmappedAnonymousPages * page)
    case .filePages: return UInt64(filePages.cachedPages * page)
    case .free: return UInt64((buddy.freePages + buddy.listedPages) * page)
    case .freeCma: return UInt64(unusedCMAPages * page)
    case .pagesWithTagStorage:
      return UInt64((blocks.reservedFrames + interleaved.taggedPages) * page)
    case .swapUsed: return UInt64(device.usedSlots * page)
    case .zramOrigData, .zramComprData, .zramMemUsed, .zramSame, .zramHuge, .zramTable:
      return zramStores.isEmpty ? 0 : zramBytes(of: category)
    }
  }

  /// Bytes of all reference pages.
  ///
  /// They are the frames, or objects with content and tags, and for each that a descriptor was made for an
  /// object and an open file. Pages of the page cache count as anonymous.
  private var referencePageBytes: Int {
    guard references.count > 0 else { return 0 }
    var bytes = 0
    references.forEach { _, page in
      switch page.home {
      case .frame(let frame): bytes += frame == zeroFrame ? 0 : pageSize.bytes
      case .object:
        let granules = page.contentBytes / MemoryTag.granuleBytes
        bytes += page.contentBytes + (granules + 1) / 2
      case .cached: break
      }
      if page.tag == nil { bytes += KernelObject.referenceBytes }
    }
    return bytes
  }

  /// Free pages of tag storage; all CMA memory of this machine is tag storage.
  private var unusedTagStoragePages: Int { unusedCMAPages + interleaved.freeTagPages }

  /// Free CMA pages, those on per-CPU lists included.
  private var unusedCMAPages: Int { buddy.freeCMAPages + buddy.listedCMAPages }

  /// Resident pages of all processes, a shared frame counted once.
  private var mappedAnonymousPages: Int {
    let resident = processes.reduce(0) { $0 + $1.table.residentPages }
    return resident - sharedMappingsBeyondFirst
  }

  private var sharedMappingsBeyondFirst: Int {
    var further = 0
    for (frame, mappings) in sharers where frames[Int(frame)].use == .anonymous {
      further += mappings.count - 1
    }
    return further
  }

  /// Frames of user data that no entry maps: swap-cache pages on an LRU list.
  private var unmappedAnonymousPages: Int {
    var charged = 0
    for group in 0..<groups.count { charged += groups[group].chargedPages }
    let kernel = processes.reduce(0) {
      $0 + $1.tableFrames.count + $1.tagFrames.count + $1.objectPages
    }
    return charged - kernel - mappedAnonymousPages - filePages.cachedPages
  }

  /// Makes the kernel's own frames match what saved tags need.
  ///
  /// - Returns: `false` where a frame was needed and none was free.
  @discardableResult
  mutating func adjustKernelFrames() -> Bool {
    let needed = tagStore.slabPages
    while kernelFrames.count < needed {
      var request = FrameRequest.kernel
      request.ignoresWatermarks = true
      request.mayKill = false
      guard let frame = allocateFrame(request, for: nil) else { return false }
      frames[frame].use = .kernel
      kernelFrames.append(frame.rawValue)
    }
    while kernelFrames.count > needed, let frame = kernelFrames.popLast() {
      freeFrame(PageFrameNumber(rawValue: frame))
    }
    return true
  }

  /// The frames that tag storage takes of RAM, and the frames of a tag block.
  public var tagStorageLayout: (pages: Int, blockPages: Int) {
    (region.tags.count + interleaved.count, region.blockPages)
  }

  /// The saved tags by size class, smallest first; 8 bytes stands for tags in the handle itself.
  public var savedTagClasses: [SavedTagClass] {
    tagStore.statistics.classes.map {
      SavedTagClass(
        bytes: $0.sizeClass.bytes,
        allocations: $0.allocations,
        frees: $0.frees,
        peak: $0.peak
      )
    }
  }
}
