import assert from "node:assert/strict";
import { test } from "node:test";

import { readout } from "../../seq2exp/ui/tracks/static/pointer.js";
import { smallLocus, stateOf } from "./locus.js";

const at = (state, base) => Object.fromEntries(readout(state, base));

test("positions are told 1-based, distances in the direction of transcription", () => {
  const plus = stateOf(smallLocus());
  assert.deepEqual(readout(plus, 51_500)[0], ["chr1:51,501", "TSS 0 bp"]);
  assert.deepEqual(readout(plus, 52_734)[0], ["chr1:52,735", "TSS +1,234 bp"]);
  assert.deepEqual(readout(plus, 50_266)[0], ["chr1:50,267", "TSS -1,234 bp"]);
  const minus = stateOf(smallLocus({ strand: "-" }));
  assert.deepEqual(readout(minus, 50_266)[0], ["chr1:50,267", "TSS +1,234 bp"]);
});

test("every value under the pointer is the base's own; missing is not zero", () => {
  const state = stateOf(smallLocus());
  const { locus, live } = state;
  assert.equal(at(state, 50_150).DNase, "not measured");
  assert.equal(at(state, 50_500).DNase, `${Number(locus.arrays.dnase[500].toPrecision(3))} cuts`);
  assert.ok(!("H3K27ac" in at(state, 50_500)), "an absent track has no value");
  assert.equal(at(state, 50_500).Mask, `${live.mean[500].toFixed(3)} ± ${live.sd[500].toFixed(3)} sd`);
  assert.match(at(state, 51_500).Mask, /forced on by rule/);
  assert.match(at(state, 50_230).Mask, /forced off by rule/);
});

test("elements, peaks and truth are told where they are, and not beside them", () => {
  const state = stateOf(smallLocus(), { settings: { threshold: 0.45 } });
  const [start, end] = state.live.elements[0];
  assert.equal(at(state, 50_000 + start)["Element E1"], `${(end - start).toLocaleString("en-US")} bp`);
  assert.ok(!("Element E1" in at(state, 50_000 + end)));
  assert.ok("MACS3 peak" in at(state, 50_849) && !("MACS3 peak" in at(state, 50_850)));
  assert.equal(at(state, 50_700).Truth, "raises it; -0.4");
  assert.ok(!("Truth" in at({ ...state, shown: { truth: false } }, 50_700)));
  assert.equal(at(state, 50_010).CRISPRi, "hit");
});
