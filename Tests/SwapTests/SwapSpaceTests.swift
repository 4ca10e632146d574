// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import Testing

@testable import Swap

@Suite struct SwapSpaceTests {
  @Test func oneSwapOutAndIn() throws {
    var device = SwapSpace(.zram, slots: 4096, slotCacheSize: 0)
    var released: [UInt32] = []
    let allocated = device.allocateSlot(released: &released)
    let slot = try #require(allocated)
    #expect(device.entry(slot) == SwapEntry(type: 0, offset: UInt64(slot)))
    #expect(device.addToCache(slot, frame: 77) == nil)
    device.duplicate(slot)
    device.write(slot, stamp: 0x1234)
    #expect(device.cachedFrame(slot) == 77 && device.shadow(slot) == nil)
    device.removeFromCache(slot, shadow: 9, released: &released)
    #expect(device.cachedFrame(slot) == nil && device.shadow(slot) == 9)
    #expect(!device.hasCache(slot) && device.count(slot) == 1)
    // The bypassing swap-in.
    #expect(device.claimForCache(slot) == .claimed)
    #expect(device.claimForCache(slot) == .exists)
    #expect(device.read(slot) == 0x1234)
    device.drop(slot, released: &released)
    #expect(released.isEmpty)
    device.clearClaim(slot, released: &released)
    #expect(released == [slot])
    #expect(device.shadow(slot) == nil && device.read(slot) == 0)
    #expect(device.claimForCache(slot) == .unused)
    device.checkInvariants()
  }

  @Test func aPageTakesTheShadowsPlace() throws {
    var device = SwapSpace(.ssd, slots: 4096, slotCacheSize: 0)
    var released: [UInt32] = []
    let allocated = device.allocateSlot(released: &released)
    let slot = try #require(allocated)
    device.addToCache(slot, frame: 0)
    #expect(device.cachedFrame(slot) == 0)
    device.duplicate(slot)
    device.removeFromCache(slot, shadow: 1 << 54 - 1, released: &released)
    #expect(device.claimForCache(slot) == .claimed)
    #expect(device.addToCache(slot, frame: .max) == 1 << 54 - 1)
    #expect(device.cachedFrame(slot) == .max && device.takeShadow(slot) == nil)
    device.replaceCachedFrame(slot, with: 5)
    #expect(device.cachedFrame(slot) == 5)
    device.removeFromCache(slot, shadow: 0, released: &released)
    #expect(device.shadow(slot) == 0)
    #expect(device.takeShadow(slot) == 0 && device.shadow(slot) == nil)
    device.checkInvariants()
  }

  @Test(arguments: [1, 61, 62, 63, 64, 65, 127, 300])
  func countsGoBeyondTheMapByte(users: Int) throws {
    var device = SwapSpace(.ssd, slots: 512, slotCacheSize: 0)
    var released: [UInt32] = []
    let allocated = device.allocateSlot(released: &released)
    let slot = try #require(allocated)
    for count in 1...users {
      device.duplicate(slot)
      #expect(device.count(slot) == count)
      device.checkInvariants()
    }
    device.clearClaim(slot, released: &released)
    for count in (0..<users).reversed() {
      #expect(released.isEmpty)
      device.drop(slot, released: &released)
      #expect(device.count(slot) == count)
    }
    #expect(released == [slot])
    device.checkInvariants()
  }

  @Test func overheadIsThatOfTheKernel() {
    let zram = SwapSpace(.zram, slots: 262_144)
    #expect(zram.mapBytes == 262_144)
    #expect(zram.clusterBytes == 1024 * 8)
    #expect(zram.cacheTreeBytes == 16 * 200)
    #expect(zram.slotCacheBytes == 1024)
    #expect(zram.swapCacheNodes == 0)
    let disk = SwapSpace(.ssd, slots: 16385, slotCacheSize: 0)
    #expect(disk.cacheTreeBytes == 400 && disk.slotCacheBytes == 0)
    #expect(disk.clusterBytes == 65 * 8)
    #expect(SwapDeviceKind.zram.isSynchronous && !SwapDeviceKind.disk.isSynchronous)
  }

  @Test func brokenPromisesStopTheProgram() async {
    await #expect(processExitsWith: .failure) {
      var device = SwapSpace(.ssd, slots: 512)
      device.duplicate(7)
    }
    await #expect(processExitsWith: .failure) {
      var device = SwapSpace(.ssd, slots: 512)
      var released: [UInt32] = []
      device.drop(0, released: &released)
    }
    await #expect(processExitsWith: .failure) {
      var device = SwapSpace(.ssd, slots: 512)
      device.addToCache(7, frame: 1)
    }
  }
}
