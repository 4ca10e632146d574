// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// `mtesim tags encode` and `decode` as a user runs them.
@Suite struct TagsCodecCommandTests {
  private let harness: TagsHarness

  init() throws { harness = try TagsHarness() }

  private let v5 = "--codec mtecomp-v5 --page-size 4096"

  @Test func v5HandlesAreThoseOfTheSpecification() throws {
    let pages = [
      tagPage([(0, 256)], posted: true),
      tagPage([(5, 256)], posted: true),
      tagPage([(3, 128), (9, 128)], posted: true),
      tagPage([(3, 127), (9, 129)], posted: true),
      tagPage([(1, 1), (2, 1), (3, 1), (4, 1), (5, 112), (6, 140)], posted: true),
    ]
    try harness.write(pages.flatMap { $0 }, "pages")
    let expected = """
      {"page":0,"runs":1,"class":8,"handle":"0x0","payload":""}
      {"page":1,"runs":1,"class":8,"handle":"0x50","payload":""}
      {"page":2,"runs":2,"class":8,"handle":"0x930","payload":""}
      {"page":3,"runs":2,"class":8,"handle":"0x7f0000931","payload":""}
      {"page":4,"runs":6,"class":8,"handle":"0x7002040816543215","payload":""}

      """
    let encoded = try harness.tags("encode \(v5) pages")
    #expect(encoded.code == 0)
    #expect(encoded.output == expected)
    #expect(try harness.tags("encode \(v5) -", input: "pages").output == expected)

    // The first four come back, the third without its second half; the fifth is misread.
    try harness.write(expected, "pages.ndjson")
    let decoded = try harness.tags("decode \(v5) pages.ndjson")
    #expect(decoded.code == 65)
    let lost = tagPage([(3, 256)], posted: true)
    #expect(decoded.bytes == pages[0] + pages[1] + lost + pages[3])
    #expect(
      decoded.error
        == "mtesim: pages.ndjson:5:+282: expected tags in the handle,"
        + " found the address of an object, 0x7002040816543215\n"
    )
  }

  @Test func objectsHaveAddressesOfTheirClass() throws {
    let pages = [7, 12, 7].map { tagPage(runs: $0, granules: 256) }
    try harness.write(pages.flatMap { $0 }, "pages")
    let encoded = try harness.tags("encode --codec mtecomp --page-size 4K --format hex pages")
    let lines = encoded.output.split(separator: "\n")
    #expect(
      lines.map { $0.prefix { $0 != " " } } == [
        "0x7fff010000000000", "0x7fff020000000001", "0x7fff010000000010",
      ]
    )
    #expect(lines.map { $0.drop { $0 != " " }.count } == [33, 65, 33])
    #expect(lines[0].drop { $0 != " " } == lines[2].drop { $0 != " " })
  }

  @Test(
    arguments: ["raw", "mtecomp", "mtecomp-v5", "mtecomp-v11", "xnu-rle"],
    [4096, 16384, 65536]
  )
  func everyCodecRestoresWhatItStores(codec: String, pageSize: Int) throws {
    let granules = pageSize / 16
    let counts = [1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 17, 23, 24, 46, 47, 100, 157, 158, granules]
    // No two equal halves, which v5 loses: its 2 runs are made by hand.
    let pages = counts.filter { $0 <= granules }.flatMap { count in
      count == 2
        ? tagPage([(1, granules / 4), (2, granules * 3 / 4)])
        : tagPage(runs: count, granules: granules)
    }
    try harness.write(pages, "pages")
    let options = "--codec \(codec) --page-size \(pageSize)"
    let encoded = try harness.tags("encode \(options) pages")
    #expect(encoded.code == 0, "\(encoded.error)")
    #expect(try harness.tags("encode \(options) pages").bytes == encoded.bytes)
    try harness.write(encoded.bytes, "pages.ndjson")
    #expect(try harness.tags("decode \(options) -", input: "pages.ndjson").bytes == pages)
    let decoded = try harness.tags("decode \(options) pages.ndjson -o restored")
    #expect(decoded.code == 0, "\(decoded.error)")
    #expect(decoded.bytes.isEmpty)
    #expect(try harness.read("restored") == pages)
  }

  @Test func membersMayStandInAnyOrderWithSpaces() throws {
    try harness.write(
      #" { "handle" : "0x50", "payload":"" ,"class":8,"runs":1, "page":0 } "#,
      "a.ndjson"
    )
    let decoded = try harness.tags("decode \(v5) a.ndjson")
    #expect(decoded.bytes == [UInt8](repeating: 0x55, count: 128), "\(decoded.error)")
  }

  @Test func shortAndEmptyFilesOfPagesAreErrors() throws {
    for (bytes, place) in [(0, "0"), (1, "0"), (127, "0"), (129, "128"), (300, "256")] {
      try harness.write([UInt8](repeating: 0, count: bytes), "pages")
      let short = try harness.tags("encode \(v5) pages")
      #expect(short.code == 65)
      let found = bytes == 0 ? "the end of the file" : "\(bytes % 128)"
      #expect(
        short.error
          == "mtesim: pages:+\(place): expected a tag page of 128 bytes, found \(found)\n"
      )
      #expect(short.output.split(separator: "\n").count == bytes / 128)
    }
    let missing = try harness.tags("encode \(v5) none")
    #expect(missing.code == 66)
    #expect(
      missing.error == "mtesim: none: expected a readable file, found No such file or directory\n"
    )
    #expect(try harness.tags("encode --codec lz --page-size 4096 pages").code == 64)
    #expect(try harness.tags("encode --codec raw --page-size 8192 pages").code == 64)
    #expect(try harness.tags("encode --codec raw pages").code == 64)
  }

  @Test(arguments: [
    ("", ":1:+0: expected '{', found the end of the file"),
    ("\n", ":1:+0: expected '{', found the end of the line"),
    ("[]", ":1:+0: expected '{', found '['"),
    (#"{"page":0,"runs":1,"#, ":1:+19: expected '\"', found the end of the line"),
    (
      #"{"page":0,"runs":1,"class":8,"handle":"0x5"#,
      ":1:+42: expected '\"', found the end of the line"
    ),
    (
      #"{"page":1,"runs":1,"class":8,"handle":"0x0","payload":""}"#,
      ":1:+8: expected page 0, found 1"
    ),
    (#"{"page":00,"runs":1}"#, ":1:+9: expected no digit after a leading 0, found '0'"),
    (
      #"{"page":0,"page":1}"#,
      ":1:+11: expected \"runs\" or \"class\" or \"handle\" or \"payload\", found \"page\""
    ),
    (
      #"{"page":0,"runs":1,"class":7,"handle":"0x0","payload":""}"#,
      ":1:+27: expected class 8 or 16 or 32 or 64 or 128, found 7"
    ),
    (
      #"{"page":0,"runs":1,"class":256,"handle":"0x0","payload":""}"#,
      ":1:+27: expected class 8 or 16 or 32 or 64 or 128, found 256"
    ),
    (
      #"{"page":0,"runs":0,"class":8,"handle":"0x0","payload":""}"#,
      ":1:+17: expected 1 to 256 runs, found 0"
    ),
    (
      #"{"page":0,"runs":1,"class":8,"handle":"0x8000000000000000","payload":""}"#,
      ":1:+39: expected a handle of 0x and 1 to 16 hexadecimal digits, below 2^63,"
        + " found \"0x8000000000000000\""
    ),
    (
      #"{"page":0,"runs":1,"class":8,"handle":"12","payload":""}"#,
      ":1:+39: expected a handle of 0x and 1 to 16 hexadecimal digits, below 2^63, found \"12\""
    ),
    (
      #"{"page":0,"runs":1,"class":8,"handle":"0xf","payload":""}"#,
      ":1:+39: expected the number of the longest run below 1, found 15"
    ),
    (
      #"{"page":0,"runs":6,"class":8,"handle":"0x3fffffffffffff00","payload":""}"#,
      ":1:+39: expected sizes below 256 granules in all, found 571"
    ),
    (
      #"{"page":0,"runs":1,"class":8,"handle":"0x7fff010000000000","payload":""}"#,
      ":1:+39: expected tags in the handle, found the address of an object, 0x7fff010000000000"
    ),
    (
      #"{"page":0,"runs":9,"class":16,"handle":"0x50","#
        + #""payload":"00000000000000000000000000000000"}"#,
      ":1:+40: expected the handle of an object of 16 bytes, found 0x50"
    ),
    (
      #"{"page":0,"runs":9,"class":16,"handle":"0x7fff010000000001","#
        + #""payload":"00000000000000000000000000000000"}"#,
      ":1:+40: expected the handle of an object of 16 bytes, found 0x7fff010000000001"
    ),
    (
      #"{"page":0,"runs":9,"class":16,"handle":"0x7fff010000000000","payload":"0000"}"#,
      ":1:+71: expected a payload of 16 bytes, found 2"
    ),
    (
      #"{"page":0,"runs":9,"class":16,"handle":"0x7fff010000000000","#
        + #""payload":"ff000000000000000000000000000000"}"#,
      ":1:+71: expected the number of the longest run below 1, found 255"
    ),
    (
      #"{"page":0,"runs":1,"class":8,"handle":"0x0","payload":"0g"}"#,
      ":1:+56: expected a hexadecimal digit, found 'g'"
    ),
    (
      #"{"page":0,"runs":1,"class":8,"handle":"0x0","payload":""}}"#,
      ":1:+57: expected the end of the line, found '}'"
    ),
  ])
  func badLinesAreNamedWithTheirPlace(line: String, message: String) throws {
    try harness.write(line, "a.ndjson")
    let result = try harness.tags("decode \(v5) a.ndjson -o out")
    #expect(result.code == 65)
    #expect(result.error == "mtesim: a.ndjson\(message)\n")
    #expect(!harness.exists("out") && !harness.exists("out.partial"))
  }

  @Test func placesCountFromTheStartOfTheFile() throws {
    let good = #"{"page":0,"runs":1,"class":8,"handle":"0x50","payload":""}"#
    try harness.write(good + "\n" + good + "\n", "a.ndjson")
    let result = try harness.tags("decode \(v5) a.ndjson")
    #expect(result.code == 65)
    #expect(result.error == "mtesim: a.ndjson:2:+67: expected page 1, found 0\n")
    #expect(result.bytes == [UInt8](repeating: 0x55, count: 128))
    try harness.write([UInt8](repeating: 0x20, count: 40_000), "long")
    #expect(
      try harness.tags("decode \(v5) long").error
        == "mtesim: long:1:+0: expected a line of less than 16384 bytes, found a longer one\n"
    )
  }

  /// A line cut anywhere is an error, never a trap.
  @Test func everyCutOfALineIsAnError() throws {
    let line = #"{"page":0,"runs":1,"class":8,"handle":"0x50","payload":""}"#
    for length in 0..<line.utf8.count {
      try harness.write(String(line.prefix(length)), "a.ndjson")
      let result = try harness.tags("decode \(v5) a.ndjson")
      #expect(result.code == 65, "\(length) bytes: \(result.error)")
      #expect(result.bytes.isEmpty)
    }
  }
}
