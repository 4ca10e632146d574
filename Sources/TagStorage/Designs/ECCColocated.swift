// SPDX-License-Identifier: Apache-2.0

extension DesignPolicy {
  /// Tags live in the spare bits of the memory's error correction, beside their data.
  ///
  /// Mechanism: as ``none`` as far as memory goes: no carve-out, nothing to reserve, nothing faults.
  /// What differs is the traffic between caches and memory, which the published table states for each
  /// line: with separate tags a transfer of data and tags is two coherent transactions and two memory
  /// accesses; beside the data it is one of each, but a write of data alone has to read the line first.
  ///
  /// Modelled is the memory. The caches are not, so that the traffic of the programs is unknown.
  ///
  /// Source: AmpereOne and SPARC ADI, as quoted in the specification of tag storage, section 15.2.
  public static let eccColocated = DesignPolicy.none
}
