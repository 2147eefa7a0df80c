// Probabilities of one speaker as bands over the width of a chart: how wide each is, and where its
// name has room. x and y are px; a column is a place on the x axis at which the bands are known.

const STREAM = { height: 84, step: 4, least: 6, narrowest: 5, widest: 40, letters: 13 };

// Each column's probabilities: the mean of the utterances around it, those near it weighing most
// (a Gaussian; where all are far, the nearest one's).
function smoothed(points, columns, spread) {
  return columns.map((x) => {
    const far = points.map((one) => ((one.x - x) / spread) ** 2 / 2);
    const nearest = far.reduce((least, one) => Math.min(least, one), Infinity);
    const sum = points[0].p.map(() => 0);
    let total = 0;
    points.forEach((one, k) => {
      if (far[k] - nearest > 12) return;
      const weight = Math.exp(nearest - far[k]);
      total += weight;
      one.p.forEach((share, c) => (sum[c] += weight * share));
    });
    return sum.map((share) => share / total);
  });
}

// The columns of a chart, and of each class its share, its upper and its lower edge in each.
function stream(points, from, to) {
  const count = Math.max(2, Math.round((to - from) / STREAM.step) + 1);
  const columns = Array.from({ length: count }, (_, k) => from + ((to - from) * k) / (count - 1));
  const spread = Math.min(Math.max((to - from) / points.length / 2, STREAM.narrowest), STREAM.widest);
  const shares = smoothed(points, columns, spread);
  const floor = columns.map(() => STREAM.height);
  const bands = data.labels.map((_, c) => {
    const lower = [...floor];
    const total = (k) => shares[k].reduce((sum, one) => sum + one, 0);
    columns.forEach((_, k) => (floor[k] -= (STREAM.height * shares[k][c]) / total(k)));
    return { share: shares.map((one) => one[c]), upper: [...floor], lower };
  });
  return { columns, bands };
}

function outline(columns, { upper, lower }) {
  const at = (k, y) => `${columns[k].toFixed(1)} ${y[k].toFixed(1)}`;
  const there = columns.map((_, k) => at(k, upper));
  const back = columns.map((_, k) => at(k, lower)).reverse();
  return `M${there.join("L")}L${back.join("L")}Z`;
}

// The middle of the widest room in a band for a name of a width, or null where it has none.
function roomIn(columns, { upper, lower }, width) {
  const span = Math.ceil((width + 6) / (columns[1] - columns[0]));
  let best = null;
  for (let k = 0; k + span < columns.length; k++) {
    const top = Math.max(...upper.slice(k, k + span + 1));
    const bottom = Math.min(...lower.slice(k, k + span + 1));
    if (bottom - top >= STREAM.letters && (!best || bottom - top > best.clear + 0.5))
      best = { x: (columns[k] + columns[k + span]) / 2, y: (top + bottom) / 2, clear: bottom - top };
  }
  return best;
}
