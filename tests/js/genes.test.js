import assert from "node:assert/strict";
import { test } from "node:test";

import { packGenes } from "../../seq2exp/ui/tracks/static/genes.js";
import { NAME_CHAR_PX } from "../../seq2exp/ui/tracks/static/shapes.js";
import { random, whole } from "./random.js";

function someGenes(next, count) {
  return Array.from({ length: count }, (_, i) => {
    const start = whole(next, 0, 95_000);
    return {
      id: `G${i}`,
      label: "G".repeat(whole(next, 3, 12)),
      start,
      end: start + whole(next, 100, 40_000),
      target: i === 3,
    };
  });
}

test("neither bodies nor names share room in a row, at any zoom", () => {
  const next = random(11);
  for (let round = 0; round < 200; round++) {
    const genes = someGenes(next, whole(next, 4, 30));
    const low = whole(next, 0, 90_000);
    const view = [low, low + whole(next, 100, 100_000 - low)];
    const width = whole(next, 300, 1500);
    const bpPerPx = (view[1] - view[0]) / width;
    const { placed, rows, leftOut } = packGenes(genes, view, width);
    const inside = genes.filter((g) => g.end > view[0] && g.start < view[1]);
    assert.equal(placed.length + leftOut, inside.length);
    assert.ok(rows >= 1 && rows <= 3);
    const taken = placed.map(({ gene, row, at }) => {
      assert.ok(row < rows);
      const half = (gene.label.length * NAME_CHAR_PX * bpPerPx) / 2;
      const span = [Math.max(gene.start, view[0]), Math.min(gene.end, view[1])];
      return { row, low: Math.min(span[0], at - half), high: Math.max(span[1], at + half) };
    });
    taken.forEach((a, i) => {
      for (const b of taken.slice(i + 1)) assert.ok(a.row !== b.row || a.high <= b.low || b.high <= a.low);
    });
  }
});

test("the target has the first row, and its name stays on show", () => {
  const next = random(12);
  for (let round = 0; round < 100; round++) {
    const genes = someGenes(next, 12);
    const target = genes[3];
    const view = [target.end - 40, target.end + 8000];
    const { placed } = packGenes(genes, view, 900);
    assert.equal(placed[0].gene, target);
    assert.equal(placed[0].row, 0);
    const half = (target.label.length * NAME_CHAR_PX * 8040) / 900 / 2;
    assert.ok(placed[0].at - half >= view[0] && placed[0].at + half <= view[1]);
  }
});

test("a stretch without genes has one empty row", () => {
  assert.deepEqual(packGenes(someGenes(random(13), 5), [200_000, 210_000], 900), { placed: [], rows: 1, leftOut: 0 });
});
