// Serves layouts/parts/header.py: the price, and a sentence for screen readers every few seconds.
"use strict";
(function () {
  const cs = (window.candlestream = window.candlestream || {});
  const SPOKEN_MS = 15000;
  const formats = {};
  let last = null, way = "flat", spokenAt = -Infinity;

  // 64012.3 -> "64,012.30", always in the same notation whatever the browser's language.
  cs.number = function (value, digits) {
    const format = (formats[digits] = formats[digits] ||
      new Intl.NumberFormat("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits }));
    return format.format(value);
  };
  cs.compact = function (value) {
    for (const [scale, letter] of [[1e9, "B"], [1e6, "M"], [1e3, "K"]])
      if (value >= scale) return (value / scale).toFixed(2) + letter;
    return value.toFixed(2);
  };

  cs.header = {
    price({ price }) {
      if (last !== null && price !== last) way = price > last ? "up" : "down";
      last = price;
      const text = cs.number(price, cs.feed.digits.price);
      for (const id of ["header-price", "ladder-last"]) {
        const node = document.getElementById(id);
        node.textContent = (way === "up" ? "▲ " : way === "down" ? "▼ " : "") + text;
        node.dataset.way = way;
      }
    },
    speak() {
      if (last === null || performance.now() - spokenAt < SPOKEN_MS) return;
      spokenAt = performance.now();
      const change = document.querySelector("#header-stats .cs-stat-value");
      document.getElementById("header-spoken").textContent =
        `${cs.feed.symbol} ${cs.number(last, cs.feed.digits.price)}, 24 hour change ${change ? change.textContent : ""}`;
    },
    clear() {
      last = null;
      way = "flat";
      spokenAt = -Infinity;
      for (const id of ["header-price", "ladder-last"]) document.getElementById(id).textContent = "";
    },
  };
})();
