// The marks that lanes are made of: lines over bins, rectangles, names; text made safe; places on show.
// Screen coordinates are 1-based: base p (0-based, of the genome) is drawn at x = p + 1, half a unit to either side.

export const NAME_CHAR_PX = 8.4;

/** `text` as Plotly shows it letter by letter. */
export const plain = (text) =>
  String(text)
    .replace(/\s+/g, " ")
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/%\{/g, "% {");

export const withAlpha = (hex, alpha) =>
  `rgba(${[1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)).join(",")},${alpha})`;

export const shortNumber = (value) =>
  value >= 1000 ? Math.round(value).toLocaleString("en-US") : String(Number(value.toPrecision(3)));

/** A line over bins from `first` (0-based) on; steps where bins are single bases. */
export function line(first, width, y, colour, more = {}) {
  const { fill, fillcolor, ...look } = more;
  return {
    type: "scatter",
    mode: "lines",
    x0: first + (width + 1) / 2,
    dx: width,
    y,
    line: { color: colour, width: 0, shape: width === 1 ? "hvh" : "linear", ...look },
    ...(fill ? { fill, fillcolor } : {}),
  };
}

/** Rectangles over half-open pairs of genome coordinates as one closed path. */
export function rectangles(pairs, low, high, colour, { hollow = false, pattern = null, border = colour } = {}) {
  const x = [];
  const y = [];
  for (const [start, end] of pairs) {
    x.push(start + 0.5, start + 0.5, end + 0.5, end + 0.5, start + 0.5, null);
    y.push(low, high, high, low, low, null);
  }
  const trace = {
    type: "scatter",
    mode: "lines",
    x,
    y,
    fill: "toself",
    fillcolor: hollow || pattern ? "rgba(0,0,0,0)" : colour,
    line: { color: border, width: hollow ? 1.5 : 1, shape: "linear" },
  };
  if (pattern)
    trace.fillpattern = {
      shape: pattern,
      fgcolor: colour,
      bgcolor: "rgba(0,0,0,0)",
      size: 7,
      solidity: 0.22,
      fillmode: "replace",
    };
  return trace;
}

/** Names in the middle of things, none over another; [{at, text, colour, first}] with `first` placed first. */
export function names(frame, wanted, y) {
  const bpPerPx = frame.bpPerPx;
  const taken = [];
  const placed = [];
  for (const name of [...wanted].sort((a, b) => Number(b.first) - Number(a.first) || a.at - b.at)) {
    const half = (name.text.length * NAME_CHAR_PX * frame.scale * bpPerPx) / 2;
    const [low, high] = frame.view;
    const middle = Math.min(Math.max(name.at, low + half), high - half);
    if (taken.some(([a, b]) => middle - half < b && a < middle + half)) continue;
    taken.push([middle - half - 8 * bpPerPx, middle + half + 8 * bpPerPx]);
    placed.push({ ...name, middle });
  }
  return {
    type: "scatter",
    mode: "text",
    x: placed.map((n) => n.middle),
    y: placed.map(() => y),
    text: placed.map((n) => (n.bold ? `<b>${plain(n.text)}</b>` : plain(n.text))),
    textfont: { size: frame.sizes.font, color: placed.map((n) => n.colour) },
  };
}

/** A band through all lanes over the half-open [start, end). */
export const band = (start, end, fillcolor, border = { width: 0 }) => ({
  type: "rect",
  xref: "x",
  yref: "paper",
  x0: start + 0.5,
  x1: end + 0.5,
  y0: 0,
  y1: 1,
  layer: "below",
  fillcolor,
  line: border,
});

/** Index pairs of the window as genome coordinates, those on show. */
export const onShow = (frame, pairs) => pairs.filter(([start, end]) => end > frame.drawn[0] && start < frame.drawn[1]);

export const toGenome = (locus, pairs) => pairs.map(([start, end]) => [start + locus.start, end + locus.start]);

export const middleOf = (frame, [start, end]) =>
  (Math.max(start, frame.view[0]) + Math.min(end, frame.view[1]) + 1) / 2;
