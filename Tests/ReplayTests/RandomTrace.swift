// SPDX-License-Identifier: Apache-2.0

import TestSupport

/// One step of a made-up program over a window of pages; pages are numbered from the window's start.
enum TraceStep: Equatable {
  case read(Int)
  case write(Int)
  case access(Int, isStore: Bool, offset: Int, size: Int, tag: Int)
  case tag(Int, first: Int, count: Int, tag: Int)
  case map(Range<Int>, tagged: Bool)
  /// A mapping of a file: its protection, and the words behind `file`.
  case mapFile(Range<Int>, String, String)
  case unmap(Range<Int>)
  case protect(Range<Int>, String)
  case move(Int, to: Int)
  case advise(Range<Int>, String)
  case copyOut(Range<Int>)
  /// A tag instruction at a byte of a page, with what stands before and after the address.
  case instruction(String, Int, offset: Int, tag: Int)
  /// A line that concerns tag checks or swap devices and no page.
  case control(String)
  /// A mapping of the reference page of a descriptor, or with a tag hint.
  case mapReference(Range<Int>, String, String)
  /// A reference page from bytes of a page.
  case create(Int, offset: Int, String)
  case close(Int)
  case pin(Range<Int>, String)
  case unpin(Range<Int>)
  case peek(Int, granules: Int)
  case poke(Int, granules: Int, tag: Int)
  case memorySlot(Int, Range<Int>)
  /// A guest's access: the event and what stands behind the address.
  case guest(String, Int, String)
  case fork
  case exec
  case exit
}

/// A made-up program of several processes, as steps of which any subset is a valid text trace.
///
/// Rendering keeps account of what each process has mapped and leaves out accesses that would end in a
/// signal, and steps of processes that were never forked, so that removing steps never makes a trace
/// invalid.
struct RandomTrace {
  /// The address of page 0.
  static let base = 0x1000_0000

  /// Pages of the window, and beyond it 16 pages for moved mappings.
  let pages: Int
  /// The most pages that one system call concerns.
  var largestRange = 24
  var steps: [(process: Int, step: TraceStep)] = []

  /// Makes a program of `count` steps by at most `processes` processes.
  init(seed: UInt64, pages: Int, count: Int, processes: Int) {
    self.pages = pages
    var random = SplitMix64(seed: seed)
    var alive = 1
    steps.append((0, .map(0..<pages, tagged: random.below(4) != 0)))
    for _ in 0..<count {
      let process = random.below(alive)
      if alive < processes && random.below(60) == 0 {
        steps.append((process, .fork))
        alive += 1
      } else {
        steps.append((process, step(&random)))
      }
    }
  }

  /// Makes a program that fills memory with untagged pages before it makes half of them tagged.
  init(filling pages: Int, seed: UInt64, count: Int, processes: Int) {
    self.init(seed: seed, pages: pages, count: 0, processes: 1)
    largestRange = pages / 8
    var random = SplitMix64(seed: seed)
    let whole = 0..<pages
    steps = [(0, .map(whole, tagged: false)), (0, .copyOut(whole))]
    steps.append((0, .protect(0..<(pages / 2), "rw mte")))
    var alive = 1
    for number in 0..<count {
      let process = random.below(alive)
      if alive < processes && random.below(count / 4) == 0 {
        steps.append((process, .fork))
        alive += 1
      } else if number % 500 == 499 {
        // A sweep lets read-ahead bring tagged pages to frames that nobody asked to hold tags.
        let first = random.below(pages / 2)
        for page in first..<(first + pages / 4) { steps.append((process, .read(page))) }
      } else {
        steps.append((process, step(&random)))
      }
    }
  }

  /// Lets the program map files now and then, some of them by several mappings and processes.
  mutating func mapFiles(seed: UInt64) {
    var random = SplitMix64(seed: seed ^ 0xf11e5)
    var place = 1
    while place < steps.count {
      let first = random.below(pages)
      let range = first..<(first + 1 + random.below(min(largestRange, pages - first)))
      let name = ["", "", " 1", " 1 offset 0x4000", " 2"][random.below(5)]
      let (protection, sharing) = [
        ("rw", ""), ("r", ""), ("rx", ""), ("rw", " shared"), ("rw", " shared"), ("r", " shared"),
      ][random.below(6)]
      let step = TraceStep.mapFile(range, protection, name + sharing)
      steps.insert((steps[place].process, step), at: place)
      place += 1 + random.below(30)
    }
  }

  /// Lets the program map, advise and collapse the memory of whole huge pages now and then.
  ///
  /// Mappings are made whole again each time, because those of other steps cut them to pieces.
  mutating func useHugePages(seed: UInt64) {
    let hugePages = pages / 512
    precondition(hugePages > 0, "a window of \(pages) pages has no huge page")
    var random = SplitMix64(seed: seed ^ 0x79e)
    var place = 1
    while place < steps.count {
      let first = random.below(hugePages)
      let range = first * 512..<(first + 1 + random.below(hugePages - first)) * 512
      let process = steps[place].process
      let new: [TraceStep] =
        switch random.below(8) {
        case 0: [.map(range, tagged: false), .write(range.lowerBound + random.below(512))]
        case 1: [.map(range, tagged: true), .write(range.lowerBound + random.below(512))]
        case 2: [.protect(range, "rw mte"), .advise(range, "collapse")]
        case 3: [.advise(range, "hugepage")]
        case 4: [.advise(range, "nohugepage"), .advise(range, "collapse")]
        case 5: [.map(range, tagged: true), .copyOut(range), .advise(range, "pageout")]
        default: [.advise(range, "hugepage"), .advise(range, "collapse")]
        }
      steps.insert(contentsOf: new.map { (process, $0) }, at: place)
      place += new.count + random.below(20)
    }
  }

  private func step(_ random: inout SplitMix64) -> TraceStep {
    // Popular pages come first, so that there is a working set and something to swap out.
    let page = min(random.below(pages), random.below(pages))
    switch random.below(100) {
    case 0..<30: return .read(page)
    case 30..<52: return .write(page)
    case 52..<58:
      return .access(
        page,
        isStore: random.below(2) == 0,
        offset: random.below(4032),
        size: 1 + random.below(64),
        tag: random.below(4)
      )
    case 58..<64:
      let names = [
        "ldg", "stg", "st2g", "stzg", "stz2g", "stgp", "dcgva", "dcgzva", "irg", "gmi", "ldgm",
      ]
      let offset = random.below(8) == 0 ? random.below(4096) : random.below(256) * 16
      return .instruction(
        names[random.below(names.count)],
        page,
        offset: offset,
        tag: random.below(4)
      )
    case 64..<66: return .control(control(&random))
    case 66..<78:
      let first = random.below(256)
      // Few tags, so that pointers often have the right one.
      let tag = random.below(3) == 0 ? random.below(16) : random.below(4)
      return .tag(page, first: first, count: 1 + random.below(256 - first), tag: tag)
    default: return operation(&random)
    }
  }

  private func guest(_ range: Range<Int>, _ random: inout SplitMix64) -> TraceStep {
    let page = min(random.below(pages), random.below(pages))
    switch random.below(16) {
    case 0, 1: return .memorySlot(random.below(3), range)
    case 2: return .memorySlot(random.below(3), 0..<pages)
    case 3: return .memorySlot(random.below(3), 0..<0)
    case 4..<7: return .guest("guestread", page, "")
    case 7..<11: return .guest("guestwrite", page, "")
    default: return .guest("guesttags", page, " \(random.below(16))*\(1 + random.below(256))")
    }
  }

  private func reference(_ range: Range<Int>, _ random: inout SplitMix64) -> TraceStep {
    let descriptor = 3 + random.below(3)
    switch random.below(8) {
    case 0...2:
      let size = [1, 8, 16, 16, 16, 32, 256, 4096][random.below(8)]
      let content = ["", " bytes 0", " bytes 0", " bytes 0xaa"][random.below(4)]
      return .create(
        range.lowerBound,
        offset: random.below(4096 / size) * size,
        "\(size)\(content) = \(descriptor)"
      )
    case 3: return .close(descriptor)
    default:
      let protection = ["rw", "rw mte", "rw mte", "rw mte", "r mte"][random.below(5)]
      let source =
        random.below(4) == 0
        ? "taghint \(random.below(16))"
        : "refpage \(descriptor) offset \(random.below(2) * range.lowerBound * 4096)"
      return .mapReference(range, protection, source)
    }
  }

  private func control(_ random: inout SplitMix64) -> String {
    switch random.below(12) {
    case 8, 9: return "swapoff \(random.below(3))"
    case 10, 11: return "swapon \(random.below(3))"
    case 0: return "tco 1"
    case 1, 2: return "tco 0"
    case 3, 4: return "thread \(random.below(3))"
    default:
      let modes = ["", " sync", " async", " sync async", " async", " sync bits 0x100000"]
      return "prctl enable\(modes[random.below(modes.count)]) include 0xfffe"
    }
  }

  private func operation(_ random: inout SplitMix64) -> TraceStep {
    let first = random.below(pages)
    let range = first..<(first + 1 + random.below(min(largestRange, pages - first)))
    switch random.below(132) {
    case 116..<132: return guest(range, &random)
    case 100..<116: return reference(range, &random)
    case 0..<5: return .unmap(range)
    case 5..<20: return .map(range, tagged: random.below(2) == 0)
    case 20..<45:
      return .protect(range, ["rw", "rw mte", "rw mte", "r", "none", "r mte"][random.below(6)])
    case 45..<55:
      return .move(random.below(pages + 16), to: random.below(pages + 16))
    case 55..<60: return .copyOut(range)
    case 60: return .exec
    case 61: return .exit
    case 72: return .control(random.below(3) == 0 ? "hibernate" : "coredump")
    case 73, 74: return .peek(first, granules: 1 + random.below(256))
    case 75..<78: return .poke(first, granules: 1 + random.below(256), tag: random.below(16))
    case 62..<66:
      return .pin(range, ["", " write", " longterm", " write longterm"][random.below(4)])
    case 66..<72: return .unpin(range)
    default:
      let advice = [
        "dontneed", "free", "free", "cold", "pageout", "pageout", "pageout", "willneed",
        "populate-read", "populate-write", "wipeonfork", "keeponfork", "dontfork", "dofork",
      ]
      return .advise(range, advice[random.below(advice.count)])
    }
  }

  /// The program as a text trace.
  var text: String {
    var renderer = Renderer(pages: pages + 16)
    for (process, step) in steps { renderer.add(step, of: process) }
    return renderer.lines.joined(separator: "\n") + "\n"
  }
}

/// Writes steps as lines, and knows what is mapped how.
private struct Renderer {
  var lines: [String] = []
  /// For each process the letters of each page's protection, `-` where a child does not get it and `f`
  /// where it is a file's; `nil` where nothing is mapped.
  private var spaces: [[String?]?]
  private var current = 0

  init(pages: Int) {
    spaces = [[String?](repeating: nil, count: pages)]
  }

  mutating func add(_ step: TraceStep, of process: Int) {
    guard process < spaces.count, let space = spaces[process] else { return }
    func allows(_ pages: Range<Int>, _ letter: Character) -> Bool {
      pages.allSatisfy { space[$0]?.contains(letter) ?? false }
    }
    switch step {
    case .read(let page):
      guard allows(page..<(page + 1), "r") else { return }
      emit("read \(address(page))", process)
    case .write(let page):
      guard allows(page..<(page + 1), "w") else { return }
      emit("write \(address(page))", process)
    case .access(let page, let isStore, let offset, let size, let tag):
      guard allows(page..<(page + 1), isStore ? "w" : "r") else { return }
      emit("\(isStore ? "store" : "load") \(address(page, offset)) \(size) tag \(tag)", process)
    case .instruction(let name, let page, let offset, let tag):
      let crosses = name.contains("2g") && offset > 4064
      guard page + 1 < space.count, allows(page..<(page + (crosses ? 2 : 1)), "w") else { return }
      let takesOperand = name.hasPrefix("st") && name != "stgp" || name == "gmi"
      let pointer = "0x0\(tag)000000" + String(RandomTrace.base + page * 4096 + offset, radix: 16)
      emit("\(name) \(pointer)\(takesOperand ? " \(tag)" : "")", process)
    case .control(let line):
      emit(line, process)
    case .mapReference(let range, let protection, let source):
      // Where the descriptor is not open, what is mapped first stays.
      emit("map \(bytes(range)) \(protection) anon fixed", process)
      emit("map \(bytes(range)) \(protection) anon fixed \(source)", process)
      set(range, String(protection.prefix { $0 != " " }), process)
    case .create(let page, let offset, let rest):
      emit("refpage_create \(address(page, offset)) \(rest)", process)
    case .close(let descriptor):
      emit("close \(descriptor)", process)
    case .pin(let range, let flags):
      emit("pin \(bytes(range))\(flags)", process)
    case .peek(let page, let granules):
      emit("peektags \(address(page)) \(granules)", process)
    case .poke(let page, let granules, let tag):
      emit("poketags \(address(page)) \(tag)*\(granules)", process)
    case .memorySlot(let number, let range):
      emit("memslot \(number) \(bytes(range))", process)
    case .guest(let event, let page, let rest):
      emit("\(event) \(address(page))\(rest)", process)
    case .unpin(let range):
      emit("unpin \(bytes(range))", process)
    case .tag(let page, let first, let count, let tag):
      guard allows(page..<(page + 1), "w") else { return }
      emit("tag \(address(page, first * 16)) \(count * 16) \(tag)", process)
    case .copyOut(let range):
      guard allows(range, "w") else { return }
      emit("copyout \(address(range.lowerBound)) \(range.count * 4096)", process)
    case .map(let range, let tagged):
      emit("map \(bytes(range)) rw\(tagged ? " mte" : "") anon fixed", process)
      set(range, "rw", process)
    case .mapFile(let range, let protection, let words):
      emit("map \(bytes(range)) \(protection) file\(words) fixed", process)
      set(range, protection + "f", process)
    case .unmap(let range):
      emit("unmap \(bytes(range))", process)
      set(range, nil, process)
    case .protect(let range, let protection):
      emit("protect \(bytes(range)) \(protection)", process)
      // What lies before a hole, or before a file that is to be tagged, is changed, and then the call
      // fails.
      let isTagged = protection.contains("mte")
      let end = range.first { page in
        space[page].map { isTagged && $0.contains("f") } ?? true
      }
      let letters = String(protection.prefix { $0 != " " })
      for page in range.lowerBound..<(end ?? range.upperBound) {
        let kept = space[page]?.filter { "-f".contains($0) } ?? ""
        set(page..<(page + 1), letters + kept, process)
      }
    case .move(let source, let target):
      guard source != target, let letters = space[source] else { return }
      emit("remap \(address(source)) 4096 4096 maymove fixed \(address(target))", process)
      set(source..<(source + 1), nil, process)
      set(target..<(target + 1), letters, process)
    case .advise(let range, let advice):
      emit("advise \(bytes(range)) \(advice)", process)
      guard advice == "dontfork" || advice == "dofork" else { return }
      for page in range {
        guard let letters = space[page]?.filter({ $0 != "-" }) else { continue }
        set(page..<(page + 1), advice == "dontfork" ? letters + "-" : letters, process)
      }
    case .fork:
      emit("fork \(spaces.count)", process)
      spaces.append(space.map { $0?.contains("-") ?? false ? nil : $0 })
    case .exec:
      emit("exec", process)
      set(space.indices, nil, process)
    case .exit:
      emit("exit 0", process)
      spaces[process] = nil
    }
  }

  private mutating func emit(_ line: String, _ process: Int) {
    if process != current { lines.append("process \(process)") }
    current = process
    lines.append(line)
  }

  private mutating func set(_ range: Range<Int>, _ letters: String?, _ process: Int) {
    for page in range { spaces[process]?[page] = letters }
  }

  private func address(_ page: Int, _ offset: Int = 0) -> String {
    "0x" + String(RandomTrace.base + page * 4096 + offset, radix: 16)
  }

  private func bytes(_ range: Range<Int>) -> String {
    "\(address(range.lowerBound)) \(range.count * 4096)"
  }
}
