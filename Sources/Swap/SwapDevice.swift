// SPDX-License-Identifier: Apache-2.0

/// How a swap device performs its transfers.
public enum SwapDeviceKind: String, CaseIterable, BitwiseCopyable, Sendable {
  /// Memory that is compressed: writes and reads end before they return, and swap-in of a page with one
  /// user bypasses the swap cache.
  case zram
  /// A solid-state disk: writes end later, and swap-in reads ahead.
  case ssd
  /// A rotational disk: slots are taken in runs from its beginning, and while one is in use every
  /// swap-in reads the neighbours on the device ahead.
  case disk
  /// Memory that a design has made a device of: synchronous as ``zram``.
  case ramdisk

  /// Whether a transfer ends before the call that starts it returns.
  @inlinable public var isSynchronous: Bool { self == .zram || self == .ramdisk }
}

/// A device to swap to, as its owner describes it.
public struct SwapDevice: Equatable, Sendable {
  /// How it transfers.
  public var kind: SwapDeviceKind
  /// Slots, the header included.
  public var slots: Int
  /// 0 to 32,767, the larger the earlier in use; `nil` leaves it to the kernel, which puts each such
  /// device behind all others.
  public var priority: Int?

  /// Creates a device.
  public init(_ kind: SwapDeviceKind, slots: Int, priority: Int? = nil) {
    self.kind = kind
    self.slots = slots
    self.priority = priority
  }

  /// The largest priority that can be asked for.
  ///
  /// Source: Linux v6.8 `SWAP_FLAG_PRIO_MASK`.
  public static let largestPriority = 32_767
}

/// What `/proc/swaps` shows of a device that is in use.
public struct SwapDeviceUse: Equatable, Sendable {
  /// The device's number in swap entries.
  public let type: Int
  /// How it transfers.
  public let kind: SwapDeviceKind
  /// Slots that can be used: all but the header.
  public let totalSlots: Int
  /// Slots that are not free, those in the slot caches included.
  public let usedSlots: Int
  /// The priority, negative where the kernel gave it.
  public let priority: Int
}
