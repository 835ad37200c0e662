// Marking a stretch by hand: shift and drag across the figure.

const MOST_MARKS = 9;
const LEAST_BP = 2;

/** `marks` with [from, to) added under the next free name; the oldest goes where there would be too many. */
export function marked(marks, from, to, [low, high]) {
  const [start, end] = [from, to].map((base) => Math.round(Math.min(Math.max(base, low), high))).sort((a, b) => a - b);
  if (end - start < LEAST_BP) return marks;
  const names = new Set(marks.map((mark) => mark.name));
  let number = 1;
  while (names.has(`R${number}`)) number++;
  return [...marks, { start, end, name: `R${number}` }].slice(-MOST_MARKS);
}

/**
 * Follows the pointer to its release.
 *
 * @param {PointerEvent} event - that began it
 * @param {(x: number) => number} at - the base under a horizontal place of the window
 * @param {(marks: object[]) => void} done - called where something was marked
 */
export function dragMark(event, at, limits, marks, done) {
  event.stopPropagation();
  event.preventDefault();
  const first = at(event.clientX);
  const release = (up) => {
    window.removeEventListener("pointerup", release, true);
    const found = marked(marks, first, at(up.clientX), limits);
    if (found !== marks) done(found);
  };
  window.addEventListener("pointerup", release, true);
}
