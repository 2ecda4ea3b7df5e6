// Serves layouts/figures/candles.py: what lies over the chart and moves between two bars, placed with Plotly's axes.
"use strict";
(function () {
  const cs = (window.candlestream = window.candlestream || {});
  const chart = cs.chart; // candles.js, which is loaded before
  const [T, O, H, L, C, V] = [0, 1, 2, 3, 4, 5];
  const rising = (bar) => bar[C] >= bar[O];

  // ---- the forming bar, the price line and the countdown
  const SHAPES = { volume: "rect", wick: "line", body: "rect", line: "line", box: "rect", price: "text", left: "text" };
  let overlay = null;
  function shapes() {
    if (overlay) return overlay;
    const make = (name) => document.createElementNS("http://www.w3.org/2000/svg", name);
    const svg = make("svg");
    svg.setAttribute("class", "cs-overlay");
    svg.setAttribute("aria-hidden", "true");
    overlay = { svg };
    for (const [name, tag] of Object.entries(SHAPES)) {
      overlay[name] = make(tag);
      overlay[name].setAttribute("class", "cs-overlay-" + name);
      svg.appendChild(overlay[name]);
    }
    chart.gd.parentElement.appendChild(svg);
    return overlay;
  }
  const set = (node, values) => { for (const [name, value] of Object.entries(values)) node.setAttribute(name, value); };
  const between = (value, low, high) => Math.min(Math.max(value, low), high);

  function place() {
    const gd = chart.gd, full = gd && gd._fullLayout;
    if (!full || !full.xaxis || !full.xaxis._length || chart.key !== cs.feed.key) return;
    const { xaxis: x, yaxis: y, yaxis2: v } = full;
    const parts = shapes(), bar = chart.forming || chart.newest();
    set(parts.svg, { "data-way": bar && !rising(bar) ? "down" : "up", "data-shown": bar ? "yes" : "no" });
    if (!bar) return;
    parts.svg.style.left = gd.offsetLeft + "px";
    parts.svg.style.top = gd.offsetTop + "px";
    const left = x._offset, right = left + x._length;
    const Y = (price) => between(y._offset + y.d2p(price), y._offset, y._offset + y._length);
    const at = left + x.d2p(bar[T]), half = halfWidth(x, bar[T]);
    const drawn = chart.forming && at + half <= right && at - half >= left;
    for (const name of ["volume", "wick", "body"]) parts[name].style.display = drawn ? "" : "none";
    if (drawn) {
      const top = Y(Math.max(bar[O], bar[C])), bottom = Y(Math.min(bar[O], bar[C]));
      set(parts.wick, { x1: at, x2: at, y1: Y(bar[H]), y2: Y(bar[L]) });
      set(parts.body, { x: at - half, width: 2 * half, y: top, height: Math.max(1, bottom - top) });
      const base = v._offset + v._length, level = between(v._offset + v.d2p(bar[V]), v._offset, base);
      set(parts.volume, { x: at - half, width: 2 * half, y: level, height: base - level });
    }
    tag(parts, bar, { left, right, y: Y(bar[C]) });
    if (chart.hovered === null) legend();
  }
  function halfWidth(x, t) {
    const drawn = chart.gd.calcdata && chart.gd.calcdata[0] && chart.gd.calcdata[0][0];
    const half = (drawn && drawn.t && drawn.t.bdPos) || 0.4 * chart.intervalMs;
    return Math.max(0.5, x.d2p(t + half) - x.d2p(t));
  }
  function tag(parts, bar, { left, right, y }) {
    // Plotly's own width: while the window is being resized the element is already smaller.
    const width = Math.max(0, chart.gd._fullLayout.width - right - 4), time = countdown();
    set(parts.line, { x1: left, x2: right, y1: y, y2: y });
    set(parts.box, { x: right + 2, y: y - 10, width, height: time ? 33 : 20, rx: 2 });
    set(parts.price, { x: right + 2 + width / 2, y: y + 4 });
    set(parts.left, { x: right + 2 + width / 2, y: y + 18 });
    const words = [[parts.price, cs.number(bar[C], cs.feed.digits.price)], [parts.left, time]];
    for (const [node, text] of words) if (node.textContent !== text) node.textContent = text;
  }
  function countdown() {
    const now = cs.feed.clock();
    if (!chart.forming || now === null) return "";
    const left = Math.max(0, Math.ceil((chart.forming[T] + chart.intervalMs - now) / 1000));
    const two = (value) => String(value).padStart(2, "0");
    const [hours, minutes, seconds] = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60];
    return hours ? `${hours}:${two(minutes)}:${two(seconds)}` : `${two(minutes)}:${two(seconds)}`;
  }
  // ---- the line that spells a bar out
  function legend() {
    const node = document.getElementById("candles-legend");
    const bar = chart.hovered === null ? chart.forming || chart.newest() : chart.bars[chart.hovered];
    const text = bar ? spelled(bar) : "";
    if (node.textContent === text) return;
    node.textContent = text;
    node.dataset.way = bar && !rising(bar) ? "down" : "up";
  }
  function spelled(bar) {
    const price = (value) => cs.number(value, cs.feed.digits.price);
    const when = new Date(bar[T]).toISOString().slice(0, 16).replace("T", " ");
    const change = (100 * (bar[C] - bar[O])) / bar[O];
    const sign = change > 0 ? "▲" : change < 0 ? "▼" : "=";
    return `${when} UTC   O ${price(bar[O])}   H ${price(bar[H])}   L ${price(bar[L])}   C ${price(bar[C])}   ` +
      `${sign} ${Math.abs(change).toFixed(2)} %   Vol ${cs.compact(bar[V])}`;
  }

  function clear() {
    if (overlay) overlay.svg.setAttribute("data-shown", "no");
    document.getElementById("candles-legend").textContent = "";
  }
  cs.overlay = { place, legend, clear };
})();
