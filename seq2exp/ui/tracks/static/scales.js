// Vertical axes of signal lanes, as seq2exp/figures/scale.py: transform, upper end and words for both.

const LOG_TRACKS = new Set(["contact"]);

/** A value's height on a scale of that kind; below 0 there is no root and no logarithm. NaN stays NaN. */
export const TRANSFORMS = {
  linear: (v) => v,
  log1p: (v) => Math.log10(1 + Math.max(v, 0)),
  sqrt: (v) => Math.sqrt(Math.max(v, 0)),
};

/** The axis of a track: as the server says, else up to its own largest value. */
export function axisOf(track, scale) {
  const { kind, top, words } = scale ?? { kind: LOG_TRACKS.has(track.name) ? "log1p" : "linear", top: track.top ?? 0 };
  const transform = TRANSFORMS[kind] ?? TRANSFORMS.linear;
  const ceiling = transform(top) || 1;
  return {
    kind,
    top,
    words: words ?? "",
    ceiling,
    height: (v) => (Number.isNaN(v) ? v : Math.min(transform(v), ceiling)),
  };
}
