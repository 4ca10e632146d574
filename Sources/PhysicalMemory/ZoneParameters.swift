// SPDX-License-Identifier: Apache-2.0

/// What the configuration of a kernel and its administrator decide about the page allocator.
///
/// The defaults are the kernel's.
public struct ZoneParameters: Equatable, Sendable {
  /// How the minimum watermark is chosen.
  public var minimumFree: MinimumFree = .standard
  /// The distance of the marks, in 1/10,000 of the managed pages: `vm.watermark_scale_factor`.
  public var watermarkScaleFactor = 10
  /// How far stealing may raise the marks, in 1/10,000 of the high mark; 0 turns it off:
  /// `vm.watermark_boost_factor`.
  public var watermarkBoostFactor = 15_000
  /// What a request takes along when it is served from pageblocks of another type.
  public var stealing: StealingScope = .pageblock
  /// Whether single pages pass through per-CPU lists.
  public var pageLists: PageListMode = .perCPU

  /// Creates the kernel's defaults.
  public init() {}
}

/// Where single free pages are kept.
public enum PageListMode: String, CaseIterable, Sendable {
  /// On lists of the CPU, before the free lists.
  case perCPU = "per-cpu"
  /// On the free lists at once, as with a batch of 1 and a high mark of 0.
  case off
}

/// How much a request takes from pageblocks of another type when its own type has nothing left.
public enum StealingScope: String, CaseIterable, Sendable {
  /// The free memory of a whole pageblock, and the pageblock itself, where the kernel's rules allow it.
  case pageblock
  /// The one free block that serves the request: no pageblock is moved or converted, and no mark is
  /// raised. It is what the allocator would be without its defence against fragmentation.
  case block
}
