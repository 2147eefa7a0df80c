// Each speaker: which emotions, and their probabilities over the conversation.

const SHOWN = 8; // speakers; the others are folded away
const pen = document.createElement("canvas").getContext("2d");
let unfolded = false; // the others, by the reader
let reach = { width: 1, places: [] }; // of the charts: px, and each utterance's { left, right }

// One axis for all: seconds, or utterances evenly spread, over the width there is.
function reaches(width) {
  const { utterances } = dialogue();
  if (utterances[0].start === null) {
    const each = width / utterances.length;
    return { width, places: utterances.map((_, i) => ({ left: i * each, right: (i + 1) * each })) };
  }
  const scale = width / Math.max(...utterances.map((one) => one.end), 1);
  const places = utterances.map((one) => ({ left: one.start * scale, right: one.end * scale }));
  return { width, places, scale };
}

const centre = (i) => (reach.places[i].left + reach.places[i].right) / 2;

function spoken(s) {
  return dialogue().utterances.flatMap((one, i) => (one.speaker === s ? [i] : []));
}

function shares(own) {
  const counts = new Map();
  for (const i of own) counts.set(answer().predictions[i], (counts.get(answer().predictions[i]) ?? 0) + 1);
  const order = [...counts].sort(([, a], [, b]) => b - a);
  const chips = order.map(([label, n]) => chip(label, undefined, `${named(label)} ${percent(n / own.length)}`));
  return make("p", { class: "shares" }, ...chips);
}

function chart(own, name) {
  const points = own.map((i) => ({ x: centre(i), p: answer().probabilities[i] }));
  const from = Math.min(...own.map((i) => reach.places[i].left));
  const to = Math.max(...own.map((i) => reach.places[i].right), from + STREAM.least);
  const { columns, bands } = stream(points, from, to);
  const svg = make("svg", {
    class: "stream",
    width: reach.width,
    height: STREAM.height + 8,
    viewBox: `0 0 ${reach.width} ${STREAM.height + 8}`,
    role: "img",
    "aria-label": `${name}: probabilities of the emotions over the conversation`,
  });
  bands.forEach((band, c) => {
    svg.append(make("path", { d: outline(columns, band), style: { "--colour": colour(c) }, "data-class": c }));
  });
  bands.forEach((band, c) => {
    const place = roomIn(columns, band, pen.measureText(data.labels[c]).width);
    if (place) svg.append(make("text", { x: place.x.toFixed(1), y: (place.y + 4).toFixed(1) }, data.labels[c]));
  });
  const talk = own.map((i) => {
    const { left, right } = reach.places[i];
    return `M${left.toFixed(1)} ${STREAM.height + 5}H${Math.max(right - 1, left + 1).toFixed(1)}`;
  });
  svg.append(make("path", { class: "talking", d: talk.join("") }));
  const readout = make("p", { class: "readout", hidden: "" });
  const box = make("div", { class: "chart" }, svg, make("i", { class: "playhead" }), readout);
  box.addEventListener("pointermove", (event) => tell(event, readout, columns, bands));
  box.addEventListener("pointerdown", (event) => tell(event, readout, columns, bands));
  box.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && silence());
  box.addEventListener("click", (event) => {
    const x = event.clientX - box.getBoundingClientRect().left;
    choose(own.reduce((best, i) => (Math.abs(centre(i) - x) < Math.abs(centre(best) - x) ? i : best)), false);
  });
  return box;
}

let told = null; // the readout that is shown

// A finger leaves when it has tapped: what it asked for stays until the next tap elsewhere.
function silence() {
  if (told) told.hidden = true;
}
document.addEventListener("pointerdown", silence, { capture: true });

// The name and the number of the band under the pointer.
function tell(event, readout, columns, bands) {
  silence();
  told = readout;
  const box = readout.parentElement.getBoundingClientRect();
  const [x, y] = [event.clientX - box.left, event.clientY - box.top];
  const k = Math.round((x - columns[0]) / (columns[1] - columns[0]));
  const c = bands.findIndex((band) => y >= band.upper[k] && y <= band.lower[k]);
  readout.hidden = c < 0;
  if (c < 0) return;
  const { scale } = reach;
  const where = scale ? ` at ${clock(x / scale)}` : ` at utterance ${Math.ceil((x / reach.width) * cells.length) || 1}`;
  readout.replaceChildren(chip(c, "strong", `${named(c)} ${percent(bands[c].share[k])}`), where);
  readout.style.left = `${Math.max(0, Math.min(x - readout.offsetWidth / 2, reach.width - readout.offsetWidth))}px`;
}

function speaker(s) {
  const own = spoken(s);
  const name = who(own[0]);
  const doubtful = own.filter(unsure).length;
  const count = `${own.length} utterance${own.length > 1 ? "s" : ""}${doubtful ? `, ${doubtful} unsure` : ""}`;
  const head = make("h3", {}, make("bdi", {}, name), make("span", { class: "about" }, count));
  return make("div", { class: "speaker" }, head, shares(own), chart(own, name));
}

function drawSpeakers() {
  const width = parts.speakers.clientWidth;
  pen.font = `11px ${getComputedStyle(root).fontFamily}`;
  reach = reaches(width);
  const order = dialogue().speakers.map((_, s) => s);
  const count = order.map((s) => spoken(s).length);
  if (order.length > SHOWN) order.sort((a, b) => count[b] - count[a]);
  const ticks = () => axis(reach.width, reach.scale);
  const shown = order.slice(0, SHOWN).map(speaker);
  const others = order.slice(SHOWN);
  parts.speakers.replaceChildren(...shown, ticks());
  if (!others.length) return;
  const more = make("details", {}, make("summary", {}, `${others.length} more speaker${others.length > 1 ? "s" : ""}`));
  const fill = () => more.childElementCount > 1 || more.append(...others.map(speaker), ticks());
  more.addEventListener("toggle", () => {
    if (!more.isConnected || root.matches(".paper")) return;
    unfolded = more.open;
    fill();
  });
  more.open = unfolded || root.matches(".paper");
  if (more.open) fill(); // paper does not wait for the event
  parts.speakers.append(more);
}

// The line in the charts is at what was chosen; where there is a recording, at what is heard.
const pointAt = (x) => parts.speakers.style.setProperty("--now", `${Math.round(x)}px`);

root.addEventListener("drawn", () => {
  drawSpeakers();
  pointAt(centre(state.selected));
});
// Pictures are as wide as the paper while it is printed.
addEventListener("beforeprint", () => (root.classList.add("paper"), show()));
addEventListener("afterprint", () => (root.classList.remove("paper"), show()));
root.addEventListener("chosen", (event) => pointAt(centre(event.detail)));
