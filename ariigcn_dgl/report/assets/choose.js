// Choosing an utterance: with the mouse, a finger, the arrow keys.

function drawLegend() {
  const entries = data.labels.map((_, c) => chip(c));
  if (new Set(data.colours).size < data.labels.length) {
    entries.push(make("span", { class: "about" }, "colours repeat: go by the names"));
  }
  if (data.unsure !== null) {
    entries.push(chip(null, "unsure", `hatched: unsure, below ${bound(data.unsure)}`));
  }
  if (answer().predictions.includes(null)) entries.push(chip(null));
  parts.legend.replaceChildren(...entries);
}

function inView(i) {
  const { left, width } = places[i];
  const view = parts.timeline;
  if (left < view.scrollLeft || left + width > view.scrollLeft + view.clientWidth)
    view.scrollLeft = left - view.clientWidth / 2;
}

function select(i, focus = true) {
  rows[state.selected]?.classList.remove("chosen");
  state.selected = i;
  rows[i].classList.add("chosen");
  marked.selected?.removeAttribute("aria-current");
  marked.selected?.setAttribute("tabindex", "-1");
  mark("selected", i);
  cells[i].setAttribute("aria-current", "true");
  cells[i].setAttribute("tabindex", "0");
  if (focus) cells[i].focus({ preventScroll: true });
  inView(i);
  drawDetail();
  connect(i);
}

// By the reader, not by the page itself.
function choose(i, focus = true) {
  select(i, focus);
  root.dispatchEvent(new CustomEvent("chosen", { detail: i }));
}

function show() {
  drawLegend();
  drawTimeline();
  drawTable();
  select(Math.min(state.selected, cells.length - 1), false);
  root.dispatchEvent(new CustomEvent("drawn"));
}

const MOVES = {
  ArrowRight: (i) => i + 1,
  ArrowLeft: (i) => i - 1,
  Home: () => 0,
  End: () => cells.length - 1,
};
const cellOf = (event) => event.target.closest(".cell");
parts.track.addEventListener("mouseover", (event) => {
  const cell = cellOf(event);
  if (cell) cell.title = cell.getAttribute("aria-label");
  connect(cell ? Number(cell.dataset.utterance) : state.selected);
});
parts.track.addEventListener("mouseleave", () => connect(state.selected));
parts.track.addEventListener("click", (event) => {
  if (cellOf(event)) choose(Number(cellOf(event).dataset.utterance));
});
parts.track.addEventListener("keydown", (event) => {
  if (!(event.key in MOVES)) return;
  event.preventDefault();
  choose(Math.max(0, Math.min(cells.length - 1, MOVES[event.key](state.selected))));
});
parts.table.addEventListener("click", (event) => {
  const row = event.target.closest("[data-utterance]");
  if (row) choose(Number(row.dataset.utterance), false);
});
let room = 0;
new ResizeObserver(() => {
  if (parts.timeline.clientWidth === room) return;
  room = parts.timeline.clientWidth;
  show();
}).observe(parts.timeline);
