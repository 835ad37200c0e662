import assert from "node:assert/strict";
import { test } from "node:test";

import { gridOf } from "../../seq2exp/ui/tracks/static/lanes.js";
import { scene } from "../../seq2exp/ui/tracks/static/scene.js";
import { plain } from "../../seq2exp/ui/tracks/static/shapes.js";
import { smallLocus, stateOf, THEME } from "./locus.js";

/** Every string in `value`, at any depth. */
function* strings(value) {
  if (typeof value === "string") yield value;
  else if (ArrayBuffer.isView(value)) return;
  else if (value && typeof value === "object") for (const part of Object.values(value)) yield* strings(part);
}

/** Everything Plotly would set as text. */
function texts({ data, layout }) {
  const axes = Object.entries(layout).filter(([name]) => /^[xy]axis/.test(name));
  return [
    ...data.flatMap((trace) => [trace.text ?? [], trace.name ?? [], trace.hovertemplate ?? []].flat()),
    ...layout.annotations.map((note) => note.text),
    ...axes.flatMap(([, axis]) => [axis.title?.text ?? [], axis.ticktext ?? []].flat()),
  ];
}

const VIEWS = { whole: [50_000, 53_000], part: [50_450, 52_020], letters: [51_440, 51_560], edge: [50_000, 50_040] };

for (const [name, view] of Object.entries(VIEWS)) {
  test(`lanes stand below each other, each with its axis: ${name}`, () => {
    const { data, layout, lanes } = scene(stateOf(smallLocus(), { view }));
    const domains = lanes.map((_, i) => layout[`yaxis${i ? i + 1 : ""}`].domain);
    assert.equal(Object.keys(layout).filter((key) => key.startsWith("yaxis")).length, lanes.length);
    const inner = layout.height - layout.margin.t - layout.margin.b;
    domains.forEach(([low, high], i) => {
      assert.ok(low >= 0 && high <= 1 && low < high);
      if (i) assert.ok(high < domains[i - 1][0], `${lanes[i].name} overlaps ${lanes[i - 1].name}`);
      assert.ok(Math.abs((1 - high) * inner - lanes[i].top) < 1e-6);
      assert.ok(Math.abs((high - low) * inner - lanes[i].height) < 1e-6);
    });
    const axes = new Set(lanes.map((_, i) => `y${i ? i + 1 : ""}`));
    for (const trace of data) assert.ok(axes.has(trace.yaxis) && trace.xaxis === "x");
    for (const axis of axes) assert.ok(data.some((trace) => trace.yaxis === axis));
    for (const { yref } of [...layout.shapes, ...layout.annotations]) assert.ok(yref === "paper" || axes.has(yref));
    assert.deepEqual(layout.xaxis.range, [view[0] + 0.5, view[1] + 0.5]);
  });
}

test("a low mask fills its lane, wherever one looks and as long as all of it fits", () => {
  const locus = smallLocus();
  const axisOf = (view, mean, sd, threshold, floor) => {
    const state = stateOf(locus, { view });
    const live = {
      ...state.live,
      mean: new Float32Array(3000).fill(0.1),
      sd: new Float32Array(3000),
      threshold,
      floor,
    };
    [live.mean[2900], live.sd[2900]] = [mean, sd];
    const { layout, lanes } = scene({ ...state, live });
    const number = lanes.findIndex((lane) => lane.name === "mask") + 1;
    return [lanes[number - 1].ceiling, layout[`yaxis${number}`].range, layout[`yaxis${number}`].ticktext];
  };
  for (const view of [VIEWS.whole, VIEWS.letters]) {
    assert.deepEqual(axisOf(view, 0.2, 0.05, 0.18, 0.1), [0.5, [-0.03 * 0.5, 1.07 * 0.5], ["0", "0.25", "0.5"]]);
    assert.deepEqual(axisOf(view, 0.2, 0.05, 0.18, NaN)[0], 0.5); // no floor
    const whole = [1, [-0.03, 1.07], ["0", "0.5", "1"]];
    assert.deepEqual(axisOf(view, 0.2, 0.05, 0.6, 0.1), whole);
    assert.deepEqual(axisOf(view, 0.2, 0.05, 0.18, 0.6), whole);
    assert.deepEqual(axisOf(view, 0.49, 0.05, 0.18, 0.1), whole);
  }
});

test("lanes are left out by name, and only those", () => {
  const names = (shown) => scene(stateOf(smallLocus(), { shown })).lanes.map((lane) => lane.name);
  const all = ["genes", "dnase", "h3k27ac", "contact", "mask", "calls", "crispri", "truth"];
  assert.deepEqual(names({}), all);
  for (const gone of ["dnase", "h3k27ac", "contact", "crispri", "truth"]) {
    assert.deepEqual(
      names({ [gone]: false }),
      all.filter((name) => name !== gone),
    );
  }
  assert.deepEqual(names({ truth: false, arcs: false, dnase: true }), all.slice(0, -1));
});

test("without truth known there is no such lane, nor a band for it", () => {
  const { lanes, layout } = scene(stateOf(smallLocus({ truth: null })));
  assert.ok(!lanes.some((lane) => lane.name === "truth"));
  assert.ok(![...strings(layout.shapes)].some((text) => text.startsWith("rgba") && hexOf(text) === THEME.truth));
});

const hexOf = (rgba) =>
  `#${rgba
    .match(/\d+/g)
    .slice(0, 3)
    .map((v) => Number(v).toString(16).padStart(2, "0"))
    .join("")}`;

test("every colour is the theme's", () => {
  const known = new Set(Object.values(THEME).flat());
  for (const view of Object.values(VIEWS)) {
    const bands = [{ start: 50_500, end: 50_600, name: "R1" }];
    const { data, layout } = scene(stateOf(smallLocus(), { view, bands }));
    let found = 0;
    for (const text of strings({ data, layout })) {
      for (const colour of text.match(/#[0-9a-f]{3,8}\b|rgba?\([^)]*\)/gi) ?? []) {
        if (colour === "rgba(0,0,0,0)") continue;
        found++;
        assert.ok(known.has(colour.startsWith("#") ? colour : hexOf(colour)), `${colour} is no colour of the theme`);
      }
    }
    assert.ok(found > 50);
  }
});

test("zoom belongs to the locus: whatever the settings, uirevision is its key", () => {
  for (const mode of ["soft", "hard", "top-k"]) {
    for (const threshold of [0.01, 0.99]) {
      const state = stateOf(smallLocus(), { settings: { mode, threshold, signal_scale: 4 * threshold } });
      assert.equal(scene(state).layout.uirevision, state.locus.key);
    }
  }
  assert.equal(scene(stateOf(smallLocus({ key: "another" }))).layout.uirevision, "another");
});

const HOSTILE = [
  '<img src=x onerror="alert(1)">',
  '<a href="javascript:alert(1)">x</a>',
  "&lt;b&gt; %{x} <b>",
  "</span><script>alert(1)</script>",
];

/** Text with the marks this component sets itself taken out. */
const bare = (text) =>
  text
    .replace(/<\/?b>|<\/span>|&nbsp;/g, "")
    .replace(/<span style="color:#[0-9a-f]{6}">/g, "")
    .replace(/^(.*)$/s, "$1");

for (const word of HOSTILE) {
  test(`nothing a file or a visitor wrote becomes markup: ${word}`, () => {
    const base = smallLocus();
    const locus = smallLocus({
      symbol: word,
      chrom: word,
      genes: base.genes.map((gene) => ({ ...gene, label: `${word} →` })),
      truth: base.truth.map((element) => ({ ...element, name: word, meaning: word, effect: word })),
      rows: [{ name: "own", title: word, colour: word, boxes: [{ start: 50_100, end: 52_900, label: word }] }],
      tracks: base.tracks.map(({ name, available, missing }) => {
        return { name, available, missing, title: word, unit: word, note: word };
      }),
    });
    const bands = [{ start: 50_500, end: 52_600, name: word }];
    for (const view of [VIEWS.whole, VIEWS.edge]) {
      const state = stateOf(locus, { view, bands: view === VIEWS.whole ? bands : [] });
      const reply = { peaks: [], peak_note: word, rows: [{ ...locus.rows[0], name: "more" }] };
      const figure = scene({ ...state, reply });
      const written = texts(figure);
      const places = written.filter((text) => text.includes(plain(word).slice(0, 12)));
      assert.ok(places.length >= 5, `${places.length} places`);
      for (const text of written.map(bare)) {
        assert.doesNotMatch(text, /[<>]|%\{|&(?!amp;|lt;|gt;)/);
      }
    }
  });
}

test("contacts are drawn as measured, on a logarithmic scale", () => {
  const base = smallLocus();
  const measured = base.arrays.contact.map((v) => 10 * v);
  const locus = smallLocus({ arrays: { ...base.arrays, measured_contact: measured } });
  const { layout, lanes } = scene(stateOf(locus));
  const axis = layout[`yaxis${lanes.findIndex((lane) => lane.name === "contact") + 1}`];
  assert.ok(Math.abs(axis.tickvals[1] - Math.log10(1 + Math.max(...measured))) < 1e-6);
  assert.deepEqual(locus.signals[2], base.arrays.contact, "the algebra keeps what the model reads");
});

test("a talk fits a projector of 720 lines, lanes then say their names only", () => {
  const whole = (screen) => scene({ ...stateOf(smallLocus()), large: true, screen, reply: { peaks: [], rows: [] } });
  const small = whole(630);
  assert.ok(small.layout.height <= 640, String(small.layout.height));
  const margin = (figure) => figure.layout.annotations.filter((note) => note.xshift < -100).length;
  assert.ok(margin(small) < margin(whole(990)));
  for (const { height } of small.lanes) assert.ok(height >= 24, String(height));
});

test("a stretch never measured and a track of zeros say so", () => {
  const base = smallLocus();
  const track = { name: "dnase", title: "DNase", unit: "", available: true, note: "" };
  const silent = smallLocus({ tracks: [{ ...track, missing: [[0, 3000]] }] });
  const nothing = { ...base.arrays, dnase: new Float32Array(3000) };
  const zero = smallLocus({ tracks: [{ ...track, missing: [] }], arrays: nothing });
  const says = (locus) => texts(scene(stateOf(locus))).join(" | ");
  assert.match(says(silent), /no base of this window was measured/);
  assert.match(says(zero), /measured: zero throughout this window/);
  assert.doesNotMatch(says(base), /no base of this window|zero throughout/);
  assert.match(says(base), /H3K27ac not available for this cell type - zero stood in/);
});

test("the grid covers the stretch on show with whole bins of the window", () => {
  const locus = { start: 1000, end: 201_000 };
  for (const view of [
    [1000, 201_000],
    [1000, 1040],
    [77_777, 99_999],
    [200_900, 201_000],
  ]) {
    const { first, last, bin } = gridOf(locus, view, 900);
    assert.equal(first % bin, 0);
    assert.ok(first >= 0 && last <= 200_000);
    assert.ok(first + 1000 <= view[0] && last + 1000 >= view[1]);
    assert.ok((last - first) / bin <= 4 * 900 || bin === 1);
  }
});

test("settings without any evidence draw no line at a mean that is none", () => {
  const state = stateOf(smallLocus({ source: "signals", arrays: withoutSequence() }), {
    settings: { signal_scale: 0 },
  });
  assert.ok(Number.isNaN(state.live.floor));
  const { layout, data } = scene(state);
  for (const { x0, x1, y0, y1 } of layout.shapes) assert.ok([x0, x1, y0, y1].every(Number.isFinite));
  for (const { x, y } of layout.annotations) assert.ok(Number.isFinite(x) && Number.isFinite(y));
  assert.ok(data.length > 0);
});

function withoutSequence() {
  const { a1: _a1, b1: _b1, ...arrays } = smallLocus().arrays;
  return arrays;
}
