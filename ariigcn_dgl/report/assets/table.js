// The table of all utterances; on a phone each of its rows is a card of two lines.

let rows = []; // of the table, by utterance

function drawTable() {
  const { utterances } = dialogue();
  const any = (name) => utterances.some((one) => one[name]);
  const columns = ["number"];
  if (utterances[0].start !== null) columns.push("time");
  if (any("when")) columns.push("when");
  columns.push("speaker", any("text") ? "text" : "utterance");
  if (utterances.some((one) => one.label !== null)) columns.push("true");
  columns.push("predicted", "p");
  rows = utterances.map((one, i) => {
    return make("tr", { class: wrong(i) ? "wrong" : "", "data-utterance": i }, ...columns.map((name) => entry(name, one, i)));
  });
  const heads = columns.map((name) => {
    const title = name === "number" ? "#" : name;
    return make("th", { scope: "col", class: CLASSES[name] ?? "", "data-column": name }, title);
  });
  parts.table.style.setProperty("--columns", columns.map((name) => WIDTHS[name]).join(" "));
  parts.table.replaceChildren(make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...rows));
}

const ENTRIES = {
  number: (_, i) => String(i + 1),
  time: (one) => clock(one.start),
  when: (one) => one.when,
  speaker: (_, i) => who(i),
  text: (one) => one.text,
  utterance: (one) => one.name,
  true: (one) => (one.label === null ? "–" : data.labels[one.label]),
  predicted: (_, i) => chip(answer().predictions[i], doubt(i)),
  p: (_, i) => percent(confidence(i)),
};
const LONG = "minmax(0, 3fr)";
const WIDTHS = {
  number: "36px",
  time: "56px",
  when: "minmax(0, 1.4fr)",
  speaker: "minmax(0, 1.1fr)",
  text: LONG,
  utterance: LONG,
  true: "84px",
  predicted: "minmax(148px, 1fr)",
  p: "48px",
}; // where rows are grids (talk.css)
const CLASSES = { text: "said", utterance: "said", p: "number" };

function entry(name, one, i) {
  const cell = make("td", { class: CLASSES[name] ?? "", "data-column": name }, ENTRIES[name](one, i));
  if (["speaker", "text", "utterance", "when"].includes(name)) cell.dir = "auto";
  if (name === "predicted" && unsure(i)) cell.append(make("span", { class: "doubt" }, "unsure"));
  return cell;
}
