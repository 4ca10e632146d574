// SPDX-License-Identifier: Apache-2.0

extension TagStorageRegion {
  /// Divides the region where zones begin inside its tag range.
  ///
  /// Tag frame *t* serves 32 data frames, so the part of the memory that goes with *n* tag frames has
  /// 32 * *n* frames. The posted code gives the part below a boundary one data frame for its last tag
  /// frame instead of 32, which shifts everything above the boundary by 31 frames.
  ///
  /// - Precondition: `boundaries` ascend and lie inside the tag range.
  ///
  /// Source: specification of tag storage, rule G9 of section 2.3 and defect D2 of section 14.
  public func split(at boundaries: [Int], asPosted: Bool = false) -> [TagStorageRegion] {
    var parts: [TagStorageRegion] = []
    var (nextTag, nextData) = (tags.lowerBound, memory.lowerBound)
    for boundary in boundaries {
      precondition(
        boundary > nextTag && boundary < tags.upperBound,
        "region of tag frames \(tags) split at frame \(boundary)"
      )
      let tagFrames = boundary - nextTag
      let dataFrames =
        asPosted
        ? (tagFrames - 1) * Self.dataFramesPerTagFrame + 1
        : tagFrames * Self.dataFramesPerTagFrame
      let dataEnd = min(nextData + dataFrames, memory.upperBound)
      parts.append(
        TagStorageRegion(
          memory: nextData..<dataEnd,
          tags: nextTag..<boundary,
          blockPages: blockPages
        )
      )
      (nextTag, nextData) = (boundary, dataEnd)
    }
    parts.append(
      TagStorageRegion(
        memory: nextData..<memory.upperBound,
        tags: nextTag..<tags.upperBound,
        blockPages: blockPages
      )
    )
    return parts
  }
}
