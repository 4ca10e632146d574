// SPDX-License-Identifier: Apache-2.0

import MemoryModel

extension KernelView {
  /// Reserved tag blocks by how many pages have their tags in them, now and when most were reserved; what
  /// is reserved and serves no page is the fragmentation of tag storage.
  ///
  /// Nothing is printed where no tag block has to be reserved.
  static func tagblocks(_ snapshot: MachineSnapshot) -> String {
    guard let blocks = snapshot.tagBlocks else { return "" }
    let moments = [blocks.now, blocks.atPeak]
    var text = left("Tag blocks for \(blocks.pagesOfBlock) pages each", 28)
    text += right("now", 8) + right("at peak", 8) + "\n"
    func line(_ title: String, _ values: [Int]) {
      text += left(title, 28) + values.map { right("\($0)", 8) }.joined() + "\n"
    }
    for pages in blocks.now.indices where moments.contains(where: { $0[pages] > 0 }) {
      line("blocks that serve \(pages)", moments.map { $0[pages] })
    }
    let reserved = moments.map { $0.reduce(0, +) }
    let served = moments.map { moment in moment.indices.reduce(0) { $0 + $1 * moment[$1] } }
    line("blocks_reserved", reserved)
    line("pages_served", served)
    line(
      "fragmentation_per_mille",
      zip(reserved, served).map { blocksReserved, pages in
        let room = blocksReserved * blocks.pagesOfBlock
        return room == 0 ? 0 : max(0, room - pages) * 1000 / room
      }
    )
    return text
  }
}
