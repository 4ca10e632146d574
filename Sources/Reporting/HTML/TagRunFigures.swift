// SPDX-License-Identifier: Apache-2.0

import MemoryModel

/// How well the tags of swapped pages compress: pages by runs of equal tags.
struct TagRunFigures {
  let report: RunReport
  let columns: [String]
  let series: [RunSeries]

  /// The section, `nil` where no tags were saved.
  var section: String? {
    let shown = series.indices.filter { index in series[index].tagRuns.pages.contains { $0 > 0 } }
    guard !shown.isEmpty else { return nil }
    let figures = shown.map { index in
      let histogram = RunHistogram(counts: series[index].tagRuns)
      return htmlFigure(
        "\(columns[index]), \(grouped(histogram.pages)) pages",
        histogram.drawing("\(columns[index]): tag pages by runs of equal tags"),
        caption: histogram.classes
      )
    }
    return htmlSection(
      "Runs of equal tags in pages that were swapped out",
      "tag-runs",
      [
        htmlParagraph(
          "A page with fewer runs needs a smaller object for its saved tags. Dashed lines are the most"
            + " runs that fit a size class of the codec; pages beyond the last are kept uncompressed."
        ), htmlFigures(figures),
      ]
    )
  }
}
