// SPDX-License-Identifier: Apache-2.0

import MachineModel

/// A page-replacement policy written as plainly as possible.
///
/// Lists are arrays, and a page is searched for wherever it is needed. Pages are numbers; every access is
/// a write.
protocol PlainReplacement {
  /// Uses a page.
  ///
  /// - Returns: whether it was in memory.
  mutating func use(_ page: Int) -> Bool
}

/// Evicts the page that was used least recently.
struct PlainExact: PlainReplacement {
  let frames: Int
  /// Oldest first.
  var pages: [Int] = []

  init(frames: Int) { self.frames = frames }

  mutating func use(_ page: Int) -> Bool {
    if let place = pages.firstIndex(of: page) {
      pages.remove(at: place)
      pages.append(page)
      return true
    }
    if pages.count == frames { pages.removeFirst() }
    pages.append(page)
    return false
  }
}

/// Evicts the oldest page that was not used since it was loaded or last looked at.
struct PlainClock: PlainReplacement {
  let frames: Int
  /// Oldest first.
  var pages: [(page: Int, wasUsed: Bool)] = []

  init(frames: Int) { self.frames = frames }

  mutating func use(_ page: Int) -> Bool {
    if let place = pages.firstIndex(where: { $0.page == page }) {
      pages[place].wasUsed = true
      return true
    }
    if pages.count == frames {
      while pages[0].wasUsed { pages.append((pages.removeFirst().page, false)) }
      pages.removeFirst()
    }
    pages.append((page, false))
    return false
  }
}

/// The kernel's two lists for one memory group at its limit, all of whose pages are anonymous, mapped
/// once, and always written: reclaim in passes of rising pressure, second chance, refault distance.
struct PlainTwoList: PlainReplacement {
  struct Page {
    var number: Int
    var isYoung = true
    var isReferenced = false
    var wasActive = false
  }

  let frames: Int
  let batchPages: Int
  let kernel: KernelVersion
  /// Each oldest first.
  var inactive: [Page] = []
  var active: [Page] = []
  var batch: [(page: Page, isActive: Bool)] = []
  /// What evicted pages left: when, and whether they had been active.
  var shadows: [Int: (age: Int, wasActive: Bool)] = [:]
  var age = 0
  var refaultActivations = 0
  var activationsAtLastReclaim = 0
  var cost = 0
  var knownInactive = 0
  var knownActive = 0
  var scanned = 0
  var activated = 0

  init(frames: Int, batchPages: Int, kernel: KernelVersion) {
    self.frames = frames
    self.batchPages = batchPages
    self.kernel = kernel
  }

  mutating func use(_ page: Int) -> Bool {
    if let place = inactive.firstIndex(where: { $0.number == page }) {
      inactive[place].isYoung = true
      return true
    }
    if let place = active.firstIndex(where: { $0.number == page }) {
      active[place].isYoung = true
      return true
    }
    if let place = batch.firstIndex(where: { $0.page.number == page }) {
      batch[place].page.isYoung = true
      return true
    }
    while inactive.count + active.count + batch.count >= frames { reclaim() }
    load(page)
    return false
  }

  private mutating func load(_ number: Int) {
    var page = Page(number: number)
    var isActive = false
    if let shadow = shadows.removeValue(forKey: number), age - shadow.age <= knownActive {
      isActive = true
      age += 1
      refaultActivations += 1
      if shadow.wasActive {
        page.wasActive = true
        pay(kernel == .linux61 ? 1 : 32)
      }
    }
    batch.append((page, isActive))
    if batch.count == batchPages { drain() }
  }

  private mutating func drain() {
    for (page, isActive) in batch {
      if isActive { active.append(page) } else { inactive.append(page) }
    }
    batch = []
  }

  private mutating func pay(_ amount: Int) {
    cost += amount
    if cost > (inactive.count + active.count) / 4 { cost /= 2 }
  }

  private var isInactiveLow: Bool { knownInactive < knownActive }

  private func share(of pages: Int, _ priority: Int) -> Int {
    let shifted = pages >> priority
    if priority == 0 { return shifted }
    let anonymous = 60 * (3 * cost + 1) / (2 * cost + 1)
    let file = 140 * (3 * cost + 1) / (cost + 1)
    return shifted * anonymous / (anonymous + file)
  }

  private mutating func reclaim() {
    var total = 0
    for priority in stride(from: 12, through: 0, by: -1) where total < 32 {
      total += pass(priority)
    }
    activationsAtLastReclaim = refaultActivations
  }

  private mutating func pass(_ priority: Int) -> Int {
    knownInactive = inactive.count
    knownActive = active.count
    let mayDeactivate = refaultActivations != activationsAtLastReclaim || isInactiveLow
    var inactiveLeft = share(of: inactive.count, priority)
    var activeLeft = share(of: active.count, priority)
    var freed = 0
    while inactiveLeft > 0 && freed < 32 {
      freed += shrinkInactive(min(inactiveLeft, 32))
      inactiveLeft -= min(inactiveLeft, 32)
      if activeLeft > 0 && mayDeactivate { shrinkActive(min(activeLeft, 32)) }
      activeLeft -= min(activeLeft, 32)
    }
    if isInactiveLow { shrinkActive(32) }
    return freed
  }

  private mutating func shrinkInactive(_ count: Int) -> Int {
    drain()
    let taken = Array(inactive.prefix(count))
    inactive.removeFirst(taken.count)
    scanned += taken.count
    var freed = 0
    for var page in taken {
      let wasReferenced = page.isReferenced
      page.isReferenced = page.isYoung
      if !page.isYoung {
        shadows[page.number] = (age, page.wasActive)
        age += 1
        freed += 1
      } else if wasReferenced {
        page.isYoung = false
        age += 1
        activated += 1
        active.append(page)
      } else {
        page.isYoung = false
        inactive.append(page)
      }
    }
    pay(kernel == .linux61 ? freed : 32 * freed + taken.count - freed)
    return freed
  }

  private mutating func shrinkActive(_ count: Int) {
    drain()
    for var page in active.prefix(count) {
      page.isYoung = false
      page.wasActive = true
      inactive.append(page)
    }
    active.removeFirst(min(count, active.count))
  }
}
