import assert from "node:assert/strict";
import { test } from "node:test";

import { between, nearest, nearestCcre, nearestElement } from "../../seq2exp/ui/tracks/static/nearest.js";
import { readout } from "../../seq2exp/ui/tracks/static/pointer.js";
import { scene } from "../../seq2exp/ui/tracks/static/scene.js";
import { smallLocus, stateOf, THEME } from "./locus.js";

const box = (start, end, label, more = {}) => ({ start, end, label, told: `${label}, EH1`, ...more });
const ROW = {
  name: "ccre",
  title: "cCRE",
  colour: "other",
  boxes: [box(50_010, 50_060, "PLS", { colour: "threshold" }), box(52_800, 52_900, "dELS", { colour: "mask_only" })],
};

test("distances are the bases between, none where two stretches share or touch", () => {
  assert.equal(between([10, 20], [25, 30]), 5);
  assert.equal(between([25, 30], [10, 20]), 5);
  assert.equal(between([10, 20], [20, 30]), 0);
  assert.equal(between([10, 20], [12, 13]), 0);
  assert.equal(
    nearest([0, 1], [], (x) => x),
    null,
  );
  assert.equal(nearestElement([], [0, 1]), "");
  const elements = [
    [0, 10],
    [100, 200],
  ];
  assert.equal(nearestElement(elements, [1300, 1400]), "E2, 1,100 bp away");
  assert.equal(nearestElement(elements, [5, 6]), "E1, overlaps");
});

test("pointing at an element tells its nearest cCRE, and the reverse", () => {
  const locus = smallLocus({ rows: [ROW] });
  const state = stateOf(locus, { settings: { threshold: 0.45 } });
  const [start, end] = state.live.elements[0].map((i) => i + locus.start);
  const told = (s, p) => Object.fromEntries(readout(s, p));
  assert.equal(told(state, start)["Nearest cCRE"], nearestCcre(locus, [start, end]));
  assert.match(told(state, start)["Nearest cCRE"], /^(PLS|dELS), EH1, (overlaps|[\d,]+ bp away)$/);
  assert.match(told(state, 52_850)["Nearest element"], /^E\d+, /);
  assert.equal(told(state, 52_850).cCRE, "dELS, EH1");
  assert.ok(!("cCRE" in told({ ...state, shown: { ccre: false } }, 52_850)));
  assert.ok(!("Nearest cCRE" in told(stateOf(smallLocus(), { settings: { threshold: 0.45 } }), start)));
});

test("classes are told apart by colour and by word", () => {
  const { data, lanes } = scene(stateOf(smallLocus({ rows: [ROW] })));
  const axis = `y${lanes.findIndex((lane) => lane.name === "ccre") + 1}`;
  const traces = data.filter((trace) => trace.yaxis === axis);
  assert.deepEqual(
    traces.filter((trace) => trace.fill).map((trace) => trace.fillcolor),
    [THEME.threshold, THEME.mask_only],
  );
  assert.deepEqual(traces.flatMap((trace) => trace.text ?? []).sort(), ["PLS", "dELS"]);
});
