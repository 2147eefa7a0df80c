// The timeline: blocks in rows of speakers, and arcs to what one of them attends to.

const STEP = { least: 34, most: 64, paper: 14 }; // px an utterance takes where no times are known
const READABLE = 32; // px of half the blocks of known times: room for letters
const WIDEST = 60000; // px of a timeline that pauses stretch: more than that nobody scrolls through
const GAP = 2; // px between neighbours
const NARROWEST = 12; // px that can still be clicked
const ARCS = { height: 92, base: 88, lowest: 14 }; // px
const LETTER = 7; // px of a wide letter in a block
const LONGEST = 300; // characters of a text that is read aloud or shown beside the mouse
const SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 43200];

let cells = [];
let places = [];
let marked = {}; // by name of a CSS class that one cell has: that cell

function mark(name, i) {
  marked[name]?.classList.remove(name);
  marked[name] = cells[i];
  marked[name].classList.add(name);
}

// Pauses take room, too: a width by the number of utterances would leave them too narrow to read.
function stretched(utterances, end) {
  if (root.matches(".paper")) return 0;
  const lengths = utterances.map((one) => one.end - one.start).sort((a, b) => a - b);
  const median = lengths[Math.floor(lengths.length / 2)];
  return median > 0 ? Math.min((READABLE * end) / median, WIDEST) : 0;
}

function layout(utterances, room) {
  const least = root.matches(".paper") ? STEP.paper : STEP.least;
  if (utterances[0].start === null) {
    const step = Math.min(STEP.most, Math.max(least, room / utterances.length));
    return utterances.map((_, i) => ({ left: i * step, width: step - GAP }));
  }
  const end = Math.max(...utterances.map((one) => one.end), 1);
  const scale = Math.max(room, utterances.length * least, stretched(utterances, end)) / end;
  return utterances.map((one) => ({
    left: one.start * scale,
    width: Math.max((one.end - one.start) * scale - GAP, NARROWEST),
    scale,
  }));
}

function describe(i) {
  const one = dialogue().utterances[i];
  const guess = answer().predictions[i];
  const text = one.text.length > LONGEST ? `${[...one.text.slice(0, LONGEST)].slice(0, -1).join("")}…` : one.text;
  const said = text ? `“${isolated(text)}”, ` : "";
  const truth = one.label === null ? "" : `, true ${named(one.label)}`;
  return (
    `${i + 1}: ${who(i)}, ${said}${guess === null ? "" : "predicted "}${named(guess)} ` +
    `${percent(confidence(i))}${unsure(i) ? ", unsure" : ""}${truth}`
  );
}

// As much of the name of a class as a block has room for.
function lettering(label, width) {
  if (label !== null && named(label).length * LETTER + 10 <= width) return named(label);
  return short(label).slice(0, width >= 28 ? 3 : width >= 20 ? 2 : 0);
}

function cell(i) {
  const one = dialogue().utterances[i];
  const guess = answer().predictions[i];
  const truth = one.label === null ? guess : one.label;
  return make(
    "button",
    {
      type: "button",
      class: `cell${wrong(i) ? " wrong" : ""}${doubt(i)}`,
      tabindex: "-1",
      "data-utterance": i,
      "aria-label": describe(i),
      style: {
        left: `${places[i].left}px`,
        width: `${places[i].width}px`,
        "--guess": colour(guess),
        "--truth": colour(truth),
      },
    },
    make("span", {}, lettering(guess, places[i].width))
  );
}

function drawTimeline() {
  const { utterances, speakers } = dialogue();
  parts.timeline.classList.remove("beyond"); // which paper does not show
  places = layout(utterances, parts.timeline.clientWidth - 4);
  const width = Math.max(...places.map((one) => one.left + one.width));
  cells = utterances.map((_, i) => cell(i));
  marked = {};
  const lanes = speakers.map((name, s) => {
    const own = cells.filter((_, i) => utterances[i].speaker === s);
    return make(
      "div",
      { class: "lane" },
      make("div", { class: "lane-name", dir: "auto" }, name || "no name"),
      make("div", { class: "cells" }, ...own)
    );
  });
  const arcs = make("svg", {
    class: "arcs",
    width,
    height: attentions().length ? ARCS.height : 4,
    "aria-hidden": "true",
  });
  parts.arcs = arcs;
  parts.track.style.width = `${width}px`;
  parts.timeline.classList.toggle("beyond", width > parts.timeline.clientWidth);
  parts.track.replaceChildren(arcs, ...lanes, axis(width, places[0].scale));
}

// With a scale in px a second ticks are times, else numbers of utterances evenly spread.
function axis(width, scale) {
  const svg = make("svg", { class: "axis", width, height: 20, "aria-hidden": "true" });
  const tick = (x, text) => {
    const anchor = x < 12 ? "start" : x > width - 16 ? "end" : "middle";
    svg.append(make("line", { x1: x, x2: x, y1: 0, y2: 4 }));
    svg.append(make("text", { x, y: 15, "text-anchor": anchor }, text));
  };
  if (scale === undefined) {
    const each = width / places.length;
    const step = [5, 10, 20, 50, 100, 200, 500, 1000].find((one) => one * each >= 40) || 5000;
    for (let n = 1; n <= places.length; n += n === 1 ? step - 1 : step) tick((n - 0.5) * each, String(n));
    return svg;
  }
  const step = SECONDS.find((one) => one * scale >= 52) || 86400;
  for (let t = 0; t * scale <= width; t += step) tick(Math.max(t * scale, 0.5), clock(t));
  return svg;
}

function connect(i) {
  mark("hovered", i);
  const edges = edgesOf(i);
  if (!edges) return;
  const centre = (j) => places[j].left + places[j].width / 2;
  const [sources, weights] = edges;
  const reach = Math.max(...sources.map((j) => Math.abs(centre(j) - centre(i))), 1);
  const paths = sources.map((j, e) => {
    const from = centre(j);
    const to = centre(i);
    const lift = ARCS.base - ARCS.lowest - (Math.abs(to - from) / reach) * (ARCS.base - 2 * ARCS.lowest);
    const d =
      j === i
        ? `M${to - 5} ${ARCS.base}C${to - 16} ${ARCS.base - 26} ${to + 16} ${ARCS.base - 26} ${to + 5} ${ARCS.base}`
        : `M${from} ${ARCS.base}C${from} ${lift - 12} ${to} ${lift - 12} ${to} ${ARCS.base}`;
    const width = (0.6 + 7 * weights[e]).toFixed(2);
    return make("path", {
      d,
      "stroke-width": width,
      "stroke-opacity": (0.25 + 0.75 * Math.min(1, 3 * weights[e])).toFixed(2),
      "data-source": j,
    });
  });
  parts.arcs.replaceChildren(...paths);
  const seen = new Set(sources);
  cells.forEach((one, j) => one.classList.toggle("unseen", !seen.has(j)));
}
