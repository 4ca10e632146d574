// SPDX-License-Identifier: Apache-2.0

extension HTMLPage {
  /// How a page looks, on light and on dark screens.
  ///
  /// The colours of memory differ in lightness as well as in hue, so that they can be told apart in grey
  /// and by readers who see fewer hues: tags are warm, data are blue, free memory is pale.
  static let style = """
    :root {
      --paper: #ffffff; --ink: #1c2430; --soft: #566070; --line: #d5dbe3; --panel: #f6f8fa;
      --good: #1a7f4b; --bad: #b3261e; --mark: #111820;
      --withheld: #8c3b1f; --held: #e08a1e; --saved: #b0508f; --parked: #6b4fa3;
      --tagdata: #1f5fa8; --data: #7fb0dd; --kernel: #8f99a6; --tagfree: #bfe0c8; --free: #e4e9ee;
    }
    @media (prefers-color-scheme: dark) {
      :root {
        --paper: #12161c; --ink: #e4e8ee; --soft: #9da7b5; --line: #343c48; --panel: #1a2028;
        --good: #5fcf92; --bad: #ff8a80; --mark: #f3f6fa;
        --withheld: #b85a38; --held: #f0a33f; --saved: #d27ab3; --parked: #9a82d4;
        --tagdata: #5b9be6; --data: #2f5f92; --kernel: #6a7482; --tagfree: #3f6b4e; --free: #252c36;
      }
    }
    * { box-sizing: border-box; }
    body { margin: 0; background: var(--paper); color: var(--ink);
      font: 15px/1.5 system-ui, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif; }
    main { max-width: 1240px; margin: 0 auto; padding: 20px 16px 48px; }
    h1 { font-size: 24px; line-height: 1.25; margin: 0 0 12px; overflow-wrap: anywhere; }
    h2 { font-size: 19px; margin: 36px 0 8px; padding-top: 12px; border-top: 1px solid var(--line); }
    h3 { font-size: 15px; margin: 0 0 6px; overflow-wrap: anywhere; }
    p { margin: 6px 0; max-width: 78ch; overflow-wrap: anywhere; }
    figure p, .note { color: var(--soft); font-size: 13px; }
    .verdict { border-left: 5px solid var(--good); background: var(--panel); padding: 8px 14px; }
    .verdict.bad { border-color: var(--bad); }
    .verdict p { margin: 2px 0; font-weight: 600; }
    .verdict li { font-size: 13px; overflow-wrap: anywhere; }
    .facts { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 14px 0; }
    .facts dt { color: var(--soft); }
    .facts dd { margin: 0; overflow-wrap: anywhere; min-width: 0; }
    .figures { display: grid; gap: 20px 28px;
      grid-template-columns: repeat(auto-fill, minmax(min(100%, 350px), 1fr)); }
    .figures + .figures { margin-top: 20px; }
    figure { margin: 8px 0 0; min-width: 0; }
    svg { display: block; width: 100%; max-width: 480px; height: auto; }
    svg text { font-size: 22px; fill: var(--ink); }
    svg .end { text-anchor: end; }
    svg .middle { text-anchor: middle; }
    svg .strong { font-weight: 600; }
    svg .halo { paint-order: stroke; stroke: var(--paper); stroke-width: 6px; }
    .axis { fill: none; stroke: var(--soft); stroke-width: 2px; }
    .grid { fill: none; stroke: var(--ink); stroke-opacity: .12; stroke-width: 1.5px; }
    .reference { fill: none; stroke: var(--bad); stroke-width: 3px; stroke-dasharray: 10 7; }
    .mark { fill: none; stroke: var(--mark); stroke-width: 4px; }
    .gaps { fill: none; stroke: var(--paper); stroke-width: 2px; }
    .now { display: none; fill: none; stroke: var(--mark); stroke-width: 2.5px; }
    .js .now { display: inline; }
    .map { max-width: 480px; }
    .withheld { fill: var(--withheld); background: var(--withheld); }
    .held { fill: var(--held); background: var(--held); }
    .saved { fill: var(--saved); background: var(--saved); }
    .parked { fill: var(--parked); background: var(--parked); }
    .tagdata { fill: var(--tagdata); background: var(--tagdata); }
    .data { fill: var(--data); background: var(--data); }
    .kernel { fill: var(--kernel); background: var(--kernel); }
    .tagfree { fill: var(--tagfree); background: var(--tagfree); }
    .free { fill: var(--free); background: var(--free); }
    .legend { list-style: none; display: flex; flex-wrap: wrap; gap: 2px 18px; margin: 8px 0;
      padding: 0; font-size: 13px; }
    .legend i { display: inline-block; width: 12px; height: 12px; margin-right: 6px;
      border: 1px solid var(--soft); vertical-align: -1px; }
    .legend i.line { height: 0; width: 18px; border: 0; border-top: 3px dashed var(--bad);
      vertical-align: 4px; }
    .legend i.tick { width: 3px; border: 0; background: var(--mark); }
    .slider { display: none; align-items: center; gap: 12px; flex-wrap: wrap; margin: 10px 0; }
    .js .slider { display: flex; }
    .slider input { flex: 1 1 220px; max-width: 640px; accent-color: var(--tagdata); }
    .slider output { font-variant-numeric: tabular-nums; min-width: 26ch; }
    .js .noscript { display: none; }
    .wide { overflow-x: auto; margin: 8px 0; }
    table { border-collapse: collapse; font-size: 13.5px; font-variant-numeric: tabular-nums; }
    th, td { padding: 2px 10px; text-align: right; vertical-align: top; }
    thead th { border-bottom: 2px solid var(--line); white-space: nowrap; }
    tbody th { text-align: left; font-weight: 400; padding-left: 18px; }
    tbody .group th { font-weight: 600; padding: 10px 10px 2px 0; }
    tbody tr:not(.group):hover { background: var(--panel); }
    th[title] { text-decoration: underline dotted var(--soft); text-underline-offset: 3px;
      cursor: help; }
    td { white-space: nowrap; }
    thead button { font: inherit; font-weight: 600; color: inherit; background: none; border: 0;
      padding: 0; cursor: pointer; }
    thead button::after { content: " \\2195"; color: var(--soft); font-weight: 400; }
    th[aria-sort=descending] button::after { content: " \\2193"; color: var(--ink); }
    th[aria-sort=ascending] button::after { content: " \\2191"; color: var(--ink); }
    details { margin: 12px 0; }
    summary { cursor: pointer; font-weight: 600; }
    .glossary dt { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 13px;
      margin-top: 8px; overflow-wrap: anywhere; }
    .glossary dd { margin: 0 0 0 18px; font-size: 13.5px; max-width: 78ch; }
    small { color: var(--soft); }
    footer { margin-top: 36px; padding-top: 10px; border-top: 1px solid var(--line); }
    @media (max-width: 520px) {
      main { padding: 14px 12px 36px; }
      .facts { grid-template-columns: 1fr; gap: 0; }
      .facts dd { margin-bottom: 6px; }
      th, td { padding: 2px 6px; }
      tbody th { padding-left: 8px; }
    }
    @media print { .slider { display: none; } .wide { overflow: visible; } }
    """
}
