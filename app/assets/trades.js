// Serves layouts/parts/trades.py: the newest trades by id, whichever way each one came.
"use strict";
(function () {
  const cs = (window.candlestream = window.candlestream || {});
  const clientside = (window.dash_clientside = window.dash_clientside || {});
  const KEPT = 100;
  const WAITING = 500; // trades held for the next frame at most: a hidden tab has none
  let rows = null;
  let waiting = [];
  let kept = []; // newest first
  let dirty = false;

  function pool() {
    return (rows = rows || Array.from(document.querySelectorAll("#trades-rows .cs-trade"), (row) => ({
      row, price: row.querySelector(".cs-price"), size: row.querySelector(".cs-size"), time: row.querySelector(".cs-time"),
    })));
  }
  function merge() {
    const byId = new Map(kept.map((trade) => [trade.tradeId, trade]));
    const newest = kept.length ? kept[0].tradeId : -1;
    for (const trade of waiting) byId.set(trade.tradeId, trade);
    waiting = [];
    kept = Array.from(byId.values()).sort((a, b) => b.tradeId - a.tradeId).slice(0, KEPT);
    return kept.length > 0 && kept[0].tradeId > newest;
  }
  const utc = (ms) => new Date(ms).toISOString().slice(11, 19);

  cs.trades = {
    add(list, { pushed } = {}) {
      const ours = list.filter((trade) => trade.symbol === cs.feed.symbol);
      if (!ours.length) return;
      waiting = waiting.concat(ours).slice(-WAITING);
      dirty = true;
      const newest = ours.reduce((a, b) => (b.tradeId > a.tradeId ? b : a));
      cs.feed.offer("price", { key: newest.symbol, time: newest.time, value: { price: newest.price }, pushed });
      cs.feed.wake();
    },
    paint() {
      if (!dirty) return;
      dirty = false;
      if (merge() || !kept.length) cs.feed.fresh("trades");
      const { price, size } = cs.feed.digits;
      pool().forEach((line, index) => {
        const trade = kept[index];
        line.row.classList.toggle("cs-vacant", !trade);
        if (!trade || line.shown === trade.tradeId) return;
        line.shown = trade.tradeId;
        line.row.dataset.way = trade.isBuyerMaker ? "down" : "up";
        line.price.textContent = (trade.isBuyerMaker ? "▼ " : "▲ ") + cs.number(trade.price, price);
        line.size.textContent = cs.number(trade.quantity, size);
        line.time.textContent = utc(trade.time);
      });
    },
    clear() {
      waiting = [];
      kept = [];
      for (const line of pool()) {
        line.shown = null;
        line.row.classList.add("cs-vacant");
      }
    },
    newest: () => (kept.length ? kept[0].tradeId : null),
  };

  clientside.trades = {
    list(answer) {
      if (!answer || answer.symbol !== cs.feed.symbol || cs.feed.lacks("trades", answer)) return;
      cs.trades.add(answer.trades);
    },
  };
})();
