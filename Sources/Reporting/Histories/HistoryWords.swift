// SPDX-License-Identifier: Apache-2.0

import MemoryModel

// What a history says in words.

extension HistorySubject {
  /// The subject as a heading.
  var words: String {
    switch self {
    case .page(let address, let process):
      "page 0x\(String(address, radix: 16)) of process \(process)"
    case .frame(let number): "frame \(number)"
    case .block(let number): "tag block \(number)"
    }
  }
}

extension HistoryEntry {
  /// What happened, one sentence for each step and for each change that no step tells already.
  func sentences(about subject: HistorySubject) -> [String] {
    var told: Set<HistoryField> = []
    for case .migrated(_, let frame, _) in steps
    where changes.contains(where: { $0.field == .entry && $0.after?.hasSuffix(" \(frame)") == true }
    ) {
      told.insert(.entry)
    }
    // What the oracle saw is what the event came to.
    let isDifference = { (step: HistoryStep) in if case .difference = step { true } else { false } }
    let sentences =
      steps.filter { !isDifference($0) }.map(\.words)
      + changes
      .filter { !told.contains($0.field) || $0.after?.hasPrefix("fault") == true }
      .compactMap { $0.words(after: outcome) }
      + steps.filter(isDifference).map(\.words)
    return Self.counted(sentences)
  }

  /// The sentences with their number in place of those that are told again.
  private static func counted(_ sentences: [String]) -> [String] {
    var runs: [(sentence: String, count: Int)] = []
    for sentence in sentences {
      if runs.last?.sentence == sentence {
        runs[runs.count - 1].count += 1
      } else {
        runs.append((sentence, 1))
      }
    }
    return runs.map { $0.count == 1 ? $0.sentence : "\($0.sentence), \($0.count) times" }
  }
}

extension HistoryStep {
  /// The step as a sentence.
  var words: String {
    switch self {
    case .migrated(let source, let destination, let reason):
      "migrated from frame \(source) to frame \(destination): \(reason.words)"
    case .notMigrated(let frame, let reason, let cause):
      "NOT migrated from frame \(frame) (\(cause.failureWords)): \(reason.words)"
    case .reservationFailed(let frame, let block, let cause):
      "NO tag storage for frame \(frame)"
        + (block.map { ", tag block \($0)" } ?? "")
        + ": \(cause.failureWords) (\(cause.name))"
    case .blockTaken(let block, let way):
      way == .reserveFast
        ? "tag block \(block) taken from the free lists"
        : "tag block \(block) taken by emptying it"
    case .blockGivenBack(let block): "tag block \(block) given back"
    case .reclaimed(let frame, let reason): "reclaimed from frame \(frame) by \(reason.words)"
    case .writeBegun(let frame, let reason):
      "write-out from frame \(frame) begun by \(reason.words)"
    case .swapOutRefused(let frame, let reason, let cause):
      "NOT swapped out of frame \(frame) by \(reason.words): \(cause.failureWords) (\(cause.name))"
    case .tagsLost(let cause): "tags LOST: \(cause.failureWords) (\(cause.name))"
    case .difference(let text): "DIFFERS from what the program must see: \(text)"
    }
  }

  /// The name of the step in CSV and JSON.
  var name: String {
    switch self {
    case .migrated: "migrated"
    case .notMigrated: "not_migrated"
    case .reservationFailed: "reservation_failed"
    case .blockTaken: "block_taken"
    case .blockGivenBack: "block_given_back"
    case .reclaimed: "reclaimed"
    case .writeBegun: "write_begun"
    case .swapOutRefused: "swap_out_refused"
    case .tagsLost: "tags_lost"
    case .difference: "difference"
    }
  }

  /// The counter that counts the cause, empty where there is none.
  var cause: String {
    switch self {
    case .notMigrated(_, _, let cause), .reservationFailed(_, _, let cause),
      .swapOutRefused(_, _, let cause), .tagsLost(let cause), .blockTaken(_, let cause):
      cause.name
    case .migrated, .blockGivenBack, .reclaimed, .writeBegun, .difference: ""
    }
  }
}

extension MigrationReason {
  fileprivate var words: String {
    switch self {
    case .tagBlock(let block): "tag block \(block) is wanted"
    case .tags: "its frame can hold no tags"
    case .pin: "a pin for long must leave CMA memory"
    }
  }
}

extension ReclaimReason {
  fileprivate var words: String {
    switch self {
    case .kswapd: "kswapd"
    case .direct: "direct reclaim"
    case .group: "the limit of the memory group"
    case .advice: "MADV_PAGEOUT"
    }
  }
}

extension Counter {
  /// Why something failed that this counter counts.
  fileprivate var failureWords: String {
    switch self {
    case .migratePinned: "it is pinned"
    case .pgmigrateFail: "it is in use"
    case .reserveFailNomem: "no frame was free to migrate to"
    case .reserveFailBusy: "a page in the block could not be moved"
    case .reserveFailInvalid: "the frame lies outside tagged memory"
    case .reserveFailIntr: "the process is being ended"
    case .reserveFailExists: "the block is still marked as taken"
    case .swapoutRefusedSlots: "no slot was free"
    case .swapoutRefusedTags: "no memory for its tags"
    case .swapoutRefusedZramLimit: "zram is at its limit"
    case .swapoutRefusedZramMemory: "zram got no frame"
    case .tagsLostNoMemory: "no memory to keep them"
    case .tagsLostEncoding: "stored in the form of other tags"
    case .tagsLostDecoding: "what was stored could not be read"
    case .tagsLostCopying: "a copy left them behind"
    case .tagsLostUnsaved: "the swap-out did not save them"
    case .tagsLostOverwritten: "data were stored in their place"
    default: name
    }
  }
}

extension HistoryChange {
  /// The change as a sentence; `outcome` is that of the event.
  ///
  /// - Returns: `nil` where the state of the entry tells it already.
  fileprivate func words(after outcome: Outcome) -> String? {
    switch field {
    case .mapping: said("mapped \(new)", "unmapped", "mapped \(new), was \(old)")
    case .entry: entryWords(outcome)
    case .use: said("is \(new)", "is nothing", "is \(new), was \(old)")
    case .owners: said("mapped at \(new)", "mapped nowhere", "mapped at \(new), was at \(old)")
    case .mappings:
      before == nil || after == nil ? nil : "entries that map it: \(new), were \(old)"
    case .swapCache:
      said("in the swap cache as \(new)", "out of the swap cache", "swap cache: \(new)")
    case .tags: said("tags \(new)", "tags no longer \(old)", "tags \(new), were \(old)")
    case .tagBlock:
      said("tag block \(new) reserved", "tag block \(old) released", "tag block \(new), was \(old)")
    case .savedTags: said("tags saved with the slot", "saved tags dropped", new)
    case .pins: said("pinned", "no longer pinned", new)
    case .serves: said("serves \(new)", "serves nothing", "serves \(new), was \(old)")
    case .holds:
      said(
        "holds other pages: \(new)",
        "holds no other page",
        "holds other pages: \(new), was \(old)"
      )
    }
  }

  private var old: String { before ?? "" }
  private var new: String { after ?? "" }

  /// One of three sentences: for a value that appears, for one that goes, and for one that changes.
  private func said(_ appears: String, _ goes: String, _ changes: String) -> String {
    before == nil ? appears : after == nil ? goes : changes
  }

  private func entryWords(_ outcome: Outcome) -> String {
    guard let after else { return "entry cleared, was \(old)" }
    guard after.contains("frame ") else {
      return after.hasPrefix("slot ") ? "entry is \(after) now" : "\(after) mapped"
    }
    if old.contains("frame ")
      && old.hasSuffix(after.split(separator: " ").last.map { " \($0)" } ?? "")
    {
      return after.hasPrefix("fault") ? "\(after)" : "accessible in \(after)"
    }
    let ways: [(Outcome, String)] = [
      (.swappedIn, "swapped in"), (.swapCacheHit, "taken from the swap cache"),
      (.copyOnWrite, "copied"), (.referenceFill, "filled from a reference page"),
      (.zeroFill, "zero-filled"),
    ]
    let way = ways.first { outcome.contains($0.0) }?.1 ?? "mapped"
    return "\(way): \(after)"
  }
}
