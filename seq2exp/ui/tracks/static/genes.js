// Gene models packed into rows so that neither bodies nor names collide, as seq2exp/figures/genes.py does.

import { NAME_CHAR_PX } from "./shapes.js";

const MOST_ROWS = 3;

/**
 * @param {{start, end, label, target, id}[]} genes
 * @param {[number, number]} view - half-open
 * @param {number} width - of the plot in px
 * @returns {{placed: {gene, row, at}[], rows: number, leftOut: number}} the target first, then the longest
 */
export function packGenes(genes, view, width) {
  const bpPerPx = (view[1] - view[0]) / width;
  const inside = genes.filter((g) => g.end > view[0] && g.start < view[1]);
  const order = [...inside].sort(
    (a, b) =>
      Number(b.target) - Number(a.target) ||
      b.end - b.start - (a.end - a.start) ||
      a.start - b.start ||
      (a.id < b.id ? -1 : 1),
  );
  const rows = [];
  const placed = [];
  for (const gene of order) {
    const start = Math.max(gene.start, view[0]);
    const end = Math.min(gene.end, view[1]);
    const half = ((gene.label.length * NAME_CHAR_PX * (gene.target ? 1.1 : 1)) / 2) * bpPerPx;
    const centre = (view[0] + view[1]) / 2;
    const room = Math.max((view[1] - view[0]) / 2 - half, 0);
    const at = Math.min(Math.max((start + end) / 2, centre - room), centre + room);
    const padding = 6 * bpPerPx;
    const taken = [Math.min(start, at - half) - padding, Math.max(end, at + half) + padding];
    let row = rows.findIndex((used) => used.every(([a, b]) => taken[1] <= a || taken[0] >= b));
    if (row < 0 && rows.length < MOST_ROWS) row = rows.push([]) - 1;
    if (row < 0) continue;
    rows[row].push(taken);
    placed.push({ gene, row, at });
  }
  return { placed, rows: Math.max(rows.length, 1), leftOut: inside.length - placed.length };
}
