// SPDX-License-Identifier: Apache-2.0

import Containers
import AddressSpaces
import MemoryModel
import Testing

@Suite struct VMASetMergingTests {
  @Test(arguments: PageSize.allCases)
  func neighboursWithEqualPropertiesMerge(pageSize: PageSize) {
    var drawing = Drawing(pageSize: pageSize)
    drawing.map(2..<4)
    drawing.map(6..<8)
    #expect(drawing.text == "..aa..bb........")
    drawing.map(4..<6)
    #expect(drawing.text == "..aaaaaa........")
    drawing.map(0..<2, .read)
    #expect(drawing.text == "aabbbbbb........")
    drawing.map(8..<9, [.read, .write, .mte])
    #expect(drawing.text == "aabbbbbbc.......")
    drawing.map(9..<10, [.read, .write], [.anonymous, .fixed, .noReserve])
    #expect(drawing.text == "aabbbbbbcd......")
    drawing.set.checkInvariants()
  }

  @Test func protectSplitsAndMergesBack() {
    var drawing = Drawing()
    drawing.map(0..<9)
    drawing.protect(3..<6, .read)
    #expect(drawing.text == "aaabbbccc.......")
    // The middle was never written to, so that its memory is not committed any more.
    #expect(drawing.set.find(drawing.number(4))?.flags.contains(.accounted) == false)
    drawing.protect(3..<6, [.read, .write])
    #expect(drawing.text == "aaaaaaaaa.......")
    drawing.protect(0..<2, .read)
    #expect(drawing.text == "aabbbbbbb.......")
    drawing.protect(1..<3, .read)
    #expect(drawing.text == "aaabbbbbb.......")
    drawing.protect(7..<9, .read)
    drawing.protect(3..<7, .read)
    #expect(drawing.text == "aaaaaaaaa.......")
  }

  @Test func taggedMemoryStaysTaggedAndApart() {
    var drawing = Drawing()
    drawing.map(0..<6)
    drawing.protect(2..<4, [.read, .write, .mte])
    #expect(drawing.text == "aabbcc..........")
    #expect(drawing.protect(2..<4, [.read, .write]) == nil)
    #expect(drawing.text == "aabbcc..........")
    #expect(drawing.set.find(drawing.number(3))?.isTagged == true)
  }

  @Test func anUnchangedProtectionChangesNothing() {
    var drawing = Drawing()
    drawing.map(0..<6)
    let result = drawing.set.protect(
      address: drawing.address(1),
      length: drawing.bytes(3),
      protection: [.read, .write, .semaphore]
    )
    #expect(result.error == nil)
    #expect(result.changed.isEmpty)
    #expect(drawing.text == "aaaaaa..........")
  }

  @Test func writtenAreasMergeOnlyWithOneReverseMap() {
    // a and c are written to apart; what is mapped between them joins one of them only.
    var drawing = Drawing()
    drawing.map(0..<2)
    drawing.map(4..<6)
    drawing.write(0)
    drawing.write(5)
    // The one above is asked first.
    drawing.map(2..<4)
    #expect(drawing.text == "aabbbb..........")
    // New memory joins the written; the unwritten does not take in what was written.
    var other = Drawing()
    other.map(0..<2)
    other.map(4..<6)
    other.write(5)
    other.map(2..<4)
    #expect(other.text == "aabbbb..........")
    other.map(6..<7)
    #expect(other.text == "aabbbbb.........")
    other.map(1..<2)
    #expect(other.text == "abbbbbb.........")
    // The unwritten below the written does, and the two below join with it.
    var third = Drawing()
    third.map(0..<2)
    third.write(0)
    third.map(4..<6)
    third.map(2..<4)
    #expect(third.text == "aaaaaa..........")
    #expect(third.set.areas.map(\.anonVMA) == [1])
  }

  @Test func changedMemoryAsksBothNeighbours() {
    // What was written to is not taken in by what was not, on either side.
    var drawing = Drawing()
    drawing.map(0..<6, [.read, .execute])
    drawing.protect(2..<4, .read)
    drawing.write(2)
    drawing.protect(2..<4, [.read, .execute])
    #expect(drawing.text == "aabbcc..........")
    // Two written neighbours: the one below gets it.
    var other = Drawing()
    other.map(0..<2, [.read, .execute])
    other.map(2..<4, .read)
    other.map(4..<6, [.read, .execute])
    other.write(0)
    other.set.setFlags(in: other.range(2..<4), adding: .randomRead)
    other.write(4)
    other.set.setFlags(in: other.range(2..<4), adding: [], removing: .randomRead)
    other.protect(2..<4, [.read, .execute])
    #expect(other.text == "aaaabb..........")
  }

  @Test func aFirstWriteBorrowsTheNeighboursReverseMap() {
    var drawing = Drawing()
    drawing.map(0..<6)
    drawing.protect(2..<4, .read)
    drawing.protect(2..<4, [.read, .write])
    drawing.map(0..<6)
    drawing.protect(2..<6, [])
    drawing.write(0)
    drawing.write(3)
    // Split before the first write, merged after it. The first part is committed, the second is not
    // and borrows nothing from it.
    #expect(drawing.set.areas.map(\.anonVMA) == [1, 2])
    var kept = Drawing()
    kept.map(0..<6, [.read, .execute])
    kept.protect(3..<6, .read)
    kept.write(0)
    kept.write(4)
    #expect(kept.set.areas.map(\.anonVMA) == [1, 1])
    kept.protect(3..<6, [.read, .execute])
    #expect(kept.text == "aaaaaa..........")
  }

  @Test func inheritedReverseMapsTakeNoNewMemory() throws {
    var drawing = Drawing()
    drawing.map(0..<3)
    drawing.write(0)
    var child = drawing
    child.set = drawing.set.forked()
    child.map(3..<5)
    #expect(child.text == "aaabb...........")
    drawing.map(3..<5)
    #expect(drawing.text == "aaaaa...........")
    let area = try #require(child.set.find(child.number(0)))
    #expect(area.forkInherited)
    child.set.checkInvariants()
  }

  @Test func everyFileMappingIsAFileOfItsOwn() {
    var drawing = Drawing()
    drawing.map(0..<2, .read, [.fixed])
    drawing.map(2..<4, .read, [.fixed])
    #expect(drawing.text == "aabb............")
    drawing.map(4..<8, .read, [.fixed])
    drawing.protect(5..<6, [.read, .execute])
    #expect(drawing.text == "aabbcdee........")
    drawing.protect(5..<6, .read)
    #expect(drawing.text == "aabbcccc........")
    // Shared anonymous memory is a file of its own, too.
    drawing.map(8..<10, .read, [.anonymous, .shared, .fixed])
    drawing.map(10..<12, .read, [.anonymous, .shared, .fixed])
    #expect(drawing.text == "aabbccccddee....")
  }

  @Test func knownFilesMergeWhereTheirOffsetsContinue() {
    var drawing = Drawing()
    func request(_ page: Int) -> MappingRequest {
      MappingRequest(
        address: drawing.address(page),
        length: drawing.bytes(2),
        protection: .read,
        flags: [.anonymous, .fixed]
      )
    }
    drawing.set.map(request(0), backing: FileBacking(identity: 7, pageOffset: 0))
    drawing.set.map(request(2), backing: FileBacking(identity: 7, pageOffset: 2))
    drawing.set.map(request(4), backing: FileBacking(identity: 7, pageOffset: 0))
    drawing.set.map(request(6), backing: FileBacking(identity: 8, pageOffset: 2))
    #expect(drawing.text == "aaaabbcc........")
    #expect(drawing.protect(0..<8, [.read, .mte]) == nil)
    drawing.set.checkInvariants()
  }

  @Test func labelsDoNotKeepNeighboursApart() {
    var drawing = Drawing()
    drawing.map(0..<2, [.read, .write], [.anonymous, .heap])
    drawing.map(2..<4)
    #expect(drawing.text == "aaaa............")
    #expect(drawing.set.areas.first?.flags.contains(.heap) == true)
  }

  @Test func adviceSplitsAndMerges() {
    var drawing = Drawing()
    drawing.map(0..<8)
    drawing.advise(2..<4, .dontFork)
    drawing.advise(4..<6, .wipeOnFork)
    #expect(drawing.text == "aabbccdd........")
    var child = drawing
    child.set = drawing.set.forked()
    #expect(child.text == "aa..bbcc........")
    drawing.advise(2..<4, .doFork)
    drawing.advise(4..<6, .keepOnFork)
    #expect(drawing.text == "aaaaaaaa........")
    drawing.advise(0..<2, .random)
    drawing.advise(6..<8, .sequential)
    #expect(drawing.text == "aabbbbcc........")
    drawing.advise(0..<8, .normal)
    #expect(drawing.text == "aaaaaaaa........")
    drawing.advise(0..<4, .hugePage)
    drawing.advise(4..<8, .noHugePage)
    #expect(drawing.text == "aaaabbbb........")
    drawing.set.setFlags(in: drawing.range(0..<1), adding: .locked)
    #expect(drawing.text == "abbbcccc........")
    drawing.set.setFlags(in: drawing.range(0..<1), adding: [], removing: .locked)
    #expect(drawing.text == "aaaabbbb........")
  }

  @Test func forkDropsLocksAndWipes() throws {
    var drawing = Drawing()
    drawing.map(0..<4)
    drawing.advise(2..<4, .wipeOnFork)
    drawing.write(0)
    drawing.write(2)
    drawing.set.setFlags(in: drawing.range(0..<4), adding: .locked)
    #expect(drawing.set.areas.map(\.isCopiedAtFork) == [true, false])
    let child = drawing.set.forked()
    #expect(child.areas.map { $0.flags.contains(.locked) } == [false, false])
    #expect(child.areas.map(\.forkInherited) == [true, false])
    #expect(child.areas[1].anonVMA == 0)
    #expect(child.areas[1].flags.contains(.wipeOnFork))
  }
}
