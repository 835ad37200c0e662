"""Places that lie near one another, gathered so that a file is asked once for many of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from seq2exp.genome import Interval

SPAN_BP = 4_000_000
"""Bases asked for at a time, unless one place is wider: 16 MB of signal."""


def stretches(
    places: Sequence[Interval], *, gap_bp: int, span_bp: int = SPAN_BP
) -> Iterator[tuple[Interval, list[int]]]:
    """Each place once, from left to right: a stretch that holds some of them, and their numbers in ``places``.

    Parameters
    ----------
    places
        In any order; may overlap.
    gap_bp
        Places further apart than this are asked for apart.
    span_bp
        Widest stretch that holds more than one place.
    """
    group: list[int] = []
    chrom, start, end = "", 0, 0
    for at in sorted(range(len(places)), key=places.__getitem__):
        place = places[at]
        apart = place.chrom != chrom or place.start - end > gap_bp or max(end, place.end) - start > span_bp
        if group and apart:
            yield Interval(chrom, start, end), group
            group = []
        if not group:
            chrom, start, end = place.chrom, place.start, place.end
        group.append(at)
        end = max(end, place.end)
    if group:
        yield Interval(chrom, start, end), group
