import assert from "node:assert/strict";
import { test } from "node:test";

import { paint } from "../../seq2exp/ui/tracks/static/live.js";
import { scene } from "../../seq2exp/ui/tracks/static/scene.js";
import { smallLocus, stateOf } from "./locus.js";

/** A canvas that remembers where lines begin and what is written where. */
function sketch() {
  const lines = [];
  const words = [];
  const ink = {
    ...Object.fromEntries(
      ["setTransform", "fillRect", "translate", "beginPath", "lineTo", "fill", "stroke", "setLineDash"].map((name) => [
        name,
        () => {},
      ]),
    ),
    moveTo: (_x, y) => lines.push(y),
    fillText: (text, _x, y) => words.push([text, y]),
  };
  return { lines, words, canvas: { style: {}, width: 0, height: 0, getContext: () => ink } };
}

test("a threshold dragged past the end of a low mask's lane stays in sight until release", () => {
  globalThis.window = { devicePixelRatio: 1 };
  const state = stateOf(smallLocus(), { sizes: { l: 150, t: 40, font: 13 } });
  const low = { mean: new Float32Array(3000).fill(0.1), sd: new Float32Array(3000), floor: 0 };
  const { lanes } = scene({ ...state, live: { ...state.live, ...low, threshold: 0.18 } });
  const lane = lanes.find(({ name }) => name === "mask");
  assert.equal(lane.ceiling, 0.5);
  const at = (value) => lane.height * (1 - (value - lane.range[0]) / (lane.range[1] - lane.range[0]));
  for (const [threshold, drawn] of [
    [0.18, 0.18],
    [0.5, 0.5],
    [0.9, 0.5],
  ]) {
    const { canvas, lines, words } = sketch();
    paint(canvas, { ...state, live: { ...state.live, ...low, threshold } }, lanes);
    assert.deepEqual(words, [[`threshold ${threshold.toFixed(2)}`, at(drawn)]]);
    assert.deepEqual(lines, [at(drawn)]);
    assert.ok(at(drawn) >= 0 && at(drawn) <= lane.height);
  }
});
