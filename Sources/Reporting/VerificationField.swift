// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// A number of a verification report; the raw value is its name in JSON.
enum VerificationField: String, CaseIterable {
  case swapIns = "swap_ins"
  case migrations
  case copies
  case finalPages = "final_pages"
  case snapshots
  case differences
  case expectations
  case failedExpectations = "failed_expectations"

  /// The fields that add up to the number of comparisons.
  static let comparisons: [VerificationField] = [
    .swapIns, .migrations, .copies, .finalPages, .snapshots,
  ]
}

extension VerificationReport {
  /// The number in `field`.
  subscript(_ field: VerificationField) -> UInt64 {
    get { self[keyPath: Self.path(field)] }
    set { self[keyPath: Self.path(field)] = newValue }
  }

  /// Comparisons of any kind.
  var comparisons: UInt64 { VerificationField.comparisons.reduce(0) { $0 + self[$1] } }

  private static func path(_ field: VerificationField) -> WritableKeyPath<Self, UInt64> {
    switch field {
    case .swapIns: \.swapIns
    case .migrations: \.migrations
    case .copies: \.copies
    case .finalPages: \.finalPages
    case .snapshots: \.snapshots
    case .differences: \.differences
    case .expectations: \.expectations
    case .failedExpectations: \.failedExpectations
    }
  }
}
