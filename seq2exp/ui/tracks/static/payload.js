// One locus as the server packs it: "S2X1", the length of a JSON header, the header, then arrays on 8-byte borders.
// seq2exp/ui/tracks/payload.py writes what is read here.

import { pyramid } from "./pyramid.js";

const MAGIC = "S2X1";
const TYPES = { float32: Float32Array, uint8: Uint8Array };

/**
 * @param {Uint8Array} bytes
 * @returns {object} the header, with `arrays` by name in place of their descriptions
 */
export function decode(bytes) {
  // A copy, because typed arrays need borders that the message they came in does not keep.
  const own = bytes.slice();
  const magic = String.fromCharCode(...own.subarray(0, 4));
  if (magic !== MAGIC) {
    throw new Error(`the locus begins with "${magic}", not "${MAGIC}": page and server are of different versions`);
  }
  const headerBytes = new DataView(own.buffer).getUint32(4, true);
  const header = JSON.parse(new TextDecoder().decode(own.subarray(8, 8 + headerBytes)));
  const first = Math.ceil((8 + headerBytes) / 8) * 8;
  const arrays = {};
  for (const [name, { dtype, offset, length }] of Object.entries(header.arrays)) {
    arrays[name] = new TYPES[dtype](own.buffer, first + offset, length);
  }
  return { ...header, arrays };
}

/** (L,) 1 where one of the half-open index pairs `runs` covers a base, else 0. */
export function covered(runs, length) {
  const marks = new Uint8Array(length);
  for (const [start, end] of runs) marks.fill(1, Math.max(start, 0), Math.min(end, length));
  return marks;
}

/** What is worked out once per locus: marks of the rules, pyramids and tops of the tracks. */
export function prepared(locus) {
  const length = locus.end - locus.start;
  const { arrays, runs } = locus;
  const on = covered(runs.on, length);
  const off = covered(runs.off, length);
  const outside = covered(runs.outside, length);
  const barrier = on.map((v, i) => v | off[i] | outside[i]);
  const tracks = locus.tracks.map((track) => {
    // As measured: the model reads contacts as log10(1 + c).
    const values = (arrays[`measured_${track.name}`] ?? arrays[track.name]).slice();
    for (const [start, end] of track.missing) values.fill(NaN, start, end);
    let top = null;
    for (const v of values) if (!Number.isNaN(v) && (top === null || v > top)) top = v;
    return { ...track, values, top, pyramid: pyramid(values) };
  });
  return {
    ...locus,
    tracks,
    forced: { on, off, outside, barrier },
    signals: locus.signal_order.map((name) => arrays[name]),
    sequenceBeta: arrays.a1 ? { a1: arrays.a1, b1: arrays.b1 } : null,
  };
}
