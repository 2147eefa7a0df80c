// The dialogue browser: a timeline of utterances by speaker, and what a run says about each.
// Reads the JSON in #browser-data (see conversation.py); text enters the page as text nodes only.
// The scripts share one scope, in the order of page.py. What is chosen, and that all was drawn anew,
// the others hear from `root`, as the events "chosen" and "drawn".

const SVG = "http://www.w3.org/2000/svg";

const root = document.querySelector("[data-browser]");
const data = JSON.parse(document.getElementById("browser-data").textContent);
for (const run of data.runs) for (const one of run.answers) one.unsure = new Set(one.unsure);
const parts = Object.fromEntries(
  [...root.querySelectorAll("[data-part]")].map((one) => [one.dataset.part, one])
);
const state = { run: 0, dialogue: 0, selected: 0, attention: 0 };

const dialogue = () => data.dialogues[state.dialogue];
const answer = (run = state.run) => data.runs[run].answers[state.dialogue];
// Written from right to left, a name turns what stands beside it, numbers above all.
const TURNS = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;
const isolated = (text) => (TURNS.test(text) ? `\u2068${text}\u2069` : text);
const who = (i) => isolated(dialogue().speakers[dialogue().utterances[i].speaker] || "no name");
const attentions = () => Object.keys(answer().attention);
const edgesOf = (i) => {
  const weights = answer().attention[attentions()[state.attention]];
  return weights && [answer().sources[i], weights[i]];
};
const percent = (share) => `${Math.round(100 * share)} %`;
const bound = (share) => `${+(100 * share).toFixed(1)} %`;
const points = (x) => {
  const rounded = Math.round(100 * x);
  return `${rounded > 0 ? "+" : rounded < 0 ? "−" : "±"}${Math.abs(rounded)}`;
};
// A prediction is null where the run was not sure enough to make one.
const named = (label) => (label === null ? "left open" : isolated(data.labels[label]));
const short = (label) => (label === null ? "?" : data.labels[label].slice(0, 3));
const colour = (label) => (label === null ? "var(--faint)" : `var(--class-${data.colours[label]})`);
const confidence = (i, run) => Math.max(...answer(run).probabilities[i]);
const two = (number) => String(number).padStart(2, "0");
const clock = (seconds) => {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return `${hours ? `${hours}:${two(minutes)}` : minutes}:${two(Math.floor(seconds % 60))}`;
};
const tenths = (seconds) => `${clock(seconds)}.${Math.floor((seconds * 10) % 10)}`;
const unsure = (i) => answer().unsure.has(i);
const doubt = (i) => (answer().predictions[i] === null ? " open" : unsure(i) ? " unsure" : "");
const wrong = (i, run) => {
  const truth = dialogue().utterances[i].label;
  const guess = answer(run).predictions[i];
  return truth !== null && guess !== null && truth !== guess;
};

function make(tag, attributes = {}, ...children) {
  const svg = ["svg", "path", "text", "line"].includes(tag);
  const element = svg ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "style") for (const [k, v] of Object.entries(value)) element.style.setProperty(k, v);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function chip(label, extra = label === null ? "open" : "", text = named(label)) {
  const swatch = make("span", { class: "swatch", style: { "--colour": colour(label) } });
  return make("span", { class: `chip ${extra}` }, swatch, make("bdi", {}, text));
}
