// SPDX-License-Identifier: Apache-2.0

import MemoryModel

extension JSONReport {
  /// Writes how long accesses and allocations had to wait.
  static func write(_ stalls: StallReport, to writer: inout JSONWriter) {
    writer.object { writer in
      for subject in StallSubject.allCases {
        writer.key(subject.rawValue)
        write(stalls[subject], to: &writer)
      }
      writer.key("tagged_allocation_classes")
      writer.object { writer in
        for allocationClass in AllocationClass.allCases {
          let totals = stalls.classes[allocationClass.rank]
          writer.key(allocationClass.rawValue)
          writer.object(isCompact: true) { writer in
            for field in AllocationClassField.allCases {
              writer.member(field.rawValue, field.value(of: totals))
            }
          }
        }
      }
    }
  }

  private static func write(_ histogram: StallHistogram, to writer: inout JSONWriter) {
    writer.object { writer in
      for statistic in StallStatistic.allCases {
        writer.member(statistic.rawValue, statistic.value(of: histogram))
      }
      writer.key("buckets")
      writer.array { writer in
        for (bucket, count) in histogram.buckets.enumerated() where count > 0 {
          writer.element()
          writer.object(isCompact: true) { writer in
            writer.member("least", StallHistogram.waits(in: bucket).lowerBound)
            writer.member("count", count)
          }
        }
      }
    }
  }
}
