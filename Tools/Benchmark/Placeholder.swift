// SPDX-License-Identifier: Apache-2.0

@main
struct Benchmark {
  static func main() {}
}
