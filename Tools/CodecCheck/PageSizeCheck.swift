// SPDX-License-Identifier: Apache-2.0

import Dispatch
import MemoryModel
import Synchronization
import TagCompression
import TestSupport

/// The check of one page size, in chunks that run on all processors.
struct PageSizeCheck {
  let pageSize: PageSize
  let pages: Int
  let seed: UInt64
  /// All pages of at most so many runs instead of random ones.
  let allRuns: Int?

  /// What all chunks found together.
  struct Result: Sendable {
    var tallies = [CodecTally](repeating: CodecTally(), count: TagCodec.allCases.count)
    var firstMismatch: String?
    fileprivate var mismatchChunk = Int.max
    fileprivate var doneChunks = 0
    fileprivate var shownPercent = 0
  }

  /// Runs all chunks.
  ///
  /// Tallies add up to the same whichever chunk ends first, and the mismatch that is kept is that of
  /// the first chunk.
  func run() -> Result {
    let result = Mutex(Result())
    let chunks = allRuns == nil ? (pages + chunkPages - 1) / chunkPages : pageSize.granules
    DispatchQueue.concurrentPerform(iterations: chunks) { chunk in
      let done = check(chunk)
      result.withLock { result in
        for (index, tally) in done.tallies.enumerated() { result.tallies[index].add(tally) }
        if let first = done.firstMismatch, chunk < result.mismatchChunk {
          result.mismatchChunk = chunk
          result.firstMismatch = first
        }
        result.doneChunks += 1
        showProgress(&result, of: chunks)
      }
    }
    return result.withLock(\.self)
  }

  /// Pages of a chunk: some tenths of a second.
  private var chunkPages: Int { (1 << 16) * PageSize.kib4.bytes / pageSize.bytes }

  private func check(_ chunk: Int) -> ChunkCheck {
    // Chunks and page sizes have seeds that lie far apart.
    var mixer = SplitMix64(seed: seed &+ UInt64(chunk) &* 0x9e37_79b9_7f4a_7c15)
    var check = ChunkCheck(pageSize: pageSize, seed: mixer.next() ^ UInt64(pageSize.bytes))
    if let allRuns {
      check.runAll(runs: allRuns, firstSize: pageSize.granules - chunk)
    } else {
      let first = chunk * chunkPages
      check.run(first: first, pages: min(chunkPages, pages - first))
    }
    return check
  }

  /// One line for each tenth of the work, where somebody watches.
  private func showProgress(_ result: inout Result, of chunks: Int) {
    let percent = result.doneChunks * 100 / chunks / 10 * 10
    guard percent > result.shownPercent, StandardStreams.isWatched else { return }
    result.shownPercent = percent
    StandardStreams.writeError("\(pageSize.name): \(percent) %\n")
  }
}
