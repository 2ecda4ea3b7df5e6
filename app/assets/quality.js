// Serves layouts/parts/heatmap.py: the arrow keys move between days, and the day one stands on is told of below.
"use strict";
(function () {
  const clientside = (window.dash_clientside = window.dash_clientside || {});
  const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  let chosen = null, stood = false;

  const button = (day) => document.querySelector(`.cs-day[data-day="${CSS.escape(day)}"]`);
  function mark() {
    for (const each of document.querySelectorAll(".cs-day[data-day]")) {
      const here = each.dataset.day === chosen;
      if (here !== (each.getAttribute("aria-pressed") === "true")) each.setAttribute("aria-pressed", String(here));
      if (chosen !== null && button(chosen)) each.tabIndex = here ? 0 : -1;
    }
  }
  function choose(day) {
    if (day === chosen) return;
    chosen = day;
    mark();
    clientside.set_props("quality-chosen", { data: day });
  }
  function neighbour(from, [down, right]) {
    const cell = from.closest("td"), row = cell.parentElement;
    const rows = [...row.parentElement.rows], target = rows[rows.indexOf(row) + down];
    const found = target && target.cells[cell.cellIndex + right];
    return found && found.querySelector(".cs-day");
  }

  document.addEventListener("focusin", (event) => {
    const day = event.target.closest(".cs-day[data-day]");
    stood = Boolean(day);
    if (day) choose(day.dataset.day);
  });
  document.addEventListener("click", (event) => { // some browsers give a button that is clicked no focus
    const day = event.target.closest(".cs-day[data-day]");
    if (day) choose(day.dataset.day);
  });
  document.addEventListener("keydown", (event) => {
    const day = event.target.closest(".cs-day[data-day]"), step = STEPS[event.key];
    if (!day || !step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const next = neighbour(day, step);
    if (next) next.focus();
  });
  // Dash puts new cells in the place of the old ones; who stood on a day stands on the same one again.
  new MutationObserver(() => {
    if (chosen === null || !button(chosen)) return;
    if (button(chosen).getAttribute("aria-pressed") !== "true") mark();
    if (stood && document.activeElement === document.body) button(chosen).focus({ preventScroll: true });
  }).observe(document.body, { childList: true, subtree: true });
})();
