// Answers of the component's own algebra for test_tracks_parity.py: `node answers.js FOLDER` reads cases.json and the
// payloads it names there, and writes answers.json and, per case, mean and sd as float32.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { argv } from "node:process";

import { answer, floorOf, overlap } from "../../seq2exp/ui/tracks/static/beta.js";
import { decode, prepared } from "../../seq2exp/ui/tracks/static/payload.js";
import { toGenome } from "../../seq2exp/ui/tracks/static/shapes.js";

const folder = argv[2];
const cases = JSON.parse(readFileSync(join(folder, "cases.json"), "utf8"));
const answers = cases.map(({ payload, reply, arrays }) => {
  const locus = prepared(decode(new Uint8Array(readFileSync(join(folder, payload)))));
  const { mean, sd, elements, ratio, threshold } = answer(locus, reply.settings);
  writeFileSync(join(folder, arrays), new Uint8Array(new Float32Array([...mean, ...sd]).buffer));
  const places = toGenome(locus, elements);
  const floor = floorOf(locus.config, reply.settings, Boolean(locus.sequenceBeta));
  return { key: locus.key, elements: places, ratio, threshold, floor, overlap: overlap(places, reply.overlap_peaks) };
});
writeFileSync(join(folder, "answers.json"), JSON.stringify(answers));
