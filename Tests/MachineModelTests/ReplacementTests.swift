// SPDX-License-Identifier: Apache-2.0

import Containers
import MachineModel
import MemoryModel
import TagStorage
import TestSupport
import Testing

/// Page uses with some locality: a popular part, sweeps, and jumps; different in each stream.
struct UseStream {
  let pages: Int
  let uses: [Int]

  init(seed: UInt64, length: Int) {
    var random = SplitMix64(seed: seed)
    let pages = 80 + random.below(300)
    let popular = 1 + random.below(pages)
    let sweepShare = random.below(60)
    var uses: [Int] = []
    var next = 0
    while uses.count < length {
      if random.below(100) < sweepShare {
        for _ in 0..<(1 + random.below(120)) {
          uses.append(next)
          next = (next + 1) % pages
        }
      } else {
        for _ in 0..<40 {
          uses.append(random.below(4) == 0 ? random.below(pages) : random.below(popular))
        }
      }
    }
    self.pages = pages
    self.uses = uses
  }
}

/// Pages charged to the group of ``machine(_:pages:)`` beside its data: three page tables below the top
/// one, the top one, and the objects of one mapping.
private let kernelPages = 5

/// The page number at which the mapping of ``counters(of:frames:stride:_:)`` starts.
private let firstPage: UInt64 = 0x10000

func counters(
  of stream: UseStream,
  frames: Int,
  stride: Int = 1,
  filePages: Int = 0,
  _ change: (inout MachineConfiguration) -> Void
) throws -> CounterSet {
  var configuration = MachineConfiguration()
  configuration.design = .staticCarveout
  configuration.swap.pageCluster = 0
  configuration.isObserved = false
  configuration.groupLimitBytes = (frames + kernelPages) * 4096
  change(&configuration)
  var machine = try Machine(configuration)
  let process = machine.addProcess(
    pages: (0..<UInt64(stream.pages)).map { firstPage + $0 * UInt64(stride) },
    group: machine.addGroup()
  )
  let whole = MappingRequest(
    address: firstPage << 12,
    length: UInt64(stream.pages * stride) << 12,
    protection: [.read, .write],
    flags: [.anonymous, .fixed]
  )
  _ = machine.perform(.map(whole, result: nil), of: process)
  if filePages > 0 {
    let file = MappingRequest(
      address: firstPage << 12,
      length: UInt64(filePages) << 12,
      protection: .read,
      flags: .fixed
    )
    _ = machine.perform(.map(file, result: nil), of: process)
  }
  for page in stream.uses {
    let isFile = page < filePages
    _ = machine.perform(
      .touch(UInt32(page), reads: isFile ? 1 : 0, writes: isFile ? 0 : 1, clock: 0),
      of: process,
      stamp: 1
    )
  }
  machine.checkInvariants()
  return machine.counters
}

/// Misses of the machine against policies written with plain arrays, on random streams.
@Suite struct ReplacementTests {
  private static let streams = UInt64(200)
  private static let length = 800

  private func misses(of stream: UseStream, in model: inout some PlainReplacement) -> UInt64 {
    var misses: UInt64 = 0
    for page in stream.uses where !model.use(page) { misses += 1 }
    return misses
  }

  private func misses(_ counters: CounterSet) -> UInt64 {
    counters[.faultZeroFill] + counters[.pgmajfault]
  }

  @Test func exactMissesAreThoseOfAPlainList() throws {
    for seed in 1...Self.streams {
      let stream = UseStream(seed: seed, length: Self.length)
      let frames = 48 + Int(seed) % 100
      var model = PlainExact(frames: frames)
      let expected = misses(of: stream, in: &model)
      let found = try counters(of: stream, frames: frames) { $0.replacement = .exact }
      #expect(misses(found) == expected, "seed \(seed)")
    }
  }

  @Test func clockMissesAreThoseOfAPlainClock() throws {
    for seed in 1...Self.streams {
      let stream = UseStream(seed: seed, length: Self.length)
      let frames = 48 + Int(seed) % 100
      var model = PlainClock(frames: frames)
      let expected = misses(of: stream, in: &model)
      let found = try counters(of: stream, frames: frames) { $0.replacement = .clock }
      #expect(misses(found) == expected, "seed \(seed)")
    }
  }

  @Test(arguments: KernelVersion.allCases)
  func twoListMissesAreThoseOfPlainLists(kernel: KernelVersion) throws {
    var activations: UInt64 = 0
    for seed in 1...Self.streams {
      let stream = UseStream(seed: seed, length: Self.length)
      let frames = 60 + Int(seed) % 100
      let batchPages = [1, 15, 31][Int(seed) % 3]
      var model = PlainTwoList(frames: frames, batchPages: batchPages, kernel: kernel)
      let expected = misses(of: stream, in: &model)
      let found = try counters(of: stream, frames: frames) {
        $0.lruBatchPages = batchPages
        $0.kernel = kernel
      }
      #expect(misses(found) == expected, "seed \(seed)")
      #expect(found[.pgscanAnon] == UInt64(model.scanned), "seed \(seed)")
      #expect(found[.pgactivate] == UInt64(model.activated), "seed \(seed)")
      let refaults = UInt64(model.refaultActivations)
      #expect(found[.workingsetActivateAnon] == refaults, "seed \(seed)")
      activations += refaults
    }
    #expect(activations > 500)
  }

  /// A part of the pages are those of a file, so that reclaim has to weigh both kinds.
  @Test(arguments: KernelVersion.allCases)
  func missesOfFilesAndAnonymousPagesAreThoseOfPlainLists(kernel: KernelVersion) throws {
    var seen = (anonymous: 0, file: 0, activated: 0)
    for seed in 1...Self.streams {
      let stream = UseStream(seed: seed, length: Self.length)
      let frames = 60 + Int(seed) % 100
      let batchPages = [1, 15, 31][Int(seed) % 3]
      let swappiness = [60, 60, 20, 150, 200][Int(seed) % 5]
      let filePages = stream.pages * (1 + Int(seed) % 7) / 8
      var model = PlainFourLists(
        frames: frames,
        filePages: filePages,
        batchPages: batchPages,
        kernel: kernel,
        swappiness: swappiness
      )
      let expected = misses(of: stream, in: &model)
      let found = try counters(of: stream, frames: frames, filePages: filePages) {
        $0.lruBatchPages = batchPages
        $0.kernel = kernel
        $0.swappiness = swappiness
        $0.filePages = .on
      }
      #expect(misses(found) == expected, "seed \(seed)")
      #expect(found[.pgscanAnon] == UInt64(model.kinds[0].scanned), "seed \(seed)")
      #expect(found[.pgscanFile] == UInt64(model.kinds[1].scanned), "seed \(seed)")
      #expect(found[.pgactivate] == UInt64(model.activated), "seed \(seed)")
      let activations = model.kinds.map { UInt64($0.activations) }
      #expect(found[.workingsetActivateAnon] == activations[0], "seed \(seed)")
      #expect(found[.workingsetActivateFile] == activations[1], "seed \(seed)")
      seen.anonymous += model.kinds[0].activations
      seen.file += model.kinds[1].activations
      seen.activated += model.activated
    }
    #expect(seen.anonymous > 500 && seen.file > 500 && seen.activated > 500, "\(seen)")
  }

  /// Pages lie next to each other or apart, so that their page tables and neighbourhoods differ.
  @Test(arguments: KernelVersion.allCases)
  func multiGenerationalMissesAreThoseOfPlainGenerations(kernel: KernelVersion) throws {
    var seen = (restored: 0, sorted: 0, activated: 0, walks: 0)
    for seed in 1...Self.streams {
      let stream = UseStream(seed: seed, length: Self.length)
      let frames = 60 + Int(seed) % 100
      let batchPages = [1, 15, 31][Int(seed) % 3]
      let stride = [1, 5, 16, 40][Int(seed) % 4]
      var model = PlainGenerations(
        limit: frames + kernelPages,
        chargedBefore: kernelPages - 1,
        batchPages: batchPages,
        kernel: kernel,
        first: Int(firstPage),
        stride: stride,
        pages: stream.pages
      )
      let expected = misses(of: stream, in: &model)
      let found = try counters(of: stream, frames: frames, stride: stride) {
        $0.replacement = .multiGenerational
        $0.lruBatchPages = batchPages
        $0.kernel = kernel
      }
      #expect(misses(found) == expected, "seed \(seed)")
      #expect(found[.pgscanAnon] == UInt64(model.scanned), "seed \(seed)")
      #expect(found[.pgrefill] == UInt64(model.sorted), "seed \(seed)")
      #expect(found[.pgactivate] == UInt64(model.activated), "seed \(seed)")
      #expect(found[.workingsetRestoreAnon] == UInt64(model.restored), "seed \(seed)")
      seen.restored += model.restored
      seen.sorted += model.sorted
      seen.activated += model.activated
      seen.walks += model.walks
    }
    #expect(seen.restored > 500 && seen.sorted > 500 && seen.activated > 500 && seen.walks > 500)
  }

  @Test func policiesDiffer() throws {
    let stream = UseStream(seed: 7, length: Self.length)
    let found = try PageReplacement.allCases.map { policy in
      misses(try counters(of: stream, frames: 60) { $0.replacement = policy })
    }
    #expect(Set(found).count == found.count, "\(found)")
  }

  @Test(arguments: PageReplacement.allCases, SwapConfiguration.Device.allCases)
  func invariantsHold(policy: PageReplacement, device: SwapConfiguration.Device) throws {
    for seed in UInt64(1)...2 {
      var configuration = MachineConfiguration()
      configuration.replacement = policy
      configuration.lruBatchPages = [1, 15, 31][Int(seed) % 3]
      configuration.swap.device = device
      configuration.groupLimitBytes = 64 * 4096
      configuration.isObserved = false
      let program = RandomProgram(seed: seed, pages: 200, count: 1500, forks: true)
      let counters = try run(program, on: configuration, checkEvery: 300)
      if device != .none { #expect(counters[.pswpin] > 0, "seed \(seed)") }
    }
  }

  @Test(arguments: [0, 32])
  func impossibleBatchesAreRefused(pages: Int) {
    var configuration = MachineConfiguration()
    configuration.lruBatchPages = pages
    #expect(throws: MachineError.lruBatch(pages: pages)) { _ = try Machine(configuration) }
  }
}
