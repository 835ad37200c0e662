// Numbers beside the sliders and words above the figure: what the browser knows at once, what the server has answered.

import { overlap } from "./beta.js";
import { toGenome } from "./shapes.js";

/** Writes them into `root`; `waiting`: why the server's numbers are not those of the sliders, "" where they are. */
export function tell(root, state, waiting) {
  const { locus, live, reply, view } = state;
  const { elements, ratio } = live;
  const met = overlap(toGenome(locus, elements), reply.overlap_peaks);
  const words = {
    kept: Number.isFinite(ratio) ? `${(100 * ratio).toFixed(1)} %` : "–",
    elements: String(elements.length),
    jaccard: Number.isFinite(met.jaccard) ? met.jaccard.toFixed(2) : "–",
    predicted: reply.predicted,
    observed: reply.observed,
    promoter: reply.promoter_only,
    "deck-predicted": reply.predicted,
    "deck-observed": reply.observed,
    "deck-promoter": reply.promoter_only,
    stamp: waiting || reply.stamp,
    place: placeOf(locus, view),
  };
  for (const [name, text] of Object.entries(words)) set(root, name, text);
  root.classList.toggle("stale", Boolean(waiting));
  const whole = locus.chromosome;
  root.querySelector("[data-act=unband]").hidden = !state.bands.length;
  root.querySelector("[data-act=all]").disabled = view[0] === whole[0] && view[1] === whole[1];
}

/** The words called `name` in `root`; untouched where they are the same, so that nothing is read aloud again. */
export function set(root, name, words) {
  const node = root.querySelector(`[data-is="${name}"]`);
  if (node.textContent !== words) node.textContent = words;
}

function placeOf(locus, view) {
  const n = (v) => v.toLocaleString("en-US");
  return `${locus.chrom}:${n(view[0] + 1)}-${n(view[1])} · ${n(view[1] - view[0])} bp`;
}
