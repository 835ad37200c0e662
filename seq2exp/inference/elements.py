"""From a mask to called elements: runs above a threshold, merged, filtered, measured."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seq2exp.genome import Gene, Interval
from seq2exp.results import BoolArray, Element, FloatArray
from seq2exp.settings import ElementSettings


def runs(chosen: BoolArray) -> NDArray[np.int64]:
    """(n, 2) half-open index pairs of the runs of True in ``chosen`` (L,)."""
    edges = np.diff(np.concatenate(([0], chosen.astype(np.int8), [0])))
    return np.stack([np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)], axis=1)


def merged_runs(chosen: BoolArray, *, barrier: BoolArray, settings: ElementSettings) -> NDArray[np.int64]:
    """(n, 2) runs joined over gaps of at most ``merge_gap_bp`` bases without a barrier, short ones dropped.

    Parameters
    ----------
    chosen
        (L,) bases above the threshold; never true on a barrier.
    barrier
        (L,) bases no element may contain (forced promoter, blacklist, beyond the chromosome).
    """
    found = runs(chosen & ~barrier)
    if len(found) == 0:
        return found
    blocked = np.concatenate(([0], np.cumsum(barrier)))
    gap_start, gap_end = found[:-1, 1], found[1:, 0]
    joined = (gap_end - gap_start <= settings.merge_gap_bp) & (blocked[gap_end] == blocked[gap_start])
    first = np.concatenate(([True], ~joined))
    last = np.concatenate((~joined, [True]))
    merged = np.stack([found[first, 0], found[last, 1]], axis=1)
    long_enough: NDArray[np.bool_] = merged[:, 1] - merged[:, 0] >= settings.min_length_bp
    return merged[long_enough]


def call_elements(
    chosen: BoolArray,
    *,
    mean: FloatArray,
    sd: FloatArray,
    barrier: BoolArray,
    gene: Gene,
    window: Interval,
    settings: ElementSettings,
) -> tuple[Element, ...]:
    """The elements of one window in genome order; ``chosen`` marks the bases at or above the threshold."""
    called = []
    for start, end in merged_runs(chosen, barrier=barrier, settings=settings).tolist():
        place = Interval(window.chrom, window.start + start, window.start + end)
        offset = (place.start + place.end) // 2 - gene.tss
        called.append(
            Element(
                interval=place,
                mean=float(mean[start:end].mean()),
                sd=float(sd[start:end].mean()),
                peak=float(mean[start:end].max()),
                tss_distance_bp=offset if gene.strand == "+" else -offset,
            )
        )
    return tuple(called)


def without(place: Interval, hole: Interval) -> tuple[Interval, ...]:
    """The parts of ``place`` outside ``hole``: none, one or two intervals."""
    if not place.overlaps(hole):
        return (place,)
    bounds = ((place.start, hole.start), (hole.end, place.end))
    return tuple(Interval(place.chrom, start, end) for start, end in bounds if end > start)
