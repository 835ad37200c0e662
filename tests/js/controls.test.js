import assert from "node:assert/strict";
import { test } from "node:test";

import { fromSlider, toSlider, typed, weighted } from "../../seq2exp/ui/tracks/static/controls.js";

const THRESHOLD = { min: 0.01, max: 0.99, step: 0.01, values: null };
const LENGTH = { min: 10, max: 500, step: 10, values: null };
const STRENGTH = { min: 0, max: 500, step: 1, values: [0, 1, 2, 5, 10, 20, 50, 100, 200, 500] };

test("what is typed is brought into range and onto a step", () => {
  for (const [text, value] of [
    ["0.5", 0.5],
    [" 0.304 ", 0.3],
    ["7", 0.99],
    ["-7", 0.01],
    ["1e-1", 0.1],
    ["0.29", 0.29],
  ]) {
    assert.equal(typed(THRESHOLD, text), value, text);
  }
  assert.equal(typed(LENGTH, "44"), 40);
  assert.equal(typed(LENGTH, "0"), 10);
  assert.equal(typed(LENGTH, "501"), 500);
});

test("what is no number is refused", () => {
  for (const text of ["", "  ", "a", "0,5", "1 2", "NaN", "Infinity", "-Infinity", "<b>", "0.5; alert(1)"]) {
    assert.equal(typed(THRESHOLD, text), null, String(text));
    assert.equal(typed(STRENGTH, text), null, String(text));
  }
});

test("uneven values: the nearest is taken, and the slider stands at its place", () => {
  assert.equal(typed(STRENGTH, "7"), 5);
  assert.equal(typed(STRENGTH, "8"), 10);
  assert.equal(typed(STRENGTH, "1e9"), 500);
  STRENGTH.values.forEach((value, place) => {
    assert.equal(toSlider(STRENGTH, value), place);
    assert.equal(fromSlider(STRENGTH, String(place)), value);
  });
});

test("even values: slider and setting are one, as text from the browser too", () => {
  for (const value of [0.01, 0.29, 0.3, 0.99])
    assert.equal(fromSlider(THRESHOLD, String(toSlider(THRESHOLD, value))), value);
});

test("every step can be typed and comes back unchanged", () => {
  for (const knob of [THRESHOLD, LENGTH, { min: 0.5, max: 50, step: 0.5 }, { min: 0, max: 4, step: 0.1 }]) {
    const count = Math.round((knob.max - knob.min) / knob.step);
    for (let i = 0; i <= count; i++) {
      const value = Number((knob.min + i * knob.step).toFixed(6));
      assert.equal(typed(knob, String(value)), value);
    }
  }
});

test("the last weight above 0 stays so, and it is said; any other may go to 0", () => {
  assert.deepEqual(weighted([2, 0.5, 3], 1, 0, 0.1), { weights: [2, 0, 3], refused: false });
  assert.deepEqual(weighted([0, 0.5, 0], 1, 0, 0.1), { weights: [0, 0.1, 0], refused: true });
  const before = [0, 0.5, 0];
  weighted(before, 1, 0, 0.1);
  assert.deepEqual(before, [0, 0.5, 0]);
});
