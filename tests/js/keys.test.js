import assert from "node:assert/strict";
import { test } from "node:test";

import { actOf, helpRows } from "../../seq2exp/ui/tracks/static/keys.js";
import { TEMPLATE } from "../../seq2exp/ui/tracks/static/template.js";

/** A node inside an element that `closest` would find by one of `names`. */
const inside = (...names) => ({
  closest: (selector) => selector.split(", ").some((part) => names.includes(part)) || null,
});
const press = (key, more = {}) => ({ key, target: inside("div"), ...more });

test("letters mean the same with and without Shift or Caps Lock", () => {
  const acts = { j: "next-gene", k: "previous-gene", m: "mode", p: "present", t: "tss" };
  for (const [letter, act] of Object.entries(acts))
    for (const key of [letter, letter.toUpperCase()]) assert.equal(actOf(press(key)), act);
  assert.equal(actOf(press("j"), { talk: true }), "next");
  assert.equal(actOf(press("k"), { talk: true }), "previous");
});

test("Streamlit's own keys, the browser's, and keys typed into fields or dialogs are left alone", () => {
  for (const key of ["c", "C", "r", "R", "Tab", "Enter", "Escape", "F5", "a"]) {
    assert.equal(actOf(press(key)), null, key);
    assert.equal(actOf(press(key), { talk: true }), null, key);
  }
  for (const key of ["j", "+", "ArrowLeft", "?"]) {
    for (const modifier of ["ctrlKey", "metaKey", "altKey"])
      assert.equal(actOf(press(key, { [modifier]: true })), null, `${modifier} ${key}`);
    for (const field of ["input", "textarea", "select", "dialog"])
      assert.equal(actOf(press(key, { target: inside("div", field) })), null, `${field} ${key}`);
  }
});

test("the help lists every key, and buttons name only acts that exist", () => {
  for (const talk of [false, true]) {
    const listed = helpRows({ talk }).map(([keys]) => keys);
    assert.equal(new Set(listed).size, listed.length);
    for (const key of ["+", "T", "0", "?", "J", "K"]) assert.ok(listed.some((keys) => keys.split(", ").includes(key)));
  }
  const buttons = new Set([...TEMPLATE.matchAll(/data-act="([\w-]+)"/g)].map(([, act]) => act));
  for (const act of ["left", "right", "in", "out", "tss", "all", "help"]) assert.ok(buttons.has(act), act);
});
