"""Whether a track is on the scale of those a model learned from: the 3-fold rule, in words."""

from __future__ import annotations

import math
from collections.abc import Iterator

from seq2exp.processing.statistics import TrackStatistics

FOLD = 3.0
"""A figure this many times higher or lower is of another scale (data-sources.md 3.4)."""

_ALIKE = 1.5
"""Ratios this near to each other are one factor: another unit, not another shape."""
_FEW = 0.5
"""Fewer windows than this share of the other side's have a lower highest value by themselves."""


def scale_warnings(own: TrackStatistics, reference: TrackStatistics, what: str) -> tuple[str, ...]:
    """Why predictions from a track should not be believed: its values are not those the model learned to read.

    Parameters
    ----------
    own
        The track in question.
    reference
        The track a model was trained on.
    what
        How to call the track: ``DNase of MyCells``.

    Returns
    -------
    tuple of str
        Whole sentences; empty where mean, 99th percentile and highest value are within `FOLD` of the reference's.
    """
    if own.share_missing >= 1:
        return (
            f"{what}: no base was measured in the {own.n_windows:,} windows looked at; the model gets 0 throughout.",
        )
    if own.max <= 0 < reference.max:
        return (f"{what}: every value is 0 in the {own.n_windows:,} windows looked at.",)
    ratios = dict(_ratios(own, reference))
    far = {name: ratio for name, ratio in ratios.items() if not 1 / FOLD <= ratio <= FOLD}
    if not far:
        return ()
    figures = {
        "mean": (own.mean, reference.mean),
        "99th percentile": (own.p99, reference.p99),
        "highest value": (own.max, reference.max),
    }
    pairs = ", ".join(f"{name} {_short(figures[name][0])} against {_short(figures[name][1])}" for name in far)
    middle = math.exp(sum(math.log(ratio) for ratio in ratios.values()) / len(ratios))
    if len(far) == len(ratios) and all(1 / _ALIKE <= ratio / middle <= _ALIKE for ratio in ratios.values()):
        factor = middle if middle > 1 else 1 / middle
        how = f"about {_short(factor, 2)} times {'higher' if middle > 1 else 'lower'}"
        cause = "The one factor throughout points to another unit or normalisation."
    else:
        how = "on another scale"
        cause = "Another output type (p-value, fold change, read depth) or a logarithm would do this."
    return (
        f"{what} is {how} than the track this model learned from: {pairs}. {cause} "
        "Values enter the model as they are, so neither mask nor prediction can be trusted on this track.",
    )


def _ratios(own: TrackStatistics, reference: TrackStatistics) -> Iterator[tuple[str, float]]:
    """Own over reference, for the figures where that can be formed."""
    if own.mean > 0 and reference.mean > 0:
        yield "mean", own.mean / reference.mean
    if own.p99 > 0 and reference.p99 > 0:
        yield "99th percentile", own.p99 / reference.p99
    if own.max > 0 and reference.max > 0:
        ratio = own.max / reference.max
        seen, seen_there = (own.n_windows, reference.n_windows)[:: 1 if ratio < 1 else -1]
        if seen >= _FEW * seen_there:
            yield "highest value", ratio


def _short(value: float, digits: int = 3) -> str:
    """A figure in as many digits as it is good for."""
    return f"{value:,.0f}" if abs(value) >= 10 ** (digits - 1) else f"{value:.{digits}g}"
