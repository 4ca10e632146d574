// SPDX-License-Identifier: Apache-2.0

import MachineModel

/// The kernel's multi-generational LRU for one process in a memory group at its limit, all of whose pages
/// are anonymous, mapped once, and always written.
///
/// Pages are numbers, lists are arrays of them, and what is known of pages are sets.
struct PlainGenerations: PlainReplacement {
  /// Pages that the group may be charged, and those it is.
  let limit: Int
  var charged: Int
  let batchPages: Int
  let kernel: KernelVersion
  /// Page n of the program lies at `first` + n * `stride`, in one mapping.
  let first: Int
  let stride: Int
  let end: Int

  var minSequence = 0
  var maxSequence = 3
  /// By sequence number from `minSequence` on, each oldest first.
  var lists: [[Int]] = [[], [], [], []]
  var batch: [Int] = []
  /// The generation of each page that lies on a list.
  var generation: [Int: Int] = [:]
  var young: Set<Int> = []
  var isolated: Set<Int> = []
  var marked: Set<Int> = []
  /// Pages in memory that came back early.
  var cameBack: Set<Int> = []
  /// What evicted pages left: the oldest generation then, and whether they had come back early.
  var shadows: [Int: (sequence: Int, cameBack: Bool)] = [:]

  /// By tier: of the present oldest generation, and averages over those before.
  var refaulted = [0, 0]
  var gone = [0, 0]
  var averageRefaulted = [0, 0]
  var averageGone = [0, 0]

  var tables: Set<Int> = []
  var visited: [Set<Int>?] = [nil, nil]
  var hasRun = true
  var wasWalked = false
  var movesInPlace = false

  var scanned = 0
  var sorted = 0
  var activated = 0
  var restored = 0
  var walks = 0

  init(
    limit: Int,
    chargedBefore: Int,
    batchPages: Int,
    kernel: KernelVersion,
    first: Int,
    stride: Int,
    pages: Int
  ) {
    self.limit = limit
    charged = chargedBefore
    self.batchPages = batchPages
    self.kernel = kernel
    self.first = first
    self.stride = stride
    end = first + pages * stride
  }

  mutating func use(_ page: Int) -> Bool {
    if batch.contains(page) || generation[page] != nil {
      young.insert(page)
      return true
    }
    if tables.insert(table(of: page)).inserted { charge() }
    charge()
    if let shadow = shadows.removeValue(forKey: page), shadow.sequence == minSequence {
      refaulted[shadow.cameBack ? 1 : 0] += 1
      restored += 1
      cameBack.insert(page)
    }
    young.insert(page)
    batch.append(page)
    if batch.count == batchPages { drain() }
    return false
  }

  private func address(of page: Int) -> Int { first + page * stride }
  private func table(of page: Int) -> Int { address(of: page) / 512 }

  private mutating func charge() {
    while charged >= limit { reclaim() }
    charged += 1
  }

  private mutating func drain() {
    for page in batch { add(page) }
    batch = []
  }

  private mutating func add(_ page: Int) {
    generation[page] = maxSequence
    lists[maxSequence - minSequence].append(page)
  }

  private func pages(of sequence: Int) -> Int { generation.values.count { $0 == sequence } }

  private mutating func reclaim() {
    hasRun = true
    var total = 0
    for priority in (0...12).reversed() where total < 32 {
      total += pass(priority, goal: 32 - total)
    }
  }

  private mutating func pass(_ priority: Int, goal: Int) -> Int {
    drain()
    movesInPlace = false
    let firstMax = maxSequence
    var freed = 0
    var looked = 0
    while true {
      var wanted = generation.count >> priority
      if needsAging {
        if priority == 12 {
          if maxSequence - minSequence < 2 { wanted = 0 }
        } else {
          age()
          movesInPlace = true
          if kernel == .linux68 { wanted = 0 }
        }
      }
      if wanted == 0 { break }
      let step = evict()
      freed += step.freed
      looked += step.looked
      if step.looked == 0 || looked >= wanted { break }
      if kernel == .linux61 && (freed >= goal || maxSequence - firstMax > 1) { break }
    }
    return freed
  }

  private var needsAging: Bool {
    if maxSequence - minSequence != 2 { return maxSequence - minSequence < 2 }
    return pages(of: maxSequence) * 2 > generation.count
      || pages(of: minSequence) * 4 < generation.count
  }

  private mutating func age() {
    let isNew = !wasWalked
    if isNew || hasRun {
      wasWalked = true
      hasRun = false
      if generation.count >= 64 { walk(all: isNew) }
    }
    maxSequence += 1
    lists.append([])
  }

  private mutating func walk(all: Bool) {
    walks += 1
    visited[(maxSequence + 1) % 2] = []
    for table in tables.sorted() {
      guard all || visited[maxSequence % 2]?.contains(table) ?? true else { continue }
      let found = young.filter { self.table(of: $0) == table }
      for page in found {
        generation[page] = maxSequence
        cameBack.remove(page)
      }
      young.subtract(found)
      let entries = min(end, (table + 1) * 512) - max(first, table * 512)
      if found.count * 8 >= entries { visited[(maxSequence + 1) % 2]?.insert(table) }
    }
  }

  private mutating func evict() -> (looked: Int, freed: Int) {
    var taken: [Int] = []
    var moved = 0
    let spares =
      averageRefaulted[1] + refaulted[1] >= 64
      && (averageRefaulted[1] + refaulted[1]) * (averageGone[0] + gone[0] + 64)
        > (averageRefaulted[0] + refaulted[0] + 1) * (averageGone[1] + gone[1]) * 2
    if maxSequence - minSequence >= 2 {
      while taken.count < 64, let page = lists[0].first {
        lists[0].removeFirst()
        let sequence = generation[page] ?? 0
        if sequence != minSequence {
          lists[sequence - minSequence].append(page)
          moved += 1
        } else if spares && cameBack.contains(page) {
          gone[1] += 1
          cameBack.remove(page)
          generation[page] = minSequence + 1
          lists[1].insert(page, at: 0)
          moved += 1
        } else {
          generation[page] = nil
          marked.remove(page)
          taken.append(page)
        }
      }
    }
    scanned += taken.count
    sorted += moved
    var looked = taken.isEmpty ? 0 : taken.count + moved
    if lists[0].isEmpty && maxSequence - minSequence >= 2 {
      while lists[0].isEmpty && maxSequence - minSequence >= 2 {
        lists.removeFirst()
        minSequence += 1
      }
      looked += 1
      for tier in 0...1 {
        averageRefaulted[tier] = (averageRefaulted[tier] + refaulted[tier]) / 2
        averageGone[tier] = (averageGone[tier] + gone[tier]) / 2
      }
      refaulted = [0, 0]
      gone = [0, 0]
    }
    if maxSequence - minSequence == 1 { looked = 0 }
    isolated = Set(taken)
    var freed = 0
    for page in taken where free(page) { freed += 1 }
    return (looked, freed)
  }

  private mutating func free(_ page: Int) -> Bool {
    if !marked.contains(page) {
      if !young.contains(page) {
        isolated.remove(page)
        shadows[page] = (minSequence, cameBack.contains(page))
        gone[cameBack.contains(page) ? 1 : 0] += 1
        cameBack.remove(page)
        charged -= 1
        return true
      }
      lookAround(page)
      activated += 1
    }
    isolated.remove(page)
    marked.remove(page)
    cameBack.remove(page)
    add(page)
    return false
  }

  private mutating func lookAround(_ page: Int) {
    let center = address(of: page)
    var low = max(center / 512 * 512, first)
    var high = min((center / 512 + 1) * 512, end)
    if high - low > 64 {
      if center - low < 32 {
        high = low + 64
      } else if high - center < 32 {
        low = high - 64
      } else {
        (low, high) = (center - 32, center + 32)
      }
    }
    let found = young.filter { low..<high ~= address(of: $0) }.sorted()
    young.subtract(found)
    marked.formUnion(isolated.intersection(found))
    let others = found.filter { generation[$0] != nil && generation[$0] != maxSequence }
    if movesInPlace || kernel == .linux61 && others.count >= 15 {
      for other in others {
        generation[other] = maxSequence
        cameBack.remove(other)
      }
    } else {
      for other in others {
        for index in lists.indices { lists[index].removeAll { $0 == other } }
        add(other)
        activated += 1
      }
    }
    let table = table(of: page)
    if found.count * 8 >= high - low { visited[maxSequence % 2]?.insert(table) }
  }
}
