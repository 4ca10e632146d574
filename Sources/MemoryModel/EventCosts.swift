// SPDX-License-Identifier: Apache-2.0

/// What events cost in time, in nanoseconds each: the parameters of a cost model.
///
/// The defaults are those of one published measurement of reference pages; "ReferencePages" says which
/// of them follow from which figure. On another computer all of them are different.
public struct EventCosts: Equatable, Sendable {
  /// One access of a program to memory that is present.
  public var access: Int = 9
  /// One system call that changes mappings or descriptors.
  public var mappingCall: Int = 11_820
  /// One run of the fault handler, with the allocation of a page and without writing it.
  public var fault: Int = 2_000
  /// Zeroing one page.
  public var pageZeroed: Int = 576
  /// Filling one page with a byte, or with zeros and a tag.
  public var pageFilled: Int = 576
  /// Copying one page.
  public var pageCopied: Int = 800
  /// Taking one page away from a program and freeing it.
  public var pageUnmapped: Int = 790

  /// Creates the default costs.
  public init() {}
}
