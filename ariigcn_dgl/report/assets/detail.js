// What is known about the chosen utterance, and the table of all of them.

const STRONGEST = 6; // edges that are listed

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
  return make("section", { class: "box" }, make("h3", {}, title), make("p", { class: "hint" }, hint), ...content);
}

function calibration() {
  const { calibrated } = data.runs[state.run];
  if (calibrated === null) return "of each class";
  return calibrated
    ? "calibrated: after the temperature that validation chose"
    : "not calibrated: likely surer than they are right";
}

function probabilities(i) {
  const p = answer().probabilities[i];
  const order = data.labels.map((_, c) => c).sort((a, b) => p[b] - p[a]);
  const rows = order.map((c) =>
    bar(data.labels[c], p[c], percent(p[c]), { "--colour": colour(c) })
  );
  return box("Probabilities", calibration(), make("ul", { class: "bars" }, ...rows));
}

function attended(i) {
  const edges = edgesOf(i);
  if (!edges) return null;
  const [sources, weights] = edges;
  const order = sources.map((_, e) => e).sort((a, b) => weights[b] - weights[a]);
  const { utterances, speakers } = dialogue();
  const rows = order.slice(0, STRONGEST).map((e) => {
    const j = sources[e];
    const where = j === i ? "itself" : `${Math.abs(j - i)} ${j < i ? "before" : "after"}`;
    const name = `${where} · ${speakers[utterances[j].speaker]} · ${short(answer().predictions[j])}`;
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
    const p = confidence(i, r);
    return bar(run.name, p, `${short(guess)} ${percent(p)}`, { "--colour": colour(guess) });
  });
  const hint = "its prediction and the probability of it";
  return box("Every run", hint, make("ul", { class: "bars every" }, ...rows));
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
  const verdict = make("p", { class: "verdict" }, guess === null ? "" : "predicted ", chip(guess, "strong"));
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
    const row = texts.map((text, c) => make("td", { class: ["text", "utterance"].includes(columns[c]) ? "said" : "" }, text));
    const p = make("td", { class: "number" }, percent(confidence(i)));
    return make("tr", { class: wrong(i) ? "wrong" : "", "data-utterance": i }, ...row, make("td", {}, chip(guess)), p);
  });
  const header = make("tr", {}, ...head.map((name) => make("th", { scope: "col" }, name)));
  parts.table.replaceChildren(make("thead", {}, header), make("tbody", {}, ...rows));
}
