import assert from "node:assert/strict";
import { test } from "node:test";

import { isCurrent } from "../../seq2exp/ui/tracks/static/arrivals.js";

test("a reply sets the sliders only when nothing newer stands on them", () => {
  const cases = [
    // [busy, moving, answers the last commit, may set the sliders]
    [false, false, false, true], // the page itself changed the settings
    [true, false, true, true],
    [true, false, false, false], // an older commit's answer
    [true, true, true, false], // moved again while the answer was on its way
    [true, true, false, false],
    [false, true, false, false], // moved, not yet settled, and the page runs for a reason of its own
  ];
  for (const [busy, moving, last, expected] of cases)
    assert.equal(isCurrent({ busy, moving, sent: 7 }, { commit: last ? 7 : 3 }), expected, `${busy} ${moving} ${last}`);
});
