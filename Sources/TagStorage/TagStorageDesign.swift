// SPDX-License-Identifier: Apache-2.0

/// The designs that answer where the tags of a page live.
///
/// A design is a name for a ``DesignPolicy``. Adding one is one file in `Designs`, one case here and
/// one line in ``policy``; the tests run every design over every case trace by themselves.
public enum TagStorageDesign: String, CaseIterable, Sendable {
  /// Tags live outside RAM and cost nothing: the lower bound of every comparison.
  case none
  /// Tags live in the spare bits of the memory's error correction.
  case eccColocated = "ecc-colocated"
  /// The top 1/32 of RAM holds tags and nothing else.
  case staticCarveout = "static-carveout"
  /// Dynamic reuse of tag storage through a free list that is used last, as RFC v1 has it.
  case rfc1
  /// Dynamic reuse of tag storage through CMA with mandatory reservation, as RFC v2 has it.
  case rfc2
  /// Dynamic reuse of tag storage through CMA, as RFC v3 intends it.
  case rfc3
  /// RFC v3 with the defects of the code that was posted.
  case rfc3AsPosted = "rfc3-as-posted"
  /// The first tagged page in the system takes all tag storage for ever.
  case allOrNothing = "all-or-nothing"
  /// Tag storage can be tagged itself, at the price of 1/1024 of RAM.
  case tagOfTags = "tag-of-tags"
  /// Tag storage is a zone of its own that untagged pages fill first.
  case ownZone = "own-zone"
  /// Tagged pages are gathered in few cells of tag storage, as XNU does.
  case xnu
  /// Memory is blocks of 32 pages and one for their tags, on three free lists.
  case tagBlockFreelists = "tag-block-freelists"
  /// Tags lie in ordinary virtual memory, in tag pages that exist only where there are tags.
  case virtualResident = "virtual-resident"
  /// Tag storage keeps copies of pages on their way to swap.
  case frontswap
  /// Tag storage is a compressed swap device that is used first.
  case ramdiskSwap = "ramdisk-swap"
  /// Tag storage is a compressed cache of swapped pages, without page descriptors.
  case zswapLike = "zswap-like"
  /// Tag storage keeps copies of clean pages of files.
  case cleancache
  /// Tag storage keeps copies of clean pages of files that were in use: guaranteed CMA.
  case gcma
  /// Tag storage is lent to a guest as a cache of clean pages of files.
  case virtioTmem = "virtio-tmem"

  /// The answers that the machine acts on.
  public var policy: DesignPolicy {
    switch self {
    case .none: .none
    case .eccColocated: .eccColocated
    case .staticCarveout: .staticCarveout
    case .rfc1: .rfc1
    case .rfc2: .rfc2
    case .rfc3: .rfc3
    case .rfc3AsPosted: .rfc3AsPosted
    case .allOrNothing: .allOrNothing
    case .tagOfTags: .tagOfTags
    case .ownZone: .ownZone
    case .xnu: .xnu
    case .tagBlockFreelists: .tagBlockFreelists
    case .virtualResident: .virtualResident
    case .frontswap: .frontswap
    case .ramdiskSwap: .ramdiskSwap
    case .zswapLike: .zswapLike
    case .cleancache: .cleancache
    case .gcma: .gcma
    case .virtioTmem: .virtioTmem
    }
  }
}
