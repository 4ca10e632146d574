// SPDX-License-Identifier: Apache-2.0

import Containers
import MemoryModel
import PhysicalMemory

// What pages of files must be.

extension Machine {
  /// F2, F3: the pages of files against the frames that hold them, and clean ones against their disk.
  func checkFilePages() throws(BrokenInvariant) {
    var held = 0
    for number in 0..<frames.count where frames[number].use == .file {
      held += 1
      let page = frames[number].swapSlot
      try BrokenInvariant.unless(
        Int(page) < filePages.pages.count && filePages[page].frame == UInt32(number),
        "F2",
        "frame \(number) holds page \(page) of files, which does not say so"
      )
      guard configuration.isObserved, !isDirtyFilePage(PageFrameNumber(number)) else { continue }
      try BrokenInvariant.unless(
        contents[number] == filePages[page].stamp,
        "F3",
        "frame \(number) holds page \(page) of files clean, with \(contents[number]) for"
          + " \(filePages[page].stamp)"
      )
    }
    let cached = filePages.pages.count { $0.isCached }
    try BrokenInvariant.unless(
      held == cached && cached == filePages.cachedPages && (hasFilePages || held == 0),
      "F2",
      "\(held) frames hold pages of files, \(cached) pages have frames, recorded"
        + " \(filePages.cachedPages)"
    )
    var now: UInt64 = 0
    for group in 0..<groups.count { now = max(now, groups[group].fileAge) }
    for page in filePages.pages {
      guard let word = page.shadow else { continue }
      try BrokenInvariant.unless(
        Shadow(word: word).age <= now,
        "L2",
        "page \(page.place.page) of file \(page.place.file) remembers eviction"
          + " \(Shadow(word: word).age), of \(now) so far"
      )
    }
  }
}
