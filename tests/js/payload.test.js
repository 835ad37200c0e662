import assert from "node:assert/strict";
import { test } from "node:test";

import { covered, decode } from "../../seq2exp/ui/tracks/static/payload.js";

const pad = (bytes) => [...bytes, ...Array((8 - (bytes.length % 8)) % 8).fill(0)];

function packed(header, magic = "S2X1") {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const size = new Uint8Array(new Uint32Array([text.length]).buffer);
  return pad([...new TextEncoder().encode(magic), ...size, ...text]);
}

test("a locus is read from any place in a larger message", () => {
  const numbers = new Float32Array([1.5, NaN, -2]);
  const header = {
    key: "ä <b>",
    arrays: {
      x: { dtype: "float32", offset: 0, length: 3 },
      codes: { dtype: "uint8", offset: 16, length: 2 },
    },
  };
  const bytes = [...packed(header), ...pad([...new Uint8Array(numbers.buffer)]), ...pad([3, 4])];
  for (const before of [0, 1, 7]) {
    const message = new Uint8Array([...Array(before).fill(9), ...bytes]).subarray(before);
    const { key, arrays } = decode(message);
    assert.equal(key, "ä <b>");
    assert.deepEqual(arrays.x, numbers);
    assert.deepEqual(arrays.codes, new Uint8Array([3, 4]));
    arrays.codes[0] = 0;
    assert.equal(message.at(-8), 3, "the message itself stays as it was");
  }
});

test("bytes of another version are refused by name", () => {
  assert.throws(() => decode(new Uint8Array(packed({ arrays: {} }, "S2X9"))), /begins with "S2X9", not "S2X1"/);
});

test("an array that ends beyond the message is refused", () => {
  const bytes = packed({ arrays: { x: { dtype: "float32", offset: 0, length: 30 } } });
  assert.throws(() => decode(new Uint8Array(bytes)), RangeError);
});

test("runs cover their bases, cut at the window's ends", () => {
  const runs = [
    [-3, 1],
    [2, 4],
    [5, 90],
  ];
  assert.deepEqual([...covered(runs, 7)], [1, 0, 1, 1, 0, 1, 1]);
  assert.deepEqual([...covered([], 2)], [0, 0]);
});
