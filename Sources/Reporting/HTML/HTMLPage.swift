// SPDX-License-Identifier: Apache-2.0

/// A page that needs nothing but itself: style and script are inside, and its policy forbids the browser
/// to load anything.
enum HTMLPage {
  /// Writes the page.
  ///
  /// - Returns: the text, which ends in a newline.
  static func text(title: String, body: [String]) -> String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" content="\(policy)">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>\(html(title))</title>
    <style>
    \(style)
    </style>
    </head>
    <body>
    <main>
    \(body.joined(separator: "\n"))
    </main>
    <script>
    \(script)
    </script>
    </body>
    </html>

    """
  }

  /// Nothing is loaded; only what stands in the page itself runs.
  private static let policy =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
}
