import assert from "node:assert/strict";
import { test } from "node:test";

import { captioned, wrapped } from "../../seq2exp/ui/tracks/static/exports.js";
import { scene } from "../../seq2exp/ui/tracks/static/scene.js";
import { smallLocus, stateOf, THEME } from "./locus.js";
import { random, whole } from "./random.js";

test("wrapped lines keep every word in order and break only where they must", () => {
  const next = random(21);
  for (let round = 0; round < 200; round++) {
    const words = Array.from({ length: whole(next, 1, 40) }, () => "x".repeat(whole(next, 1, 15)));
    const letters = whole(next, 5, 60);
    const lines = wrapped(words.join("  "), letters);
    assert.equal(lines.join(" "), words.join(" "));
    lines.forEach((line, i) => {
      assert.ok(line.length <= letters || !line.includes(" "));
      const following = lines[i + 1]?.split(" ")[0];
      if (following) assert.ok(`${line} ${following}`.length > letters);
    });
  }
  assert.deepEqual(wrapped("", 10), [""]);
});

test("a caption stands below the figure and leaves it as it was", () => {
  const drawn = scene(stateOf(smallLocus()));
  const before = structuredClone(drawn);
  const caption = ["AAA in SynK <b>", "Settings: threshold 0.5 ".repeat(20), "dataset: <img src=x onerror=alert(1)>"];
  const { data, layout } = captioned(drawn, caption, THEME, 900);
  assert.deepEqual(drawn, before);
  assert.equal(data, drawn.data);
  const added = layout.annotations.slice(drawn.layout.annotations.length);
  assert.ok(added.length > caption.length, "the long line is wrapped");
  const room = layout.height - drawn.layout.height;
  assert.equal(layout.margin.b - drawn.layout.margin.b, room);
  added.forEach((note, i) => {
    assert.ok(-note.yshift > drawn.layout.margin.b, "below the axis and its title");
    assert.ok(-note.yshift < layout.margin.b, "inside the picture");
    if (i) assert.ok(note.yshift < added[i - 1].yshift);
  });
  assert.equal(added[0].text, "<b>AAA in SynK &lt;b&gt;</b>");
  assert.equal(added.at(-1).text, "dataset: &lt;img src=x onerror=alert(1)&gt;");
});
