// Serves layouts/parts/board.py: says how long ago the server answered, marks the page once that is too long, and keeps
// the keyboard's place in a table that is refreshed.
"use strict";
(function () {
  const clientside = (window.dash_clientside = window.dash_clientside || {});
  const SILENT_MS = 12000; // no answer for so long: the server is away, and what is on the page is old
  let answeredAt = null, beganAt = performance.now();

  function words(quiet) {
    if (quiet > SILENT_MS) return ["offline", "No answer"];
    return answeredAt === null ? ["connecting", "Connecting"] : ["polling", "Polling"];
  }
  function second() {
    const root = document.getElementById("board-connection");
    if (!root) return;
    const quiet = performance.now() - (answeredAt === null ? beganAt : answeredAt);
    const [state, said] = words(quiet);
    if (root.dataset.state !== state) {
      root.dataset.state = state;
      root.querySelector(".cs-connection-state").textContent = said;
      document.getElementById("page").dataset.silent = state === "offline" ? "yes" : "no";
    }
    const seconds = Math.floor(quiet / 1000);
    root.querySelector(".cs-answered-age").textContent =
      state === "offline" ? `for ${seconds} s, figures are old` : answeredAt === null ? "" : `${seconds} s ago`;
  }
  setInterval(second, 500);

  // Dash puts new rows in the place of the old ones with every answer; who stood on a link stands on the same one again.
  let stood = null;
  document.addEventListener("focusin", (event) => { stood = event.target.closest(".cs-table a"); });
  document.addEventListener("pointerdown", () => { stood = null; });
  new MutationObserver(() => {
    if (!stood || stood.isConnected || document.activeElement !== document.body) return;
    const again = document.querySelector(`.cs-table a[href="${CSS.escape(stood.getAttribute("href"))}"]`);
    if (again) again.focus({ preventScroll: true });
  }).observe(document.body, { childList: true, subtree: true });

  clientside.board = {
    answered(served) {
      if (served === undefined || served === null) return;
      answeredAt = performance.now();
      second();
    },
  };
})();
