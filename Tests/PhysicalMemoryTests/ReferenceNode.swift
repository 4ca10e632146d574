// SPDX-License-Identifier: Apache-2.0

import MemoryModel

@testable import PhysicalMemory

/// Several zones and the order in which requests try them, over plain arrays, with no regard for speed.
struct ReferenceNode {
  var zones: [ReferenceBuddy]
  let kinds: [ZoneKind]
  /// The first frame of each zone.
  let firsts: [Int]
  /// Whether first attempts at Normal steal only whole pageblocks.
  let keepsTypesApart: Bool
  /// Requests that some zone refused for its reserve alone, and that a zone below the first served.
  var refusedForReserve = 0
  var servedBelow = 0

  /// Zones of so many pageblocks.
  init(_ blocks: [(kind: ZoneKind, types: [MigrateType])], keepsTypesApart: Bool) {
    self.keepsTypesApart = keepsTypesApart
    kinds = blocks.map(\.kind)
    var first = 0
    firsts = blocks.map { block in
      defer { first += block.types.count * 512 }
      return first
    }
    zones = blocks.map { ReferenceBuddy(types: $0.types, pageSize: .kib4) }
    let all = blocks.reduce(0) { $0 + $1.types.count }
    for index in zones.indices {
      zones[index].nodeBlocks = all
      zones[index].highMark = mark(.high, index)
    }
  }

  func managed(_ zone: Int) -> Int { zones[zone].isFree.count }

  /// One mark, as the definition has it.
  func mark(_ level: WatermarkLevel, _ zone: Int) -> Int {
    let low = zones.indices.filter { kinds[$0] != .movable }.reduce(0) { $0 + managed($1) }
    var root = 0
    while (root + 1) * (root + 1) <= 16 * low * 4 { root += 1 }
    let minimumPages = min(max(root, 128), 262_144) / 4
    let share = minimumPages * managed(zone) / low
    let step = max(share / 4, managed(zone) * 10 / 10_000)
    let least = kinds[zone] == .movable ? min(max(managed(zone) / 1024, 32), 128) : share
    switch level {
    case .min: return least
    case .low: return least + step
    case .high: return least + 2 * step
    }
  }

  /// What a zone keeps from requests that aim at another.
  func reserve(_ zone: Int, from aim: ZoneKind) -> Int {
    let ratios: [ZoneKind: Int] = [.dma: 256, .dma32: 256, .normal: 32]
    guard let ratio = ratios[kinds[zone]] else { return 0 }
    let above = zones.indices.filter { $0 > zone && kinds[$0].rawValue <= aim.rawValue }
    return above.reduce(0) { $0 + managed($1) } / ratio
  }

  func zone(of frame: Int) -> Int { firsts.lastIndex { $0 <= frame } ?? 0 }

  /// Pages that count as free for a request.
  func usable(_ zone: Int, cma: Bool) -> Int {
    let grouped = zones[zone].isGrouped
    return zones[zone].freePages() - (cma && grouped ? 0 : zones[zone].freePages(.cma))
  }

  mutating func allocate(
    _ type: MigrateType,
    cma: Bool,
    aim: ZoneKind,
    above level: WatermarkLevel?
  ) -> Int? {
    let order = zones.indices.filter { kinds[$0].rawValue <= aim.rawValue }.reversed()
    guard let first = order.first else { return nil }
    let apart = keepsTypesApart && level == .low && kinds[first] == .normal
    for whole in apart ? [true, false] : [false] {
      for index in order {
        if let level {
          let free = usable(index, cma: cma)
          let bar = mark(level, index) + zones[index].boost
          if free > bar && free <= bar + reserve(index, from: aim) { refusedForReserve += 1 }
          guard free > bar + reserve(index, from: aim) else { continue }
        }
        if let frame = zones[index].allocate(0, type, cma: cma, whole: whole) {
          if index != first { servedBelow += 1 }
          return firsts[index] + frame
        }
      }
    }
    return nil
  }

  mutating func free(_ frame: Int) {
    let index = zone(of: frame)
    zones[index].free(frame - firsts[index], 0)
  }

  /// Whether kswapd may sleep.
  func isBalanced(upTo aim: ZoneKind) -> Bool {
    zones.indices.contains { index in
      kinds[index].rawValue <= aim.rawValue
        && usable(index, cma: false)
          > mark(.high, index) + zones[index].boost + reserve(index, from: aim)
    }
  }
}
