// SPDX-License-Identifier: Apache-2.0

@main
struct MTESim {
  static func main() {}
}
