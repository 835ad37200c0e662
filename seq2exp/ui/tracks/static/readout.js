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

/** The heading of a talk's page. */
export function tellPage(root, { title, why }, page) {
  for (const [name, text] of Object.entries({ title, why, page })) set(root, name, text);
}

/** The words called `name` in `root`; untouched where they are the same, so that nothing is read aloud again. */
function set(root, name, words) {
  const node = root.querySelector(`[data-is="${name}"]`);
  if (node.textContent !== words) node.textContent = words;
}

function placeOf(locus, view) {
  const n = (v) => v.toLocaleString("en-US");
  return `${locus.chrom}:${n(view[0] + 1)}-${n(view[1])} · ${n(view[1] - view[0])} bp`;
}

/** The page's theme by its background: Streamlit changes it without telling components. */
export function themeOf(root) {
  const colour = getComputedStyle(root).getPropertyValue("--st-background-color").trim() || "#ffffff";
  const [r, g, b] = [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
  return 0.3 * r + 0.6 * g + 0.1 * b < 128 ? "dark" : "light";
}
