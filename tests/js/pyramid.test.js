import assert from "node:assert/strict";
import { test } from "node:test";

import { bins, binWidth, pyramid, quickBins } from "../../seq2exp/ui/tracks/static/pyramid.js";
import { random, values, whole } from "./random.js";

/** What the known values of each bin are. */
function held(array, start, end, width) {
  const found = [];
  for (let at = start; at < end; at += width) {
    const from = Math.max(at, 0);
    const to = Math.max(Math.min(at + width, end, array.length), from);
    found.push([...array.subarray(from, to)].filter((v) => !Number.isNaN(v)));
  }
  return found;
}

const meanOf = (list) => (list.length ? list.reduce((a, b) => a + b, 0) / list.length : NaN);
const highOf = (list) => (list.length ? Math.max(...list) : NaN);
const lowOf = (list) => (list.length ? Math.min(...list) : NaN);

function near(found, expected, what) {
  assert.equal(found.length, expected.length, what);
  expected.forEach((value, i) => {
    const same = Number.isNaN(value) ? Number.isNaN(found[i]) : Math.abs(found[i] - value) <= 1e-5;
    assert.ok(same, `${what}: bin ${i} is ${found[i]}, not ${value}`);
  });
}

test("bins from the pyramid are those of all values, for any stretch and width", () => {
  const next = random(7);
  for (let round = 0; round < 300; round++) {
    const length = whole(next, 1, 1500);
    const array = values(next, length, { low: -1, high: 3, missing: [0, 0.1, 0.9, 1][round % 4] });
    const built = pyramid(array);
    const start = whole(next, -40, length);
    const end = whole(next, start, length + 60);
    const width = [1, 8, 64, 512, whole(next, 1, 300)][whole(next, 0, 5)];
    const { high, mean } = bins(built, start, end, width);
    const expected = held(array, start, end, width);
    const what = `${length} values, [${start}, ${end}) by ${width}`;
    near(high, expected.map(highOf), `maximum of ${what}`);
    near(mean, expected.map(meanOf), `mean of ${what}`);
  }
});

test("a narrow element survives any zoom in the maximum", () => {
  const array = new Float32Array(200_000);
  array.fill(0.9, 123_456, 123_476);
  const { high } = bins(pyramid(array), 0, 200_000, 1000);
  assert.equal(high[123], Math.fround(0.9));
  assert.equal(
    high.reduce((a, b) => a + b, 0),
    Math.fround(0.9),
  );
});

test("quick bins are those of all values", () => {
  const next = random(8);
  for (let round = 0; round < 100; round++) {
    const array = values(next, whole(next, 1, 900));
    const start = whole(next, 0, array.length);
    const end = whole(next, start, array.length + 1);
    const width = whole(next, 1, 70);
    const { high, mean, low } = quickBins(array, start, end, width);
    const expected = held(array, start, end, width);
    near(high, expected.map(highOf), "maximum");
    near(mean, expected.map(meanOf), "mean");
    near(low, expected.map(lowOf), "minimum");
  }
});

test("bins are whole bases, one up close", () => {
  assert.equal(binWidth(200_000, 900), 222);
  assert.equal(binWidth(100, 900), 1);
  assert.equal(binWidth(100, 0), 100);
});
