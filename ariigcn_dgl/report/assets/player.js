// The recording: choosing an utterance goes to it, and what is being spoken is marked.

const SLACK = 0.02; // s: players round the time they are told to go to
const REST = 3000; // ms that a box which the reader has moved is left where it is
const player = parts.player;
const playhead = make("i", { class: "playhead" });
let speaking = new Set(); // utterances
let moved = 0; // when the reader last moved a box by hand, ms

const timed = dialogue().utterances[0].start !== null;
let frame = 0; // that is asked for

function spokenAt(t) {
  const found = new Set();
  dialogue().utterances.forEach((one, i) => {
    if (one.start <= t + SLACK && t + SLACK < one.end) found.add(i);
  });
  return found;
}

function markSpeaking(now) {
  for (const i of speaking) if (!now.has(i)) for (const one of [cells[i], rows[i]]) one.classList.remove("speaking");
  for (const i of now) for (const one of [cells[i], rows[i]]) one.classList.add("speaking");
  speaking = now;
}

function rowInView(i) {
  const [box, row] = [parts.rows.getBoundingClientRect(), rows[i].getBoundingClientRect()];
  const head = parts.table.tHead.offsetHeight;
  if (row.top < box.top + head || row.bottom > box.bottom)
    parts.rows.scrollTop += row.top - box.top - head - parts.rows.clientHeight / 4;
}

// The reader hears t seconds: the utterance that began last is the one that is shown.
function follow(t) {
  const now = spokenAt(t);
  const begun = [...now].filter((i) => !speaking.has(i));
  markSpeaking(now);
  playhead.style.translate = `${Math.round(t * places[0].scale)}px`; // painted once a pixel
  pointAt(t * reach.scale);
  if (!begun.length || player.paused) return;
  const i = begun.at(-1);
  const resting = performance.now() - moved < REST;
  const [x, y] = [parts.timeline.scrollLeft, parts.rows.scrollTop];
  if (i !== state.selected) select(i, document.activeElement.matches(".cell"));
  if (resting) [parts.timeline.scrollLeft, parts.rows.scrollTop] = [x, y];
}

function tick() {
  cancelAnimationFrame(frame);
  follow(player.currentTime);
  if (!player.paused) frame = requestAnimationFrame(tick);
}

function silent() {
  player.hidden = true;
  playhead.remove();
  parts.silent.hidden = false;
}

function playOrPause() {
  if (player.paused) player.play().catch(() => {}); // what cannot be played has an error event
  else player.pause();
}

// Blocks are buttons, but the arrow keys choose them: the space bar is free there.
const CONTROLS = "button:not(.cell), input, select, textarea, summary, a, video, audio";

function space(event) {
  const plain = !(event.ctrlKey || event.altKey || event.metaKey || event.shiftKey);
  if (event.key !== " " || !plain || player.hidden || event.target.closest?.(CONTROLS)) return;
  event.preventDefault();
  if (event.type === "keydown" && !event.repeat) playOrPause();
}

root.addEventListener("chosen", (event) => rowInView(event.detail));
if (player) {
  player.addEventListener("error", silent);
  if (player.error) silent(); // before this script ran
  player.addEventListener("loadedmetadata", () => player.classList.toggle("sound", !player.videoWidth));
  document.addEventListener("keydown", space);
  document.addEventListener("keyup", space);
}
if (player && timed) {
  root.addEventListener("drawn", () => {
    speaking = new Set();
    if (player.hidden) return;
    parts.track.append(playhead);
    follow(player.currentTime);
  });
  root.addEventListener("chosen", (event) => {
    if (player.hidden) return;
    player.currentTime = dialogue().utterances[event.detail].start;
    markSpeaking(spokenAt(player.currentTime));
  });
  parts.track.addEventListener("click", (event) => {
    if (player.hidden || cellOf(event)) return;
    player.currentTime = (event.clientX - parts.track.getBoundingClientRect().left) / places[0].scale;
  });
  for (const name of ["play", "seeked", "timeupdate"]) player.addEventListener(name, tick);
  for (const box of [parts.timeline, parts.rows])
    for (const name of ["wheel", "touchmove", "pointerdown"])
      box.addEventListener(name, () => (moved = performance.now()), { passive: true });
}
