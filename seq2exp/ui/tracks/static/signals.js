// The lane of a measured track: highest values behind, means in front, hatched where nothing was measured.

import { HEIGHT } from "./lanes.js";
import { bins } from "./pyramid.js";
import { axisOf } from "./scales.js";
import { line, onShow, plain, rectangles, shortNumber, toGenome, withAlpha } from "./shapes.js";

const TITLES = { dnase: "DNase", h3k27ac: "H3K27ac", contact: "Contacts" };
/** Where the bars stand that mark values beyond the axis, in shares of its height. */
const CUT = [1.03, 1.1];

export function signalLane(frame, track, scale) {
  const { theme } = frame;
  const colour = theme[track.name] ?? theme.other;
  const title = TITLES[track.name] ?? track.title;
  if (!track.available) return absentLane(frame, track, title, colour);
  const axis = axisOf(track, scale);
  const { ceiling, height } = axis;
  const { first, last, bin } = frame.grid;
  const { high, mean } = bins(track.pyramid, first, last, bin);
  const at = first + frame.locus.start;
  const scaled = (values) => Array.from(values, height);
  const filled = (values) => Array.from(values, (v) => (Number.isNaN(v) ? 0 : height(v)));
  const least = Math.max(1, frame.bpPerPx);
  const gaps = onShow(frame, toGenome(frame.locus, track.missing)).filter(([a, b]) => b - a >= least);
  const traces = [];
  if (gaps.length) traces.push(rectangles(gaps, 0, ceiling, theme.grid, { pattern: "/" }));
  if (bin > 1) traces.push(line(at, bin, filled(high), colour, { fill: "tozeroy", fillcolor: withAlpha(colour, 0.3) }));
  traces.push(
    line(at, bin, filled(mean), colour, { fill: "tozeroy", fillcolor: withAlpha(colour, bin > 1 ? 0.75 : 0.35) }),
  );
  traces.push(line(at, bin, scaled(mean), colour, { width: 1.2 }));
  const beyond = axis.top ? runsAbove(high, axis.top * (1 + 1e-6), at, bin) : [];
  if (beyond.length) traces.push(rectangles(beyond, CUT[0] * ceiling, CUT[1] * ceiling, theme.ink));
  const notes = [];
  if (track.top === null) notes.push({ text: "no base of this window was measured", y: ceiling / 2 });
  else if (track.top <= 0) notes.push({ text: "measured: zero throughout this window", y: ceiling / 2 });
  if (axis.words)
    notes.push({
      ...{ x: 0, xanchor: "left", xshift: 4, y: ceiling, yanchor: "top" },
      ...{ text: plain(axis.words), bgcolor: withAlpha(theme.lane, 0.7) },
    });
  return {
    name: track.name,
    height: HEIGHT.signal,
    resizable: true,
    range: [-0.04 * ceiling, 1.12 * ceiling],
    ceiling,
    labels: [
      { text: title, y: 0.78, colour, bold: true },
      { text: [axis.kind, track.unit].filter(Boolean).join(", "), y: 0.36, colour: theme.muted },
    ],
    traces,
    notes,
    ticks: axis.top
      ? [
          [0, "0"],
          [ceiling, shortNumber(axis.top)],
        ]
      : [[0, "0"]],
  };
}

function absentLane(frame, track, title, colour) {
  const words = `${title} not available for this cell type - ${track.note || "zero stood in"}`;
  return {
    name: track.name,
    height: HEIGHT.absent,
    range: [0, 1],
    labels: [{ text: title, y: 0.5, colour, bold: true }],
    traces: [rectangles([frame.drawn], 0, 1, frame.theme.grid, { pattern: "/" })],
    notes: [{ text: plain(words), y: 0.5 }],
  };
}

/** Stretches of bins from `first` on whose value lies above `level`, as half-open pairs. */
function runsAbove(values, level, first, width) {
  const found = [];
  values.forEach((value, i) => {
    if (!(value > level)) return;
    const start = first + i * width;
    const last = found.at(-1);
    if (last?.[1] === start) last[1] = start + width;
    else found.push([start, start + width]);
  });
  return found;
}
