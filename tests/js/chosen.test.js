import assert from "node:assert/strict";
import { test } from "node:test";

import { elementAt, findElement, inSight } from "../../seq2exp/ui/tracks/static/chosen.js";
import { bounded } from "../../seq2exp/ui/tracks/static/heights.js";
import { scene } from "../../seq2exp/ui/tracks/static/scene.js";
import { smallLocus, stateOf } from "./locus.js";

const LOCUS = { start: 1000 };
const ELEMENTS = [
  [0, 100],
  [300, 360],
  [400, 900],
];

test("an element is found by a base of its own, both ends half-open", () => {
  assert.deepEqual(elementAt(LOCUS, ELEMENTS, 1000), [1000, 1100]);
  assert.equal(elementAt(LOCUS, ELEMENTS, 1100), null);
  assert.deepEqual(elementAt(LOCUS, ELEMENTS, 1899), [1400, 1900]);
});

test("a chosen element is found again after a change: the one that shares most", () => {
  assert.equal(findElement(LOCUS, ELEMENTS, [1300, 1360]), 1);
  assert.equal(findElement(LOCUS, ELEMENTS, [1310, 1500]), 2);
  assert.equal(findElement(LOCUS, ELEMENTS, [1100, 1300]), -1);
  assert.equal(findElement(LOCUS, ELEMENTS, null), -1);
});

test("what is in sight leaves the stretch alone, what is not moves it without zooming", () => {
  assert.deepEqual(inSight([1000, 1400], [1350, 1600], [0, 5000]), [1000, 1400]);
  assert.deepEqual(inSight([1000, 1400], [2000, 2100], [0, 5000]), [1850, 2250]);
  assert.deepEqual(inSight([1000, 1400], [4950, 5000], [0, 5000]), [4600, 5000]);
});

test("the figure says which row the chosen element is, and nothing covers its name or the marks'", () => {
  const state = stateOf(smallLocus(), { settings: { threshold: 0.45 } });
  const [start, end] = state.live.elements[0];
  const bands = [{ start: 51_000, end: 51_200, name: "R1" }];
  const chosen = [50_000 + start, 50_000 + end];
  const { data, layout, lanes } = scene({ ...state, bands, chosen });
  const index = lanes.findIndex((lane) => lane.name === "marks");
  assert.ok(index > 0);
  const written = data.filter((trace) => trace.yaxis === `y${index + 1}`).flatMap((trace) => trace.text);
  const words = `<b>E1: row 1 of ${state.live.elements.length}, ${(end - start).toLocaleString("en-US")} bp</b>`;
  assert.deepEqual([...written].sort(), [words, "R1"].sort());
  assert.ok(
    layout.shapes.some(({ x0, x1, yref }) => yref === "paper" && x0 === chosen[0] + 0.5 && x1 === chosen[1] + 0.5),
  );
  assert.ok(!scene(state).lanes.some((lane) => lane.name === "marks"));
});

test("a lane made higher by hand is so at every zoom, and the others stay as they were", () => {
  const state = stateOf(smallLocus(), { screen: 700 });
  const usual = Object.fromEntries(scene(state).lanes.map((lane) => [lane.name, lane.height]));
  for (const view of [state.view, [51_000, 51_100]]) {
    const { lanes, layout } = scene({ ...state, view, heights: { dnase: 120, mask: 9000, truth: 300, __proto__: 5 } });
    const found = Object.fromEntries(lanes.map((lane) => [lane.name, lane.height]));
    assert.deepEqual(found, { ...usual, dnase: 120, mask: 400 });
    const inner = layout.height - layout.margin.t - layout.margin.b;
    assert.ok(Math.abs(lanes.at(-1).top + lanes.at(-1).height - inner) < 1e-6);
  }
  assert.deepEqual([-5, 60.4, 1e9].map(bounded), [24, 60, 400]);
});
