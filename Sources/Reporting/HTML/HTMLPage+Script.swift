// SPDX-License-Identifier: Apache-2.0

extension HTMLPage {
  /// What a page can do when scripts run: sort tables by a column, and show another time.
  ///
  /// Without them everything else is there.
  static let script = """
    "use strict";
    (function () {
      document.documentElement.classList.add("js");

      // Tables: a click on a heading sorts every group by that column; largest first, smallest first,
      // and then in the order of the report again.
      function number(cell) {
        var text = cell.textContent.replace(/,/g, "");
        if (text === "<1") return 0.5;
        if (text === "+<1" || text === "-<1") return text[0] === "-" ? -0.5 : 0.5;
        var value = parseFloat(text);
        return isNaN(value) ? -Infinity : value;
      }
      document.querySelectorAll("table.sortable").forEach(function (table) {
        var headings = Array.from(table.querySelectorAll("thead th"));
        var groups = Array.from(table.tBodies).map(function (body) {
          return { body: body, rows: Array.from(body.rows).slice(1) };
        });
        headings.forEach(function (heading, column) {
          var button = document.createElement("button");
          button.type = "button";
          button.textContent = heading.textContent;
          button.title = "Sort each group by this column";
          heading.textContent = "";
          heading.appendChild(button);
          button.addEventListener("click", function () {
            var before = heading.getAttribute("aria-sort");
            var order = before === null ? "descending" : before === "descending" ? "ascending" : null;
            headings.forEach(function (other) { other.removeAttribute("aria-sort"); });
            if (order) heading.setAttribute("aria-sort", order);
            groups.forEach(function (group) {
              var rows = group.rows.slice();
              if (order) {
                rows.sort(function (a, b) {
                  var x = number(a.cells[column + 1]), y = number(b.cells[column + 1]);
                  if (x === y) return group.rows.indexOf(a) - group.rows.indexOf(b);
                  return (order === "descending") === (x > y) ? -1 : 1;
                });
              }
              rows.forEach(function (row) { group.body.appendChild(row); });
            });
          });
        });
      });

      // The tag storage over time.
      var slider = document.getElementById("time");
      if (!slider) return;
      var times = slider.dataset.times.split(" ").map(Number);
      var total = times[times.length - 1];
      var output = document.getElementById("time-shown");
      var maps = Array.from(document.querySelectorAll("svg.map"));
      function draw(map, step) {
        var frames = map.dataset.frames.split("|");
        var columns = Number(map.dataset.columns), side = Number(map.dataset.side);
        var runs = frames[Math.min(step, frames.length - 1)].match(/[a-z]\\d+/g) || [];
        var paths = {}, counts = {}, cell = 0;
        runs.forEach(function (run) {
          var use = run[0], left = Number(run.slice(1));
          counts[use] = (counts[use] || 0) + left;
          while (left > 0) {
            var column = cell % columns, length = Math.min(left, columns - column);
            paths[use] = (paths[use] || "") + "M" + column * side + " "
              + Math.floor(cell / columns) * side + "h" + length * side + "v" + side + "h-"
              + length * side + "z";
            cell += length;
            left -= length;
          }
        });
        map.querySelectorAll("path[data-use]").forEach(function (path) {
          path.setAttribute("d", paths[path.dataset.use] || "");
        });
        map.parentNode.querySelectorAll("[data-count]").forEach(function (place) {
          place.textContent = counts[place.dataset.count] || 0;
        });
      }
      function show() {
        var step = Number(slider.value);
        maps.forEach(function (map) { draw(map, step); });
        output.textContent = "after " + times[step].toLocaleString("en-US") + " accesses";
        document.querySelectorAll(".now").forEach(function (line) {
          var shift = total ? Number(line.dataset.width) * times[step] / total : 0;
          line.setAttribute("transform", "translate(" + shift.toFixed(1) + ")");
        });
      }
      slider.addEventListener("input", show);
      show();
    })();
    """
}
