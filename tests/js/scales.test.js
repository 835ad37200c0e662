import assert from "node:assert/strict";
import { test } from "node:test";

import { scene } from "../../seq2exp/ui/tracks/static/scene.js";
import { axisOf, TRANSFORMS } from "../../seq2exp/ui/tracks/static/scales.js";
import { smallLocus, stateOf, THEME } from "./locus.js";

test("transforms are those of seq2exp/figures/scale.py", () => {
  assert.deepEqual([0, 9, 99].map(TRANSFORMS.log1p), [0, 1, 2]);
  assert.deepEqual([0, 9, -4].map(TRANSFORMS.sqrt), [0, 3, 0]);
  assert.equal(TRANSFORMS.linear(-4), -4);
  for (const height of Object.values(TRANSFORMS)) assert.ok(Number.isNaN(height(NaN)));
});

test("an axis ends where it is told to, and an unknown kind is linear", () => {
  const axis = axisOf({ name: "dnase", top: 8 }, { kind: "sqrt", top: 4, words: "group scale" });
  assert.deepEqual([0, 1, 4, 100].map(axis.height), [0, 1, 2, 2]);
  assert.equal(axisOf({ name: "dnase", top: 8 }, { kind: "<b>", top: 4 }).height(3), 3);
  assert.equal(axisOf({ name: "contact", top: 9 }).ceiling, 1);
  assert.equal(axisOf({ name: "dnase", top: null }).ceiling, 1);
});

for (const kind of Object.keys(TRANSFORMS)) {
  test(`a lane prints its scale and its upper end, and marks what reaches beyond: ${kind}`, () => {
    const locus = smallLocus();
    const dnase = locus.tracks.find((track) => track.name === "dnase");
    const state = stateOf(locus);
    const scale = { kind, top: dnase.top / 2, words: "group scale, clipped at 99.5 %" };
    state.reply.scales = { dnase: scale };
    const { data, layout, lanes } = scene(state);
    const index = lanes.findIndex((lane) => lane.name === "dnase");
    const axis = layout[`yaxis${index + 1}`];
    assert.ok(Math.abs(axis.tickvals[1] - TRANSFORMS[kind](scale.top)) < 1e-6);
    assert.equal(Number(axis.ticktext[1]), Number(scale.top.toPrecision(3)));
    const notes = layout.annotations.map((note) => note.text);
    assert.ok(notes.includes(`${kind}, cuts`));
    assert.ok(notes.includes(scale.words));
    const traces = data.filter((trace) => trace.yaxis === `y${index + 1}`);
    for (const { y, fill } of traces)
      if (fill !== "toself") for (const v of y) assert.ok(!(v > axis.tickvals[1] + 1e-9));
    const bars = traces.filter((trace) => trace.fillcolor === THEME.ink);
    assert.equal(bars.length, 1);
    const marked = bars[0].x.filter((x) => x !== null);
    dnase.values.forEach((value, i) => {
      const [at, inside] = [locus.start + i + 1, value > scale.top];
      if (!inside) return;
      assert.ok(marked.some((x, j) => j % 5 === 0 && x <= at && marked[j + 2] >= at));
    });
    state.reply.scales = { dnase: { ...scale, top: 2 * dnase.top } };
    assert.ok(!scene(state).data.some((trace) => trace.yaxis === `y${index + 1}` && trace.fillcolor === THEME.ink));
  });
}
