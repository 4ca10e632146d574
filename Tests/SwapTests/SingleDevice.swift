// SPDX-License-Identifier: Apache-2.0

import Swap

extension SwapSpace {
  /// A space with one device, whose slots are the device's.
  init(
    _ kind: SwapDeviceKind,
    slots: Int,
    clusterSlots: Int = 256,
    slotCacheSize: Int = 64,
    seed: UInt64 = 0
  ) {
    self.init(
      devices: [SwapDevice(kind, slots: slots)],
      clusterSlots: clusterSlots,
      slotCacheSize: slotCacheSize,
      seed: seed
    )
  }
}
