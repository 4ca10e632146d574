// SPDX-License-Identifier: Apache-2.0

import MemoryModel

@testable import PhysicalMemory

/// The allocator's rules written down step by step over plain arrays, with no regard for speed.
///
/// It knows single requests and frees, and isolation of whole ranges as their definition has it.
struct ReferenceBuddy {
  /// `lists[order][type]`, head first.
  var lists: [[[Int]]]
  var types: [MigrateType]
  /// Whether each frame is in a free block.
  var isFree: [Bool]
  /// Whether each frame is on an LRU list.
  var isMovable: [Bool]
  var boost = 0
  /// Pageblocks of all zones, and the high mark, where the zone is one of several.
  var nodeBlocks: Int?
  var highMark: Int?
  let maxOrder: Int
  let blockOrder: Int
  let pageSize: PageSize

  init(types: [MigrateType], pageSize: PageSize) {
    self.types = types
    self.pageSize = pageSize
    maxOrder = pageSize.maxOrder
    blockOrder = pageSize.pageblockOrder
    lists = Array(
      repeating: Array(repeating: [], count: MigrateType.count),
      count: pageSize.maxOrder + 1
    )
    isFree = Array(repeating: false, count: types.count << pageSize.pageblockOrder)
    isMovable = isFree
    for (block, type) in types.enumerated() {
      for frame in block << blockOrder..<(block + 1) << blockOrder { isFree[frame] = true }
      insert(block << blockOrder, blockOrder, type, tail: type != .cma)
    }
  }

  var isGrouped: Bool { (nodeBlocks ?? types.count) >= 6 }

  /// Free pages in lists of all types, or of one.
  func freePages(_ only: MigrateType? = nil) -> Int {
    var pages = 0
    for order in 0...maxOrder {
      for type in MigrateType.allCases where type == only || only == nil && type != .isolate {
        pages += lists[order][type.index].count << order
      }
    }
    return pages
  }

  func heads(_ start: Int, _ order: Int) -> Bool {
    guard order <= maxOrder else { return false }
    return lists[order].contains { $0.contains(start) }
  }

  mutating func removeBlock(_ start: Int, _ order: Int) {
    for type in MigrateType.allCases { lists[order][type.index].removeAll { $0 == start } }
  }

  mutating func insert(_ first: Int, _ firstOrder: Int, _ type: MigrateType, tail: Bool) {
    var start = first
    var order = firstOrder
    while order < maxOrder {
      let buddy = start ^ (1 << order)
      guard heads(buddy, order) else { break }
      if order >= blockOrder {
        let other = types[buddy >> blockOrder]
        if other != type && !(other.rawValue < 3 && type.rawValue < 3) { break }
      }
      removeBlock(buddy, order)
      start = min(start, buddy)
      order += 1
    }
    var toTail = tail
    if order < maxOrder - 1 {
      let parent = start / (2 << order) * (2 << order)
      if heads(parent ^ (2 << order), order + 1) { toTail = true }
    }
    if toTail {
      lists[order][type.index].append(start)
    } else {
      lists[order][type.index].insert(start, at: 0)
    }
  }

  mutating func take(_ order: Int, _ type: MigrateType) -> Int? {
    for current in order...maxOrder where !lists[current][type.index].isEmpty {
      let start = lists[current][type.index].removeFirst()
      for half in (order..<current).reversed() {
        lists[half][type.index].insert(start + (1 << half), at: 0)
      }
      return start
    }
    return nil
  }

  /// `whole` allows only steals of whole pageblocks.
  mutating func allocate(
    _ order: Int,
    _ requested: MigrateType,
    cma: Bool,
    whole: Bool = false
  ) -> Int? {
    let type = isGrouped ? requested : .unmovable
    let cma = cma && isGrouped
    var start: Int?
    if cma && freePages(.cma) > freePages() / 2 { start = take(order, .cma) }
    while start == nil {
      start = take(order, type)
      if start == nil && cma { start = take(order, .cma) }
      if start == nil && !fallBack(order, type, whole: whole) { return nil }
    }
    guard let start else { return nil }
    for frame in start..<start + (1 << order) { isFree[frame] = false }
    return start
  }

  func suitable(_ order: Int, _ type: MigrateType) -> MigrateType? {
    let candidates: [MigrateType] =
      switch type {
      case .unmovable: [.reclaimable, .movable]
      case .movable: [.reclaimable, .unmovable]
      default: [.unmovable, .movable]
      }
    return candidates.first { !lists[order][$0.index].isEmpty }
  }

  func mayStealAll(_ order: Int, _ type: MigrateType) -> Bool {
    order >= blockOrder || order >= blockOrder / 2 || type == .reclaimable || type == .unmovable
      || !isGrouped
  }

  mutating func fallBack(_ order: Int, _ type: MigrateType, whole: Bool) -> Bool {
    for current in (order...maxOrder).reversed() where !whole || current >= blockOrder {
      guard let source = suitable(current, type) else { continue }
      if !mayStealAll(current, type) && type == .movable && current > order {
        for smaller in order...maxOrder {
          guard let source = suitable(smaller, type) else { continue }
          stealBlock(lists[smaller][source.index][0], smaller, type)
          return true
        }
      }
      stealBlock(lists[current][source.index][0], current, type)
      return true
    }
    return false
  }

  mutating func move(_ start: Int, _ order: Int, to type: MigrateType) {
    removeBlock(start, order)
    lists[order][type.index].append(start)
  }

  mutating func stealBlock(_ start: Int, _ order: Int, _ type: MigrateType) {
    let block = start >> blockOrder
    let old = types[block]
    if order >= blockOrder {
      for covered in 0..<1 << (order - blockOrder) { types[block + covered] = type }
      move(start, order, to: type)
      return
    }
    let pages = 1 << blockOrder
    if 4 * pages <= isFree.count {
      let high = highMark ?? Watermarks(managedPages: isFree.count, pageSize: pageSize).high
      boost = min(boost + pages, max(pages, high * 3 / 2))
    }
    guard mayStealAll(order, type) else {
      move(start, order, to: type)
      return
    }
    var free = 0
    var movable = 0
    var frame = block * pages
    while frame < (block + 1) * pages {
      if let order = (0...maxOrder).first(where: { heads(frame, $0) }) {
        move(frame, order, to: type)
        free += 1 << order
        frame += 1 << order
      } else {
        if isMovable[frame] { movable += 1 }
        frame += 1
      }
    }
    var alike = 0
    if type == .movable {
      alike = movable
    } else if old == .movable {
      alike = pages - free - movable
    }
    if free + alike >= pages / 2 || !isGrouped { types[block] = type }
  }

  mutating func free(_ start: Int, _ order: Int) {
    for frame in start..<start + (1 << order) {
      isFree[frame] = true
      isMovable[frame] = false
    }
    insert(start, order, types[start >> blockOrder], tail: false)
  }

  mutating func takeFree(_ frame: Int) -> Bool {
    guard isFree[frame] else { return false }
    for order in 0...maxOrder {
      let start = frame - frame % (1 << order)
      guard heads(start, order) else { continue }
      guard let list = MigrateType.allCases.first(where: { lists[order][$0.index].contains(start) })
      else { return false }
      removeBlock(start, order)
      // The halves without the frame, from the largest: on each level that is the other one.
      for half in (0..<order).reversed() {
        lists[half][list.index].insert((frame - frame % (1 << half)) ^ (1 << half), at: 0)
      }
      isFree[frame] = false
      return true
    }
    return false
  }

  /// Whether an aligned free run exists that a request may get: what decides success.
  func hasRun(_ order: Int, cma: Bool) -> Bool {
    for start in stride(from: 0, to: isFree.count, by: 1 << order) {
      let frames = start..<min(start + (1 << order), isFree.count)
      guard frames.count == 1 << order && frames.allSatisfy({ isFree[$0] }) else { continue }
      let covered = frames.lowerBound >> blockOrder...(frames.upperBound - 1) >> blockOrder
      if covered.allSatisfy({ types[$0].rawValue < 3 }) { return true }
      if cma && isGrouped && covered.allSatisfy({ types[$0] == .cma }) { return true }
    }
    return false
  }
}
