// What each lane draws, as Plotly traces without axes; heights, names and looks follow seq2exp/figures.

import { binWidth, quickBins } from "./pyramid.js";
import { meets } from "./beta.js";
import { packGenes } from "./genes.js";
import { line, middleOf, names, onShow, plain, rectangles, toGenome, withAlpha } from "./shapes.js";

export const HEIGHT = { geneRow: 31, signal: 50, absent: 26, mask: 96, calls: 54, row: 30, names: 22, truth: 54 };
const LETTERS_BELOW_BP = 150;
const BASES = "ACGTN";

export function geneLane(frame) {
  const { locus, theme } = frame;
  const letters = frame.view[1] - frame.view[0] <= LETTERS_BELOW_BP;
  const whole = packGenes(locus.genes, [locus.start, locus.end], frame.width / frame.scale);
  const rows = packGenes(locus.genes, frame.view, frame.width / frame.scale);
  const n = Math.max(whole.rows, rows.rows, 2);
  const height = Math.round(n * HEIGHT.geneRow * frame.scale);
  const strip = letters ? (20 * frame.scale) / height : 0;
  const deepest = n / (1 - strip);
  const traces = [];
  const arrows = { "+": [[], []], "-": [[], []] };
  for (const { gene, row, at } of rows.placed) {
    const colour = gene.strand === "+" ? theme.forward : theme.reverse;
    const y = row + 0.3;
    traces.push({
      type: "scatter",
      mode: "lines",
      x: [gene.start + 0.5, gene.end + 0.5],
      y: [y, y],
      line: { color: colour, width: 1.6 },
    });
    traces.push(rectangles(onShow(frame, gene.exons), y - 0.13, y + 0.13, colour));
    traces.push(rectangles(onShow(frame, gene.cds), y - 0.22, y + 0.22, colour));
    const step = 42 * frame.bpPerPx;
    for (let x = Math.max(gene.start, frame.drawn[0]) + step / 2; x < Math.min(gene.end, frame.drawn[1]); x += step) {
      arrows[gene.strand][0].push(x);
      arrows[gene.strand][1].push(y);
    }
    traces.push({
      type: "scatter",
      mode: "text",
      x: [at],
      y: [row + 0.72],
      text: [gene.target ? `<b>${plain(gene.label)}</b>` : plain(gene.label)],
      textfont: { size: frame.sizes.font, color: gene.target ? theme.ink : theme.muted },
    });
  }
  for (const [strand, [x, y]] of Object.entries(arrows)) {
    const symbol = strand === "+" ? "arrow-right" : "arrow-left";
    const colour = strand === "+" ? theme.forward : theme.reverse;
    traces.push({ type: "scatter", mode: "markers", x, y, marker: { symbol, size: 7, color: colour } });
  }
  if (letters) {
    const at = [];
    const text = [];
    const colours = [];
    for (let p = Math.max(frame.drawn[0], locus.start); p < Math.min(frame.drawn[1], locus.end); p++) {
      const code = locus.arrays.codes[p - locus.start];
      at.push(p + 1);
      text.push(BASES[code]);
      colours.push(theme.bases[code]);
    }
    const font = { size: frame.sizes.font, color: colours, family: "'Source Code Pro', 'DejaVu Sans Mono', monospace" };
    traces.push({ type: "scatter", mode: "text", x: at, y: at.map(() => (n + deepest) / 2), text, textfont: font });
  }
  const notes = rows.leftOut
    ? [{ x: 1, xref: "paper", xanchor: "right", y: 0, yanchor: "top", text: `${rows.leftOut} more: zoom in` }]
    : [];
  return {
    name: "genes",
    height,
    range: [deepest, 0],
    labels: [
      { text: "Genes", y: 1 - (12 * frame.scale) / height, colour: theme.ink, bold: true },
      { text: "→ + strand", y: 1 - (30 * frame.scale) / height, colour: theme.forward },
      { text: "← − strand", y: 1 - (48 * frame.scale) / height, colour: theme.reverse },
    ],
    traces,
    notes,
  };
}

/** Where the mask's axis ends: 0.5 where mean + sd and all levels stay below it in the whole window, else 1. */
export function maskTop(live) {
  let highest = live.threshold;
  if (live.floor > highest) highest = live.floor;
  for (let i = 0; i < live.mean.length; i++) {
    const upper = live.mean[i] + live.sd[i];
    if (upper > highest) highest = upper;
  }
  return highest <= 0.5 ? 0.5 : 1;
}

export function maskLane(frame, live, settings) {
  const { locus, theme } = frame;
  const { first, last, bin } = frame.grid;
  const at = first + locus.start;
  const mean = quickBins(live.mean, first, last, bin);
  const sd = quickBins(live.sd, first, last, bin).mean;
  const clip = (v) => Math.min(1, Math.max(0, v));
  const top = maskTop(live);
  const traces = [];
  for (const [pairs, shape] of [
    [locus.runs.on, "/"],
    [locus.runs.off, "\\"],
  ]) {
    const shown = onShow(frame, toGenome(locus, pairs));
    if (shown.length) traces.push(rectangles(shown, 0, top, theme.forced, { pattern: shape }));
  }
  traces.push(
    line(
      at,
      bin,
      mean.mean.map((m, i) => clip(m - sd[i])),
      theme.muted,
    ),
  );
  traces.push(
    line(
      at,
      bin,
      mean.mean.map((m, i) => clip(m + sd[i])),
      theme.muted,
      { fill: "tonexty", fillcolor: withAlpha(theme.muted, 0.22) },
    ),
  );
  if (bin > 1) {
    traces.push(line(at, bin, mean.low, theme.ink));
    traces.push(
      line(at, bin, mean.high, withAlpha(theme.ink, 0.55), {
        width: 0.8,
        fill: "tonexty",
        fillcolor: withAlpha(theme.ink, 0.25),
      }),
    );
  }
  traces.push(line(at, bin, mean.mean, theme.ink, { width: 1.4 }));
  const levels = maskLevels(live, settings, theme, top);
  return {
    name: "mask",
    height: HEIGHT.mask,
    resizable: true,
    range: [-0.03 * top, 1.07 * top],
    ceiling: top,
    labels: [
      { text: "Mask", y: 0.88, colour: theme.ink, bold: true },
      { text: "mean ± sd", y: 0.69, colour: theme.muted },
      { text: locus.source === "signals" ? "signals only" : `${settings.mode} mode`, y: 0.5, colour: theme.muted },
    ],
    traces,
    levels,
    notes: levels.map((level) => ({
      x: level.side === "left" ? 0 : 1,
      xref: "paper",
      xanchor: level.side,
      y: level.at,
      yanchor: level.below ? "top" : "bottom",
      text: level.words,
      bgcolor: withAlpha(theme.lane, 0.75),
      font: { color: level.colour },
    })),
    ticks: [0, top / 2, top].map((value) => [value, String(value)]),
  };
}

/** The threshold, and the floor of a base without evidence where there is one; `top` as `maskTop` has it. */
export function maskLevels(live, settings, theme, top) {
  const words = settings.mode === "top-k" ? "lowest kept" : "threshold";
  const called = {
    at: live.threshold,
    words: `${words} ${live.threshold.toFixed(2)}`,
    colour: theme.threshold,
    dash: "dash",
    width: 1.5,
    side: "right",
    below: live.threshold > 0.75 * top,
  };
  // Without any evidence in force there is no such floor.
  if (!(live.floor >= 0.02)) return [called];
  const floor = {
    at: live.floor,
    words: `no signal ${live.floor.toFixed(2)}`,
    colour: theme.muted,
    dash: "dot",
    width: 1,
    side: "left",
    below: true,
  };
  return [floor, called];
}

/** The boxes of the calls lane: elements above, peaks below, by class. Also drawn live. */
export function callBoxes(locus, elements, peaks, theme) {
  const ours = toGenome(locus, elements);
  const shared = meets(ours, peaks);
  const theirs = meets(peaks, ours);
  const promoter = [locus.centre];
  const inPromoter = meets(peaks, promoter);
  const pick = (pairs, keep) => pairs.filter((_, i) => keep(i));
  return [
    { pairs: pick(ours, (i) => shared[i]), low: 1, high: 1.9, colour: theme.shared },
    { pairs: pick(ours, (i) => !shared[i]), low: 1.45, high: 1.9, colour: theme.mask_only },
    { pairs: pick(peaks, (i) => theirs[i]), low: 0.1, high: 1, colour: theme.shared },
    { pairs: pick(peaks, (i) => !theirs[i] && !inPromoter[i]), low: 0.1, high: 0.55, colour: theme.peak_only },
    { pairs: pick(peaks, (i) => !theirs[i] && inPromoter[i]), low: 0.1, high: 0.55, colour: theme.forced },
  ];
}

export function callsLane(frame, live, peaks, peakNote) {
  const { locus, theme } = frame;
  const traces = callBoxes(locus, live.elements, peaks, theme).map(({ pairs, low, high, colour }) =>
    rectangles(onShow(frame, pairs), low, high, colour),
  );
  const ours = toGenome(locus, live.elements);
  const shared = meets(ours, peaks);
  const fits = ours
    .map((pair, i) => ({ pair, i }))
    .filter(({ pair }) => onShow(frame, [pair]).length && (pair[1] - pair[0]) / frame.bpPerPx >= 34 * frame.scale);
  traces.push({
    type: "scatter",
    mode: "text",
    x: fits.map(({ pair }) => middleOf(frame, pair)),
    y: fits.map(({ i }) => (shared[i] ? 1.45 : 1.66)),
    text: fits.map(({ i }) => `<b>E${i + 1}</b>`),
    textfont: { size: frame.sizes.font, color: fits.map(({ i }) => (shared[i] ? theme.paper : theme.on_mask_only)) },
  });
  traces.push(rectangles(onShow(frame, [locus.centre]), 1.1, 1.9, theme.forced, { pattern: "/" }));
  const notes = [];
  const left = { x: 0, xref: "paper", xanchor: "left", xshift: 6, bgcolor: withAlpha(theme.lane, 0.85) };
  if (!live.elements.length)
    notes.push({ ...left, y: 1.5, text: `0 elements at threshold ${live.threshold.toFixed(2)}` });
  if (!peaks.length) notes.push({ ...left, y: 0.5, text: plain(peakNote || "no MACS3 peaks in this window") });
  return {
    name: "calls",
    height: HEIGHT.calls,
    range: [0, 2],
    labels: [
      { text: "Elements", y: 0.74, colour: theme.ink, bold: true },
      { text: "MACS3 peaks", y: 0.26, colour: theme.ink, bold: true },
    ],
    traces,
    notes,
    divider: 1,
  };
}

export function truthLane(frame, truth) {
  const { theme } = frame;
  const shown = truth.filter((e) => onShow(frame, [[e.start, e.end]]).length);
  const pairs = (causal) => shown.filter((e) => e.causal === causal).map((e) => [e.start, e.end]);
  const visible = shown.filter((e) => e.end > frame.view[0] && e.start < frame.view[1]);
  const wanted = visible.map((e) => ({
    at: middleOf(frame, [e.start, e.end]),
    text: e.name,
    colour: e.causal ? theme.truth : theme.muted,
    bold: e.causal,
    first: e.causal,
  }));
  return {
    name: "truth",
    height: HEIGHT.truth,
    range: [0, 2],
    labels: [
      { text: "Truth", y: 0.84, colour: theme.ink, bold: true },
      { text: "█ causal", y: 0.5, colour: theme.truth },
      { text: "□ not causal", y: 0.16, colour: theme.muted },
    ],
    traces: [
      rectangles(pairs(false), 1.2, 1.7, theme.muted, { hollow: true }),
      rectangles(pairs(true), 1, 1.92, theme.truth),
      names(frame, wanted, 0.45),
    ],
    notes: visible.length ? [] : [{ text: "no true element in this stretch", y: 1 }],
  };
}

/** A thin row of named boxes: screened pairs, a file of one's own. */
export function rowLane(frame, { name, title, colour, boxes }) {
  const { theme } = frame;
  const shown = boxes.filter((b) => onShow(frame, [[b.start, b.end]]).length);
  const tint = theme[colour] ?? theme.other;
  const looks = [...new Set(shown.map((b) => `${b.strong === false ? "hollow" : "solid"} ${b.colour ?? ""}`))];
  const drawn = looks.map((look) => {
    const [kind, own] = look.split(" ");
    const alike = shown.filter((b) => (b.strong === false) === (kind === "hollow") && (b.colour ?? "") === own);
    const pairs = alike.map((b) => [b.start, b.end]);
    const fill = own ? (theme[own] ?? theme.other) : tint;
    return kind === "hollow"
      ? rectangles(pairs, 0.5, 0.85, fill, { hollow: true })
      : rectangles(pairs, 0.5, 0.95, fill);
  });
  const wanted = shown
    .filter((b) => b.label)
    .map((b) => ({
      at: middleOf(frame, [b.start, b.end]),
      text: b.label,
      colour: theme.ink,
      first: b.strong !== false,
    }));
  return {
    name,
    height: HEIGHT.row + (boxes.some((b) => b.label) ? 12 : 0),
    range: [0, 1],
    labels: [{ text: title, y: 0.6, colour: tint, bold: true }],
    traces: [...drawn, names(frame, wanted, 0.22)],
    notes: shown.length ? [] : [{ text: "none in this stretch", y: 0.5 }],
  };
}

/** The grid of bins that a stretch is drawn on: whole bins of the window, a little beyond what is on show. */
export function gridOf(locus, view, width) {
  const bases = view[1] - view[0];
  const bin = bases <= 4096 ? Math.max(1, binWidth(bases, 2 * width)) : binWidth(bases, width);
  const margin = Math.ceil(bases / 2);
  const first = Math.max(0, Math.floor((view[0] - margin - locus.start) / bin) * bin);
  const last = Math.min(locus.end - locus.start, Math.ceil((view[1] + margin - locus.start) / bin) * bin);
  return { first, last, bin };
}
