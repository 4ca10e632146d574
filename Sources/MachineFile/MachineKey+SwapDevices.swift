// SPDX-License-Identifier: Apache-2.0

import MachineModel
import Swap

extension MachineKey {
  /// The list of swap devices, each `KIND[:SIZE[:PRIORITY]]`.
  static let swapDevices = MachineKey(
    "swap-devices",
    values: "none, or KIND[:SIZE[:PRIORITY]] with KIND zram, ssd or disk, several joined by commas",
    meaning:
      "All swap devices in the order of their numbers, at most 23; none leaves it to swap.device. "
      + "A device without a size has swap.size; one without a priority, 0 to 32767, is used after "
      + "all that have one and all before it. Equals take turns.",
    source: "swapon --priority",
    isList: true,
    read: { configuration in
      let devices = configuration.swap.devices
      return devices.isEmpty ? "none" : devices.map(text).joined(separator: ", ")
    },
    write: { configuration, text in
      guard text != "none" else {
        configuration.swap.devices = []
        return true
      }
      var devices: [SwapDeviceConfiguration] = []
      for item in text.split(separator: ",", omittingEmptySubsequences: false) {
        guard let device = device(item.drop { $0 == " " }) else { return false }
        devices.append(device)
      }
      guard devices.count <= SwapSpace.mostDevices else { return false }
      configuration.swap.devices = devices
      return true
    }
  )

  /// The settings that the values of `--swap` stand for, none where there are none.
  ///
  /// One kind without a size is ``swapDevices``'s predecessor `swap.device`, which also knows `none`.
  public static func settings(ofSwap values: [String]) -> [(key: String, value: String)] {
    guard let first = values.first else { return [] }
    if values.count == 1, !first.contains(where: { $0 == ":" || $0 == "," }) {
      return [("swap.device", first), ("swap-devices", "none")]
    }
    return [("swap-devices", values.joined(separator: ","))]
  }

  private static func text(_ device: SwapDeviceConfiguration) -> String {
    let size = device.bytes.map { ":" + sizeText($0) } ?? (device.priority == nil ? "" : ":")
    return device.kind.rawValue + size + (device.priority.map { ":\($0)" } ?? "")
  }

  private static func device(_ text: Substring) -> SwapDeviceConfiguration? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard (1...3).contains(parts.count),
      let kind = SwapConfiguration.Device(rawValue: String(parts[0]))?.kind
    else { return nil }
    var device = SwapDeviceConfiguration(kind)
    if parts.count > 1, !(parts.count == 3 && parts[1].isEmpty) {
      guard let bytes = byteCount(String(parts[1])) else { return nil }
      device.bytes = bytes
    }
    if parts.count == 3 {
      let range = 0...SwapDevice.largestPriority
      guard let priority = wholeNumber(String(parts[2]), in: range) else { return nil }
      device.priority = priority
    }
    return device
  }
}
