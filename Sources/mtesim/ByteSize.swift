// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MachineFile

/// A number of bytes on the command line, written as machine files write it.
struct ByteSize: ExpressibleByArgument {
  let bytes: Int

  init(bytes: Int) { self.bytes = bytes }

  init?(argument: String) {
    guard let bytes = byteCount(argument) else { return nil }
    self.init(bytes: bytes)
  }

  var defaultValueDescription: String { sizeText(bytes) }
}
