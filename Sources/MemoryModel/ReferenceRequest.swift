// SPDX-License-Identifier: Apache-2.0

/// The arguments of `refpage_create`, and what its content is.
///
/// Data are no part of a trace, but what kind of page the kernel makes depends on them; a trace says
/// so in ``content``.
///
/// Source: the reference-pages patch, v5.
public struct ReferenceRequest: Equatable, Sendable {
  /// Where the content lies.
  public var address: UInt64
  /// Bytes of the content, which the page repeats; a power of two up to the page size, or the call is
  /// refused.
  public var size: UInt64
  /// Flags of the call, of which there are none yet.
  public var flags: UInt64
  /// What the bytes of the content are.
  public var content: ReferenceContent

  /// Creates a request.
  public init(
    address: UInt64,
    size: UInt64,
    flags: UInt64 = 0,
    content: ReferenceContent = .unknown
  ) {
    self.address = address
    self.size = size
    self.flags = flags
    self.content = content
  }
}

/// What a trace says of the bytes that a reference page is made from.
public enum ReferenceContent: Equatable, Sendable {
  /// Nothing: they are not all alike, or nobody recorded them.
  case unknown
  /// All bytes have this value.
  case uniform(UInt8)

  /// Whether all bytes are 0.
  public var isZero: Bool { self == .uniform(0) }
}
