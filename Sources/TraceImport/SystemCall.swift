// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// A recorded system call of arm64 Linux.
///
/// Source: Linux v6.8 `asm-generic/unistd.h`, `asm-generic/mman-common.h`.
struct SystemCall {
  /// The numbers of the calls that the simulator models.
  enum Number {
    static let exit: UInt64 = 93
    static let exitGroup: UInt64 = 94
    static let brk: UInt64 = 214
    static let munmap: UInt64 = 215
    static let mremap: UInt64 = 216
    static let clone: UInt64 = 220
    static let execve: UInt64 = 221
    static let mmap: UInt64 = 222
    static let mprotect: UInt64 = 226
    static let madvise: UInt64 = 233
  }

  /// `CLONE_VM`: the new task shares the address space, as threads do.
  static let cloneSharesMemory: UInt64 = 0x100

  var number: UInt64
  /// Six arguments.
  var arguments: [UInt64]
  var result: Int64

  /// An address argument without its top byte.
  private func address(_ index: Int) -> UInt64 {
    VirtualPageNumber.untagged(arguments[index])
  }

  private func protection(_ index: Int) -> Protection {
    Protection(rawValue: UInt8(truncatingIfNeeded: arguments[index] & 0x3f))
  }

  /// The event that the call is, `nil` for calls that the simulator does not model and for those
  /// that concern more than memory.
  var operation: MemoryOperation? {
    switch number {
    case Number.mmap: return mapping
    case Number.munmap:
      return .unmap(address: address(0), length: arguments[1], result: result)
    case Number.mprotect:
      return .protect(
        address: address(0),
        length: arguments[1],
        protection: protection(2),
        result: result
      )
    case Number.mremap:
      let flags = RemapFlags(rawValue: UInt8(truncatingIfNeeded: arguments[3] & 7))
      let moved = result >= 0 ? VirtualPageNumber.untagged(UInt64(result)) : 0
      return .remap(
        address: address(0),
        oldLength: arguments[1],
        newLength: arguments[2],
        flags: flags,
        newAddress: flags.contains(.fixed) ? address(4) : moved,
        result: result
      )
    case Number.brk: return .brk(address: address(0), result: result)
    case Number.madvise:
      guard let advice = UInt8(exactly: arguments[2]).flatMap({ Advice(rawValue: $0) }) else {
        return nil
      }
      return .advise(
        address: address(0),
        length: arguments[1],
        advice: advice,
        result: result
      )
    default: return nil
    }
  }

  private var mapping: MemoryOperation {
    let bits = arguments[3]
    var flags: MappingFlags = []
    // Types 1 and 3 are MAP_SHARED and MAP_SHARED_VALIDATE, 2 is MAP_PRIVATE.
    if bits & 1 != 0 { flags.insert(.shared) }
    for (bit, flag) in [
      (0x10, MappingFlags.fixed), (0x20, .anonymous), (0x100, .growsDown), (0x4000, .noReserve),
      (0x8000, .populate), (0x10_0000, .fixedNoReplace),
    ] where bits & UInt64(bit) != 0 {
      flags.insert(flag)
    }
    let isPlaced = result >= 0 && flags.isDisjoint(with: [.fixed, .fixedNoReplace])
    let request = MappingRequest(
      address: isPlaced ? VirtualPageNumber.untagged(UInt64(result)) : address(0),
      length: arguments[1],
      protection: protection(2),
      flags: flags
    )
    return .map(request, result: result)
  }
}
