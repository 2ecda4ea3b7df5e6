// Serves layouts/parts/feed.py: the three sockets, where to open them, and when to try again.
"use strict";
(function () {
  const cs = (window.candlestream = window.candlestream || {});

  // A refused socket writes a line to the browser's console which no script can prevent, so addresses that did not
  // answer are left alone for a while: the push process first, then this page's own origin, then polling alone.
  const OPEN_MS = 4000; // an address that has not answered by then is given up
  const FIRST_RETRY_MS = 500;
  const LAST_RETRY_MS = 30000;
  const RARE_RETRY_MS = [30000, 60000, 120000, 300000]; // after no address answered
  const AVOID_MS = 600000;
  const QUIET_MS = 20000; // an open socket without a message for so long carries nothing
  const STREAMS = {
    kline: (s) => `symbol=${s.symbol}&interval=${s.interval}&limit=5`,
    orderbook: (s) => `symbol=${s.symbol}`,
    trades: (s) => `symbol=${s.symbol}&limit=50`,
  };

  let followed = null; // {symbol, interval}
  let generation = 0;
  let failures = 0; // rounds in which no address answered
  let everLive = 0;
  let timer = 0;
  const open = {}; // stream -> {socket, seq, at, tries}

  const sockets = (cs.sockets = { messages: 0, gaps: 0, opened: 0 });
  // All three, since what one does not carry must be polled; only candles never fall silent on a quiet market.
  sockets.live = () =>
    Object.keys(STREAMS).every((stream) => open[stream] && open[stream].opened) &&
    performance.now() - open.kline.at < QUIET_MS;
  sockets.returning = () => everLive > 0 && performance.now() - everLive < 30000;

  sockets.follow = function (symbol, interval) {
    followed = { symbol: encodeURIComponent(symbol), interval: encodeURIComponent(interval) };
    generation += 1;
    clearTimeout(timer);
    for (const stream of Object.keys(open)) {
      if (open[stream].socket) open[stream].socket.close();
      delete open[stream];
    }
    if (failures === 0) connect("kline", generation);
    else timer = setTimeout(() => connect("kline", generation), rare());
  };
  const rare = () => RARE_RETRY_MS[Math.min(failures, RARE_RETRY_MS.length) - 1];

  // ---- where to go
  function addresses() {
    const scheme = location.protocol === "https:" ? "wss://" : "ws://";
    const port = document.getElementById("page").dataset.pushPort;
    const all = [`${scheme}${location.hostname}:${port}`, `${scheme}${location.host}`];
    const usable = all.filter((base) => Date.now() - Number(remembered(base) || 0) > AVOID_MS);
    return usable.length ? usable : [all[1]];
  }
  function remembered(base) {
    try { return sessionStorage.getItem("refused " + base); } catch { return null; }
  }
  function remember(base, time) {
    try { sessionStorage.setItem("refused " + base, String(time)); } catch { /* storage is switched off */ }
  }

  // ---- one stream
  function connect(stream, born) {
    if (born !== generation || !followed) return;
    const base = addresses()[0];
    const entry = (open[stream] = open[stream] || { seq: null, tries: 0 });
    const since = entry.seq === null ? "" : `&since=${entry.seq}`;
    let socket = null;
    try {
      socket = new WebSocket(`${base}/ws/${stream}?${STREAMS[stream](followed)}${since}`);
    } catch {
      ended(stream, born, base); // no sockets in this browser
      return;
    }
    const deadline = setTimeout(() => socket.close(), OPEN_MS);
    Object.assign(entry, { socket, opened: false, at: performance.now() });
    socket.onmessage = (message) => {
      if (born !== generation) return;
      if (!entry.opened) began(stream, born, entry, base);
      received(stream, entry, message.data);
    };
    socket.onopen = () => clearTimeout(deadline);
    socket.onerror = () => {}; // a close follows
    socket.onclose = () => {
      clearTimeout(deadline);
      if (born === generation) ended(stream, born, base);
    };
  }
  function began(stream, born, entry, base) {
    Object.assign(entry, { opened: true, tries: 0 });
    failures = 0;
    sockets.opened += 1;
    remember(base, 0);
    if (stream !== "kline") return;
    for (const other of ["orderbook", "trades"]) if (!open[other]) connect(other, born);
  }
  function ended(stream, born, base) {
    const entry = open[stream];
    const was = entry.opened;
    entry.opened = false;
    entry.tries += 1;
    if (was) {
      everLive = performance.now();
      retry(stream, born, backoff(entry.tries));
      return;
    }
    if (stream !== "kline" || entry.seq !== null) {
      retry(stream, born, backoff(entry.tries));
      if (entry.tries > 3) remember(base, Date.now());
      return;
    }
    remember(base, Date.now());
    const left = addresses().filter((each) => each !== base);
    if (left.length && entry.tries < 2) {
      retry(stream, born, 50);
      return;
    }
    failures += 1;
    retry(stream, born, rare());
  }
  function retry(stream, born, ms) {
    const wait = setTimeout(() => connect(stream, born), ms);
    if (stream === "kline") timer = wait;
  }
  const backoff = (tries) => Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (tries - 1)) * (0.5 + Math.random() / 2);

  // ---- what comes
  function received(stream, entry, text) {
    let message = null;
    try { message = JSON.parse(text); } catch { return; }
    if (!message || typeof message !== "object") return;
    sockets.messages += 1;
    entry.at = performance.now();
    if (typeof message.seq === "number") {
      const first = typeof message.from === "number" ? message.from : message.seq;
      const gap =
          message.type !== "initial" && entry.seq !== null && first > entry.seq + 1;
      entry.seq = message.seq;
      if ((gap || message.type === "missed") && stream === "trades") {
        sockets.gaps += 1;
        cs.feed.again("trades-refetch");
      }
    }
    if (message.type !== "missed" && CARRIED[stream](message)) HANDLERS[stream](message);
    else if (stream !== "trades") cs.feed.again("poll");
  }
  const CARRIED = {
    kline: (message) => Array.isArray(message.candles) || Boolean(message.candle),
    orderbook: (message) => Array.isArray(message.bids) && Array.isArray(message.asks),
    trades: (message) => Array.isArray(message.trades) || Boolean(message.trade),
  };
  const HANDLERS = {
    kline(message) {
      for (const candle of message.candles || []) cs.candles.candle(candle, { pushed: true });
      if (message.candle) cs.candles.candle(message.candle, { pushed: true });
    },
    orderbook(message) {
      const time = message.eventTime || message.timestamp;
      cs.feed.offer("book", { key: message.symbol, time, value: message, pushed: true });
    },
    trades(message) {
      cs.trades.add(message.trades || (message.trade ? [message.trade] : []), { pushed: true });
    },
  };
})();
