// Lanes set below each other on one genome axis: the data and layout that Plotly.react is given.

import { chosenShapes, chosenWords } from "./chosen.js";
import { contactArcs, triangleLane } from "./contacts.js";
import { applyHeights } from "./heights.js";
import { callsLane, geneLane, gridOf, HEIGHT, maskLane, rowLane, truthLane } from "./lanes.js";
import { band, middleOf, names, plain, withAlpha } from "./shapes.js";
import { signalLane } from "./signals.js";

/** Margins around the lanes in px, and the size of letters: usual, and for a projector. */
export const SIZES = {
  usual: { l: 148, r: 14, t: 46, b: 52, font: 14 },
  large: { l: 208, r: 20, t: 66, b: 72, font: 20 },
};
const GAP = 6;
const LEAST_STRETCH = 0.82;
const LEAST_STRETCH_LARGE = 0.58;
const MOST_STRETCH = 1.7;
const FONT = "'Source Sans', 'Source Sans 3', 'Source Sans Pro', 'Helvetica Neue', Arial, sans-serif";

/**
 * @param {object} state - locus, live (beta.answer), settings, reply (peaks, rows), view, theme, width, shown (lanes), bands
 * @returns {{data: object[], layout: object, lanes: object[]}} lanes: name, top and height in px inside the plot
 */
export function scene(state) {
  const { locus, live, settings, reply, view, theme, width, bands = [] } = state;
  const sizes = SIZES[state.large ? "large" : "usual"];
  const scale = sizes.font / SIZES.usual.font;
  const frame = {
    locus,
    theme,
    view,
    width,
    sizes,
    scale,
    bpPerPx: (view[1] - view[0]) / width,
    grid: gridOf(locus, view, width),
  };
  frame.drawn = [locus.start + frame.grid.first, locus.start + frame.grid.last];
  const shown = (name) => state.shown[name] !== false;
  const lanes = [geneLane(frame)];
  for (const track of locus.tracks) {
    if (!shown(track.name)) continue;
    const lane = signalLane(frame, track, reply.scales?.[track.name]);
    if (track.name === "contact" && shown("arcs"))
      lane.traces.push(...contactArcs(frame, live.elements, track, lane.ceiling));
    lanes.push(lane);
    if (track.name === "contact" && locus.triangle && shown("triangle")) lanes.push(triangleLane(frame, track));
  }
  lanes.push(maskLane(frame, live, settings), callsLane(frame, live, reply.peaks, reply.peak_note));
  for (const row of [...locus.rows, ...(reply.rows ?? [])]) if (shown(row.name)) lanes.push(rowLane(frame, row));
  if (locus.truth && shown("truth")) lanes.push(truthLane(frame, locus.truth));

  const marks = marksLane(frame, bands, state);
  if (marks) lanes.push(marks);

  stretch(lanes, scale, (state.screen ?? 0) - sizes.t - sizes.b, Boolean(state.large));
  applyHeights(lanes, state.heights, scale);
  const inner = lanes.reduce((sum, lane) => sum + lane.height, 0) + GAP * (lanes.length - 1);
  const layout = frameLayout(frame, inner);
  const data = [];
  let top = 0;
  lanes.forEach((lane, index) => {
    const suffix = index ? String(index + 1) : "";
    const high = 1 - top / inner;
    const low = 1 - (top + lane.height) / inner;
    lane.top = top;
    layout[`yaxis${suffix}`] = yAxis(lane, [Math.max(low, 0), high], theme);
    layout.shapes.push({
      type: "rect",
      xref: "paper",
      yref: "paper",
      x0: 0,
      x1: 1,
      y0: low,
      y1: high,
      layer: "below",
      fillcolor: theme.lane,
      line: { width: 0 },
    });
    const across = { type: "line", xref: "paper", yref: `y${suffix}`, x0: 0, x1: 1 };
    if (lane.divider !== undefined)
      layout.shapes.push({
        ...across,
        y0: lane.divider,
        y1: lane.divider,
        layer: "below",
        line: { color: theme.grid, width: 1 },
      });
    for (const level of lane.levels ?? []) {
      layout.shapes.push({
        ...across,
        y0: level.at,
        y1: level.at,
        line: { color: level.colour, width: level.width, dash: level.dash },
      });
    }
    for (const note of lane.notes ?? []) {
      layout.annotations.push({
        x: 0.5,
        xref: "paper",
        showarrow: false,
        borderpad: 0,
        font: { color: theme.muted },
        ...note,
        yref: `y${suffix}`,
      });
    }
    for (const label of lane.labels) layout.annotations.push(marginLabel(label, low, high, sizes));
    for (const trace of lane.traces)
      data.push({ showlegend: false, hoverinfo: "skip", ...trace, xaxis: "x", yaxis: `y${suffix}` });
    top += lane.height + GAP;
  });
  layout.shapes.push(...causalBands(state), ...bandShapes(bands, theme), tssLine(frame), ...chosenShapes(state));
  layout.annotations.push(...tssFlag(frame), legend(frame));
  const placed = lanes.map((lane) => {
    const { name, top: at, height, range, ceiling, resizable } = lane;
    return { name, top: at, height, range, ceiling, resizable, title: lane.labels[0].text };
  });
  return { data, layout, lanes: placed };
}

/**
 * Lanes as tall as the screen allows, within reason; genes and names stay as tall as their letters. On a projector a
 * talk must fit the screen: signals and mask may get lower there, and then say their names only.
 */
function stretch(lanes, scale, available, large) {
  const lettered = (lane) => lane.name === "genes" || lane.name === "marks" || (large && lane.name === "truth");
  for (const lane of lanes)
    if (lane.name === "truth" && large) lane.height = Math.round(lane.height * scale * LEAST_STRETCH);
  const elastic = lanes.filter((lane) => !lettered(lane));
  const fixed = lanes.filter(lettered).reduce((sum, lane) => sum + lane.height, 0);
  const usual = elastic.reduce((sum, lane) => sum + lane.height * scale, 0);
  const room = available - fixed - GAP * (lanes.length - 1);
  const least = large ? LEAST_STRETCH_LARGE : LEAST_STRETCH;
  const factor = Math.min(Math.max(room / usual, least), MOST_STRETCH);
  for (const lane of elastic) {
    lane.height = Math.round(lane.height * scale * factor);
    if (factor >= LEAST_STRETCH || lane.name === "calls") continue;
    lane.labels = [{ ...lane.labels[0], y: 0.5 }];
    lane.notes = lane.notes?.filter((note) => note.x !== 0); // words in the corner would cover the data
  }
}

function yAxis(lane, domain, theme) {
  const ticks = lane.ticks ?? [];
  return {
    domain,
    range: lane.range,
    fixedrange: true,
    anchor: "x",
    showgrid: false,
    zeroline: false,
    tickvals: ticks.map(([value]) => value),
    ticktext: ticks.map(([, text]) => text),
    ticks: ticks.length ? "outside" : "",
    ticklen: 4,
    tickcolor: theme.grid,
    tickfont: { color: theme.muted },
  };
}

function marginLabel({ text, y, colour, bold }, low, high, sizes) {
  const words = plain(text.length > 17 ? `${text.slice(0, 16)}…` : text);
  return {
    xref: "paper",
    yref: "paper",
    x: 0,
    xshift: -sizes.l + 4,
    y: low + y * (high - low),
    xanchor: "left",
    yanchor: "middle",
    align: "left",
    text: bold ? `<b>${words}</b>` : words,
    showarrow: false,
    font: { color: colour },
  };
}

function frameLayout(frame, inner) {
  const { locus, theme, view, grid, sizes } = frame;
  const { font, ...margin } = sizes;
  const drawn = grid.bin === 1 ? "every base drawn" : `each point ${grid.bin} bp: light = highest, dark = mean`;
  return {
    template: "none",
    height: inner + margin.t + margin.b,
    width: frame.width + margin.l + margin.r,
    margin: { ...margin, pad: 0 },
    font: { family: FONT, size: font, color: theme.ink },
    paper_bgcolor: theme.paper,
    plot_bgcolor: "rgba(0,0,0,0)",
    dragmode: "pan",
    hovermode: false,
    showlegend: false,
    // Zoom and pan stay with the visitor through every change of settings; a new locus begins anew.
    uirevision: locus.key,
    shapes: [],
    annotations: [],
    xaxis: {
      range: [view[0] + 0.5, view[1] + 0.5],
      anchor: "free",
      position: 0,
      showgrid: false,
      zeroline: false,
      ticks: "outside",
      ticklen: 5,
      tickcolor: theme.grid,
      tickfont: { color: theme.muted },
      linecolor: theme.grid,
      tickformat: ",d",
      nticks: 8,
      minallowed: Math.max(locus.start, 0) + 0.5,
      maxallowed: locus.end + 0.5,
      title: {
        text: `${plain(locus.chrom)} position in bp, 1-based · ${drawn}`,
        standoff: 6,
        font: { color: theme.muted, size: font },
      },
    },
  };
}

function causalBands({ locus, theme, shown }) {
  if (!locus.truth || shown.truth === false) return [];
  return locus.truth.filter((e) => e.causal).map((e) => band(e.start, e.end, withAlpha(theme.truth, 0.1)));
}

const bandShapes = (bands, theme) =>
  bands.map(({ start, end }) =>
    band(start, end, withAlpha(theme.threshold, 0.12), { width: 1, color: theme.threshold, dash: "dot" }),
  );

/** The names of marks and of the chosen element, in a lane of their own so that they cover nothing; null without any. */
function marksLane(frame, bands, state) {
  const { theme, view } = frame;
  const element = chosenWords(state);
  const named = [
    ...bands.map(({ start, end, name }) => ({
      place: [start, end],
      text: name,
      colour: theme.threshold,
      first: false,
    })),
    ...(element ? [{ ...element, colour: theme.ink, bold: true, first: true }] : []),
  ];
  if (!named.length) return null;
  const wanted = named
    .filter(({ place }) => place[1] > view[0] && place[0] < view[1])
    .map((name) => ({ ...name, at: middleOf(frame, name.place) }));
  return {
    name: "marks",
    height: Math.round(HEIGHT.names * frame.scale),
    range: [0, 1],
    labels: [{ text: bands.length ? "Marked" : "Chosen", y: 0.5, colour: theme.muted }],
    traces: [names(frame, wanted, 0.5)],
  };
}

function tssLine({ locus, theme }) {
  const x = locus.tss + 1;
  return {
    type: "line",
    xref: "x",
    yref: "paper",
    x0: x,
    x1: x,
    y0: 0,
    y1: 1,
    line: { color: withAlpha(theme.ink, 0.6), width: 1.2, dash: "dot" },
  };
}

/** The flag on top of the TSS line, or, when the TSS is out of sight, which way it lies and how far. */
function tssFlag({ locus, theme, view }) {
  const name = plain(locus.symbol || locus.gene_id);
  const common = { yref: "paper", y: 1, yanchor: "bottom", showarrow: false, font: { color: theme.ink } };
  const bp = (n) => n.toLocaleString("en-US");
  if (locus.tss >= view[0] && locus.tss < view[1]) {
    const edge = (locus.tss - view[0]) / (view[1] - view[0]);
    let side = locus.strand === "+" ? "left" : "right";
    if (edge < 0.15) side = "left";
    else if (edge > 0.85) side = "right";
    const words = locus.strand === "+" ? `${name} TSS →` : `← ${name} TSS`;
    return [{ ...common, xref: "x", x: locus.tss + 1, xanchor: side, text: `<b>${words}</b>` }];
  }
  const left = locus.tss < view[0];
  const words = left
    ? `← ${name} TSS ${bp(view[0] - locus.tss)} bp`
    : `${name} TSS ${bp(locus.tss - view[1] + 1)} bp →`;
  return [{ ...common, xref: "paper", x: left ? 0 : 1, xanchor: left ? "left" : "right", text: `<b>${words}</b>` }];
}

/** One line that keeps every colour's meaning on screen, whatever the window holds. */
function legend({ theme, locus, sizes }) {
  const entries = [
    ["█", theme.shared, "Mask and MACS3"],
    ["▀", theme.mask_only, "Mask only"],
    ["▄", theme.peak_only, "MACS3 only"],
    ["▨", theme.forced, "Forced on by rule, not found"],
  ];
  if (locus.runs.off.length) entries.push(["▧", theme.forced, "Forced off: blacklist"]);
  return {
    xref: "paper",
    yref: "paper",
    x: 0,
    y: 1,
    xshift: -sizes.l + 4,
    yshift: sizes.t - 1.6 * sizes.font,
    xanchor: "left",
    yanchor: "bottom",
    text: entries
      .map(([sign, colour, words]) => `<span style="color:${colour}">${sign}</span> ${words}`)
      .join("&nbsp;".repeat(8)),
    showarrow: false,
    font: { color: theme.ink },
  };
}
