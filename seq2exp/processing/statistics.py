"""Figures of a signal track over windows, as the model reads it: mean, percentiles, highest value, share missing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seq2exp.errors import SourceError
from seq2exp.genome import Interval, match_chromosome
from seq2exp.sources.bigwig import bigwig_sizes, read_signal

MOST_WINDOWS = 1_000
"""Windows measured unless the caller wants more: 200 Mb at 200 kb each, of which the 99.9th percentile is 200 kb."""

_DROPPED_BITS = 12
"""Of float32's 23 mantissa bits: what is left tells values apart that differ by 2^-11, 0.05 %."""
_BATCH_BP = 1_000_000


@dataclass(frozen=True, slots=True)
class TrackStatistics:
    """What a track holds over some windows. A base that was not measured counts as 0, which is what the model gets."""

    n_windows: int
    """Windows measured."""
    mean: float
    p50: float
    """Percentiles over bases; rounded towards 0 by at most 0.05 %."""
    p99: float
    p99_9: float
    max: float
    share_missing: float
    """Share of bases the file says nothing about, 0..1."""

    def summary(self) -> dict[str, float | str | None]:
        """As a data set's manifest keeps it (`content.summary`)."""
        return {**asdict(self)}

    @classmethod
    def from_summary(cls, summary: Mapping[str, object] | None) -> TrackStatistics | None:
        """What `summary` wrote; None where a figure is absent or no number."""
        found: dict[str, float] = {}
        for name in cls.__dataclass_fields__:
            value = (summary or {}).get(name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                return None
            found[name] = float(value)
        return cls(n_windows=int(found.pop("n_windows")), **found)


def track_statistics(
    path: Path, windows: Sequence[Interval], *, most_windows: int | None = MOST_WINDOWS
) -> TrackStatistics:
    """Statistics of the bigWig ``path`` over ``windows``.

    Parameters
    ----------
    path
        Read window by window in the order of the chromosomes, about 1 Mb at a time: memory does not grow with the
        number of windows.
    windows
        Where the model will read. Those on chromosomes the file lacks are left out: the model cannot read there
        either. Parts past a chromosome's end count as not measured, parts shared by two windows count twice.
    most_windows
        Of more windows, this many, evenly spread over the genome, the same in every call; None: all.

    Returns
    -------
    TrackStatistics
        In the file's own unit.

    Raises
    ------
    SourceError
        An unreadable file, an infinite value, none of the windows' chromosomes in the file.
    """
    sizes = bigwig_sizes(path)
    readable = [window for window in windows if match_chromosome(window.chrom, sizes) is not None]
    if not readable:
        wanted = ", ".join(sorted({window.chrom for window in windows})[:10]) or "none"
        raise SourceError(
            f"{path}: holds {', '.join(list(sizes)[:10])}, none of the chromosomes of the windows to measure ({wanted})"
        )
    chosen = _spread(readable, most_windows)
    counts, total, n_bases, n_missing = np.zeros(1 << (32 - _DROPPED_BITS), dtype=np.int64), 0.0, 0, 0
    highest = -math.inf
    for values in _batches(path, chosen):
        missing = np.isnan(values)
        values[missing] = 0.0
        counts += np.bincount(_keys(values), minlength=len(counts))
        total += float(values.sum(dtype=np.float64))
        highest = max(highest, float(values.max()))
        n_bases += values.size
        n_missing += int(np.count_nonzero(missing))
    cumulative = np.cumsum(counts)
    p50, p99, p99_9 = (_percentile(cumulative, share) for share in (0.5, 0.99, 0.999))
    return TrackStatistics(
        n_windows=len(chosen),
        mean=total / n_bases,
        p50=p50,
        p99=p99,
        p99_9=p99_9,
        max=highest,
        share_missing=n_missing / n_bases,
    )


def _spread(windows: Sequence[Interval], most: int | None) -> list[Interval]:
    """``most`` of the windows, evenly spaced in genome order."""
    ordered = sorted(windows)
    if most is None or len(ordered) <= most:
        return ordered
    steps = np.linspace(0, len(ordered) - 1, max(most, 1)).round().astype(int)
    return [ordered[step] for step in steps]


def _batches(path: Path, windows: Sequence[Interval]) -> Iterator[NDArray[np.float32]]:
    """Values of the windows, end to end, in parts of about `_BATCH_BP`: long windows in pieces, short ones together."""
    parts: list[NDArray[np.float32]] = []
    for window in windows:
        for start in range(window.start, window.end, _BATCH_BP):
            parts.append(read_signal(path, Interval(window.chrom, start, min(start + _BATCH_BP, window.end))))
            if sum(part.size for part in parts) >= _BATCH_BP:
                yield np.concatenate(parts)
                parts = []
    if parts:
        yield np.concatenate(parts)


def _keys(values: NDArray[np.float32]) -> NDArray[np.int64]:
    """Whole numbers in the order of the values: float32's own bits, those of negative values turned."""
    bits = (values + np.float32(0.0)).view(np.uint32)  # + 0 makes -0 and 0 one value
    ordered = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))
    return (ordered >> _DROPPED_BITS).astype(np.int64)


def _percentile(cumulative: NDArray[np.int64], share: float) -> float:
    """The smallest value that at least ``share`` of the bases do not exceed."""
    rank = math.ceil(share * int(cumulative[-1]))
    key = int(np.searchsorted(cumulative, rank)) << _DROPPED_BITS
    negative = not key >> 31
    bits = ~(key | (1 << _DROPPED_BITS) - 1) & 0xFFFFFFFF if negative else key & 0x7FFFFFFF
    return float(np.array([bits], dtype=np.uint32).view(np.float32)[0])
