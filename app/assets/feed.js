// Serves layouts/parts/feed.py: brings pushed and polled data to the panels, newest event first, one paint a frame.
"use strict";
(function () {
  const cs = (window.candlestream = window.candlestream || {});
  const clientside = (window.dash_clientside = window.dash_clientside || {});

  const STALE_MS = 15000; // no datum for so long: the page says so
  const SILENT_MS = 12000; // no answer to a poll for so long: the server is away
  const LOST_MS = 30000; // a book out of step for so long is no book any more
  const OLDER_REFUSED_MS = 10000; // an older event is refused only so long after the last accepted one
  const FAST_POLL_MS = 1000;
  const CALM_POLL_MS = 5000; // while all three sockets carry the news
  const REFETCH_MS = 2000;
  const PANELS = {
    candles: { id: "candles-panel", staleMs: 15000, quiet: "No update for" },
    ladder: { id: "ladder-panel", staleMs: 8000, quiet: "No change for" },
    trades: { id: "trades-panel", staleMs: 60000, quiet: "No trade for" },
  };

  const feed = (cs.feed = {
    symbol: null, interval: null, key: null, selectedAt: 0, digits: { price: 2, size: 4, base: "", quote: "" },
    paintCount: 0, accepted: 0, refused: 0, polls: 0,
  });
  const slots = {}; // name -> {time, at, value, dirty}: the newest value of each stream waiting for a frame
  let frame = 0;
  let eventTime = 0, eventAt = 0; // the newest event and when it came here
  let polledAt = 0, polledAge = null, polledStatus = null, pollMs = FAST_POLL_MS;
  const refetches = {};

  // ---- one frame for everything
  feed.wake = function () {
    if (!frame) frame = requestAnimationFrame(paint);
  };
  function paint() {
    frame = 0;
    feed.paintCount += 1;
    const painters = { forming: cs.candles.forming, book: cs.ladder.paint, price: cs.header.price };
    for (const [name, slot] of Object.entries(slots)) {
      if (slot.dirty) {
        slot.dirty = false;
        painters[name](slot.value);
      }
    }
    cs.trades.paint();
    cs.candles.frame();
  }

  // Latest wins. `key` is what the datum is about; polled data may repeat an event, pushed data may refine it.
  feed.offer = function (name, { key, time, value, pushed }) {
    if (key !== feed.symbol && key !== feed.key) return false;
    const slot = (slots[name] = slots[name] || { time: -Infinity, at: -Infinity });
    const now = performance.now();
    const older = pushed ? time < slot.time : time <= slot.time;
    if (older && (time === slot.time || now - slot.at < OLDER_REFUSED_MS)) {
      feed.refused += 1;
      return false;
    }
    feed.accepted += 1;
    Object.assign(slot, { time, at: now, value, dirty: true });
    feed.saw(time);
    feed.wake();
    return true;
  };
  feed.saw = function (time) {
    if (time > eventTime) {
      eventTime = time;
      eventAt = performance.now();
    }
  };
  // The exchange's clock as far as its events tell it: right for a replayed market too.
  feed.clock = () => (eventTime ? eventTime + Math.min(performance.now() - eventAt, STALE_MS) : null);

  // ---- what each panel says of itself
  feed.say = function (name, state, words) {
    const panel = PANELS[name];
    if (panel.state === state && panel.words === words) return;
    Object.assign(panel, { state, words });
    document.getElementById(panel.id).dataset.state = state;
    document.getElementById(panel.id + "-note").textContent = words;
  };
  feed.fresh = function (name) {
    Object.assign(PANELS[name], { at: performance.now(), lost: false });
    feed.say(name, "live", "");
  };
  // A book that lost its step with the exchange stays for a while, called so.
  feed.lost = function (name) {
    const panel = PANELS[name];
    Object.assign(panel, { lost: true, at: panel.at || performance.now() });
    resyncing(name, performance.now() - panel.at);
  };
  function resyncing(name, quiet) {
    if (quiet < LOST_MS) feed.say(name, "stale", "Resyncing with the exchange");
    else feed.say(name, "error", `Out of step with the exchange for ${spell(quiet)}`);
  }
  // Answers without data: the words of an empty or failed read, unless the panel is kept alive by push.
  feed.lacks = function (name, answer) {
    if (answer.status === "ok") return false;
    const recent = PANELS[name].at && performance.now() - PANELS[name].at < 5000;
    if (answer.status === "error" && !recent) feed.say(name, "error", answer.message);
    if (answer.status === "empty" && !PANELS[name].at) feed.say(name, "empty", "Nothing here yet");
    return true;
  };
  // Asks a Python callback again by counting its store up, or all that poll by a beat out of turn; at most once in two seconds.
  feed.again = function (storeId) {
    const now = performance.now();
    const entry = (refetches[storeId] = refetches[storeId] || { at: -Infinity, count: 0, timer: 0 });
    if (entry.timer) return;
    const ask = () => {
      Object.assign(entry, { at: performance.now(), count: entry.count + 1, timer: 0 });
      // A beat's count is Dash's own; the page's age in ms is always ahead of it.
      clientside.set_props(storeId, storeId === "poll" ? { n_intervals: Math.floor(entry.at) } : { data: entry.count });
    };
    entry.timer = setTimeout(ask, Math.max(0, entry.at + REFETCH_MS - now));
  };

  // ---- the state of the connection, in words
  function age() {
    const now = performance.now();
    const polled = polledAge === null ? Infinity : polledAge + (now - polledAt);
    return Math.min(polled, eventAt && cs.sockets.live() ? now - eventAt : Infinity);
  }
  function connection() {
    const silent = performance.now() - polledAt > SILENT_MS;
    if (cs.sockets.live()) return age() > STALE_MS ? ["stale", "Stale"] : ["push", "Live push"];
    if (!polledAt) return ["connecting", "Connecting"];
    if (silent || navigator.onLine === false) return ["offline", "Offline"];
    if (polledStatus === "error" || age() > STALE_MS) return ["stale", "Stale"];
    return cs.sockets.returning() ? ["reconnecting", "Reconnecting"] : ["polling", "Polling"];
  }
  function spell(ms) {
    if (!isFinite(ms)) return "";
    if (ms < 1000) return "< 1 s";
    if (ms < 120000) return Math.floor(ms / 1000) + " s";
    return Math.floor(ms / 60000) + " min";
  }
  feed.spell = spell;
  let shown = "";
  function second() {
    const root = document.getElementById("feed-connection");
    if (!root) return;
    const [state, words] = connection();
    if (shown !== state) {
      shown = root.dataset.state = state;
      root.querySelector(".cs-connection-state").textContent = words;
    }
    root.querySelector(".cs-connection-age").textContent = spell(age());
    const now = performance.now();
    for (const [name, panel] of Object.entries(PANELS)) {
      const quiet = now - panel.at;
      if (panel.lost) {
        resyncing(name, quiet);
        continue;
      }
      if ((panel.state === "live" || panel.state === "stale") && quiet > panel.staleMs)
        feed.say(name, "stale", `${panel.quiet} ${spell(quiet)}`);
    }
    const wanted = state === "push" ? CALM_POLL_MS : FAST_POLL_MS;
    if (wanted !== pollMs) {
      pollMs = wanted;
      clientside.set_props("poll", { interval: wanted });
    }
    cs.header.speak();
    feed.wake();
  }
  setInterval(second, 500);

  // ---- what Dash calls
  clientside.feed = {
    // The market of the address, /?symbol=ETHUSDT, if it is followed; asked once, before anything is fetched.
    wanted(_id, options, value) {
      const symbol = new URLSearchParams(location.search).get("symbol");
      return options.some((option) => option.value === symbol) ? symbol : value;
    },
    // Not fed by the list of markets: Dash would hold it back until that answer is there, and drop earlier ones.
    select(symbol, interval) {
      const key = `${symbol}|${interval}`;
      if (!symbol || !interval || key === feed.key) return;
      const other = symbol !== feed.symbol;
      Object.assign(feed, { symbol, interval, key, selectedAt: performance.now() });
      spellings();
      delete slots.forming;
      feed.begin("candles");
      cs.candles.clear();
      if (other) {
        delete slots.book;
        delete slots.price;
        eventTime = eventAt = 0;
        polledAge = null;
        feed.begin("ladder");
        feed.begin("trades");
        cs.ladder.clear();
        cs.trades.clear();
        cs.header.clear();
      }
      cs.sockets.follow(symbol, interval);
    },
    markets(known) {
      markets = known || {};
      spellings();
    },
    state(answer) {
      if (!answer || answer.symbol !== feed.symbol) return;
      feed.polls += 1;
      polledAt = performance.now();
      polledStatus = answer.status;
      if (answer.status === "ok") polledAge = answer.ageMs;
      cs.candles.history(answer.history);
    },
  };
  let markets = {};
  function spellings() {
    feed.digits = markets[feed.symbol] || feed.digits;
  }
  feed.begin = function (name) {
    Object.assign(PANELS[name], { at: 0, lost: false });
    feed.say(name, "loading", "Loading");
  };
})();
