// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MachineModel
import MemoryModel
import TagCompression
import TagStorage

/// The options that describe a machine.
struct MachineOptions: ParsableArguments {
  @Option(help: ArgumentHelp("RAM, tag storage included.", valueName: "size"))
  var ram = ByteSize(bytes: 64 << 20)

  @Option(
    help: ArgumentHelp(
      "Put each process into a memory group with this memory.max.",
      valueName: "size"
    )
  )
  var limit: ByteSize?

  @Option(
    help: ArgumentHelp("Page size. Traces must have been recorded with it.", valueName: "size")
  )
  var pageSize = PageSizeName(.kib4)

  @Option(help: ArgumentHelp("Swap device.", valueName: "device"))
  var swap: SwapConfiguration.Device = .zram

  @Option(help: ArgumentHelp("Size of the swap device.", valueName: "size"))
  var swapSize = ByteSize(bytes: 256 << 20)

  @Option(
    help: ArgumentHelp(
      "Read 2^n pages at once at swap-in; 0 turns read-ahead off. zram never reads ahead for pages"
        + " with one user.",
      valueName: "n"
    )
  )
  var pageCluster = 3

  @Option(help: ArgumentHelp("How the tags of swapped pages are stored.", valueName: "name"))
  var codec: TagCodec = .mtecomp

  @Option(
    help: ArgumentHelp("Tag storage switched between data and tags at once.", valueName: "size")
  )
  var blockSize = ByteSize(bytes: 4096)

  @Option(help: ArgumentHelp("CPUs, for slab placement and interrupts.", valueName: "n"))
  var processors = 4

  @Flag(
    inversion: .prefixedNo,
    help: "Keep free pages on the per-CPU lists of one CPU, as Linux does."
  )
  var pageLists = true

  @Option(help: ArgumentHelp("vm.swappiness, 0 to 200.", valueName: "n"))
  var swappiness = 60

  func validate() throws {
    guard (0...5).contains(pageCluster) else {
      throw ValidationError("Expected a page cluster of 0 to 5, found \(pageCluster).")
    }
    guard (1...256).contains(processors) else {
      throw ValidationError("Expected 1 to 256 processors, found \(processors).")
    }
    guard (0...200).contains(swappiness) else {
      throw ValidationError("Expected a swappiness of 0 to 200, found \(swappiness).")
    }
  }

  /// The machine that the options describe, with the default design.
  var configuration: MachineConfiguration {
    var configuration = MachineConfiguration()
    configuration.pageSize = pageSize.size
    configuration.ramBytes = ram.bytes
    configuration.groupLimitBytes = limit?.bytes
    configuration.swap.device = swap
    configuration.swap.bytes = swapSize.bytes
    configuration.swap.pageCluster = pageCluster
    configuration.codec = codec
    configuration.blockBytes = blockSize.bytes
    configuration.processors = processors
    configuration.usesPageLists = pageLists
    configuration.swappiness = swappiness
    return configuration
  }
}

/// A number of bytes on the command line: digits, with K, M, G or T for powers of 1,024.
struct ByteSize: ExpressibleByArgument {
  let bytes: Int

  init(bytes: Int) { self.bytes = bytes }

  init?(argument: String) {
    var digits = argument[...]
    var shift = 0
    if let last = argument.last, let unit = "KMGT".firstIndex(of: Character(last.uppercased())) {
      shift = 10 * ("KMGT".distance(from: "KMGT".startIndex, to: unit) + 1)
      digits = argument.dropLast()
    }
    guard let number = Int(digits), number >= 0, number <= Int.max >> shift else { return nil }
    bytes = number << shift
  }

  var defaultValueDescription: String {
    for (unit, shift) in [("T", 40), ("G", 30), ("M", 20), ("K", 10)]
    where bytes > 0 && bytes & (1 << shift - 1) == 0 {
      return "\(bytes >> shift)\(unit)"
    }
    return "\(bytes)"
  }
}

/// A page size on the command line.
struct PageSizeName: ExpressibleByArgument {
  let size: PageSize

  init(_ size: PageSize) { self.size = size }

  init?(argument: String) {
    guard let size = PageSize.allCases.first(where: { $0.name == argument.uppercased() }) else {
      return nil
    }
    self.size = size
  }

  var defaultValueDescription: String { size.name }
  static var allValueStrings: [String] { PageSize.allCases.map(\.name) }
}
