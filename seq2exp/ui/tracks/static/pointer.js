// The crosshair through every lane, and the box beside it that says what stands under the pointer, base by base.

import { nearestCcre, nearestElement } from "./nearest.js";
import { toGenome } from "./shapes.js";

const withUnit = (value, unit) =>
  Number.isNaN(value) ? "not measured" : `${Number(value.toPrecision(3))} ${unit}`.trim();

/** Lines of text for base `p` (0-based, of the genome): [label, value] pairs, the position first. */
export function readout(state, p) {
  const { locus, live, reply } = state;
  const i = p - locus.start;
  const distance = (p - locus.tss) * (locus.strand === "+" ? 1 : -1);
  const lines = [
    [
      `${locus.chrom}:${(p + 1).toLocaleString("en-US")}`,
      `TSS ${distance > 0 ? "+" : ""}${distance.toLocaleString("en-US")} bp`,
    ],
  ];
  for (const track of locus.tracks)
    if (track.available) lines.push([track.title, withUnit(track.values[i], track.unit)]);
  const rule = locus.forced.on[i]
    ? "promoter centre: forced on by rule"
    : locus.forced.off[i]
      ? "blacklist: forced off by rule"
      : "";
  lines.push(["Mask", rule || `${live.mean[i].toFixed(3)} ± ${live.sd[i].toFixed(3)} sd`]);
  const within = ([start, end]) => p >= start && p < end;
  const elements = toGenome(locus, live.elements);
  const element = elements.findIndex(within);
  const ccre = element >= 0 ? nearestCcre(locus, elements[element]) : "";
  if (element >= 0) {
    const [start, end] = elements[element];
    lines.push([`Element E${element + 1}`, `${(end - start).toLocaleString("en-US")} bp`]);
    if (ccre) lines.push(["Nearest cCRE", ccre]);
  }
  if (reply.peaks.some(within)) lines.push(["MACS3 peak", ""]);
  for (const e of state.shown.truth === false ? [] : (locus.truth ?? [])) {
    if (within([e.start, e.end])) lines.push(["Truth", `${e.meaning}; ${e.effect}`]);
  }
  for (const row of [...locus.rows, ...(reply.rows ?? [])]) {
    if (state.shown[row.name] === false) continue;
    for (const box of row.boxes) {
      if (!within([box.start, box.end])) continue;
      lines.push([row.title, box.told ?? box.label ?? ""]);
      const called = row.name === "ccre" ? nearestElement(elements, [box.start, box.end]) : "";
      if (called) lines.push(["Nearest element", called]);
    }
  }
  return lines;
}

export class Crosshair {
  constructor(root) {
    this.line = root.appendChild(document.createElement("div"));
    this.line.className = "cross";
    this.box = root.appendChild(document.createElement("div"));
    this.box.className = "tip";
    this.root = root;
    this.hide();
  }

  hide() {
    this.line.hidden = this.box.hidden = true;
  }

  /** `offset`: px from the left of the figure. */
  show(state, offset, height, y) {
    const { sizes } = state;
    const at = offset - sizes.l;
    const p = Math.floor(state.view[0] + (at / state.width) * (state.view[1] - state.view[0]));
    if (at < 0 || at > state.width || p < state.locus.start || p >= state.locus.end) {
      this.hide();
      return;
    }
    this.line.hidden = this.box.hidden = false;
    Object.assign(this.line.style, {
      left: `${offset}px`,
      top: `${sizes.t}px`,
      height: `${height - sizes.t - sizes.b}px`,
    });
    const rows = readout(state, p).map(([label, value]) => {
      const row = document.createElement("div");
      const name = document.createElement("b");
      name.textContent = label;
      row.append(name, ` ${value}`);
      return row;
    });
    this.box.replaceChildren(...rows);
    const right = at > state.width / 2;
    const left = right ? offset - this.box.offsetWidth - 14 : offset + 14;
    const top = Math.min(Math.max(y + 12, 4), height - this.box.offsetHeight - 4);
    Object.assign(this.box.style, { left: `${left}px`, top: `${top}px` });
  }
}
