// Choosing a run, a dialogue, a mistake, whose attention is shown.

function drawControls() {
  parts.run.replaceChildren(...data.runs.map((one, r) => make("option", { value: r }, one.name)));
  parts.run.closest("label").hidden = data.runs.length < 2;
  parts.dialogue.replaceChildren(
    ...data.dialogues.map((one, d) => make("option", { value: d }, option(one, d)))
  );
  const several = data.dialogues.length > 1;
  parts.dialogue.closest("label").hidden = !several;
  parts.previous.hidden = parts.next.hidden = !several;
}

function option(one, d) {
  const labelled = one.utterances.map((_, i) => i).filter((i) => one.utterances[i].label !== null);
  const count = `${isolated(one.name)} · ${one.utterances.length} utterances`;
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

root.addEventListener("drawn", () => {
  parts.mistake.hidden = !dialogue().utterances.some((_, i) => wrong(i));
  parts.previous.disabled = state.dialogue === 0;
  parts.next.disabled = state.dialogue === data.dialogues.length - 1;
});

function openDialogue(d) {
  Object.assign(state, { dialogue: d, selected: 0 });
  parts.dialogue.value = d;
  parts.timeline.scrollLeft = 0;
  drawAttentionChoice();
  show();
}

function nextMistake() {
  const count = cells.length;
  for (let k = 1; k <= count; k++) {
    const i = (state.selected + k) % count;
    if (wrong(i)) return select(i);
  }
}

parts.attention.addEventListener("change", (event) => {
  state.attention = Number(event.target.value);
  drawDetail();
  connect(state.selected);
});
function openRun(r) {
  state.run = r;
  drawControls();
  parts.run.value = r;
  parts.dialogue.value = state.dialogue;
  drawAttentionChoice();
  show();
}

parts.run.addEventListener("change", () => openRun(Number(parts.run.value)));
// An example of a mistake, elsewhere on the page.
document.addEventListener("click", (event) => {
  const example = event.target.closest("button.example");
  if (!example) return;
  openRun(Number(example.dataset.run));
  openDialogue(Number(example.dataset.dialogue));
  select(Number(example.dataset.place));
  root.scrollIntoView({ block: "start" });
});
parts.dialogue.addEventListener("change", () => openDialogue(Number(parts.dialogue.value)));
parts.previous.addEventListener("click", () => openDialogue(state.dialogue - 1));
parts.next.addEventListener("click", () => openDialogue(state.dialogue + 1));
parts.mistake.addEventListener("click", nextMistake);
drawControls();
drawAttentionChoice();
