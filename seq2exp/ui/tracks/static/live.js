// The preview while a slider moves: mask and calls drawn on a canvas over their lanes, at the speed of the hand.
// On release the figure itself is drawn anew and the canvas goes.

import { callBoxes, maskLevels } from "./lanes.js";
import { quickBins } from "./pyramid.js";
import { withAlpha } from "./shapes.js";

/** Draws `state.live` over the lanes `mask` and `calls`; `lanes` as scene() returned them. */
export function paint(canvas, state, lanes) {
  const { theme, width, view, sizes } = state;
  const scale = window.devicePixelRatio || 1;
  const mask = lanes.find((lane) => lane.name === "mask");
  const calls = lanes.find((lane) => lane.name === "calls");
  const height = calls.top + calls.height - mask.top;
  Object.assign(canvas.style, {
    left: `${sizes.l}px`,
    top: `${sizes.t + mask.top}px`,
    width: `${width}px`,
    height: `${height}px`,
    display: "block",
  });
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const ink = canvas.getContext("2d");
  ink.setTransform(scale, 0, 0, scale, 0, 0);
  ink.fillStyle = theme.paper;
  ink.fillRect(0, 0, width, height);
  const x = (p) => ((p - view[0]) / (view[1] - view[0])) * width;
  paintMask(ink, state, mask, x);
  ink.translate(0, calls.top - mask.top);
  paintCalls(ink, state, calls, x);
}

const lineOf = (lane) => (value) => lane.height * (1 - (value - lane.range[0]) / (lane.range[1] - lane.range[0]));

function paintMask(ink, { locus, live, settings, theme, view, width, sizes }, lane, x) {
  const y = lineOf(lane);
  const roof = lane.ceiling;
  ink.fillStyle = theme.lane;
  ink.fillRect(0, 0, width, lane.height);
  const first = Math.max(view[0] - locus.start, 0);
  const last = Math.min(view[1] - locus.start, locus.end - locus.start);
  const bin = Math.max(1, Math.floor((last - first) / width));
  const mean = quickBins(live.mean, first, last, bin);
  const sd = quickBins(live.sd, first, last, bin).mean;
  const middle = (i) => x(locus.start + first + (i + 0.5) * bin);
  const area = (upper, lower, fill) => {
    ink.beginPath();
    for (let i = 0; i < upper.length; i++) ink.lineTo(middle(i), y(Math.min(1, upper[i])));
    for (let i = lower.length - 1; i >= 0; i--) ink.lineTo(middle(i), y(Math.max(0, lower[i])));
    ink.fillStyle = fill;
    ink.fill();
  };
  const plus = mean.mean.map((m, i) => m + sd[i]);
  const minus = mean.mean.map((m, i) => m - sd[i]);
  area(plus, minus, withAlpha(theme.muted, 0.22));
  if (bin > 1) area(mean.high, mean.low, withAlpha(theme.ink, 0.25));
  ink.beginPath();
  for (let i = 0; i < mean.mean.length; i++) ink.lineTo(middle(i), y(mean.mean[i]));
  ink.strokeStyle = theme.ink;
  ink.lineWidth = 1.4;
  ink.stroke();
  ink.fillStyle = withAlpha(theme.forced, 0.25);
  for (const pairs of [locus.runs.on, locus.runs.off]) {
    for (const [start, end] of pairs)
      ink.fillRect(x(start + locus.start), y(roof), x(end + locus.start) - x(start + locus.start), y(0) - y(roof));
  }
  ink.font = `${sizes.font}px 'Source Sans', 'Helvetica Neue', Arial, sans-serif`;
  for (const level of maskLevels(live, settings, theme, roof)) {
    const at = y(Math.min(level.at, roof)); // the axis stays until release
    ink.strokeStyle = ink.fillStyle = level.colour;
    ink.lineWidth = level.width;
    ink.setLineDash(level.dash === "dash" ? [8, 6] : [2, 3]);
    ink.beginPath();
    ink.moveTo(0, at);
    ink.lineTo(width, at);
    ink.stroke();
    ink.setLineDash([]);
    ink.textAlign = level.side;
    ink.textBaseline = level.below ? "top" : "bottom";
    ink.fillText(level.words, level.side === "left" ? 2 : width - 2, at);
  }
}

function paintCalls(ink, { locus, live, reply, theme, width }, lane, x) {
  const y = lineOf(lane);
  ink.fillStyle = theme.lane;
  ink.fillRect(0, 0, width, lane.height);
  ink.fillStyle = theme.grid;
  ink.fillRect(0, y(1), width, 1);
  for (const { pairs, low, high, colour } of callBoxes(locus, live.elements, reply.peaks, theme)) {
    ink.fillStyle = colour;
    for (const [start, end] of pairs) ink.fillRect(x(start), y(high), Math.max(1, x(end) - x(start)), y(low) - y(high));
  }
  ink.fillStyle = withAlpha(theme.forced, 0.3);
  ink.fillRect(x(locus.centre[0]), y(1.9), x(locus.centre[1]) - x(locus.centre[0]), y(1.1) - y(1.9));
}
