// Charts of targets: choosing a point, a cell or a row of their table goes to its utterance, in the
// recording where the page has one; what is being spoken is marked.

{
  const places = new Map(); // by utterance: what stands for it
  for (const one of document.querySelectorAll(".target [data-place], .values [data-place]")) {
    const i = Number(one.dataset.place);
    places.set(i, [...(places.get(i) ?? []), one]);
  }
  const spans = [...document.querySelectorAll(".values [data-start]")].map((row) => ({
    i: Number(row.dataset.place),
    start: Number(row.dataset.start),
    end: Number(row.dataset.end),
  }));
  const heard = document.querySelector(".alone > .player");
  const SLACK = 0.02; // s: players round the time they are told to go to

  const mark = (now) => {
    for (const [i, all] of places) for (const one of all) one.classList.toggle("speaking", now.has(i));
  };
  const spoken = (t) =>
    new Set(spans.filter((one) => one.start <= t + SLACK && t + SLACK < one.end).map((one) => one.i));

  const go = (i) => {
    if (typeof choose === "function") return choose(i, false); // beside the blocks of classes
    const span = spans.find((one) => one.i === i);
    if (heard && span) heard.currentTime = span.start;
    mark(new Set([i]));
  };
  document.addEventListener("click", (event) => {
    const one = event.target.closest(".target [data-place], .values [data-place]");
    if (one) go(Number(one.dataset.place));
  });
  if (heard) {
    const gone = () => {
      heard.hidden = true;
      document.querySelector(".alone > .note").hidden = false;
    };
    heard.addEventListener("error", gone);
    if (heard.error) gone(); // before this script ran
    heard.addEventListener("timeupdate", () => mark(spoken(heard.currentTime)));
    heard.addEventListener("loadedmetadata", () => heard.classList.toggle("sound", !heard.videoWidth));
  }
}
