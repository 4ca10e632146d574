// SPDX-License-Identifier: Apache-2.0

import MachineModel

/// Something that happens to a page of a file.
enum FilePageEvent {
  case loaded(Int)
  case evicted(Int, wasInUse: Bool)
}

/// The kernel's four lists for one memory group at its limit, as plainly as possible.
///
/// Pages below a number are those of a file, mapped once and only read; the others are anonymous, mapped
/// once and always written. Which kind pays is decided by what reclaim of each has cost.
struct PlainFourLists: PlainReplacement {
  struct Page {
    var number: Int
    var isYoung = true
    var isReferenced = false
    var wasActive = false
  }

  /// The lists of one kind, each oldest first, and what is known of them.
  struct Kind {
    var inactive: [Page] = []
    var active: [Page] = []
    var cost = 0
    var activations = 0
    var activationsAtLastReclaim = 0
    var knownInactive = 0
    var knownActive = 0
    var scanned = 0

    var isInactiveLow: Bool { knownInactive < knownActive }
    var mayDeactivate: Bool { activations != activationsAtLastReclaim || isInactiveLow }
    var count: Int { inactive.count + active.count }
  }

  let frames: Int
  let filePages: Int
  let batchPages: Int
  let kernel: KernelVersion
  let swappiness: Int
  /// Anonymous pages, and those of the file.
  var kinds = [Kind(), Kind()]
  var batch: [(page: Page, isActive: Bool)] = []
  /// What evicted pages left: when, and whether they had been active.
  var shadows: [Int: (age: Int, wasActive: Bool)] = [:]
  var age = 0
  var activated = 0
  /// What became of pages of the file, in order.
  var history: [FilePageEvent] = []

  init(frames: Int, filePages: Int, batchPages: Int, kernel: KernelVersion, swappiness: Int) {
    self.frames = frames
    self.filePages = filePages
    self.batchPages = batchPages
    self.kernel = kernel
    self.swappiness = swappiness
  }

  private func kind(of page: Int) -> Int { page < filePages ? 1 : 0 }

  mutating func use(_ page: Int) -> Bool {
    let kind = kind(of: page)
    if let place = kinds[kind].inactive.firstIndex(where: { $0.number == page }) {
      kinds[kind].inactive[place].isYoung = true
      return true
    }
    if let place = kinds[kind].active.firstIndex(where: { $0.number == page }) {
      kinds[kind].active[place].isYoung = true
      return true
    }
    if let place = batch.firstIndex(where: { $0.page.number == page }) {
      batch[place].page.isYoung = true
      return true
    }
    while kinds[0].count + kinds[1].count + batch.count >= frames { reclaim() }
    load(page)
    return false
  }

  private mutating func load(_ number: Int) {
    var page = Page(number: number)
    var isActive = false
    let kind = kind(of: number)
    if kind == 1 { history.append(.loaded(number)) }
    // A page competes with the others of its kind that are in use, and with all of the other kind.
    let others = kinds[1 - kind].knownInactive + kinds[1 - kind].knownActive
    if let shadow = shadows.removeValue(forKey: number),
      age - shadow.age <= kinds[kind].knownActive + others
    {
      isActive = true
      age += 1
      kinds[kind].activations += 1
      if shadow.wasActive {
        page.wasActive = true
        pay(kernel == .linux61 ? 1 : 32, kind)
      }
    }
    batch.append((page, isActive))
    if batch.count == batchPages { drain() }
  }

  private mutating func drain() {
    for (page, isActive) in batch {
      let kind = kind(of: page.number)
      if isActive { kinds[kind].active.append(page) } else { kinds[kind].inactive.append(page) }
    }
    batch = []
  }

  private mutating func pay(_ amount: Int, _ kind: Int) {
    kinds[kind].cost += amount
    guard kinds[0].cost + kinds[1].cost > (kinds[0].count + kinds[1].count) / 4 else { return }
    kinds[0].cost /= 2
    kinds[1].cost /= 2
  }

  private mutating func reclaim() {
    var total = 0
    for priority in stride(from: 12, through: 0, by: -1) where total < 32 {
      total += pass(priority)
    }
    for kind in 0...1 { kinds[kind].activationsAtLastReclaim = kinds[kind].activations }
  }

  /// Pages to look at: inactive and active anonymous ones, inactive and active ones of the file.
  private func plan(_ priority: Int) -> [Int] {
    let sizes = [
      kinds[0].inactive.count, kinds[0].active.count, kinds[1].inactive.count,
      kinds[1].active.count,
    ].map { $0 >> priority }
    if swappiness == 0 { return [0, 0, sizes[2], sizes[3]] }
    if priority == 0 { return sizes }
    if kinds[1].knownInactive >> priority > 0 && !kinds[1].mayDeactivate {
      return [0, 0, sizes[2], sizes[3]]
    }
    let anonymousCost = 2 * kinds[0].cost + kinds[1].cost
    let fileCost = kinds[0].cost + 2 * kinds[1].cost
    let total = anonymousCost + fileCost
    let anonymous = swappiness * (total + 1) / (anonymousCost + 1)
    let file = (200 - swappiness) * (total + 1) / (fileCost + 1)
    return sizes.enumerated().map { place, size in
      size * (place < 2 ? anonymous : file) / (anonymous + file)
    }
  }

  private mutating func pass(_ priority: Int) -> Int {
    for kind in 0...1 {
      kinds[kind].knownInactive = kinds[kind].inactive.count
      kinds[kind].knownActive = kinds[kind].active.count
    }
    let mayDeactivate = kinds.map(\.mayDeactivate)
    let planned = plan(priority)
    var left = planned
    var freed = 0
    while left[0] > 0 || left[2] > 0 || left[3] > 0 {
      for list in 0..<4 where left[list] > 0 {
        let step = min(left[list], 32)
        left[list] -= step
        if list % 2 == 0 {
          freed += shrinkInactive(step, list / 2)
        } else if mayDeactivate[list / 2] {
          shrinkActive(step, list / 2)
        }
      }
      guard freed >= 32 else { continue }
      let (anonymousLeft, fileLeft) = (left[0] + left[1], left[2] + left[3])
      if anonymousLeft == 0 || fileLeft == 0 { break }
      let smaller = fileLeft > anonymousLeft ? 0 : 2
      let larger = 2 - smaller
      let percent =
        (left[smaller] + left[smaller + 1]) * 100 / (planned[smaller] + planned[smaller + 1] + 1)
      (left[smaller], left[smaller + 1]) = (0, 0)
      for list in larger...(larger + 1) {
        let scanned = planned[list] - left[list]
        let target = planned[list] * (100 - percent) / 100
        left[list] = target - min(target, scanned)
      }
    }
    if swappiness > 0 && kinds[0].isInactiveLow { shrinkActive(32, 0) }
    return freed
  }

  private mutating func shrinkInactive(_ count: Int, _ kind: Int) -> Int {
    drain()
    let taken = Array(kinds[kind].inactive.prefix(count))
    kinds[kind].inactive.removeFirst(taken.count)
    kinds[kind].scanned += taken.count
    var freed = 0
    for var page in taken {
      let wasReferenced = page.isReferenced
      page.isReferenced = page.isYoung
      if !page.isYoung {
        shadows[page.number] = (age, page.wasActive)
        if kind == 1 { history.append(.evicted(page.number, wasInUse: page.wasActive)) }
        age += 1
        freed += 1
      } else if wasReferenced {
        page.isYoung = false
        age += 1
        activated += 1
        kinds[kind].active.append(page)
      } else {
        page.isYoung = false
        kinds[kind].inactive.append(page)
      }
    }
    let written = kind == 0 ? freed : 0
    pay(kernel == .linux61 ? written : 32 * written + taken.count - freed, kind)
    return freed
  }

  private mutating func shrinkActive(_ count: Int, _ kind: Int) {
    drain()
    for var page in kinds[kind].active.prefix(count) {
      page.isYoung = false
      page.wasActive = true
      kinds[kind].inactive.append(page)
    }
    kinds[kind].active.removeFirst(min(count, kinds[kind].active.count))
  }
}
