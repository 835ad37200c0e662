// What the contact map says beside the one row of it that the model reads: the map itself, and arcs to the TSS.

import { toGenome, withAlpha } from "./shapes.js";

const TRIANGLE_PX = 110;
const TRIANGLE_LEVELS = 10;

/** The contact map turned by 45 degrees: context beside the one row of it that the model reads. Log colour. */
export function triangleLane(frame, track) {
  const { locus, theme } = frame;
  const { start, bin } = locus.triangle;
  const values = locus.arrays.triangle;
  const n = Math.round(Math.sqrt(values.length));
  let top = 0;
  // The diagonal would drown everything else, so the colours end at its neighbours.
  for (let i = 0; i + 1 < n; i++) top = Math.max(top, values[i * n + i + 1] || 0);
  const levels = Array.from({ length: TRIANGLE_LEVELS }, () => [[], []]);
  const farthest = Math.ceil(n / 2);
  for (let i = 0; i < n; i++) {
    for (let j = i; j <= Math.min(n - 1, i + farthest); j++) {
      const value = values[i * n + j];
      if (!(value > 0)) continue;
      const share = Math.log1p(value) / Math.log1p(top || 1);
      const [x, y] = levels[Math.min(TRIANGLE_LEVELS - 1, Math.floor(share * TRIANGLE_LEVELS))];
      const middle = start + ((i + j + 1) / 2) * bin + 0.5;
      const far = (j - i) * bin;
      x.push(middle - bin / 2, middle, middle + bin / 2, middle, middle - bin / 2, null);
      y.push(far, far + bin, far, far - bin, far, null);
    }
  }
  const traces = levels.map(([x, y], level) => {
    const fillcolor = withAlpha(theme.contact, ((level + 1) / TRIANGLE_LEVELS) ** 1.5);
    return { type: "scatter", mode: "lines", x, y, fill: "toself", fillcolor, line: { width: 0 } };
  });
  return {
    name: "triangle",
    height: TRIANGLE_PX,
    range: [0, farthest * bin],
    labels: [
      { text: "Contact map", y: 0.72, colour: theme.contact, bold: true },
      { text: `${track.unit}, log`, y: 0.5, colour: theme.muted },
      { text: `${bin.toLocaleString("en-US")} bp bins`, y: 0.28, colour: theme.muted },
    ],
    traces,
    notes: [],
  };
}

/** Arcs from each called element to the TSS, as wide as their contact; height by the root of the distance, capped at the lane's ceiling. */
export function contactArcs(frame, elements, track, ceiling) {
  if (!track?.available || !track.top) return [];
  const { locus, theme } = frame;
  const half = (locus.end - locus.start) / 2;
  return toGenome(locus, elements).map(([start, end]) => {
    const middle = (start + end) / 2;
    let strongest = 0;
    for (let p = start; p < end; p++) {
      const value = track.values[p - locus.start];
      if (value > strongest) strongest = value;
    }
    const tall = ceiling * Math.min(1, 0.35 + 0.65 * Math.sqrt(Math.abs(middle - locus.tss) / half));
    const steps = 24;
    const x = [];
    const y = [];
    for (let i = 0; i <= steps; i++) {
      x.push(middle + ((locus.tss - middle) * i) / steps + 1);
      y.push(tall * 4 * (i / steps) * (1 - i / steps));
    }
    const width = 0.8 + 3.2 * (Math.log10(1 + strongest) / Math.log10(1 + track.top));
    return {
      type: "scatter",
      mode: "lines",
      x,
      y,
      line: { color: withAlpha(theme.ink, 0.55), width, shape: "spline" },
    };
  });
}
