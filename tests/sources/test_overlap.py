"""Overlaps equal counting bases one by one."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from seq2exp.genome import Interval, Region
from seq2exp.sources.peaks import overlap, rasterise


def test_rasterise_clips_and_adds_up() -> None:
    regions = [Region(Interval("chr1", start, end)) for start, end in ((5, 12), (10, 14), (18, 40), (1, 3))]
    covered = rasterise([*regions, Region(Interval("chr2", 0, 100))], Interval("chr1", 4, 20))
    assert np.flatnonzero(covered).tolist() == [*range(1, 10), 14, 15]
    assert not rasterise([], Interval("chr1", -5, 5)).any()


WINDOWS = st.sampled_from([Interval("chr1", 100, 200), Interval("chr1", -50, 150)])
SPANS = st.lists(
    st.tuples(st.sampled_from(["chr1", "chr1", "chr1", "chr2"]), st.integers(-70, 230), st.integers(1, 30)).map(
        lambda span: Interval(span[0], span[1], span[1] + span[2])
    ),
    max_size=8,
)


def runs_of(covered: NDArray[np.bool_]) -> list[NDArray[np.int_]]:
    inside = np.flatnonzero(covered)
    return [run for run in np.split(inside, np.flatnonzero(np.diff(inside) > 1) + 1) if len(run)]


@settings(max_examples=40, deadline=None)
@given(elements=SPANS, called=SPANS, window=WINDOWS)
def test_overlap_equals_counting_bases(elements: list[Interval], called: list[Interval], window: Interval) -> None:
    found = overlap(elements, called, window)
    ours, theirs = (rasterise([Region(i) for i in intervals], window) for intervals in (elements, called))
    shared = int((ours & theirs).sum())
    assert (found.elements_bp, found.peaks_bp, found.shared_bp) == (ours.sum(), theirs.sum(), shared)
    assert found.window_bp == window.width
    our_runs, their_runs = runs_of(ours), runs_of(theirs)
    assert (found.n_elements, found.n_peaks) == (len(our_runs), len(their_runs))

    def ratio(part: float, whole: float) -> float:
        return part / whole if whole else math.nan

    expected = (
        ratio(shared, (ours | theirs).sum()),
        ratio(shared, ours.sum()),
        ratio(shared, theirs.sum()),
        ratio(sum(theirs[run].any() for run in our_runs), len(our_runs)),
        ratio(sum(ours[run].any() for run in their_runs), len(their_runs)),
    )
    measured = (found.jaccard, found.precision, found.recall, found.element_precision, found.element_recall)
    np.testing.assert_allclose(measured, expected, equal_nan=True)
