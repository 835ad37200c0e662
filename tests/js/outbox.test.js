import assert from "node:assert/strict";
import { test } from "node:test";

import { Outbox } from "../../seq2exp/ui/tracks/static/outbox.js";

/** An outbox on a clock of its own: `pass(ms)` lets time go by, `posted` is what went out. */
function atWork() {
  const clock = { now: 5000, waiting: [] };
  const box = new Outbox(
    () => clock.now,
    (act, ms) => clock.waiting.push({ act, at: clock.now + ms }),
  );
  const posted = [];
  box.post = (kind, { n }) => posted.push([kind, n]);
  const pass = (ms) => {
    clock.now += ms;
    const due = clock.waiting.filter(({ at }) => at <= clock.now);
    clock.waiting = clock.waiting.filter(({ at }) => at > clock.now);
    for (const { act } of due) act();
  };
  return { box, posted, pass };
}

test("numbers rise even within a millisecond", () => {
  const { box } = atWork();
  assert.deepEqual([box.send("commit", {}), box.send("view", {}), box.send("view", {})], [5000, 5001, 5002]);
});

test("what an answer lacks is sent again once, what it names is not", () => {
  const { box, posted, pass } = atWork();
  const commit = box.send("commit", {});
  const view = box.send("view", {});
  posted.length = 0;
  box.heard({ view });
  pass(100);
  assert.deepEqual(posted, [], "the answer to it may be under way");
  pass(400);
  assert.deepEqual(posted, [["commit", commit]]);
  box.heard({ view, commit });
  pass(5000);
  assert.equal(posted.length, 1);
});

test("an answer to an older setting sends the newer one again only if nothing comes of it", () => {
  const { box, posted, pass } = atWork();
  const old = box.send("commit", {});
  const young = box.send("commit", {});
  posted.length = 0;
  box.heard({ commit: old });
  pass(200);
  box.heard({ commit: young });
  pass(5000);
  assert.deepEqual(posted, []);
  box.send("ask", {});
  posted.length = 0;
  box.heard(undefined);
  box.heard({});
  box.close();
  pass(5000);
  assert.deepEqual(posted, []);
});
