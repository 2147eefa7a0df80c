"use strict";
// The dialogue browser: a timeline of utterances by speaker, and what a run says about each.
// Reads the JSON in #browser-data (see conversation.py); text enters the page as text nodes only.
(() => {
  const COLOURS = 8; // classes beyond these share colours; every cell also carries its name
  const STEP = { least: 34, most: 64 }; // px an utterance takes where no times are known
  const GAP = 2; // px between neighbours
  const NARROWEST = 12; // px that can still be clicked
  const ARCS = { height: 92, base: 88, lowest: 14 }; // px
  const STRONGEST = 6; // edges that are listed
  const SVG = "http://www.w3.org/2000/svg";

  const root = document.querySelector("[data-browser]");
  const data = JSON.parse(document.getElementById("browser-data").textContent);
  const parts = Object.fromEntries(
    [...root.querySelectorAll("[data-part]")].map((one) => [one.dataset.part, one])
  );
  const state = { run: 0, dialogue: 0, selected: 0, attention: 0 };
  let cells = [];
  let places = [];

  const dialogue = () => data.dialogues[state.dialogue];
  const answer = (run = state.run) => data.runs[run].answers[state.dialogue];
  const attentions = () => Object.keys(answer().attention);
  const percent = (share) => `${Math.round(100 * share)} %`;
  const points = (x) => `${x > 0 ? "+" : x < 0 ? "−" : "±"}${Math.abs(Math.round(100 * x))}`;
  const short = (name) => name.slice(0, 3);
  const colour = (label) => `var(--class-${label % COLOURS})`;
  const clock = (seconds) =>
    `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
  const wrong = (i, run) => {
    const truth = dialogue().utterances[i].label;
    return truth !== null && truth !== answer(run).predictions[i];
  };

  function make(tag, attributes = {}, ...children) {
    const svg = ["svg", "path", "text", "line", "circle"].includes(tag);
    const element = svg ? document.createElementNS(SVG, tag) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "style") for (const [k, v] of Object.entries(value)) element.style.setProperty(k, v);
      else element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  }

  function chip(label, extra = "") {
    const swatch = make("span", { class: "swatch", style: { "--colour": colour(label) } });
    return make("span", { class: `chip ${extra}` }, swatch, data.labels[label]);
  }

  // ---- timeline ----

  function layout(utterances, room) {
    if (utterances[0].start === null) {
      const step = Math.min(STEP.most, Math.max(STEP.least, room / utterances.length));
      return utterances.map((_, i) => ({ left: i * step, width: step - GAP }));
    }
    const end = Math.max(...utterances.map((one) => one.end), 1);
    const scale = Math.max(room, utterances.length * STEP.least) / end;
    return utterances.map((one) => ({
      left: one.start * scale,
      width: Math.max((one.end - one.start) * scale - GAP, NARROWEST),
      scale,
    }));
  }

  function describe(i) {
    const one = dialogue().utterances[i];
    const guess = answer().predictions[i];
    const said = one.text ? `“${one.text}”, ` : "";
    const truth = one.label === null ? "" : `, true ${data.labels[one.label]}`;
    return (
      `${i + 1}: ${dialogue().speakers[one.speaker]}, ${said}predicted ${data.labels[guess]} ` +
      `${percent(answer().probabilities[i][guess])}${truth}`
    );
  }

  function cell(i) {
    const one = dialogue().utterances[i];
    const guess = answer().predictions[i];
    const truth = one.label === null ? guess : one.label;
    const button = make(
      "button",
      {
        type: "button",
        class: `cell${wrong(i) ? " wrong" : ""}`,
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
      make("span", {}, places[i].width < 26 ? "" : short(data.labels[guess]))
    );
    button.addEventListener("mouseenter", () => connect(i));
    button.addEventListener("mouseleave", () => connect(state.selected));
    button.addEventListener("click", () => select(i));
    return button;
  }

  function drawTimeline() {
    const { utterances, speakers } = dialogue();
    places = layout(utterances, parts.timeline.clientWidth - 4);
    const width = Math.max(...places.map((one) => one.left + one.width));
    cells = utterances.map((_, i) => cell(i));
    const lanes = speakers.map((name, s) => {
      const own = cells.filter((_, i) => utterances[i].speaker === s);
      return make(
        "div",
        { class: "lane" },
        make("div", { class: "lane-name" }, name),
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
    parts.track.replaceChildren(arcs, ...lanes, axis(width));
  }

  function axis(width) {
    const svg = make("svg", { class: "axis", width, height: 20, "aria-hidden": "true" });
    const tick = (x, text) => {
      const anchor = x < 12 ? "start" : x > width - 16 ? "end" : "middle";
      svg.append(make("line", { x1: x, x2: x, y1: 0, y2: 4 }));
      svg.append(make("text", { x, y: 15, "text-anchor": anchor }, text));
    };
    const { scale } = places[0];
    if (scale === undefined) {
      for (let i = 0; i < places.length; i += i ? 5 : 4)
        tick(places[i].left + places[i].width / 2, String(i + 1));
      return svg;
    }
    const step = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600].find((one) => one * scale >= 48) || 1200;
    for (let t = 0; t * scale <= width; t += step) tick(Math.max(t * scale, 0.5), clock(t));
    return svg;
  }

  function connect(i) {
    cells.forEach((one, j) => one.classList.toggle("hovered", j === i));
    const of = answer().attention[attentions()[state.attention]];
    if (!of) return;
    const centre = (j) => places[j].left + places[j].width / 2;
    const [sources, weights] = of[i];
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

  // ---- the selected utterance ----

  function bar(name, share, text, extra = {}) {
    const fill = make("span", { class: "fill", style: { width: `${100 * share}%`, ...extra } });
    return make(
      "li",
      {},
      make("span", { class: "name" }, name),
      make("span", { class: "rail" }, fill),
      make("span", { class: "number" }, text)
    );
  }

  function box(title, hint, ...content) {
    return make("section", { class: "box" }, make("h4", {}, title), make("p", { class: "hint" }, hint), ...content);
  }

  function probabilities(i) {
    const p = answer().probabilities[i];
    const order = data.labels.map((_, c) => c).sort((a, b) => p[b] - p[a]);
    const rows = order.map((c) =>
      bar(data.labels[c], p[c], percent(p[c]), { "--colour": colour(c) })
    );
    return box("Probabilities", "softmax of the run’s logits", make("ul", { class: "bars" }, ...rows));
  }

  function attended(i) {
    const of = answer().attention[attentions()[state.attention]];
    if (!of) return null;
    const [sources, weights] = of[i];
    const order = sources.map((_, e) => e).sort((a, b) => weights[b] - weights[a]);
    const { utterances, speakers } = dialogue();
    const rows = order.slice(0, STRONGEST).map((e) => {
      const j = sources[e];
      const where = j === i ? "itself" : `${Math.abs(j - i)} ${j < i ? "before" : "after"}`;
      const name = `${where} · ${speakers[utterances[j].speaker]} · ${short(data.labels[answer().predictions[j]])}`;
      return bar(name, weights[e], percent(weights[e]));
    });
    const hint = `${sources.length} neighbours, evenly spread ${percent(1 / sources.length)} each; the strongest:`;
    return box("Attends to", hint, make("ul", { class: "bars wide" }, ...rows));
  }

  function ablated(i) {
    const names = Object.keys(answer().without);
    if (!names.length) return null;
    const guess = answer().predictions[i];
    const before = answer().probabilities[i][guess];
    const here = dialogue().utterances[i].modalities;
    const rows = names.map((name) => {
      const p = answer().without[name][i];
      const change = p[guess] - before;
      const other = p.indexOf(Math.max(...p));
      const verdict = other === guess ? "" : ` → ${data.labels[other]}`;
      const side = change < 0 ? "down" : "up";
      const fill = make("span", { class: `fill ${side}`, style: { "--size": `${50 * Math.abs(change)}%` } });
      const missing = here.length && !here.includes(name) ? " (missing)" : "";
      return make(
        "li",
        {},
        make("span", { class: "name" }, `without ${name}${missing}`),
        make("span", { class: "rail middle" }, fill),
        make("span", { class: "number" }, points(change)),
        make("span", { class: "verdict" }, verdict)
      );
    });
    const hint = `change of p(${data.labels[guess]}) in points, and what would be predicted then`;
    return box("What moved it", hint, make("ul", { class: "bars moved" }, ...rows));
  }

  function others(i) {
    if (data.runs.length < 2) return null;
    const rows = data.runs.map((run, r) => {
      const guess = answer(r).predictions[i];
      const p = answer(r).probabilities[i][guess];
      return bar(run.name, p, `${short(data.labels[guess])} ${percent(p)}`, { "--colour": colour(guess) });
    });
    const hint = "its prediction and the probability of it";
    return box("Every run", hint, make("ul", { class: "bars runs" }, ...rows));
  }

  function drawDetail() {
    const i = state.selected;
    const one = dialogue().utterances[i];
    const guess = answer().predictions[i];
    const when = one.start === null ? [] : [`${one.start.toFixed(1)}–${one.end.toFixed(1)} s`];
    const used = one.modalities.length ? [one.modalities.join(" + ")] : [];
    const where = [
      `${i + 1} of ${dialogue().utterances.length}`,
      dialogue().speakers[one.speaker],
      one.name,
      ...when,
      ...used,
    ];
    const verdict = make("p", { class: "verdict" }, "predicted ", chip(guess, "strong"));
    if (one.label !== null)
      verdict.append(wrong(i) ? " but truly " : ", correctly", ...(wrong(i) ? [chip(one.label, "strong")] : []));
    const said = one.text ? [make("blockquote", {}, one.text)] : [];
    const boxes = [probabilities(i), attended(i), ablated(i), others(i)].filter(Boolean);
    parts.detail.replaceChildren(
      make("p", { class: "where" }, where.join(" · ")),
      ...said,
      verdict,
      make("div", { class: "boxes" }, ...boxes)
    );
  }

  // ---- the table of all utterances ----

  function drawTable() {
    const { utterances, speakers } = dialogue();
    const known = utterances.some((one) => one.label !== null);
    const spoken = utterances.some((one) => one.text);
    const timed = utterances[0].start !== null;
    const columns = ["#", ...(timed ? ["time"] : []), "speaker", ...(spoken ? ["text"] : ["utterance"])];
    const head = [...columns, ...(known ? ["true"] : []), "predicted", "p"];
    const rows = utterances.map((one, i) => {
      const guess = answer().predictions[i];
      const texts = [
        String(i + 1),
        ...(timed ? [clock(one.start)] : []),
        speakers[one.speaker],
        spoken ? one.text : one.name,
        ...(known ? [one.label === null ? "–" : data.labels[one.label]] : []),
      ];
      const row = texts.map((text, c) => make("td", { class: columns[c] === "text" ? "said" : "" }, text));
      const p = make("td", { class: "number" }, percent(answer().probabilities[i][guess]));
      return make("tr", { class: wrong(i) ? "wrong" : "", "data-utterance": i }, ...row, make("td", {}, chip(guess)), p);
    });
    const header = make("tr", {}, ...head.map((name) => make("th", { scope: "col" }, name)));
    parts.table.replaceChildren(make("thead", {}, header), make("tbody", {}, ...rows));
  }

  // ---- choosing ----

  function select(i, focus = true) {
    state.selected = i;
    cells.forEach((one, j) => {
      one.tabIndex = j === i ? 0 : -1;
      one.classList.toggle("selected", j === i);
      if (j === i) one.setAttribute("aria-current", "true");
      else one.removeAttribute("aria-current");
    });
    if (focus) cells[i].focus({ preventScroll: true });
    const { left, width } = places[i];
    const view = parts.timeline;
    if (left < view.scrollLeft || left + width > view.scrollLeft + view.clientWidth)
      view.scrollLeft = left - view.clientWidth / 2;
    drawDetail();
    connect(i);
  }

  function drawControls() {
    parts.run.replaceChildren(...data.runs.map((one, r) => make("option", { value: r }, one.name)));
    parts.run.closest("label").hidden = data.runs.length < 2;
    parts.dialogue.replaceChildren(
      ...data.dialogues.map((one, d) => make("option", { value: d }, option(one, d)))
    );
    const several = data.dialogues.length > 1;
    parts.dialogue.closest("label").hidden = !several;
    parts.previous.hidden = parts.next.hidden = !several;
    parts.legend.replaceChildren(...data.labels.map((_, c) => chip(c)));
  }

  function option(one, d) {
    const labelled = one.utterances.map((_, i) => i).filter((i) => one.utterances[i].label !== null);
    const count = `${one.name} · ${one.utterances.length} utterances`;
    if (!labelled.length) return count;
    const { predictions } = data.runs[state.run].answers[d];
    const hits = labelled.filter((i) => predictions[i] === one.utterances[i].label).length;
    return `${count}, ${percent(hits / labelled.length)} right`;
  }

  function drawAttentionChoice() {
    const names = attentions();
    state.attention = Math.min(state.attention, Math.max(names.length - 1, 0));
    parts.attention.hidden = names.length < 2;
    const choices = names.map((name, a) => {
      const radio = make("input", { type: "radio", name: "attention", value: a });
      radio.checked = a === state.attention;
      return make("label", {}, radio, name);
    });
    parts.attention.replaceChildren(make("legend", {}, "attention of"), ...choices);
    parts.without.hidden = names.length > 0 || !parts.without.textContent;
  }

  function show() {
    parts.mistake.hidden = !dialogue().utterances.some((_, i) => wrong(i));
    parts.previous.disabled = state.dialogue === 0;
    parts.next.disabled = state.dialogue === data.dialogues.length - 1;
    drawAttentionChoice();
    drawTimeline();
    drawTable();
    select(Math.min(state.selected, cells.length - 1), false);
  }

  function open(d) {
    Object.assign(state, { dialogue: d, selected: 0 });
    parts.dialogue.value = d;
    parts.timeline.scrollLeft = 0;
    show();
  }

  function nextMistake() {
    const count = cells.length;
    for (let k = 1; k <= count; k++) {
      const i = (state.selected + k) % count;
      if (wrong(i)) return select(i);
    }
  }

  const MOVES = {
    ArrowRight: (i) => i + 1,
    ArrowLeft: (i) => i - 1,
    Home: () => 0,
    End: () => cells.length - 1,
  };
  parts.track.addEventListener("keydown", (event) => {
    if (!(event.key in MOVES)) return;
    event.preventDefault();
    select(Math.max(0, Math.min(cells.length - 1, MOVES[event.key](state.selected))));
  });
  parts.table.addEventListener("click", (event) => {
    const row = event.target.closest("[data-utterance]");
    if (row) select(Number(row.dataset.utterance), false);
  });
  parts.attention.addEventListener("change", (event) => {
    state.attention = Number(event.target.value);
    drawDetail();
    connect(state.selected);
  });
  parts.run.addEventListener("change", () => {
    state.run = Number(parts.run.value);
    drawControls();
    parts.run.value = state.run;
    parts.dialogue.value = state.dialogue;
    show();
  });
  parts.dialogue.addEventListener("change", () => open(Number(parts.dialogue.value)));
  parts.previous.addEventListener("click", () => open(state.dialogue - 1));
  parts.next.addEventListener("click", () => open(state.dialogue + 1));
  parts.mistake.addEventListener("click", nextMistake);
  let room = 0;
  new ResizeObserver(() => {
    if (parts.timeline.clientWidth === room) return;
    room = parts.timeline.clientWidth;
    show();
  }).observe(parts.timeline);
  drawControls();
})();
