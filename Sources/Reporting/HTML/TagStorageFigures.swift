// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// Maps of the tag storage with a slider over time.
struct TagStorageFigures {
  let report: RunReport
  let columns: [String]
  let series: [RunSeries]

  /// The section, `nil` where no design has tag storage in RAM.
  var section: String? {
    let mapped = series.indices.filter { series[$0].tagStorage.blocks > 0 }
    guard let first = mapped.first else { return nil }
    let step = busiestStep(mapped)
    let figures = mapped.map { index in
      htmlFigure(
        columns[index],
        TagStorageMap(series: series[index].tagStorage, step: step).drawing(
          "\(columns[index]): tag storage in the order of addresses"
        )
      )
    }
    return htmlSection(
      "Tag storage by address",
      "tag-storage",
      [
        htmlParagraph(caption(series[first].tagStorage)),
        slider(series[first].tagStorage, step: step),
        htmlFigures(figures),
      ]
    )
  }

  private func caption(_ map: TagStorageSeries) -> String {
    let bytes =
      UInt64(clamping: map.blocksPerCell) * report.machine.blockPages * report.machine.pageBytes
    let cell = map.blocksPerCell == 1 ? "one tag block" : "\(map.blocksPerCell) tag blocks"
    let majority =
      bytes > report.machine.pageBytes ? " What most of its frames are used for shows." : ""
    return "Each square is \(cell), \(kibibytes(bytes)) KiB with the tags of"
      + " \(kibibytes(clampedProduct(bytes, 32))) KiB of memory; addresses go up along rows of"
      + " \(TagStorageMap.columns), from the top.\(majority)"
  }

  /// The first time at which the most cells hold tags or data, under all designs together.
  private func busiestStep(_ mapped: [Int]) -> Int {
    let steps = mapped.map { series[$0].tagStorage.points.count }.max() ?? 0
    var busiest = (step: 0, cells: -1)
    for step in 0..<steps {
      let cells = mapped.reduce(0) { sum, index in
        let points = series[index].tagStorage.points
        guard step < points.count else { return sum }
        return sum + points[step].cells.count { $0 == .held || $0 == .data }
      }
      if cells > busiest.cells { busiest = (step, cells) }
    }
    return busiest.step
  }

  /// The slider, and what readers without scripts see in its place; nothing where there is one time.
  private func slider(_ map: TagStorageSeries, step: Int) -> String {
    guard map.points.count > 1 else { return "" }
    var passed: UInt64 = 0
    let times = map.points.map { point in
      passed += point.accesses
      return passed
    }
    let last = times.count - 1
    let shown = min(step, last)
    return "<div class=\"slider\"><label for=\"time\">Time</label><input type=\"range\" id=\"time\""
      + " min=\"0\" max=\"\(last)\" value=\"\(shown)\" autocomplete=\"off\""
      + " data-times=\"\(times.map(String.init).joined(separator: " "))\"><output id=\"time-shown\" for=\"time\"></output>"
      + "</div>\n<p class=\"noscript note\">Shown is the state after \(grouped(times[shown])) accesses; other times need"
      + " scripts.</p>"
  }
}
