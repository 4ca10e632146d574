// SPDX-License-Identifier: Apache-2.0

import Containers
import TagStorage
import TestSupport
import Testing

/// Tag Blocks between the data, and the lists that they are on.
@Suite struct InterleavedBlocksTests {
  @Test func geometryIs33FramesABlock() {
    let blocks = InterleavedBlocks(frameCount: 16_384, firstFrame: 0)
    #expect(blocks.count == 496)
    #expect(blocks.tagFrame(of: 0) == 32 && blocks.tagFrame(of: 495) == 16_367)
    #expect(blocks.block(of: 32) == 0 && blocks.block(of: 33) == 1)
    // 16 frames make no block.
    #expect(blocks.block(of: 16_368) == 496 && blocks.block(of: 16_383) == 496)
    for frame in 0..<200 {
      let first = InterleavedBlocks.firstFrame(sparing: frame)
      #expect((frame - first) % 33 != 32, "frame \(frame)")
    }
    let none = InterleavedBlocks(frameCount: 0, firstFrame: 0)
    #expect(none.count == 0)
  }

  @Test func whatCannotBeStopsTheProgram() async {
    await #expect(processExitsWith: .failure) {
      var blocks = InterleavedBlocks(frameCount: 66, firstFrame: 0)
      blocks.move(0, to: .whole)
    }
    await #expect(processExitsWith: .failure) {
      var blocks = InterleavedBlocks(frameCount: 66, firstFrame: 0)
      blocks.noteFree(32)
      blocks.move(0, to: .tagged)
    }
    await #expect(processExitsWith: .failure) {
      var blocks = InterleavedBlocks(frameCount: 40, firstFrame: 0)
      blocks.move(1, to: .tagged)
    }
  }

  /// Frames as a plain array, and every question answered by looking at all of them.
  private struct Reference {
    enum Frame { case free, used, tagged, tags }
    var frames: [Frame]
    var kinds: [InterleavedBlock.Kind]
    let first: Int

    func frames(of block: Int) -> Range<Int> {
      let start = first + block * 33
      return start..<min(start + 33, frames.count)
    }

    func free(_ block: Int) -> [Int] { frames(of: block).filter { frames[$0] == .free } }

    /// The blocks of a list, by kind and by whether all that it hands out is free.
    func blocks(_ kind: InterleavedBlock.Kind, full: Bool) -> [Int] {
      kinds.indices.filter {
        let all = kind == .tagged ? 32 : 33
        let count = free($0).count
        return kinds[$0] == kind && count > 0 && (count == all) == full
      }
    }
  }

  @Test(arguments: 0..<6)
  func randomStepsAgreeWithPlainArrays(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let first = random.below(2)
    let frameCount = 33 * 5 + [0, 1, 20][random.below(3)] + first
    var blocks = InterleavedBlocks(frameCount: frameCount, firstFrame: first)
    var reference = Reference(
      frames: [Reference.Frame](repeating: .used, count: frameCount),
      kinds: [InterleavedBlock.Kind](repeating: .untagged, count: 6),
      first: first
    )
    // More frees than takes fill blocks up, the other way round empties them.
    var freeing = 6
    for step in 0..<6_000 {
      if step % 500 == 0 { freeing = [3, 5, 7, 9][random.below(4)] }
      let label: Comment = "seed \(seed), step \(step)"
      if random.below(10) < freeing {
        free(first + random.below(frameCount - first), &blocks, &reference)
      } else if random.below(4) > 0 {
        take(&blocks, &reference, &random)
      } else {
        convert(random.below(5), &blocks, &reference)
      }
      check(blocks, reference, label)
    }
  }

  private func free(
    _ frame: Int,
    _ blocks: inout InterleavedBlocks,
    _ reference: inout Reference
  ) {
    switch reference.frames[frame] {
    case .free, .tags: return
    case .tagged: blocks.removeTagged(in: blocks.block(of: frame))
    case .used: break
    }
    blocks.noteFree(frame)
    reference.frames[frame] = .free
  }

  private func take(
    _ blocks: inout InterleavedBlocks,
    _ reference: inout Reference,
    _ random: inout SplitMix64
  ) {
    let isTagged = random.below(2) == 0
    guard let frame = isTagged ? blocks.frameForTagged : blocks.frameForUntagged else { return }
    blocks.noteTaken(frame)
    reference.frames[frame] = .used
    guard isTagged, random.below(4) > 0 else { return }
    blocks.addTagged(in: blocks.block(of: frame))
    reference.frames[frame] = .tagged
  }

  private func convert(
    _ block: Int,
    _ blocks: inout InterleavedBlocks,
    _ reference: inout Reference
  ) {
    let tagFrame = blocks.tagFrame(of: block)
    switch reference.kinds[block] {
    case .whole:
      blocks.move(block, to: .untagged)
      reference.kinds[block] = .untagged
    case .untagged where reference.free(block).count == 33:
      blocks.move(block, to: .whole)
      reference.kinds[block] = .whole
    case .untagged:
      guard reference.frames[tagFrame] == .free else { return }
      blocks.noteTaken(tagFrame)
      blocks.move(block, to: .tagged)
      reference.frames[tagFrame] = .tags
      reference.kinds[block] = .tagged
    case .tagged:
      guard !reference.frames(of: block).contains(where: { reference.frames[$0] == .tagged })
      else { return }
      blocks.move(block, to: .untagged)
      blocks.noteFree(tagFrame)
      reference.frames[tagFrame] = .free
      reference.kinds[block] = .untagged
    }
  }

  private func check(
    _ blocks: borrowing InterleavedBlocks,
    _ reference: Reference,
    _ label: Comment
  ) {
    blocks.checkInvariants()
    let tags = reference.frames.count { $0 == .tags }
    let freeTags = (0..<5).count { reference.frames[blocks.tagFrame(of: $0)] == .free }
    let sums = [blocks.taggedBlocks, blocks.freeTagPages]
    #expect(sums == [tags, freeTags], label)
    let whole = blocks.firstWhole
    #expect((whole == nil) == reference.kinds.allSatisfy { $0 != .whole }, label)
    let lists = [
      (blocks.firstFullUntagged, reference.blocks(.untagged, full: true)),
      (blocks.firstFullTagged, reference.blocks(.tagged, full: true)),
    ]
    for (found, expected) in lists {
      #expect(found.map(expected.contains) ?? expected.isEmpty, label)
    }
    // A request is served from blocks in use while there are any, and from few free pages to many.
    let partial = reference.blocks(.untagged, full: false)
    if let frame = blocks.frameForUntagged {
      let block = blocks.block(of: frame)
      let least = partial.map { (reference.free($0).count + 7) / 8 }.min()
      #expect(frame == reference.free(block).first, label)
      #expect(
        least == nil || min(4, (reference.free(block).count + 7) / 8) <= min(4, least ?? 0),
        label
      )
    } else {
      #expect(partial.isEmpty && reference.blocks(.untagged, full: true).isEmpty, label)
    }
    if let frame = blocks.frameForTagged {
      let inUse = reference.blocks(.tagged, full: false)
      let block = blocks.block(of: frame)
      #expect(inUse.isEmpty || inUse.contains(block), label)
      let isTaggable = blocks.isTaggable(frame)
      #expect(isTaggable && frame == reference.free(block).first, label)
    }
    let best = blocks.bestUntagged
    #expect((best == nil) == partial.allSatisfy { $0 == 5 }, label)
  }
}
