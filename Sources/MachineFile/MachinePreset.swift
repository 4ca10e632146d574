// SPDX-License-Identifier: Apache-2.0

/// A machine that comes with the program: a machine file with a name and an origin.
public struct MachinePreset: Sendable {
  /// The name that stands for the file.
  public let name: String
  /// What the machine is, in a few words.
  public let summary: String
  /// Where its values come from.
  public let origin: String
  /// The settings that differ from the defaults, as a machine file.
  public let yaml: String

  /// The machine.
  public var description: MachineDescription {
    do throws(MachineFileError) {
      return try MachineDescription(yaml: yaml, name: name)
    } catch {
      preconditionFailure("preset \(error)")
    }
  }

  /// The preset that is called `name`, `nil` if there is none.
  public static func named(_ name: String) -> MachinePreset? {
    all.first { $0.name == name }
  }

  /// All presets, in the order of every list.
  public static let all: [MachinePreset] = [
    MachinePreset(
      name: "default",
      summary: "64 MiB with zram, what replay takes without a machine",
      origin:
        "The smallest RAM whose tag storage can be a CMA area with 4K pages; kernel defaults.",
      yaml: ""
    ),
    phone(8, swap: 4, pageSize: "4K"),
    phone(16, swap: 8, pageSize: "4K"),
    phone(16, swap: 8, pageSize: "16K"),
    server(pageSize: "4K", addressBits: 48),
    server(pageSize: "64K", addressBits: 52),
    MachinePreset(
      name: "fvp",
      summary: "the platform model of the tag storage series",
      origin:
        "Memory and block of the FVP device tree in dynamic tag storage RFC v2 and v3: 2 GiB from 2 GiB "
        + "on and 2 GiB from 34 GiB on, which are the zones DMA and Normal. Their tag storage is two "
        + "regions of 64 and 60 MiB at the top; here it is one with the same blocks, which keeps the "
        + "last 4 MiB too. The series names neither CPUs nor swap: 4 CPUs and an SSD of 1 GiB are our "
        + "choice.",
      yaml: """
        ram: 4G
        ram-ranges:
          - start: 0x80000000
            size: 2G
          - start: 0x880000000
            size: 2G
        zones: kernel
        processors: 4
        swap:
          device: ssd
          size: 1G
        tag-storage:
          block-size: 4K

        """
    ),
    MachinePreset(
      name: "kernel-oracle-256m",
      summary: "the virtual machine whose counters the model is checked against",
      origin: "qemu-system-aarch64 -machine virt,mte=on with 256 MiB and one CPU, running Debian's "
        + "Linux 6.1 without huge pages and with two LRU lists, swap on zram, vm.page-cluster 0: see "
        + "Traces/recorded/lua-glibc.kernel.csv.",
      yaml: """
        ram: 256M
        processors: 1
        vm:
          page-cluster: 0
        swap:
          device: zram
          size: 256M

        """
    ),
  ]

  private static func phone(_ gibibytes: Int, swap: Int, pageSize: String) -> MachinePreset {
    let isUsual = pageSize == "4K"
    return MachinePreset(
      name: isUsual ? "phone-\(gibibytes)g" : "phone-\(gibibytes)g-\(pageSize.lowercased())",
      summary: "a phone of \(gibibytes) GiB, \(pageSize) pages, zram of half of that",
      origin:
        "Not measured: values that are usual on Android phones. 8 CPUs; zram without read-ahead; "
        + "39-bit addresses with 4K pages. zram takes its memory from RAM. The two-list LRU, where phones "
        + "ship the multi-generational one: add --lru mglru.",
      yaml: """
        ram: \(gibibytes)G
        processors: 8
        kernel:
          page-size: \(pageSize)
          va-bits: \(isUsual ? 39 : 47)
        vm:
          swappiness: 100
          page-cluster: 0
        swap:
          device: zram
          size: \(swap)G
          cluster: \(isUsual ? 512 : 256)
        zram:
          memory: on

        """
    )
  }

  private static func server(pageSize: String, addressBits: Int) -> MachinePreset {
    let isUsual = pageSize == "4K"
    return MachinePreset(
      name: isUsual ? "server-64g" : "server-64g-\(pageSize.lowercased())",
      summary: "a server of 64 GiB, \(pageSize) pages, swap on an SSD of 8 GiB",
      origin:
        "Not measured: kernel defaults on 64 GiB with 64 CPUs. Distributions switch transparent "
        + "huge pages on, so khugepaged sets the minimum watermark.",
      yaml: """
        ram: 64G
        processors: 64
        kernel:
          page-size: \(pageSize)
          va-bits: \(addressBits)
        vm:
          min_free_kbytes: khugepaged
        swap:
          device: ssd
          size: 8G
          cluster: \(isUsual ? 512 : 256)

        """
    )
  }
}
