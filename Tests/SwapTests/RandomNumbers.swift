// SPDX-License-Identifier: Apache-2.0

import TestSupport

/// The generator of the tests; the swap module has an internal one of the same name for its own slots.
typealias SplitMix64 = TestSupport.SplitMix64
