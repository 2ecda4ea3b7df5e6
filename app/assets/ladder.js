// Serves layouts/parts/ladder.py: rewrites the text of the pooled rows and the length of their depth bars.
"use strict";
(function () {
  const cs = (window.candlestream = window.candlestream || {});
  const clientside = (window.dash_clientside = window.dash_clientside || {});
  const FLASH_SHARE = 0.25; // a size that changed by more lights up
  const FLASH_MS = 450;
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");
  const pools = {};

  function pool(side) {
    return (pools[side] = pools[side] || Array.from(document.querySelectorAll(`#ladder-${side} .cs-level`), (row) => ({
      row, bar: row.querySelector(".cs-bar"), price: row.querySelector(".cs-price"),
      size: row.querySelector(".cs-size"), total: row.querySelector(".cs-total"), at: 0,
    })));
  }
  function write(node, text) {
    if (node.textContent !== text) node.textContent = text;
  }
  function paintSide(side, levels, most, sizes) {
    const { price, size } = cs.feed.digits;
    pool(side).forEach((line, index) => {
      const level = levels[index];
      line.row.classList.toggle("cs-vacant", !level);
      if (!level) return;
      write(line.price, cs.number(level.price, price));
      write(line.size, cs.number(level.quantity, size));
      write(line.total, cs.compact(level.total));
      line.bar.style.transform = `scaleX(${(level.total / most).toFixed(4)})`;
      flash(line, sizes.get(level.price), level.quantity);
    });
    return new Map(levels.map((level) => [level.price, level.quantity]));
  }
  function flash(line, before, now) {
    if (before === undefined || still.matches || Math.abs(now - before) < before * FLASH_SHARE) return;
    if (performance.now() - line.at < FLASH_MS) return;
    line.at = performance.now();
    const colour = now > before ? "rgba(38,166,154,0.30)" : "rgba(239,83,80,0.30)";
    line.size.animate([{ backgroundColor: colour }, { backgroundColor: "transparent" }], FLASH_MS);
  }

  const known = { bids: new Map(), asks: new Map() };
  const painted = { time: null, state: null };
  cs.ladder = {
    paint(book) {
      Object.assign(painted, { time: book.eventTime || book.timestamp, state: book.state });
      const shown = pool("bids").length;
      const bids = book.bids.slice(0, shown), asks = book.asks.slice(0, shown);
      const most = Math.max(1e-12, ...[bids, asks].map((side) => (side.length ? side[side.length - 1].total : 0)));
      known.bids = paintSide("bids", bids, most, known.bids);
      known.asks = paintSide("asks", asks, most, known.asks);
      const gap = bids.length && asks.length ? asks[0].price - bids[0].price : null;
      const share = gap === null ? "" : ` · ${((10000 * gap) / asks[0].price).toFixed(2)} bp`;
      write(document.getElementById("ladder-gap"),
        gap === null ? "" : `Spread ${cs.number(gap, cs.feed.digits.price)}${share}`);
      if (book.state && book.state !== "synced") cs.feed.lost("ladder");
      else cs.feed.fresh("ladder");
    },
    clear() {
      Object.assign(painted, { time: null, state: null });
      known.bids = new Map();
      known.asks = new Map();
      for (const side of ["bids", "asks"]) for (const line of pool(side)) line.row.classList.add("cs-vacant");
      write(document.getElementById("ladder-gap"), "");
    },
  };

  clientside.ladder = {
    book(answer) {
      if (!answer || answer.symbol !== cs.feed.symbol || cs.feed.lacks("ladder", answer)) return;
      // A book that lost its step is the last good one, of the same event, said to be so: that is not pushed.
      if (answer.eventTime === painted.time && answer.state !== painted.state) cs.ladder.paint(answer);
      else cs.feed.offer("book", { key: answer.symbol, time: answer.eventTime, value: answer });
    },
  };
})();
