// Random numbers that are the same in every run, and arrays made of them.

/** Numbers in [0, 1) that `seed` alone decides (mulberry32). */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A whole number in [low, high). */
export const whole = (next, low, high) => low + Math.floor(next() * (high - low));

/** (length,) values in [low, high), a `missing` share of them NaN. */
export const values = (next, length, { low = 0, high = 1, missing = 0 } = {}) =>
  Float32Array.from({ length }, () => (next() < missing ? NaN : low + (high - low) * next()));

/** Half-open pairs in order inside [start, end), none touching. */
export function pairs(next, count, start, end) {
  const cuts = new Set();
  while (cuts.size < 2 * count) cuts.add(whole(next, start, end));
  const sorted = [...cuts].sort((a, b) => a - b);
  return Array.from({ length: count }, (_, i) => [sorted[2 * i], sorted[2 * i + 1]]);
}
