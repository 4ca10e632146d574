// SPDX-License-Identifier: Apache-2.0

extension DesignPolicy {
  /// Tags live in ordinary virtual memory, and cost memory only where there are any.
  ///
  /// Mechanism: tags are found by process and virtual address. The tags of 32 consecutive virtual pages lie
  /// in one tag page, which the kernel takes from the page allocator when the first of them is tagged, and
  /// gives back with the last. It is charged to the memory group of the process, as page tables are. There is no
  /// tag storage in RAM, any frame can hold a tagged page, nothing is reserved and nothing migrates. The
  /// price is that tag pages are as sparse as tagged pages in the address space.
  ///
  /// A page that several processes map has tags in each of them: a fork gives the child tag pages of its
  /// own, at once, because tags are not shared copy-on-write; a tag stored in shared memory is stored for
  /// all. When a page is swapped out, its tags are saved by the codec and leave the tag page; with
  /// `tag-storage.swapped-tags=resident` they stay, so that swapping saves and restores nothing, and a tag
  /// page lasts for as long as one of its pages is mapped or swapped. A page in the swap cache that
  /// nobody maps counts as swapped.
  ///
  /// Simplified: a tag page is taken at the end of the fault or system call that needs it, and given back at
  /// its end. Tag pages themselves are not swapped. Tags of the zero page and of reference pages cost
  /// nothing.
  ///
  /// Source: this model; the bound of what paying only for tagged memory can save without moving data.
  public static let virtualResident = {
    var policy = DesignPolicy.none
    policy.virtualTags = .saved
    return policy
  }()
}
