import assert from "node:assert/strict";
import { test } from "node:test";

import {
  answer,
  callElements,
  couple,
  highestNear,
  meets,
  overlap,
  select,
  shareOf,
  signalBeta,
  topShare,
} from "../../seq2exp/ui/tracks/static/beta.js";
import { SETTINGS, smallLocus } from "./locus.js";
import { pairs, random, values, whole } from "./random.js";

test("a base without signals under the soft recipe has mean 11 / 30.8", () => {
  const config = {
    beta_min: 1,
    prior_scale: 10,
    signal_transform: "none",
    most_sequence_counts: 0,
    summit_bp: 0,
    summit_floor: 0.5,
    contact_half: 0,
    signal_thresholds: [1.5, 0.2, 1],
  };
  const signal = signalBeta(
    [0, 0, 0].map(() => new Float32Array(1)),
    [2, 2, 1],
    config,
  );
  const least = new Float32Array([1]);
  const { mean, sd } = couple({ a1: least, b1: least }, signal, { ...SETTINGS }, 1);
  assert.ok(Math.abs(mean[0] - 11 / 30.8) < 1e-6);
  assert.ok(Math.abs(sd[0] - Math.sqrt(((11 / 30.8) * (19.8 / 30.8)) / 31.8)) < 1e-6);
});

test("the highest near is the definition, place by place", () => {
  const next = random(5);
  for (let round = 0; round < 200; round++) {
    const length = whole(next, 1, 60);
    const near = whole(next, 0, 70);
    const held = Float32Array.from({ length }, () => whole(next, 0, 9));
    const expected = held.map((_, i) => Math.max(...held.slice(Math.max(i - near, 0), i + near + 1)));
    assert.deepEqual(highestNear(held, near), expected);
  }
});

test("contact and summit multiply, and a locus without either is left as it is", () => {
  const signals = [
    [5, 5, 5],
    [0, 8, 4],
    [2, 1, 0],
  ].map((row) => Float32Array.from(row));
  const none = { summit_bp: 0, summit_floor: 1, contact_half: 0 };
  assert.equal(shareOf(signals, none), null);
  assert.deepEqual([...shareOf(signals, { ...none, contact_half: 1 })], [0.8, 0.5, 0.01]);
  const both = shareOf(signals, { ...none, summit_bp: 2, contact_half: 1 });
  [0.01, 0.5 * (8 / 9), 0.01].forEach((share, i) => assert.ok(Math.abs(both[i] - share) < 1e-12));
  const silent = [signals[0], new Float32Array(3), new Float32Array(3)];
  assert.equal(shareOf(silent, { ...none, summit_bp: 2, contact_half: 1 }), null);
});

test("the largest share is kept, ties to the lower position", () => {
  const next = random(3);
  for (let round = 0; round < 200; round++) {
    const length = whole(next, 1, 80);
    const mean = Float32Array.from({ length }, () => whole(next, 0, 6) / 5);
    const share = next();
    const order = [...mean.keys()].sort((a, b) => mean[b] - mean[a] || a - b);
    const expected = new Uint8Array(length);
    for (const i of order.slice(0, Math.floor(length * share))) expected[i] = 1;
    assert.deepEqual(topShare(mean, share), expected);
  }
});

test("a mean that equals the threshold is called, as float32 on the server", () => {
  const forced = { barrier: new Uint8Array(3) };
  for (let percent = 1; percent < 100; percent++) {
    const at = Math.fround(percent / 100);
    const mean = new Float32Array([at, at + 1e-6, at - 1e-6]);
    const { chosen, mask } = select(mean, { mode: "hard", threshold: percent / 100 }, forced);
    assert.deepEqual([...chosen], [1, 1, 0], `threshold ${percent / 100}`);
    assert.equal(mask, chosen);
  }
});

/** Elements one step at a time: runs, then joins, then lengths. */
function plainly(chosen, barrier, { merge_gap: gap, min_length: least }) {
  const runs = [];
  for (let i = 0; i < chosen.length; i++) {
    if (!chosen[i] || barrier[i]) continue;
    if (runs.length && runs.at(-1)[1] === i) runs.at(-1)[1] = i + 1;
    else runs.push([i, i + 1]);
  }
  const joined = [];
  for (const [start, end] of runs) {
    const last = joined.at(-1);
    if (last && start - last[1] <= gap && !barrier.subarray(last[1], start).some(Boolean)) last[1] = end;
    else joined.push([start, end]);
  }
  return joined.filter(([start, end]) => end - start >= least);
}

test("elements are runs joined over short gaps without a barrier, long enough", () => {
  const next = random(4);
  for (let round = 0; round < 500; round++) {
    const length = whole(next, 1, 120);
    const share = next();
    const chosen = Uint8Array.from({ length }, () => Number(next() < share));
    const barrier = Uint8Array.from({ length }, () => Number(next() < 0.05));
    const settings = { merge_gap: whole(next, 0, 8), min_length: whole(next, 1, 6) };
    assert.deepEqual(callElements(chosen, barrier, settings), plainly(chosen, barrier, settings));
  }
});

test("overlap counts no base twice, whatever the order of the peaks", () => {
  const next = random(5);
  for (let round = 0; round < 200; round++) {
    const elements = pairs(next, whole(next, 0, 5), 0, 100);
    const peaks = Array.from({ length: whole(next, 0, 7) }, () => {
      const start = whole(next, 0, 95);
      return [start, whole(next, start + 1, 100)];
    });
    const bases = (list) => new Set(list.flatMap(([a, b]) => Array.from({ length: b - a }, (_, i) => a + i)));
    const [ours, theirs] = [bases(elements), bases(peaks)];
    const shared = [...ours].filter((i) => theirs.has(i)).length;
    const found = overlap(elements, peaks);
    assert.equal(found.jaccard, shared / (ours.size + theirs.size - shared));
    assert.equal(found.precision, shared / ours.size);
    assert.equal(found.recall, shared / theirs.size);
  }
});

test("touching places do not meet", () => {
  const others = [[10, 20]];
  const places = [
    [0, 10],
    [0, 11],
    [20, 30],
    [19, 21],
    [12, 13],
  ];
  assert.deepEqual(meets(places, others), [false, true, false, true, true]);
});

test("no element lies where a rule forces the mask, and the share leaves the promoter out", () => {
  for (const mode of ["soft", "hard", "top-k"]) {
    const locus = smallLocus();
    const { elements, ratio, chosen } = answer(locus, { ...SETTINGS, mode, threshold: 0.3, top_percent: 50 });
    assert.ok(elements.length > 0);
    assert.ok(ratio > 0 && ratio < 1);
    for (const [start, end] of elements) assert.ok(!locus.forced.barrier.subarray(start, end).some(Boolean));
    const kept = chosen.filter((v, i) => v && !locus.forced.on[i] && !locus.forced.off[i]).length;
    if (mode !== "soft") assert.ok(Math.abs(ratio - kept / (3000 - 200)) < 1e-9);
  }
});

test("a weight that moves is followed at once, and back again", () => {
  const locus = smallLocus();
  const first = answer(locus, { ...SETTINGS, weights: [2, 2, 1] }).mean.slice();
  const moved = answer(locus, { ...SETTINGS, weights: [0, 2, 1] }).mean;
  assert.notDeepEqual(moved, first);
  assert.deepEqual(answer(locus, { ...SETTINGS, weights: [4, 4, 2] }).mean, first);
});

test("a prior pulls every mean towards its own, the more the stronger", () => {
  const next = random(6);
  const sequence = { a1: values(next, 50, { low: 1, high: 9 }), b1: values(next, 50, { low: 1, high: 9 }) };
  const signal = { alpha: new Float64Array(50).fill(3), beta: 4 };
  const distance = (prior_strength) => {
    const { mean } = couple(sequence, signal, { ...SETTINGS, prior_mean: 0.8, prior_strength }, 1);
    return mean.map((m) => Math.abs(m - 0.8));
  };
  const [none, some, much] = [0, 10, 1000].map(distance);
  none.forEach((d, i) => assert.ok(some[i] < d && much[i] < some[i]));
});
