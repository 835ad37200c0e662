import assert from "node:assert/strict";
import { test } from "node:test";

import { linkOf } from "../../seq2exp/ui/tracks/static/link.js";
import { marked } from "../../seq2exp/ui/tracks/static/marks.js";
import { movedBy, within } from "../../seq2exp/ui/tracks/static/view.js";
import { random } from "./random.js";

const LIMITS = [1000, 9192];

test("wherever a button leads, the stretch is whole bases inside the window, wide enough for letters", () => {
  const next = random(4);
  for (let i = 0; i < 300; i++) {
    const start = 1000 + Math.floor(next() * 8000);
    let view = within(start, start + 1 + next() * 4000, LIMITS);
    for (const act of ["left", "right", "in", "out", "tss", "all"]) {
      view = movedBy(act, view, LIMITS, 5000);
      assert.ok(view.every(Number.isInteger) && view[0] >= LIMITS[0] && view[1] <= LIMITS[1]);
      assert.ok(view[1] - view[0] >= 40);
      if (act === "tss") assert.ok(view[0] <= 5000 && view[1] > 5000);
    }
    assert.deepEqual(view, LIMITS);
  }
  assert.equal(movedBy("svg", LIMITS, LIMITS, 5000), null);
});

test("panning keeps the width, and in undoes out", () => {
  const view = [4000, 4600];
  assert.deepEqual(movedBy("right", view, LIMITS, 0), [4300, 4900]);
  assert.deepEqual(movedBy("left", [1000, 1600], LIMITS, 0), [1000, 1600]);
  assert.deepEqual(movedBy("in", movedBy("out", view, LIMITS, 0), LIMITS, 0), view);
});

test("marks: drawn either way, named apart, at most nine, none from a click", () => {
  const first = marked([], 5000.4, 4000.2, LIMITS);
  assert.deepEqual(first, [{ start: 4000, end: 5000, name: "R1" }]);
  assert.equal(marked(first, 4500, 4501, LIMITS), first);
  let marks = first;
  for (let i = 0; i < 12; i++) marks = marked(marks, 2000 + i, 3000 + i, LIMITS);
  assert.equal(marks.length, 9);
  assert.equal(new Set(marks.map((mark) => mark.name)).size, 9);
  assert.deepEqual(marked([], -50, 1e9, LIMITS)[0], { start: 1000, end: 9192, name: "R1" });
});

test("the link names the stretch and the marks on screen and keeps all else", () => {
  const href = "http://10.0.0.7:8501/?gene=A%26B&locus=chr1:1-2&threshold=0.3&marks=9-9";
  const state = { locus: { chrom: "chr1", chromosome: LIMITS }, view: [2000, 3000], bands: [] };
  const shown = new URL(linkOf(href, state)).searchParams;
  assert.deepEqual(Object.fromEntries(shown), { gene: "A&B", threshold: "0.3", locus: "chr1:2001-3000" });
  const bands = [{ start: 10, end: 20, name: "a,b:c&d" }];
  const marks = new URL(linkOf(href, { ...state, view: LIMITS, bands })).searchParams;
  assert.deepEqual(Object.fromEntries(marks), { gene: "A&B", threshold: "0.3", marks: "11-20:a b c&d" });
});
