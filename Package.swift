// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

// Every Swift target is checked for memory safety and builds without warnings. Both belong to the
// language settings and not to a build script, so that an editor shows what the tests would refuse.
let strict: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("ExistentialAny"),
]

/// A library module of the simulator.
func area(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// The tests of one module.
func tests(
  _ name: String,
  _ dependencies: [Target.Dependency],
  exclude: [String] = []
) -> Target {
  .testTarget(
    name: "\(name)Tests",
    dependencies: dependencies,
    exclude: exclude,
    swiftSettings: strict
  )
}

let package = Package(
  name: "mtesim",
  products: [
    .executable(name: "mtesim", targets: ["mtesim"]),
    // A library brings the modules whose types its public declarations mention.
    .library(
      name: "TagCompression",
      targets: ["TagCompression", "MemoryModel", "Containers"]
    ),
    .library(
      name: "PhysicalMemory",
      targets: ["PhysicalMemory", "MemoryModel", "Containers"]
    ),
    .library(name: "Containers", targets: ["Containers"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
  ],
  targets: [
    .systemLibrary(
      name: "CXXHash",
      pkgConfig: "libxxhash",
      providers: [.apt(["libxxhash-dev"])]
    ),
    .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
    // libfdt comes without a pkg-config file.
    .systemLibrary(name: "CFDT", providers: [.apt(["libfdt-dev"])]),
    // One header: the processor's hint that memory will be read soon.
    .systemLibrary(name: "CPrefetch"),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),

    // Level 0: values and data structures without behaviour.
    area("MemoryModel"),
    area("Containers", ["CPrefetch"]),

    // Level 1: one subject each.
    area("TagCompression", ["MemoryModel", "Containers"]),
    area("TraceFormat", ["MemoryModel", "CXXHash", "CZstd"]),
    area("PhysicalMemory", ["MemoryModel", "Containers"]),
    area("AddressSpaces", ["MemoryModel", "Containers"]),
    area("Reporting", ["MemoryModel"]),

    // Level 2: what stands on a level-1 subject.
    area("Swap", ["MemoryModel", "Containers", "TagCompression"]),
    area("TagStorage", ["MemoryModel", "Containers", "PhysicalMemory"]),

    // Level 3: what describes memory, and the only place that sees all state.
    area("DeviceTree", ["TagStorage", "CFDT"]),
    area(
      "MachineModel",
      [
        "MemoryModel", "Containers", "TagCompression", "PhysicalMemory", "AddressSpaces", "Swap",
        "TagStorage",
      ]
    ),

    // Level 4: what describes and drives a machine, and what brings traces in.
    area(
      "MachineFile",
      [
        "MemoryModel", "TagCompression", "PhysicalMemory", "Swap", "TagStorage", "MachineModel",
        .product(name: "Yams", package: "Yams"),
      ]
    ),
    area("TraceImport", ["MemoryModel", "TraceFormat", "CZstd"]),
    area("TraceSynthesis", ["MemoryModel", "TraceFormat"]),
    area(
      "Replay",
      [
        "MemoryModel", "Containers", "TagCompression", "TagStorage", "TraceFormat", "MachineModel",
        "CXXHash",
      ]
    ),

    // Level 5: what judges replays.
    area(
      "Verification",
      [
        "MemoryModel", "TagCompression", "TagStorage", "TraceFormat", "MachineModel", "MachineFile",
        "Replay", "Reporting", .product(name: "Yams", package: "Yams"),
      ]
    ),

    // Level 6: the command.
    .executableTarget(
      name: "mtesim",
      dependencies: [
        "MemoryModel", "Containers", "PhysicalMemory", "TagCompression", "TraceFormat",
        "TraceImport", "TraceSynthesis", "MachineModel", "MachineFile", "DeviceTree", "Replay",
        "Reporting", "Verification", "Swap", "TagStorage", "CLZ4", "CZstd",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict
    ),

    // Tools that are built with everything else, so that they cannot rot.
    .target(name: "CReference", path: "Tools/CReference"),
    .executableTarget(
      name: "mtesim-benchmark",
      dependencies: [
        "MemoryModel", "TagCompression", "TraceFormat", "PhysicalMemory", "MachineModel", "Replay",
        "CReference",
      ],
      path: "Tools/Benchmark",
      swiftSettings: strict
    ),
    .executableTarget(
      name: "mtesim-codec-benchmark",
      dependencies: ["MemoryModel", "TagCompression", "CReference", "CLZ4", "CZstd"],
      path: "Tools/CodecBenchmark",
      swiftSettings: strict
    ),

    .target(
      name: "CodecModel",
      dependencies: ["TestSupport"],
      path: "Tools/CodecModel",
      swiftSettings: strict
    ),
    .executableTarget(
      name: "mtesim-codec-check",
      dependencies: [
        "MemoryModel", "TagCompression", "CodecModel", "TestSupport",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Tools/CodecCheck",
      swiftSettings: strict
    ),

    // What several tests need.
    .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: strict),

    tests("MemoryModel", ["MemoryModel", "TestSupport"]),
    tests("Containers", ["Containers", "TestSupport"]),
    tests("TagCompression", ["TagCompression", "MemoryModel", "CodecModel", "TestSupport"]),
    tests("TraceFormat", ["TraceFormat", "MemoryModel", "TestSupport"]),
    tests("PhysicalMemory", ["PhysicalMemory", "MemoryModel", "Containers", "TestSupport"]),
    tests("AddressSpaces", ["AddressSpaces", "Containers", "MemoryModel", "TestSupport"]),
    tests("Reporting", ["Reporting", "MemoryModel", "TestSupport"], exclude: ["Golden"]),
    tests("Swap", ["Swap", "MemoryModel", "TagCompression", "Containers", "TestSupport"]),
    tests(
      "TagStorage",
      ["TagStorage", "Containers", "MemoryModel", "PhysicalMemory", "TestSupport"]
    ),
    tests("DeviceTree", ["DeviceTree", "TagStorage", "MemoryModel"]),
    tests(
      "MachineModel",
      [
        "MachineModel", "MemoryModel", "TagCompression", "TagStorage", "Swap", "PhysicalMemory",
        "AddressSpaces", "Containers", "TestSupport",
      ]
    ),
    tests(
      "MachineFile",
      ["MachineFile", "MachineModel", "MemoryModel", "PhysicalMemory", "Swap", "TestSupport"]
    ),
    tests("TraceImport", ["TraceImport", "TraceFormat", "MemoryModel"]),
    tests("TraceSynthesis", ["TraceSynthesis", "TraceFormat", "MemoryModel"]),
    tests(
      "Replay",
      [
        "Replay", "MachineModel", "MachineFile", "TraceFormat", "MemoryModel", "TagCompression",
        "PhysicalMemory", "TagStorage", "Swap",
        "TraceSynthesis", "Verification", "TestSupport",
      ]
    ),
    tests(
      "Verification",
      [
        "Verification", "MachineFile", "Replay", "Reporting", "MachineModel", "TraceFormat",
        "MemoryModel", "TagCompression", "TagStorage", "TestSupport",
      ]
    ),
    tests("Command", ["mtesim", "MemoryModel", "Swap", "TagCompression", "TagStorage"]),
  ],
  swiftLanguageModes: [.v6]
)
