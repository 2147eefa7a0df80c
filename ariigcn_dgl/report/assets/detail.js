// What is known about the chosen utterance.

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
  const rows = order.slice(0, STRONGEST).map((e) => {
    const j = sources[e];
    const where = j === i ? "itself" : `${Math.abs(j - i)} ${j < i ? "before" : "after"}`;
    const name = `${where} · ${who(j)} · ${short(answer().predictions[j])}`;
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
    const verdict = other === guess ? "" : `→ ${named(other)}`;
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
  const hint = `change of p(${named(guess)}) in points, and what would be predicted then`;
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
  const when = one.start === null ? [] : [`${tenths(one.start)}–${tenths(one.end)}`];
  const used = one.modalities.length ? [one.modalities.join(" + ")] : [];
  const where = [
    `${i + 1} of ${dialogue().utterances.length}`,
    who(i),
    ...(one.name === String(i + 1) ? [] : [one.name]),
    ...when,
    ...(one.when ? [one.when] : []),
    ...used,
  ].flatMap((text, k) => [...(k ? [" · "] : []), make("bdi", {}, text)]);
  const verdict = make("p", { class: "verdict" }, guess === null ? "" : "predicted ", chip(guess, `strong${doubt(i)}`));
  if (unsure(i)) verdict.append(make("span", { class: "doubt" }, `unsure: below ${bound(data.unsure)}`));
  if (one.label !== null)
    verdict.append(wrong(i) ? " but truly " : ", correctly", ...(wrong(i) ? [chip(one.label, "strong")] : []));
  const said = one.text ? [make("blockquote", { dir: "auto" }, one.text)] : [];
  const boxes = [probabilities(i), attended(i), ablated(i), others(i)].filter(Boolean);
  parts.detail.replaceChildren(
    make("p", { class: "where" }, ...where),
    ...said,
    verdict,
    make("div", { class: "boxes" }, ...boxes)
  );
}
