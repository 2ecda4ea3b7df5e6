// Serves layouts/figures/candles.py: owns the chart. Plotly draws closed bars once; an overlay draws the one that moves.
"use strict";
(function () {
  const cs = (window.candlestream = window.candlestream || {});
  const clientside = (window.dash_clientside = window.dash_clientside || {});

  const CONFIG = { displayModeBar: false, showSendToCloud: false, displaylogo: false, responsive: false,
    scrollZoom: true, doubleClick: false };
  const MOST_BARS = 720; // held by Plotly, which repaints every one of them; more where the figure brought more
  const ROOM_BARS = 100;
  const NARROW_PX = 600;
  const NARROW_BARS = 60;
  const RIGHT_BARS = 8;
  const HEADROOM = 0.08;
  const FIT_MS = 500; // the price axis follows the forming bar at most so often
  const SETTLE_MS = 3000;
  const HISTORY_RELOAD_MS = 10000;
  const [T, O, H, L, C, V, R, E] = [0, 1, 2, 3, 4, 5, 6, 7]; // R: revision, E: event time; 0 in a figure's bars

  const chart = { key: null, gd: null, bars: [], forming: null, intervalMs: 60000, dragging: false, waiting: [],
    most: MOST_BARS, fitAt: 0, drawnAt: 0, hovered: null, reacts: 0, extended: 0, corrected: 0 };
  cs.chart = chart;

  const row = (candle) => [candle.openTime, candle.open, candle.high, candle.low, candle.close, candle.volume,
    candle.revision || 0, candle.updatedAt || 0];
  const newest = (chart.newest = () => chart.bars[chart.bars.length - 1] || null);

  // ---- the whole figure: at first, and when the market or the interval changes
  function draw(answer) {
    if (answer.key !== cs.feed.key) return;
    if (!window.Plotly) {
      setTimeout(draw, 50, answer);
      return;
    }
    const figure = structuredClone(answer.figure); // Plotly writes into what it is given; the store keeps its own
    const [price, volume] = figure.data;
    const gd = (chart.gd = document.getElementById("candles"));
    chart.bars = price.x.map((t, i) => [t, price.open[i], price.high[i], price.low[i], price.close[i], volume.y[i], 0, 0]);
    chart.most = Math.max(MOST_BARS, chart.bars.length + ROOM_BARS);
    chart.key = answer.key;
    chart.intervalMs = answer.intervalMs;
    if (chart.forming && newest() && chart.forming[T] <= newest()[T]) chart.forming = null;
    if (gd.clientWidth < NARROW_PX) narrow(figure.layout);
    chart.reacts += 1;
    chart.drawnAt = performance.now();
    Plotly.react(gd, figure.data, figure.layout, CONFIG).then(() => {
      listen(gd);
      have();
      flush();
      cs.overlay.legend();
      cs.overlay.place();
    });
    if (chart.bars.length) cs.feed.fresh("candles");
    else cs.feed.say("candles", "empty", "No candles yet");
  }
  function narrow(layout) {
    layout.dragmode = false; // so that a finger scrolls the page
    layout.margin.r = 64;
    layout.xaxis.nticks = 4;
    if (!newest()) return;
    layout.xaxis.range = [newest()[T] - NARROW_BARS * chart.intervalMs, newest()[T] + 4 * chart.intervalMs];
    const fitted = ranges(layout.xaxis.range);
    layout.yaxis.range = fitted.price;
    layout.yaxis2.range = fitted.volume;
  }
  function have() {
    const last = newest();
    clientside.set_props("candles-have", { data: { key: chart.key, open_ms: last ? last[T] : null } });
  }
  function listen(gd) {
    if (gd.dataset.listened) return;
    gd.dataset.listened = "yes";
    gd.on("plotly_relayouting", () => { chart.dragging = true; cs.overlay.place(); });
    gd.on("plotly_relayout", (event) => {
      chart.dragging = false;
      // A change of both axes in whole ranges is our own and fits already.
      if (!event["yaxis.range"] && Object.keys(event).some((name) => name.startsWith("xaxis."))) fit();
      flush();
      cs.overlay.place();
    });
    gd.on("plotly_afterplot", cs.overlay.place);
    gd.on("plotly_doubleclick", home);
    gd.on("plotly_hover", (event) => { chart.hovered = event.points[0].pointIndex; cs.overlay.legend(); });
    gd.on("plotly_unhover", () => { chart.hovered = null; cs.overlay.legend(); });
    gd.addEventListener("keydown", keys);
    new ResizeObserver(() => Plotly.Plots.resize(gd)).observe(gd);
  }

  // ---- the price axis follows the time axis
  function view() {
    const axis = chart.gd._fullLayout.xaxis;
    return axis.range.map((value) => Number(axis.d2c(value)));
  }
  function ranges([from, to]) {
    const half = chart.intervalMs / 2; // a bar that reaches into the picture counts
    const seen = chart.bars.filter((bar) => bar[T] >= from - half && bar[T] <= to + half);
    if (chart.forming && chart.forming[T] <= to) seen.push(chart.forming);
    if (!seen.length) return null;
    const low = Math.min(...seen.map((bar) => bar[L])), high = Math.max(...seen.map((bar) => bar[H]));
    const room = (high - low || high * 0.001) * HEADROOM;
    return { price: [low - room, high + room], volume: [0, Math.max(...seen.map((bar) => bar[V])) * 1.1 || 1] };
  }
  function fit() {
    const fitted = ranges(view());
    if (!fitted) return;
    chart.fitAt = performance.now();
    Plotly.relayout(chart.gd, { "yaxis.range": fitted.price, "yaxis2.range": fitted.volume });
  }
  function show(from, to) {
    const fitted = ranges([from, to]) || {};
    Plotly.relayout(chart.gd, { "xaxis.range": [from, to], "yaxis.range": fitted.price, "yaxis2.range": fitted.volume });
  }
  function home() {
    const last = chart.forming || newest();
    if (!last) return;
    const bars = chart.gd.clientWidth < NARROW_PX ? NARROW_BARS : 120;
    show(last[T] - bars * chart.intervalMs, last[T] + RIGHT_BARS * chart.intervalMs);
  }
  function keys(event) {
    const [from, to] = view();
    const step = (to - from) / 10;
    const moves = { ArrowLeft: [-step, -step], ArrowRight: [step, step], "+": [step, 0], "-": [-step, 0] };
    if (event.key === "End" || event.key === "Home") home();
    else if (moves[event.key]) show(from + moves[event.key][0], to + moves[event.key][1]);
    else return;
    event.preventDefault();
  }

  // ---- bars that closed: appended once, never sent again
  function close(rows) {
    chart.waiting.push(...rows.filter(isNews));
    if (chart.gd && !chart.dragging) flush();
  }
  function flush() {
    if (chart.dragging || chart.key !== cs.feed.key || !chart.gd || !chart.gd._fullLayout) return;
    const after = newest() ? newest()[T] : -Infinity;
    const unique = new Map();
    for (const bar of chart.waiting) if (!unique.has(bar[T]) || isNewer(bar, unique.get(bar[T]))) unique.set(bar[T], bar);
    chart.waiting = [];
    const all = [...unique.values()].sort((a, b) => a[T] - b[T]);
    correct(all.filter((bar) => bar[T] <= after));
    const fresh = all.filter((bar) => bar[T] > after);
    if (!fresh.length) return;
    if (newest() && fresh[0][T] > after + chart.intervalMs) cs.feed.again("candles-reload"); // bars between are missing
    append(fresh);
  }
  function append(fresh) {
    const gd = chart.gd, layout = gd.layout, [from, to] = view();
    const following = !newest() || to >= newest()[T];
    const shift = newest() ? fresh[fresh.length - 1][T] - newest()[T] : 0;
    chart.bars.push(...fresh);
    chart.bars.splice(0, Math.max(0, chart.bars.length - chart.most));
    if (chart.forming && chart.forming[T] <= newest()[T]) chart.forming = null;
    // Volume and ranges go straight into the arrays Plotly holds, so that one call repaints everything once.
    const volume = gd.data[1];
    for (const bar of fresh) {
      volume.x.push(bar[T]);
      volume.y.push(bar[V]);
      volume.marker.color.push(colour(bar));
    }
    for (const list of [volume.x, volume.y, volume.marker.color]) list.splice(0, Math.max(0, list.length - chart.most));
    if (following && shift) layout.xaxis.range = [from + shift, to + shift];
    const fitted = ranges(following ? [from + shift, to + shift] : [from, to]);
    if (fitted) {
      layout.yaxis.range = fitted.price;
      layout.yaxis2.range = fitted.volume;
    }
    const column = (index) => [fresh.map((bar) => bar[index])];
    chart.extended += fresh.length;
    Plotly.extendTraces(gd, { x: column(T), open: column(O), high: column(H), low: column(L), close: column(C) }, [0],
      chart.most);
    have();
    cs.feed.fresh("candles");
  }

  // ---- bars that are drawn already and told otherwise, or were missing: put right in place
  const isNewer = (bar, held) => bar[R] > held[R] || (bar[R] === held[R] && bar[E] >= held[E]);
  const isNews = (bar) => {
    const held = chart.key === cs.feed.key && chart.bars.find((each) => each[T] === bar[T]);
    return !held || (isNewer(bar, held) && differs(bar, held));
  };
  const differs = (bar, held) => [O, H, L, C, V].some((index) => bar[index] !== held[index]);
  const colour = (bar) => (bar[C] >= bar[O] ? chart.gd.layout.meta.up : chart.gd.layout.meta.down);
  function correct(rows) {
    let changed = 0;
    for (const bar of rows) {
      const at = chart.bars.findIndex((held) => held[T] >= bar[T]), held = chart.bars[at];
      if (!held || bar[T] < chart.bars[0][T]) continue;
      if (held[T] > bar[T]) {
        chart.bars.splice(at, 0, bar);
        changed += 1;
      } else if (isNewer(bar, held)) {
        changed += differs(bar, held);
        chart.bars[at] = bar;
      }
    }
    if (changed) redraw(changed);
  }
  function redraw(changed) {
    const gd = chart.gd, [price, volume] = gd.data, column = (index) => chart.bars.map((bar) => bar[index]);
    Object.assign(price, { x: column(T), open: column(O), high: column(H), low: column(L), close: column(C) });
    Object.assign(volume, { x: column(T), y: column(V) });
    volume.marker.color = chart.bars.map(colour);
    const fitted = ranges(view());
    if (fitted) {
      gd.layout.yaxis.range = fitted.price;
      gd.layout.yaxis2.range = fitted.volume;
    }
    chart.corrected += changed;
    chart.hovered = null;
    Plotly.redraw(gd);
  }

  // ---- the picture follows the bar that moves
  // A bar that grows out of the picture takes the axis with it. Only from a frame, never from Plotly's own events.
  function follow() {
    const bar = chart.forming, full = chart.gd && chart.gd._fullLayout;
    if (!bar || !full || chart.key !== cs.feed.key || chart.dragging) return;
    if (performance.now() - chart.fitAt < FIT_MS) return;
    const [low, high] = full.yaxis.range.map(Number), [from, to] = view();
    const seen = bar[T] >= from && bar[T] <= to;
    if (seen && bar[H] <= high && bar[L] >= low) return;
    chart.fitAt = performance.now();
    if (!chart.bars.length) home();
    else if (seen) fit();
  }

  // ---- what the feed brings
  let historyAt = 0, loading = false;
  cs.candles = {
    frame() {
      follow();
      cs.overlay.place();
    },
    candle(candle, { pushed } = {}) {
      if (`${candle.symbol}|${candle.interval}` !== cs.feed.key) return;
      if (candle.x) {
        cs.feed.saw(candle.updatedAt);
        close([row(candle)]);
        return;
      }
      const last = newest();
      if (last && chart.key === cs.feed.key && candle.openTime <= last[T]) return;
      const offered = { key: cs.feed.key, time: candle.updatedAt, value: candle, pushed };
      if (!cs.feed.offer("forming", offered)) return;
      cs.feed.offer("price", { key: candle.symbol, time: candle.updatedAt, value: { price: candle.close }, pushed });
    },
    forming(candle) {
      const last = newest();
      if (last && chart.key === cs.feed.key && candle.openTime <= last[T]) return;
      chart.forming = row(candle);
      if (chart.key === cs.feed.key) cs.feed.fresh("candles");
    },
    clear() {
      Object.assign(chart, { forming: null, waiting: [], hovered: null, bars: [] });
      cs.overlay.clear();
    },
    // While history comes in, the chart is fetched again now and then, and once more when all is there.
    history(share) {
      const running = typeof share === "number";
      const due = running ? performance.now() - historyAt > HISTORY_RELOAD_MS : loading;
      loading = running;
      if (!due || chart.key !== cs.feed.key) return;
      historyAt = performance.now();
      cs.feed.again("candles-reload");
    },
  };

  clientside.candles = {
    figure(answer) {
      if (!answer || answer.key !== cs.feed.key) return;
      if (answer.status === "error") {
        cs.feed.say("candles", "error", answer.message);
        cs.feed.again("candles-reload");
        return;
      }
      draw(answer);
    },
    tick(answer) {
      if (!answer || answer.key !== cs.feed.key) return;
      if (cs.feed.lacks("candles", answer)) return;
      // Not at once: this answer may have been on its way while the figure came.
      const settled = performance.now() - Math.max(chart.drawnAt, cs.feed.selectedAt) > SETTLE_MS;
      if (answer.reload && settled) cs.feed.again("candles-reload");
      for (const candle of answer.closed) cs.candles.candle(candle);
      if (answer.forming) cs.candles.candle(answer.forming);
      close(answer.known);
    },
    // Now and then the whole chart as it stands in the store: what was repaired long after it was drawn.
    review(answer) {
      if (answer && answer.key === cs.feed.key && answer.status === "ok") close(answer.known);
    },
  };
})();
