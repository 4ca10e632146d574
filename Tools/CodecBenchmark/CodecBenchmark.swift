// SPDX-License-Identifier: Apache-2.0

/// Placeholder.
@main
enum CodecBenchmark {
  static func main() {}
}
