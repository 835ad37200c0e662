// Where pan and zoom lead: half-open stretches of the genome, kept inside what the locus holds.

const NARROWEST_BP = 40;

/** [start, end) as whole bases, no narrower than letters can be read, moved or cut to lie within `limits`. */
export function within(start, end, [low, high]) {
  const width = Math.round(Math.min(Math.max(end - start, NARROWEST_BP), high - low));
  const first = Math.round(Math.min(Math.max(start + (end - start - width) / 2, low), high - width));
  return [first, first + width];
}

/** The stretch a button of pan and zoom leads to from `view`; null for an act that is none of them. */
export function movedBy(act, view, limits, tss) {
  const width = view[1] - view[0];
  const middle = (view[0] + view[1]) / 2;
  const half = Math.min(5000, (limits[1] - limits[0]) / 10);
  const wanted = {
    left: [view[0] - width / 2, view[1] - width / 2],
    right: [view[0] + width / 2, view[1] + width / 2],
    in: [middle - width / 6, middle + width / 6],
    out: [middle - width * 1.5, middle + width * 1.5],
    all: limits,
    tss: [tss - half, tss + half],
  }[act];
  return wanted ? within(...wanted, limits) : null;
}
