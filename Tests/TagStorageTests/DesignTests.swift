// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import TagStorage
import Testing

/// What the designs answer, and how answers are replaced.
@Suite struct DesignTests {
  /// The table of the specification of tag storage, section 13, as far as this machine has it.
  @Test func theVersionsAnswerAsTheirTableSays() throws {
    let versions = try [TagStorageDesign.rfc1, .rfc2, .rfc3].map {
      ($0.policy, try #require($0.policy.reservation))
    }
    func row<Value: Equatable>(_ path: KeyPath<ReservationPolicy, Value>) -> [Value] {
      versions.map { $0.1[keyPath: path] }
    }
    #expect(row(\.mode) == [.mandatory, .mandatory, .bestEffort])
    #expect(row(\.attempts) == [5, 3, 3])
    #expect(row(\.fastTrack) == [.none, .singlePage, .block])
    #expect(row(\.failureAtFault) == [.replace, .replay, .retryThenReplace])
    #expect(row(\.fatalSignal) == [.pretendSuccess, .pretendSuccess, .error])
    #expect(row(\.parkedLookup) == [.nowhere, .tagStorage, .everywhere])
    #expect(row(\.releaseCondition) == [.tagged, .tagged, .reserved])
    #expect(row(\.replaceAttempts) == [5, 5, 3])
    #expect(row(\.extent) == [.block, .block, .block])
    #expect(versions.map(\.0.preferAbovePercent) == [100, 50, 50])
    #expect(versions.map(\.0.collapse) == [.tagged, .untagged, .refused])
    #expect(DesignPolicy.rfc3AsPosted.collapse == .refused)
    #expect(versions.map(\.0.pageLists) == [.bypassed, .listed, .listed])
    #expect(
      versions.map(\.0.cmaEligibility) == [.untaggedMovable, .untaggedMovable, .untaggedMovable]
    )
  }

  @Test func namesAreDifferentAndReadBack() {
    let names = TagStorageDesign.allCases.map(\.rawValue)
    #expect(Set(names).count == names.count)
    for name in names {
      #expect(TagStorageDesign(rawValue: name)?.rawValue == name)
      #expect(name == name.lowercased(), "\(name)")
    }
  }

  /// Only the two early versions and the posted code lose tags by themselves.
  @Test func theDesignsThatLoseTagsAreKnown() {
    let losing = TagStorageDesign.allCases.filter { !$0.policy.keepsEveryTag }
    #expect(losing == [.rfc1, .rfc2, .rfc3AsPosted])
  }

  @Test func changesReplaceSingleAnswers() throws {
    for design in TagStorageDesign.allCases {
      #expect(DesignChanges().applied(to: design.policy) == design.policy, "\(design)")
    }
    // From v3 to v2 one answer at a time.
    var changes = DesignChanges()
    changes.mode = .mandatory
    changes.fastTrack = .singlePage
    changes.failureAtFault = .replay
    changes.fatalSignal = .pretendSuccess
    changes.parkedLookup = .tagStorage
    changes.releaseCondition = .tagged
    changes.collapse = .untagged
    changes.guests = .hidden
    #expect(changes.applied(to: .rfc3) != .rfc2)
    changes.replaceAttempts = 5
    #expect(changes.applied(to: .rfc3) == .rfc2)
    changes.attempts = 5
    changes.fastTrack = ReservationPolicy.FastTrack.none
    changes.failureAtFault = .replace
    changes.parkedLookup = .nowhere
    changes.preferAbovePercent = 100
    changes.pageLists = .bypassed
    changes.collapse = .tagged
    #expect(changes.applied(to: .rfc3) == .rfc1)
    // Where nothing is reserved there is nothing to change about it.
    #expect(changes.applied(to: .staticCarveout).reservation == nil)
  }

  @Test func changesOfCellsAndOfTagPagesConcernTheirDesignsOnly() throws {
    var changes = DesignChanges()
    changes.cellClients = .nobody
    changes.claimTargetPercent = 7
    changes.inlineFreePages = 3
    changes.cellsPerActiveAtBoot = 4
    changes.swappedTags = .resident
    for design in TagStorageDesign.allCases {
      let isConcerned = [.xnu, .virtualResident].contains(design)
      #expect((changes.applied(to: design.policy) != design.policy) == isConcerned, "\(design)")
    }
    let cells = try #require(changes.applied(to: .xnu).cells)
    #expect(cells.clients == .nobody && cells.claimTargetPercent == 7)
    #expect(cells.inlineFreePages == 3 && cells.cellsPerActiveAtBoot == 4)
    #expect(changes.applied(to: .virtualResident).virtualTags == .resident)
    #expect(DesignPolicy.none.virtualTags == nil)
    changes = DesignChanges()
    changes.cmaEligibility = .perPageFilter
    #expect(changes.applied(to: .rfc3).cmaEligibility == .perPageFilter)
  }

  @Test func heldBlocksCanBeLetGo() throws {
    let region = try TagStorageRegion(
      ramPages: 32 * 512,
      pageSize: .kib4,
      blockBytes: 4096,
      asCMA: true
    )
    var blocks = TagBlocks(region: region)
    blocks.hold(7)
    blocks.addShare(toBlock: 7)
    let isLast = blocks.removeShare(fromBlock: 7)
    #expect(!isLast)
    blocks.letGo(7)
    #expect(!blocks.isReserved(7) && blocks.reservedBlocks == 0)
    blocks.checkInvariants()
  }

  @Test func defectsHaveNamesAndIdentifiers() {
    var identifiers: [String] = []
    for defect in TagStorageDefect.allCases {
      #expect(TagStorageDefect(name: defect.name) == defect)
      for identifier in defect.identifiers {
        #expect(TagStorageDefect(name: identifier) == defect)
      }
      identifiers += defect.identifiers
      let alone = TagStorageDefects([defect])
      #expect(alone.members == [defect])
    }
    let known = (1...10).map { "D\($0)" } + (1...5).map { "H\($0)" }
    #expect(identifiers.sorted() == known.sorted())
    #expect(TagStorageDefect(name: "D11") == nil && TagStorageDefect(name: "") == nil)
    #expect(TagStorageDefect.deadFastTrack.name == "dead-fast-track")
  }

  @Test func thePostedCodeHasEveryDefectThatShowsByItself() {
    let posted = DesignPolicy.rfc3AsPosted.defects.members
    let missing = TagStorageDefect.allCases.filter {
      $0.reasonWithoutEffect == nil && !posted.contains($0)
    }
    // These two need an allocation to fail.
    #expect(missing == [.unnotedTags, .atomicCopy])
    #expect(posted.allSatisfy { $0.reasonWithoutEffect == nil })
  }

  /// Tags of tag storage: 1/1024 of RAM is lost, and every other frame has a block that is not.
  @Test(arguments: [(mebibytes: 64, blockPages: 1), (64, 4), (128, 2), (16384, 1)])
  func tagStorageCoversItself(mebibytes: Int, blockPages: Int) throws {
    let plain = try TagStorageRegion(
      ramPages: mebibytes * 256,
      pageSize: .kib4,
      blockBytes: blockPages * 4096,
      asCMA: true
    )
    #expect(plain.firstBlockOfTagStorage == plain.blockCount)
    let region = plain.coveringTagStorage()
    let lost = (region.blockCount - region.firstBlockOfTagStorage) * blockPages
    #expect(lost == mebibytes * 256 / 1024)
    #expect(region.memory.upperBound + lost == region.tags.upperBound)
    // Nobody's tags lie in a block that could be needed for data, and no block serves nobody.
    for frame in region.tags where region.memory.contains(frame) {
      let block = try #require(region.block(of: PageFrameNumber(frame)))
      #expect(block >= region.firstBlockOfTagStorage && block < region.blockCount)
    }
    let lastData = PageFrameNumber(plain.memory.upperBound - 1)
    #expect(region.block(of: lastData) == region.firstBlockOfTagStorage - 1)
    let first = PageFrameNumber(region.tags.lowerBound + blockPages)
    #expect(region.block(holding: first) == 1)
  }

  @Test func heldBlocksStayReserved() throws {
    let region = try TagStorageRegion(
      ramPages: 32 * 512,
      pageSize: .kib4,
      blockBytes: 4096,
      asCMA: true
    )
    var blocks = TagBlocks(region: region)
    blocks.hold(3)
    #expect(blocks.isReserved(3) && blocks.isHeld(3) && blocks.count(ofBlock: 3) == 0)
    blocks.addShare(toBlock: 3)
    #expect(blocks.count(ofBlock: 3) == 1 && blocks.reservedBlocks == 1)
    #expect(blocks.removeShare(fromBlock: 3) == false)
    #expect(blocks.isReserved(3) && blocks.reservedFrames == 0)
    // A share that is leaked keeps its block for ever.
    blocks.addShare(toBlock: 5)
    blocks.addShare(toBlock: 5)
    blocks.leakShare(ofBlock: 5)
    #expect(blocks.count(ofBlock: 5) == 1 && blocks.reservedFrames == 1)
    #expect(blocks.removeShare(fromBlock: 5) == false)
    #expect(blocks.isReserved(5) && blocks.reservedBlocks == 2 && blocks.peakReservedBlocks == 2)
    blocks.checkInvariants()
  }
}
