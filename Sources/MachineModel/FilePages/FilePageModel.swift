// SPDX-License-Identifier: Apache-2.0

/// Whether the pages of files that programs map have frames.
public enum FilePageModel: String, CaseIterable, Sendable {
  /// They are outside the model: a mapping of a file costs nothing until a private page is written.
  ///
  /// This is right for a comparison with figures that are about anonymous memory alone.
  case off
  /// They are read into the page cache, mapped, written back and reclaimed.
  case on
}
