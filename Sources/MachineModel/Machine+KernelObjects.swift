// SPDX-License-Identifier: Apache-2.0

import AddressSpaces
import Containers
import MemoryModel

// What a process costs its memory group beside its pages and page tables: the objects that describe
// its address space, which the kernel allocates with the flag that charges them (`SLAB_ACCOUNT`).
// Source: Linux v6.8 `obj_cgroup_charge`; sizes as Linux 6.1 for arm64 prints them in /proc/slabinfo.

/// Bytes of the kernel's objects for an address space.
enum KernelObject {
  /// What the memory controller adds to each object: a pointer to the group that pays.
  private static let groupPointerBytes = 8
  /// `mm_struct`, with the `cred` and the `file` that every exec makes.
  static let addressSpaceBytes = 960 + 192 + 256 + 3 * groupPointerBytes
  /// The object of a reference page and the `file` that refers to it.
  static let referenceBytes = 16 + 256
  /// `vm_area_struct`.
  static let areaBytes = 152 + groupPointerBytes
  /// `anon_vma` and the `anon_vma_chain` that ties it to its VMA.
  static let reverseMapBytes = 104 + 64 + 2 * groupPointerBytes
}

extension Machine {
  /// Makes the charge for the objects of a process match its mappings.
  ///
  /// Objects are charged by bytes and rounded up to pages, as the kernel's object stock does. They take
  /// no frames here: the slabs that hold them are shared with the rest of the system. Without a limit
  /// the charge would change nothing and is left out.
  ///
  /// - Complexity: O(*n*), where *n* is the number of VMAs.
  mutating func chargeKernelObjects(of process: Int) {
    let group = processes[process].group
    guard groups[group].limitPages != nil else { return }
    let needed = kernelObjectPages(of: process)
    while processes[process].objectPages < needed {
      // A process that is ended for its own charge has given up all that it was charged.
      guard charge(group, of: process) else { return }
      processes[process].objectPages += 1
    }
    groups[group].chargedPages -= processes[process].objectPages - needed
    processes[process].objectPages = needed
  }

  /// Pages of the objects that describe an address space, its top page table included.
  private func kernelObjectPages(of process: Int) -> Int {
    guard processes[process].isAlive else { return 0 }
    var bytes = KernelObject.addressSpaceBytes
    bytes += TableLayout(pageSize: pageSize, addressBits: configuration.addressBits).topTableBytes
    for area in processes[process].vmas.areas {
      bytes += KernelObject.areaBytes + (area.anonVMA == 0 ? 0 : KernelObject.reverseMapBytes)
    }
    return (bytes + pageSize.bytes - 1) / pageSize.bytes
  }

  /// Takes back the charge for the objects of a process that has ended.
  mutating func releaseKernelObjects(of process: Int) {
    groups[processes[process].group].chargedPages -= processes[process].objectPages
    processes[process].objectPages = 0
  }
}
