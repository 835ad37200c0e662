// The one element that is looked at: chosen in the table below or by a click, found again after every change.

import { nearestCcre } from "./nearest.js";
import { band, toGenome, withAlpha } from "./shapes.js";
import { within } from "./view.js";

/** Index of the element that is `place` ([start, end) of the genome), else of the one that shares most with it; -1. */
export function findElement(locus, elements, place) {
  if (!place) return -1;
  let best = -1;
  let most = 0;
  toGenome(locus, elements).forEach(([start, end], i) => {
    const shared = Math.min(end, place[1]) - Math.max(start, place[0]);
    if (shared > most) [best, most] = [i, shared];
  });
  return best;
}

/** The element at a base of the genome as [start, end); null where there is none. */
export const elementAt = (locus, elements, base) =>
  toGenome(locus, elements).find(([start, end]) => base >= start && base < end) ?? null;

/** `view` where `place` lies in sight of it, else moved so that it does, as wide as it was. */
export function inSight(view, place, limits) {
  if (place[0] < view[1] && place[1] > view[0]) return view;
  const middle = (place[0] + place[1]) / 2;
  const half = (view[1] - view[0]) / 2;
  return within(middle - half, middle + half, limits);
}

/** The frame around the chosen element, through all lanes; none where none is chosen. */
export function chosenShapes({ locus, live, theme, chosen }) {
  const index = findElement(locus, live.elements, chosen);
  if (index < 0) return [];
  const [start, end] = toGenome(locus, live.elements)[index];
  const frame = band(start, end, withAlpha(theme.ink, 0.07), { color: theme.ink, width: 1.5 });
  return [{ ...frame, layer: "above" }];
}

/** Which element is chosen and which row of the table it is; null where none is. */
export function chosenWords({ locus, live, chosen }) {
  const index = findElement(locus, live.elements, chosen);
  if (index < 0) return null;
  const place = toGenome(locus, live.elements)[index];
  const length = (place[1] - place[0]).toLocaleString("en-US");
  const ccre = nearestCcre(locus, place);
  const row = `E${index + 1}: row ${index + 1} of ${live.elements.length}, ${length} bp`;
  return { place, text: ccre ? `${row}; nearest cCRE ${ccre}` : row };
}
