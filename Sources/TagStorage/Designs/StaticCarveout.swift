// SPDX-License-Identifier: Apache-2.0

extension DesignPolicy {
  /// The top 1/32 of RAM is invisible to the page allocator and always holds tags.
  ///
  /// Mechanism: firmware does not describe these frames to the kernel, so they have no page
  /// descriptors and belong to no zone. Nothing is reserved, nothing faults, nothing moves; 3.125 %
  /// of RAM is gone whether or not anybody tags a page. This is what MTE systems ship with.
  ///
  /// Source: dynamic tag storage RFC v3, cover letter; the baseline of every posted comparison.
  public static let staticCarveout = DesignPolicy(
    bootPlacement: .withheld,
    cmaEligibility: .allMovable,
    beforeTags: .nothing
  )
}
