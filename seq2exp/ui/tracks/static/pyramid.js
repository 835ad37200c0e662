// Tracks at any zoom: maxima and means of bins, from a pyramid built once per locus.
// Averages alone hide narrow elements when zoomed out, so both are kept.

const FACTOR = 8;

/**
 * @param {Float32Array} values - NaN where nothing was measured
 * @returns {{values: Float32Array, levels: {width: number, high: Float32Array, sum: Float64Array, known: Float64Array}[]}}
 */
export function pyramid(values) {
  const levels = [];
  let width = FACTOR;
  while (width < values.length) {
    const below = levels.at(-1);
    const size = Math.ceil(values.length / width);
    const level = {
      width,
      high: new Float32Array(size).fill(NaN),
      sum: new Float64Array(size),
      known: new Float64Array(size),
    };
    const cells = below ? below.high.length : values.length;
    for (let i = 0; i < cells; i++) {
      const at = Math.floor(i / FACTOR);
      const high = below ? below.high[i] : values[i];
      if (Number.isNaN(high)) continue;
      if (!(level.high[at] >= high)) level.high[at] = high;
      level.sum[at] += below ? below.sum[i] : high;
      level.known[at] += below ? below.known[i] : 1;
    }
    levels.push(level);
    width *= FACTOR;
  }
  return { values, levels };
}

/** Bases of a bin when `bases` are drawn over `pixels`: whole bases, 1 up close. */
export const binWidth = (bases, pixels) => Math.max(1, Math.floor(bases / Math.max(pixels, 1)));

/**
 * Maximum and mean of bins of `width` bases over [start, end), both multiples of `width` apart from 0.
 *
 * @returns {{high: Float32Array, mean: Float32Array}} NaN where a bin holds no value
 */
export function bins({ values, levels }, start, end, width) {
  const size = Math.ceil((end - start) / width);
  const high = new Float32Array(size).fill(NaN);
  const mean = new Float32Array(size).fill(NaN);
  for (let bin = 0; bin < size; bin++) {
    const stop = Math.min(start + (bin + 1) * width, end, values.length);
    let at = Math.max(start + bin * width, 0);
    let top = NaN;
    let sum = 0;
    let known = 0;
    while (at < stop) {
      let level = null;
      for (const candidate of levels) {
        if (at % candidate.width !== 0 || at + candidate.width > stop) break;
        level = candidate;
      }
      if (level) {
        const cell = at / level.width;
        if (!(top >= level.high[cell]) && !Number.isNaN(level.high[cell])) top = level.high[cell];
        sum += level.sum[cell];
        known += level.known[cell];
        at += level.width;
      } else {
        const value = values[at];
        if (!Number.isNaN(value)) {
          if (!(top >= value)) top = value;
          sum += value;
          known++;
        }
        at++;
      }
    }
    if (known) {
      high[bin] = top;
      mean[bin] = sum / known;
    }
  }
  return { high, mean };
}

/** Maximum, mean and minimum of plain bins, for values that change under a slider. */
export function quickBins(values, start, end, width) {
  const size = Math.ceil((end - start) / width);
  const high = new Float32Array(size);
  const mean = new Float32Array(size);
  const low = new Float32Array(size);
  for (let bin = 0; bin < size; bin++) {
    const from = Math.max(start + bin * width, 0);
    const stop = Math.min(start + (bin + 1) * width, end, values.length);
    let top = -Infinity;
    let bottom = Infinity;
    let sum = 0;
    for (let i = from; i < stop; i++) {
      const value = values[i];
      if (value > top) top = value;
      if (value < bottom) bottom = value;
      sum += value;
    }
    high[bin] = top;
    low[bin] = bottom;
    mean[bin] = sum / (stop - from);
  }
  return { high, mean, low };
}
