// SPDX-License-Identifier: Apache-2.0

/// What a guest of the current process, which is its virtual machine monitor, does to a page of its memory.
///
/// The guest has MTE, so that all its memory is tagged for it, whatever the monitor's own mapping says.
/// Addresses are those of the monitor: a memory slot maps guest addresses one to one, and where a guest
/// sees its memory makes no difference to the host.
public struct GuestAccess: Equatable, Sendable {
  /// What it does.
  public enum Kind: Equatable, Sendable {
    /// It reads data or tags.
    case read
    /// It writes data.
    case write
    /// It stores tags, one byte each, from the granule at the address to at most the end of its page.
    case storeTags([UInt8])

    /// Whether the page has to be writable.
    public var isWrite: Bool { self != .read }
  }

  /// Where, in bytes of the monitor's address space; of a granule where tags are stored.
  public var address: UInt64
  /// What it does there.
  public var kind: Kind

  /// Creates an access.
  public init(_ kind: Kind, at address: UInt64) {
    self.kind = kind
    self.address = address
  }
}
