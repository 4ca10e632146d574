// SPDX-License-Identifier: Apache-2.0

import MachineModel
import MemoryModel
import Replay
import TagCompression
import TagStorage
import Testing

@Suite struct ShadowOracleTests {
  @Test(arguments: TagStorageDesign.allCases, SwapConfiguration.Device.allCases)
  func nothingDiffersAcrossSwap(
    design: TagStorageDesign,
    device: SwapConfiguration.Device
  ) throws {
    let pages = device == .none ? 40 : 300
    let report = try replay([swappingProgram(pages: pages)]) {
      $0.design = design
      $0.swap.device = device
      $0.groupLimitBytes = 64 * 4096
    }
    #expect(report.verification.differences == 0, "\(report.verification.messages)")
    #expect(report.verification.finalPages == UInt64(pages))
    guard device != .none else { return }
    #expect(report.verification.swapIns > 500)
    #expect(report.counters[.tagsRestoredSwap] > 500)
  }

  @Test(arguments: TagStorageDesign.allCases, KernelVersion.allCases)
  func nothingDiffersUnderTheMultiGenerationalLRU(
    design: TagStorageDesign,
    kernel: KernelVersion
  ) throws {
    for device in [SwapConfiguration.Device.zram, .disk] {
      let report = try replay([swappingProgram(pages: 300)]) {
        $0.design = design
        $0.kernel = kernel
        $0.replacement = .multiGenerational
        $0.swap.device = device
        $0.groupLimitBytes = 80 * 4096
      }
      #expect(report.verification.differences == 0, "\(report.verification.messages)")
      #expect(report.verification.finalPages == 300)
      #expect(report.verification.swapIns > 500)
      #expect(report.counters[.tagsRestoredSwap] > 500)
    }
  }

  @Test func droppedRestoreIsNamed() throws {
    let report = try replay([swappingProgram(pages: 300)]) {
      $0.groupLimitBytes = 64 * 4096
      $0.injectedFaults = [.dropRestore]
    }
    #expect(report.verification.differences > 0)
    let message = try #require(report.verification.messages.first)
    #expect(
      message.contains("after swap-in, page 0x100000 of process 0: granule 0: expected tag 1")
    )
    #expect(message.hasSuffix("found 0"))
  }

  @Test func exchangedGranulesAreNamed() throws {
    let report = try replay([swappingProgram(pages: 300)]) {
      $0.groupLimitBytes = 64 * 4096
      $0.injectedFaults = [.swapGranules]
    }
    let message = try #require(report.verification.messages.first)
    // Three granules of one tag are followed by another: granules 2 and 3 share a byte.
    #expect(message.contains("granule 2: expected tag 1, found 8"))
  }

  @Test func droppedDataAreNamed() throws {
    let report = try replay([swappingProgram(pages: 300)]) {
      $0.groupLimitBytes = 64 * 4096
      $0.injectedFaults = [.dropData]
    }
    let message = try #require(report.verification.messages.first)
    #expect(message.contains("expected the data of event 2, found those of event 0"))
  }

  @Test func tagsDroppedByACopyAreNamed() throws {
    let text = """
      map 0x100000 4096 rw mte anon
      write 0x100000
      tag 0x100000 4096 5
      fork 1
      process 1
      write 0x100000 => copy
      """
    #expect(try replay([text]).verification.differences == 0)
    let report = try replay([text]) { $0.injectedFaults = [.dropCopiedTags] }
    let message = try #require(report.verification.messages.first)
    #expect(message.contains("after copy on write, page 0x100000 of process 1: granule 0"))
  }

  @Test func failedTagAllocationRefusesTheSwapOutAndLosesNothing() throws {
    let report = try replay([swappingProgram(pages: 300)]) {
      $0.groupLimitBytes = 64 * 4096
      $0.injectedFaults = [.failTagAllocation]
    }
    #expect(report.counters[.swapoutRefusedTags] > 10)
    #expect(report.verification.differences == 0)
  }

  /// The posted v5 codec goes on without memory, and the tags of every 16th page are gone.
  @Test func tagsThatWereNotStoredAreCountedAndNamed() throws {
    let report = try replay([swappingProgram(pages: 300)]) {
      $0.groupLimitBytes = 64 * 4096
      $0.codec = .mtecompV5
      $0.injectedFaults = [.failTagAllocation]
    }
    let counters = report.counters
    #expect(counters[.swapoutRefusedTags] == 0)
    #expect(counters[.tagsLost] > 10 && counters[.tagsLost] == counters[.tagsLostNoMemory])
    #expect(counters[.tagsSavedSwap] / 16 >= counters[.tagsLost])
    #expect(report.verification.differences >= counters[.tagsLost])
    let message = try #require(report.verification.messages.first)
    #expect(message.contains("after swap-in, page 0x") && message.hasSuffix("found 0"))
  }

  @Test func wrongSnapshotIsNamed() throws {
    let text = """
      map 0x100000 4096 rw mte anon
      write 0x100000
      tag 0x100000 32 5
      snapshot 0x100000 => 5*1 6*1 0*254
      """
    let report = try replay([text])
    #expect(report.verification.snapshots == 1)
    let message = try #require(report.verification.messages.first)
    #expect(message.contains("granule 1: the recording's tag memory held 6, found 5"))
  }

  @Test func failedExpectationIsNamed() throws {
    let report = try replay(["map 0x100000 4096 rw anon\nread 0x100000 => zero-fill\n"])
    #expect(report.verification.failedExpectations == 1)
    let message = try #require(report.verification.messages.first)
    #expect(message.contains("expected the outcome zero-fill of the event before, found zero-page"))
  }

  @Test func designsThatLoseNothingEndWithTheSameContents() throws {
    let digests = try TagStorageDesign.allCases.map { design in
      try replay([swappingProgram(pages: 300)]) {
        $0.design = design
        $0.groupLimitBytes = 64 * 4096
      }.contentsDigest
    }
    #expect(Set(digests).count == 1)
    #expect(digests[0] != (try replay([swappingProgram(pages: 299)]).contentsDigest))
  }

  @Test func runsAreTheSameTwice() throws {
    for design in TagStorageDesign.allCases {
      let reports = try (0..<2).map { _ in
        try replay([swappingProgram(pages: 200), swappingProgram(pages: 150)], copies: 2) {
          $0.design = design
          $0.groupLimitBytes = 64 * 4096
        }
      }
      #expect(reports[0] == reports[1])
    }
  }

  @Test func verificationChangesNoCount() throws {
    let program = swappingProgram(pages: 250)
    let watched = try replay([program]) { $0.groupLimitBytes = 64 * 4096 }
    let alone = try replay([program], verified: false) { $0.groupLimitBytes = 64 * 4096 }
    #expect(watched.counters == alone.counters)
  }
}
