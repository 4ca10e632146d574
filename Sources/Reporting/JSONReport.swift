// SPDX-License-Identifier: Apache-2.0

public import MemoryModel

/// A report as JSON: the form that everything else can be rendered from.
///
/// The text is canonical: the same report is the same bytes. Keys stand in a fixed order, nesting
/// is indented by two spaces, and there are only strings and whole numbers. `report.schema.json`
/// beside this module's documentation describes the layout as a JSON Schema.
public enum JSONReport {
  /// The largest number in a report, 2^53 - 1: every JSON reader holds it exactly.
  public static let largestNumber: UInt64 = 1 << 53 - 1

  /// Writes a report.
  ///
  /// - Precondition: no number is above ``largestNumber``, and no class of saved tags freed more
  ///   objects than it allocated.
  /// - Returns: the text, which ends in a newline.
  public static func text(_ report: RunReport) -> String {
    var writer = JSONWriter()
    writer.object { writer in
      writer.member("schema", RunReport.schema)
      writer.member("program_version", report.programVersion)
      writer.key("traces")
      writer.array { writer in
        for trace in report.traces {
          writer.element()
          write(trace, to: &writer)
        }
      }
      writer.key("machine")
      write(report.machine, to: &writer)
      writer.key("designs")
      writer.array { writer in
        for design in report.designs {
          writer.element()
          write(design, to: &writer)
        }
      }
    }
    return writer.text + "\n"
  }

  private static func write(_ trace: TraceSummary, to writer: inout JSONWriter) {
    writer.object { writer in
      writer.member("name", trace.name)
      writer.member("digest", trace.digest)
      writer.member("command_line", trace.commandLine)
      writer.member("copies", UInt64(trace.copies))
      writer.member("events", trace.events)
      writer.member("accesses", trace.accesses)
      writer.member("pages", trace.pages)
    }
  }

  private static func write(_ machine: MachineSummary, to writer: inout JSONWriter) {
    writer.object { writer in
      writer.member("ram_bytes", machine.ramBytes)
      writer.member("page_bytes", machine.pageBytes)
      writer.member("tag_storage_bytes", machine.tagStorageBytes)
      writer.member("block_pages", machine.blockPages)
      writer.member("swap_device", machine.swapDevice)
      writer.member("swap_bytes", machine.swapBytes)
      writer.member("page_cluster", UInt64(machine.pageCluster))
      writer.member("limit_bytes", machine.limitBytes)
      writer.key("settings")
      writer.array { writer in
        for setting in machine.settings {
          writer.element()
          writer.object(isCompact: true) { writer in
            writer.member("name", setting.name)
            writer.member("value", setting.value)
            writer.member("default", setting.defaultValue)
          }
        }
      }
      writer.member("digest", machine.digest)
    }
  }

  private static func write(_ design: DesignReport, to writer: inout JSONWriter) {
    writer.object { writer in
      writer.member("design", design.design)
      writer.member("codec", design.codec)
      writer.key("counters")
      writer.object { writer in
        for counter in Counter.allCases { writer.member(counter.name, design.counters[counter]) }
      }
      writer.key("memory")
      writer.object { writer in
        for category in MemoryCategory.allCases {
          write(design[category], named: category.name, to: &writer)
        }
      }
      write(design.tagOverhead, named: "tag_overhead", to: &writer)
      writer.key("saved_tags")
      writer.array { writer in
        for savedTags in design.savedTags {
          writer.element()
          write(savedTags, to: &writer)
        }
      }
      writer.key("stalls")
      write(design.stalls, to: &writer)
      writer.key("verification")
      write(design.verification, to: &writer)
      writer.member("contents_digest", design.contentsDigest)
    }
  }

  private static func write(_ use: MemoryUse, named name: String, to writer: inout JSONWriter) {
    writer.key(name)
    writer.object(isCompact: true) { writer in
      writer.member("mean", use.mean)
      writer.member("peak", use.peak)
      writer.member("last", use.last)
    }
  }

  private static func write(_ savedTags: SavedTagClass, to writer: inout JSONWriter) {
    precondition(
      savedTags.frees <= savedTags.allocations,
      "\(savedTags.frees) of \(savedTags.allocations) objects of \(savedTags.bytes) bytes freed"
    )
    writer.object(isCompact: true) { writer in
      writer.member("bytes", UInt64(savedTags.bytes))
      writer.member("allocations", savedTags.allocations)
      writer.member("frees", savedTags.frees)
      writer.member("peak", savedTags.peak)
    }
  }

  private static func write(_ verification: VerificationReport, to writer: inout JSONWriter) {
    writer.object { writer in
      for field in VerificationField.allCases {
        writer.member(field.rawValue, verification[field])
      }
      writer.key("messages")
      writer.array { writer in
        for message in verification.messages {
          writer.element()
          writer.string(message)
        }
      }
    }
  }
}
