// The algebra of the mask, as seq2exp/model/beta.py and inference/masks.py define it, so that a slider previews here
// what the server will answer. Pure functions on typed arrays; tests compare them with Python's on random inputs.

export const EPSILON = 1e-8;

/** Where DNase and contacts stand among the signals. */
const DNASE = 1;
const CONTACT = 2;

/** Signals as the network uses them: as they are, or log(1 + s). */
const transformed = (value, how) => (how === "log1p" ? Math.log1p(value) : value);

/**
 * The signal Beta's alpha for every base (without the scale of the slider), its one beta, and `shareOf`.
 *
 * @param {Float32Array[]} signals - h3k27ac, dnase, contact; each (L,)
 * @param {number[]} weights - relative
 * @param {{signal_thresholds: number[], beta_min: number, prior_scale: number, signal_transform: string,
 *   summit_bp: number, summit_floor: number, contact_half: number}} config
 * @returns {{alpha: Float64Array, beta: number, share: Float64Array | null}}
 */
export function signalBeta(signals, weights, config) {
  const sum = weights.reduce((a, b) => a + b, 0);
  const share = weights.map((w) => w / sum);
  const { beta_min: floor, prior_scale: scale, signal_transform: how } = config;
  const alpha = new Float64Array(signals[0].length);
  signals.forEach((signal, k) => {
    if (share[k] === 0) return;
    for (let i = 0; i < alpha.length; i++) alpha[i] += share[k] * transformed(signal[i], how);
  });
  for (let i = 0; i < alpha.length; i++) alpha[i] = (alpha[i] + floor) * scale + EPSILON;
  let beta = 0;
  config.signal_thresholds.forEach((t, k) => {
    beta += share[k] * (transformed(t, how) + floor) * scale;
  });
  return { alpha, beta, share: shareOf(signals, config) };
}

/** Highest value within `distance` on either side of every position. */
export function highestNear(values, distance) {
  const highest = new Float32Array(values.length);
  const falling = new Int32Array(values.length); // positions in reach whose values fall from the first to the last
  let first = 0;
  let last = 0;
  for (let i = 0; i < values.length + distance; i++) {
    if (i < values.length) {
      while (last > first && values[falling[last - 1]] <= values[i]) last--;
      falling[last++] = i;
    }
    const at = i - distance;
    if (at < 0) continue;
    while (falling[first] < at - distance) first++;
    highest[at] = values[falling[first]];
  }
  return highest;
}

/** Never less of the mean stays (beta.py `LEAST_SHARE`). */
const LEAST_SHARE = 0.01;

/** Share of the mean that stays at every base, drawn in to the summits of DNase; null: all of it (beta.py). */
function summitShare(dnase, { summit_bp: distance, summit_floor: floor }) {
  if (!distance || !dnase.some((value) => value > 0)) return null;
  const highest = highestNear(dnase, distance);
  return Float64Array.from(dnase, (value, i) => Math.max(value / (highest[i] + floor), LEAST_SHARE));
}

/** Share of the mean that stays at every base by its contact with the promoter; null: all of it (beta.py). */
function contactShare(contact, { contact_half: half }) {
  if (!half || !contact.some((value) => value > 0)) return null;
  return Float64Array.from(contact, (value) => Math.max(value ** 2 / (value ** 2 + half ** 2), LEAST_SHARE));
}

/** The shares multiplied; null: all of the mean stays everywhere. */
export function shareOf(signals, config) {
  const summits = summitShare(signals[DNASE], config);
  const contacts = contactShare(signals[CONTACT], config);
  if (!summits || !contacts) return summits ?? contacts;
  return summits.map((share, i) => Math.max(share * contacts[i], LEAST_SHARE));
}

/**
 * Mean and standard deviation of the mask Beta.
 *
 * @param {{a1: Float32Array, b1: Float32Array} | null} sequence - null: no checkpoint, the signals alone
 * @param {{alpha: Float64Array, beta: number, share: Float64Array | null}} signal
 * @param {{signal_scale: number, prior_mean: number, prior_strength: number}} settings
 * @param {number} zScale
 * @returns {{mean: Float32Array, sd: Float32Array}}
 */
export function couple(sequence, signal, settings, zScale) {
  const { signal_scale: k, prior_mean: mu, prior_strength: n } = settings;
  const length = signal.alpha.length;
  const mean = new Float32Array(length);
  const sd = new Float32Array(length);
  for (let i = 0; i < length; i++) {
    const evidence = (sequence ? sequence.a1[i] : 0) + k * signal.alpha[i];
    let against = (sequence ? sequence.b1[i] : 0) + k * signal.beta;
    if (signal.share) against = (evidence + against) / signal.share[i] ** k - evidence;
    const a = (evidence + n * mu) * zScale;
    const b = (against + n * (1 - mu)) * zScale;
    const total = a + b;
    mean[i] = a / total;
    sd[i] = Math.sqrt((a * b) / (total * total * (total + 1)));
  }
  return { mean, sd };
}

/** Mean of a base without signals, beside a summit that meets the promoter, whose sequence says the least it can. */
export function floorOf(config, settings, hasSequence) {
  const nothing = config.signal_thresholds.map((_, k) => Float32Array.of(0, k === DNASE || k === CONTACT ? 1 : 0));
  const one = config.beta_min + EPSILON;
  const most = config.most_sequence_counts;
  const least = new Float32Array(2).fill(most ? (one * most) / (most + 2 * one) : one);
  const signal = signalBeta(nothing, settings.weights, config);
  return couple(hasSequence ? { a1: least, b1: least } : null, signal, settings, config.z_scale).mean[0];
}

/** 1 at the floor(L * share) largest means, ties to the lower position. */
export function topShare(mean, share) {
  const kept = Math.floor(mean.length * share);
  const mask = new Uint8Array(mean.length);
  if (kept === 0) return mask;
  const cut = mean.slice().sort()[mean.length - kept];
  let ties = kept;
  for (let i = 0; i < mean.length; i++) if (mean[i] > cut) ties--;
  for (let i = 0; i < mean.length; i++) {
    if (mean[i] > cut) mask[i] = 1;
    else if (mean[i] === cut && ties > 0) {
      mask[i] = 1;
      ties--;
    }
  }
  return mask;
}

/**
 * What the settings make of one locus: everything a slider moves.
 *
 * @param {object} locus - see payload.js; forced is {on, off, outside} of (L,) marks
 * @param {object} settings - mode, threshold, top_percent, signal_scale, weights, prior_mean, prior_strength,
 *   merge_gap, min_length, off, on (index pairs)
 * @returns {{mean, sd, chosen: Uint8Array, threshold: number, elements: number[][], ratio: number}}
 */
export function answer(locus, settings) {
  const { forced, config } = locus;
  const signal = signalFor(locus, settings.weights);
  const { mean, sd } = couple(locus.sequenceBeta, signal, settings, config.z_scale);
  const { chosen, threshold, mask } = select(mean, settings, forced);
  let sum = 0;
  let count = 0;
  for (let i = 0; i < mean.length; i++) {
    if (forced.on[i]) continue;
    count++;
    if (!forced.off[i]) sum += mask[i];
  }
  return {
    mean,
    sd,
    chosen,
    threshold,
    elements: callElements(chosen, forced.barrier, settings),
    ratio: count ? sum / count : 0,
  };
}

/** The signal Beta, made anew only when a weight has moved. */
function signalFor(locus, weights) {
  const name = weights.join();
  if (locus.signalCache?.name !== name) {
    locus.signalCache = { name, signal: signalBeta(locus.signals, weights, locus.config) };
  }
  return locus.signalCache.signal;
}

/** Bases at or above the threshold in force, that threshold, and the mask before the forced bases. */
export function select(mean, settings, forced) {
  const length = mean.length;
  const chosen = new Uint8Array(length);
  if (settings.mode === "top-k") {
    const mask = topShare(mean, settings.top_percent / 100);
    let threshold = 1;
    for (let i = 0; i < length; i++) {
      if (mask[i] && !forced.barrier[i]) {
        chosen[i] = 1;
        if (mean[i] < threshold) threshold = mean[i];
      }
    }
    return { chosen, threshold, mask };
  }
  const threshold = settings.threshold;
  // In float32, as the server compares: a mean that equals the threshold is called here too.
  const least = Math.fround(threshold);
  for (let i = 0; i < length; i++) chosen[i] = mean[i] >= least ? 1 : 0;
  return { chosen, threshold, mask: settings.mode === "soft" ? mean : chosen };
}

/** Half-open index pairs of the elements: runs of `chosen`, joined over short gaps without a barrier, long enough. */
export function callElements(chosen, barrier, { merge_gap: gap, min_length: least }) {
  const called = [];
  let current = null;
  let lastBarrier = -1;
  for (let i = 0; i < chosen.length; i++) {
    if (barrier[i]) {
      lastBarrier = i;
      continue;
    }
    if (!chosen[i]) continue;
    if (current && i - current[1] <= gap && lastBarrier < current[1]) current[1] = i + 1;
    else {
      current = [i, i + 1];
      called.push(current);
    }
  }
  return called.filter(([start, end]) => end - start >= least);
}

/** `pairs` in order, those that touch or overlap joined. */
function merged(pairs) {
  const joined = [];
  for (const [start, end] of [...pairs].sort((a, b) => a[0] - b[0])) {
    const last = joined.at(-1);
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else joined.push([start, end]);
  }
  return joined;
}

/** Jaccard, precision and recall by base of `elements` against `peaks`, no base counted twice; NaN of nothing. */
export function overlap(elements, peaks) {
  const [called, known] = [merged(elements), merged(peaks)];
  const bases = (pairs) => pairs.reduce((n, [start, end]) => n + end - start, 0);
  let shared = 0;
  for (const [a, b] of called) {
    for (const [c, d] of known) shared += Math.max(0, Math.min(b, d) - Math.max(a, c));
  }
  const ours = bases(called);
  const theirs = bases(known);
  return { jaccard: shared / (ours + theirs - shared), precision: shared / ours, recall: shared / theirs };
}

/** Whether each of `places` meets one of `others`. */
export function meets(places, others) {
  return places.map(([start, end]) => others.some(([a, b]) => a < end && start < b));
}
