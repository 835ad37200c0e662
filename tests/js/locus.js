// A small locus as payload.js would read it, the settings and the reply to go with it, and a theme whose every colour
// is its own.

import { answer, floorOf } from "../../seq2exp/ui/tracks/static/beta.js";
import { prepared } from "../../seq2exp/ui/tracks/static/payload.js";
import { pairs, random, values } from "./random.js";

const COLOURS = [
  ...["paper", "lane", "ink", "muted", "grid", "dnase", "h3k27ac", "contact", "other", "shared", "mask_only"],
  ...["on_mask_only", "peak_only", "forced", "threshold", "forward", "reverse", "hover", "truth"],
];
const hex = (i) => `#${(0x101010 + 0x0b0d11 * i).toString(16)}`;

export const THEME = {
  name: "light",
  ...Object.fromEntries(COLOURS.map((name, i) => [name, hex(i)])),
  bases: [0, 1, 2, 3, 4].map((i) => hex(COLOURS.length + i)),
};

export const SETTINGS = {
  mode: "soft",
  threshold: 0.5,
  top_percent: 10,
  signal_scale: 1,
  weights: [2, 2, 1],
  prior_mean: 0.1,
  prior_strength: 0,
  merge_gap: 20,
  min_length: 10,
};

const gene = (start, end, more) => ({
  start,
  end,
  strand: "+",
  target: false,
  exons: [[start, start + 60]],
  cds: [[start + 10, start + 50]],
  ...more,
});

/** A prepared locus of 3,000 bp around base 51,500; `more` replaces parts of what was packed. */
export function smallLocus(more = {}, seed = 1) {
  const next = random(seed);
  const length = 3000;
  const start = 50_000;
  const bumps = (scale) => {
    const array = values(next, length, { high: 0.05 * scale });
    for (const [a, b] of pairs(next, 6, 0, length)) array.subarray(a, b).forEach((v, i, part) => (part[i] = v + scale));
    return array;
  };
  return prepared({
    key: "data gene cell none",
    gene_id: "G1",
    symbol: "AAA",
    strand: "+",
    cell_type: "SynK",
    chrom: "chr1",
    start,
    end: start + length,
    tss: start + 1500,
    centre: [start + 1400, start + 1600],
    chromosome: [start, start + length],
    source: "model",
    config: {
      beta_min: 1,
      prior_scale: 10,
      z_scale: 1,
      signal_transform: "none",
      most_sequence_counts: 0,
      summit_bp: 0,
      summit_floor: 0.5,
      contact_half: 0,
      signal_weights: [2, 2, 1],
      signal_thresholds: [1.5, 0.2, 1],
    },
    signal_order: ["h3k27ac", "dnase", "contact"],
    runs: { on: [[1400, 1600]], off: [[200, 260]], outside: [] },
    tracks: [
      { name: "dnase", title: "DNase", unit: "cuts", available: true, note: "", missing: [[100, 180]] },
      { name: "h3k27ac", title: "H3K27ac", unit: "reads", available: false, note: "zero stood in", missing: [] },
      { name: "contact", title: "Contacts", unit: "contacts", available: true, note: "", missing: [] },
    ],
    genes: [
      gene(start + 1500, start + 2900, { id: "G1", label: "AAA →", target: true }),
      gene(start + 300, start + 1200, { id: "G2", label: "← BBB", strand: "-" }),
    ],
    truth: [
      { start: start + 700, end: start + 800, name: "enhancer", meaning: "raises it", causal: true, effect: "-0.4" },
      { start: start + 2000, end: start + 2100, name: "decoy", meaning: "open only", causal: false, effect: "0" },
    ],
    rows: [{ name: "crispri", title: "CRISPRi", colour: "other", boxes: [{ start, end: start + 90, label: "hit" }] }],
    arrays: {
      h3k27ac: bumps(4),
      dnase: bumps(1),
      contact: bumps(2),
      a1: values(next, length, { low: 1, high: 30 }),
      b1: values(next, length, { low: 1, high: 20 }),
      codes: Uint8Array.from({ length }, (_, i) => i % 5),
    },
    ...more,
  });
}

/** The state that scene() and readout() draw. */
export function stateOf(locus, more = {}) {
  const settings = { ...SETTINGS, ...more.settings };
  const live = answer(locus, settings);
  live.floor = floorOf(locus.config, settings, Boolean(locus.sequenceBeta));
  const at = (a, b) => [locus.start + a, locus.start + b];
  return {
    locus,
    live,
    reply: { peaks: [at(600, 850), at(2500, 2600)], peak_note: "", rows: [] },
    view: [locus.start, locus.end],
    theme: THEME,
    width: 900,
    shown: {},
    bands: [],
    ...more,
    settings,
  };
}
