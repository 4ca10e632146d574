// SPDX-License-Identifier: Apache-2.0

import MachineModel
import MemoryModel
import TestSupport

/// One step of a made-up program over a small window of pages.
enum ProgramStep: Equatable {
  case read(page: Int)
  case write(page: Int)
  case tag(page: Int, first: Int, count: Int, tag: UInt8)
  case operation(MemoryOperation)
  case fork
  case exit
}

/// A made-up program: which steps, by which of its processes.
struct RandomProgram {
  /// The window's first page.
  static let base: UInt64 = 0x10000

  let pages: Int
  var steps: [(process: Int, step: ProgramStep)] = []

  /// Makes a program of `count` steps over `pages` pages by at most four processes.
  init(seed: UInt64, pages: Int, count: Int, forks: Bool) {
    self.pages = pages
    var random = SplitMix64(seed: seed)
    var processes = 1
    for _ in 0..<count {
      let process = random.below(processes)
      let step = Self.step(&random, pages: pages)
      steps.append((process, step))
      if forks && processes < 4 && random.below(200) == 0 {
        steps.append((process, .fork))
        processes += 1
      }
    }
  }

  private static func step(_ random: inout SplitMix64, pages: Int) -> ProgramStep {
    // Popular pages come first, so that there is a working set and something to swap out.
    let page = min(random.below(pages), random.below(pages))
    switch random.below(100) {
    case 0..<40: return .read(page: page)
    case 40..<70: return .write(page: page)
    case 70..<92:
      let first = random.below(256)
      return .tag(
        page: page,
        first: first,
        count: 1 + random.below(256 - first),
        tag: UInt8(random.below(16))
      )
    default:
      return .operation(operation(&random, pages: pages))
    }
  }

  private static func operation(
    _ random: inout SplitMix64,
    pages: Int
  ) -> MemoryOperation {
    let first = random.below(pages)
    let length = UInt64(1 + random.below(min(32, pages - first))) << 12
    let address = (base + UInt64(first)) << 12
    let protections: [Protection] = [
      [.read, .write], [.read, .write, .mte], [.read], [], [.read, .mte],
    ]
    let advice: [Advice] = [
      .dontNeed, .free, .cold, .pageOut, .pageOut, .willNeed, .populateRead, .populateWrite,
    ]
    switch random.below(12) {
    case 0: return .unmap(address: address, length: length, result: nil)
    case 1..<4:
      return .map(
        MappingRequest(
          address: address,
          length: length,
          protection: protections[random.below(2)],
          flags: [.anonymous, .fixed]
        ),
        result: nil
      )
    case 4..<7:
      return .protect(
        address: address,
        length: length,
        protection: protections[random.below(5)],
        result: nil
      )
    case 7:
      let target = (base + UInt64(pages + 64)) << 12
      return .remap(
        address: address,
        oldLength: length,
        newLength: length,
        flags: [.mayMove, .fixed],
        newAddress: target,
        result: nil
      )
    default:
      return .advise(
        address: address,
        length: length,
        advice: advice[random.below(advice.count)],
        result: nil
      )
    }
  }

  /// The pages that events can name: the window, and what lies beyond it for moved mappings.
  var dictionary: [UInt64] { (0..<UInt64(pages + 128)).map { Self.base + $0 } }
}
