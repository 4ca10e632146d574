// SPDX-License-Identifier: Apache-2.0

/// What a cell, one page of tag storage with the 32 pages whose tags it holds, is doing.
///
/// Source: specification of tag storage, section 15.12.
public enum CellState: UInt8, CaseIterable, BitwiseCopyable, Sendable {
  /// It can never hold tags: it covers tag storage itself, and is plain memory.
  case disabled
  /// Its page is free.
  case inactive
  /// Its page holds data.
  case claimed
  /// Its page is being taken for tags.
  case activating
  /// Its page holds tags, or could.
  case active
  /// Its page is being given up.
  case deactivating
  /// The data in its page are being moved elsewhere.
  case reclaiming
  /// The data in its page could not be moved, because a device uses them.
  case pinned

  /// The states that may follow.
  ///
  ///     inactive -> activating -> active -> deactivating -> inactive -> claimed -> inactive
  ///     claimed -> reclaiming -> active | claimed | inactive | pinned;  pinned -> claimed
  ///
  /// `activating` leads back to `inactive` where the page cannot be had after all.
  public var successors: [CellState] {
    switch self {
    case .disabled: []
    case .inactive: [.activating, .claimed]
    case .claimed: [.reclaiming, .inactive]
    case .activating: [.active, .inactive]
    case .active: [.deactivating]
    case .deactivating: [.inactive]
    case .reclaiming: [.active, .claimed, .inactive, .pinned]
    case .pinned: [.claimed]
    }
  }

  /// Whether the cell passes through this state only while something is done about it.
  public var isTransient: Bool {
    switch self {
    case .activating, .deactivating, .reclaiming: true
    case .disabled, .inactive, .claimed, .active, .pinned: false
    }
  }
}
