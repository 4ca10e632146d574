// SPDX-License-Identifier: Apache-2.0

/// What the kernel makes of `refpage_create` and of mappings of its descriptors: the posted patch, or
/// one of the alternatives that its review brought up.
///
/// The calls of a trace are the same under each of them, so that one trace compares them all.
///
/// Source: the reference-pages patch, v5, and the replies to it; "ReferencePages" explains each.
public enum ReferencePagePolicy: String, CaseIterable, Sendable {
  /// Reads map one shared page for each descriptor, and writes fill a page that nobody zeroed.
  case asPosted = "as-posted"
  /// Any first touch fills a page; there is no shared one.
  case populateOnFault = "populate-on-fault"
  /// As `populateOnFault`, by the mapping's own operations.
  case ownFaultCallback = "own-fault-callback"
  /// The content is a memfd's page, which private mappings repeat: reads map it, writes copy it.
  case memfdWrap = "memfd-wrap"
  /// `mmap` is given a tag, and the kernel keeps one page of zeros for each tag.
  case mmapTagHint = "mmap-tag-hint"
  /// As `asPosted`, but a page is zeroed before it is filled.
  case zeroThenFill = "zero-then-fill"
}
