"""The cut-off of a signal whose peaks cover a wanted share of many windows, one chromosome in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seq2exp.genome import Interval
from seq2exp.sources.bedgraph import read_steps, union

_PIECE_BP = 2_000_000
"""Bases read at a time."""
_RUN = np.dtype([("start", "<i8"), ("end", "<i8"), ("value", "<f4")])


@dataclass(frozen=True, eq=False)
class Covered:
    """The union of some windows on one chromosome."""

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    @classmethod
    def of(cls, windows: Sequence[Interval]) -> Covered:
        """Of windows on one chromosome; may overlap."""
        merged = union(windows)
        return cls(np.array([place.start for place in merged]), np.array([place.end for place in merged]))

    @property
    def total_bp(self) -> int:
        """Bases in it."""
        return int((self.ends - self.starts).sum())

    def bases(self, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> int:
        """Bases of it under intervals of which no two overlap."""
        return int((self._before(ends) - self._before(starts)).sum())

    def _before(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """(n,) bases of it that lie before each place."""
        whole = np.concatenate([[0], np.cumsum(self.ends - self.starts)])
        at = np.searchsorted(self.starts, places, side="right")
        cut = np.where(at > 0, np.maximum(self.ends[np.maximum(at - 1, 0)] - places, 0), 0)
        return np.asarray(whole[at] - cut, dtype=np.int64)


class SignalRuns:
    """Runs of equal signal above 0 inside the windows of each chromosome, kept in files of a scratch folder."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self.windows: dict[str, Covered] = {}

    def add(self, bigwig: Path, chrom: str, windows: Sequence[Interval]) -> None:
        """Reads a chromosome's windows, which lie inside it, piece by piece."""
        self.windows[chrom] = Covered.of(windows)
        with self._path(chrom).open("wb") as out:
            for place in union(windows):
                for start in range(place.start, place.end, _PIECE_BP):
                    steps = read_steps(bigwig, [Interval(chrom, start, min(start + _PIECE_BP, place.end))])
                    kept = steps.values > 0
                    runs = np.empty(int(kept.sum()), dtype=_RUN)
                    runs["start"], runs["end"] = steps.starts[kept], steps.ends[kept]
                    runs["value"] = steps.values[kept]
                    out.write(runs.tobytes())

    def of(self, chrom: str) -> NDArray[np.void]:
        """(n,) runs with ``start``, ``end`` (0-based half-open) and ``value``, from left to right."""
        return np.fromfile(self._path(chrom), dtype=_RUN)

    def drop_below(self, value: float) -> None:
        """Forgets runs lower than a value that no cut-off will go below."""
        for chrom in self.windows:
            runs = self.of(chrom)
            kept = runs[runs["value"] >= np.float32(value)]
            if len(kept) < len(runs):
                self._path(chrom).write_bytes(kept.tobytes())

    def share(self, cutoff: float, min_length_bp: int, max_gap_bp: int) -> float:
        """Share of all windows under the peaks that MACS3 calls at a cut-off."""
        covered = 0
        for chrom, windows in self.windows.items():
            covered += windows.bases(*joined(self.of(chrom), cutoff, min_length_bp, max_gap_bp))
        return covered / sum(windows.total_bp for windows in self.windows.values())

    def values(self) -> Iterator[NDArray[np.float32]]:
        """The values of each chromosome's runs."""
        return (self.of(chrom)["value"] for chrom in self.windows)

    def _path(self, chrom: str) -> Path:
        return self._scratch / f"{list(self.windows).index(chrom)}.runs"


def joined(
    runs: NDArray[np.void], cutoff: float, min_length_bp: int, max_gap_bp: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Starts and ends of MACS3's peaks: runs at or above the cut-off, joined over small gaps, short ones dropped."""
    kept = runs[runs["value"] >= np.float32(cutoff)]
    if not len(kept):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    first = np.concatenate([[True], kept["start"][1:] - kept["end"][:-1] > max_gap_bp])
    starts, ends = kept["start"][first], kept["end"][np.append(first[1:], True)]
    long = ends - starts >= min_length_bp
    return starts[long], ends[long]


def cutoff_for(
    runs: SignalRuns,
    target_share: float,
    min_length_bp: int,
    max_gap_bp: int,
    told: Callable[[int], None] = lambda _step: None,
) -> float:
    """The value of the signal whose peaks cover the share nearest to ``target_share``.

    Bisects the float32 numbers themselves: what is covered never grows with the cut-off, merging and dropping included.

    Parameters
    ----------
    runs
        With at least one run; those below the answer are dropped on the way.
    target_share
        In 0..1 exclusive.
    min_length_bp, max_gap_bp
        As MACS3's ``-l`` and ``-g``.
    told
        Called with the number of each share worked out; some 30 in all.
    """
    lowest = min(float(values.min()) for values in runs.values() if len(values))
    highest = max(float(values.max()) for values in runs.values() if len(values))
    shares: dict[int, float] = {}

    def share(rank: int) -> float:
        if rank not in shares:
            shares[rank] = runs.share(_number(rank), min_length_bp, max_gap_bp)
            told(len(shares))
        return shares[rank]

    low, high = _rank(lowest), _rank(highest) + 1  # at high nothing is covered
    if share(low) < target_share:
        return lowest
    while high - low > 1:
        middle = (low + high) // 2
        if share(middle) >= target_share:
            low = middle
            runs.drop_below(_number(low))
        else:
            high = middle
    above = [values[values > np.float32(_number(low))] for values in runs.values()]
    following = min((float(values.min()) for values in above if len(values)), default=None)
    if following is None or abs(share(low) - target_share) <= abs(share(_rank(following)) - target_share):
        return _number(low)
    return following


def _rank(value: float) -> int:
    """Place of a float32 above 0 among all of them."""
    return int(np.array(value, dtype=np.float32).view(np.int32))


def _number(rank: int) -> float:
    return float(np.array(rank, dtype=np.int32).view(np.float32))
