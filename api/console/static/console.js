// What pages do beyond HTML: charts drawn from their own tables, and the menu's current entry kept in view.
"use strict";
(() => {
  const colour = (element, name) => {
    const probe = document.createElement("span");
    probe.className = name;
    element.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  };

  const unit = { s: seconds, USD: (usd) => usd.toLocaleString("en", { maximumFractionDigits: 2 }) };

  function seconds(span) {
    if (span < 1) return `${Math.round(span * 1000)} ms`;
    if (span < 90) return `${Math.round(span * 10) / 10} s`;
    return span < 5400 ? `${Math.round(span / 6) / 10} min` : `${Math.round(span / 360) / 10} h`;
  }

  function read(table) {
    const rows = [...table.tBodies[0].rows];
    const names = [...table.tHead.rows[0].cells].slice(1).map((cell) => cell.textContent);
    const moments = rows.map((row) => row.cells[0].querySelector("time"));
    const labels = rows.map((row) => row.cells[0].textContent.trim());
    const x = moments.every(Boolean) ? moments.map((time) => Date.parse(time.dateTime) / 1000) : labels.map((_, i) => i);
    const number = (row, i) => (row.cells[i].dataset.value === "" ? null : Number(row.cells[i].dataset.value));
    return { names, labels, isTime: moments.every(Boolean), values: [x, ...names.map((_, i) => rows.map((row) => number(row, i + 1)))] };
  }

  function draw(figure) {
    const place = figure.querySelector(".plot");
    const table = figure.querySelector("details table");
    if (!place || !table || !window.uPlot) return;
    const { names, labels, isTime, values } = read(table);
    const say = unit[figure.dataset.unit] || ((count) => count.toLocaleString("en"));
    const ink = getComputedStyle(place).color;
    const line = getComputedStyle(place).borderTopColor;
    const bars = figure.dataset.shape === "bars" ? uPlot.paths.bars({ size: [0.7, 40] }) : undefined;
    const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { show: false }, font: "12px system-ui" };
    place.replaceChildren();
    place.uplot?.destroy();
    place.uplot = new uPlot(
      {
        width: place.clientWidth,
        height: 170,
        tzDate: (moment) => uPlot.tzDate(new Date(moment * 1000), "Etc/UTC"),
        cursor: { points: { size: 6 } },
        scales: { x: { time: isTime }, y: { range: (_, least, most) => [Math.min(0, least || 0), most > 0 ? most * 1.1 : 1] } },
        axes: [
          isTime ? axis : { ...axis, splits: () => values[0], values: () => labels },
          { ...axis, size: 64, values: (_, ticks) => ticks.map(say) },
        ],
        series: [
          isTime ? { value: "{YYYY}-{MM}-{DD} {HH}:{mm}" } : { value: (_, i) => (i == null ? "" : labels[i]) },
          ...names.map((label, i) => {
            const stroke = colour(place, `series-${(i % 4) + 1}`);
            return { label, stroke, width: 2, fill: bars ? stroke : undefined, paths: bars, points: { show: !bars, size: 4 }, value: (_, found) => (found == null ? "–" : say(found)) };
          }),
        ],
      },
      values,
      place,
    );
  }

  const drawAll = (within) => within.querySelectorAll("figure.chart").forEach(draw);
  let later;
  const redraw = () => {
    clearTimeout(later);
    later = setTimeout(() => drawAll(document), 100);
  };

  drawAll(document);
  addEventListener("resize", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  document.addEventListener("htmx:afterSettle", (event) => drawAll(event.target));
  const current = document.querySelector(".menu [aria-current]");
  if (current) current.closest(".menu").scrollLeft = current.offsetLeft - 40;
})();
