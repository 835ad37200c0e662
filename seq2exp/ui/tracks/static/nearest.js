// What lies nearest to a stretch of the genome: registry elements beside called ones, and the reverse.

/** Bases between two half-open stretches; 0 where they share or touch one. */
export const between = ([a, b], [c, d]) => Math.max(c - b, a - d, 0);

/** The item of `items` nearest to `place`, and how far it is; null where there is none. `placeOf`: its [start, end). */
export function nearest(place, items, placeOf) {
  let best = null;
  for (const item of items) {
    const bp = between(place, placeOf(item));
    if (!best || bp < best.bp) best = { item, bp };
  }
  return best;
}

const far = (bp) => (bp ? `${bp.toLocaleString("en-US")} bp away` : "overlaps");

/** The registry element nearest to `place`, in words; "" where the data set has none here. */
export function nearestCcre(locus, place) {
  const row = locus.rows.find(({ name }) => name === "ccre");
  const found = row && nearest(place, row.boxes, (box) => [box.start, box.end]);
  return found ? `${found.item.told ?? found.item.label ?? ""}, ${far(found.bp)}` : "";
}

/** The called element nearest to `place`, in words; "" where none is called. `elements`: places on the genome. */
export function nearestElement(elements, place) {
  const found = nearest(place, [...elements.entries()], ([, element]) => element);
  return found ? `E${found.item[0] + 1}, ${far(found.bp)}` : "";
}
