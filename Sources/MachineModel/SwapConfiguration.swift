// SPDX-License-Identifier: Apache-2.0

public import Swap

/// The swap devices of a machine.
public struct SwapConfiguration: Equatable, Sendable {
  /// A kind of swap device, or none at all.
  public enum Device: String, CaseIterable, Sendable {
    /// Synchronous and in memory: swap-in bypasses the swap cache.
    case zram
    /// A solid-state disk: asynchronous and not rotational.
    case ssd
    /// A rotational disk: asynchronous, with slots in runs and read-ahead by slots.
    case disk
    /// No swap.
    case none

    /// The name in options and reports.
    public var name: String { rawValue }

    /// The kind that the swap module knows, `nil` for none.
    public var kind: SwapDeviceKind? {
      switch self {
      case .zram: .zram
      case .ssd: .ssd
      case .disk: .disk
      case .none: nil
      }
    }
  }

  /// The device of a machine with one or none.
  public var device: Device = .zram
  /// Bytes of the device, and of each in ``devices`` without a size; the header page included.
  public var bytes: Int = 256 << 20
  /// All devices in the order of their numbers; where it is empty, ``device`` alone counts.
  public var devices: [SwapDeviceConfiguration] = []
  /// Pages read at once at swap-in, as a power of two; 0 turns read-ahead off.
  public var pageCluster: Int = 3
  /// Slots that are kept aside for allocation and for return; 0 for none.
  public var slotCacheSize: Int = 64
  /// Slots of a cluster, from which a CPU allocates in ascending order.
  public var clusterSlots: Int = 256
  /// Decides where scans for a free slot begin once no cluster is free.
  public var seed: UInt64 = 0

  /// Creates the default: 256 MiB of zram with read-ahead of 8 pages.
  public init() {}

  /// The devices that the machine has.
  public var allDevices: [SwapDeviceConfiguration] {
    if !devices.isEmpty { return devices }
    return device.kind.map { [SwapDeviceConfiguration($0)] } ?? []
  }

  /// Bytes of a device.
  public func bytes(of device: SwapDeviceConfiguration) -> Int { device.bytes ?? bytes }

  /// Bytes of all devices.
  public var totalBytes: Int { allDevices.reduce(0) { $0 + bytes(of: $1) } }

  /// The kinds of all devices, joined by `+`; `none` without any.
  public var summary: String {
    let names = allDevices.map(\.kind.rawValue)
    return names.isEmpty ? Device.none.name : names.joined(separator: "+")
  }
}

/// One of several swap devices.
public struct SwapDeviceConfiguration: Equatable, Sendable {
  /// How it transfers.
  public var kind: SwapDeviceKind
  /// Bytes, the header page included; `nil` for ``SwapConfiguration/bytes``.
  public var bytes: Int?
  /// 0 to 32,767, the larger the earlier in use; `nil` leaves it to the kernel.
  public var priority: Int?

  /// Creates a device.
  public init(_ kind: SwapDeviceKind, bytes: Int? = nil, priority: Int? = nil) {
    self.kind = kind
    self.bytes = bytes
    self.priority = priority
  }
}

/// What zram does to the memory of a machine.
public struct ZramConfiguration: Equatable, Sendable {
  /// Whether the memory of zram is modelled.
  public enum Memory: String, CaseIterable, Sendable {
    /// What zram stores takes no RAM, and writes to it never fail.
    case off
    /// Tables and compressed pages take frames.
    case on
  }

  /// Whether the memory counts.
  public var memory: Memory = .off
  /// The most bytes of each device's pool, `nil` without a limit: `mem_limit`.
  public var limitBytes: Int?
  /// Whether an entry of the table also has the time of its last access: 24 bytes and not 16.
  public var tracksAccessTimes = false
  /// How well pages compress.
  public var compression = ZramCompression()

  /// Creates the default: memory that does not count.
  public init() {}

  /// Bytes of the table for each slot.
  public var entryBytes: Int { tracksAccessTimes ? 24 : 16 }
}
