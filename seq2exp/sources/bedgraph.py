"""A bigWig's signal over some intervals as runs of equal value: the bedGraph that MACS3 reads."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seq2exp.genome import Interval
from seq2exp.sources.bigwig import read_signal
from seq2exp.sources.remote import Place


@dataclass(frozen=True)
class Steps:
    """A signal over the union of some intervals as runs of equal value; silent places and gaps are runs of 0."""

    union: tuple[Interval, ...]
    chroms: tuple[str, ...]
    """One name per entry of `lengths`."""
    lengths: tuple[int, ...]
    """Number of runs of each chromosome."""
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    values: NDArray[np.float32]

    @property
    def total_bp(self) -> int:
        """Bases of the union."""
        return sum(interval.width for interval in self.union)

    def digest(self) -> str:
        """SHA-256 of everything in it."""
        made = hashlib.sha256(repr((self.union, self.chroms, self.lengths)).encode())
        for column in (self.starts, self.ends, self.values):
            made.update(np.ascontiguousarray(column).tobytes())
        return made.hexdigest()

    def bedgraph(self) -> str:
        """The runs as bedGraph; nine digits bring every float32 back exactly."""
        names = np.repeat(self.chroms, self.lengths).tolist()
        columns = zip(names, self.starts.tolist(), self.ends.tolist(), self.values.tolist(), strict=True)
        return "".join(f"{chrom}\t{start}\t{end}\t{value:.9g}\n" for chrom, start, end, value in columns)


def union(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """Sorted, with overlapping and touching ones made one."""
    merged: list[Interval] = []
    for interval in sorted(intervals):
        last = merged[-1] if merged else None
        if last is not None and last.chrom == interval.chrom and interval.start <= last.end:
            merged[-1] = Interval(last.chrom, last.start, max(last.end, interval.end))
        else:
            merged.append(interval)
    return tuple(merged)


def read_steps(path: Place, intervals: Iterable[Interval]) -> Steps:
    """The signal over the union of ``intervals``.

    MACS3 takes each line of a bedGraph to reach back to the line before it, so a stretch left out would get the
    next line's value: every silent stretch, and every gap between intervals, is written as 0.
    """
    whole = union(intervals)
    starts: list[NDArray[np.int64]] = []
    ends: list[NDArray[np.int64]] = []
    values: list[NDArray[np.float32]] = []
    chroms: list[str] = []
    lengths: list[int] = []
    for interval in whole:
        if interval.end <= 0:
            continue
        inside = Interval(interval.chrom, max(interval.start, 0), interval.end)
        signal = np.nan_to_num(read_signal(path, inside), nan=0.0)
        first = np.concatenate([[0], np.flatnonzero(np.diff(signal)) + 1])
        run_starts = inside.start + first
        run_ends = np.append(run_starts[1:], inside.end)
        run_values = signal[first]
        if chroms and chroms[-1] == interval.chrom:
            run_starts = np.insert(run_starts, 0, ends[-1][-1])
            run_ends = np.insert(run_ends, 0, inside.start)
            run_values = np.insert(run_values, 0, np.float32(0))
        chroms.append(interval.chrom)
        lengths.append(len(run_values))
        starts.append(run_starts)
        ends.append(run_ends)
        values.append(run_values)
    if not chroms:
        nothing = np.empty(0, dtype=np.int64)
        return Steps(whole, (), (), nothing, nothing, nothing.astype(np.float32))
    return Steps(
        whole,
        tuple(chroms),
        tuple(lengths),
        np.concatenate(starts).astype(np.int64),
        np.concatenate(ends).astype(np.int64),
        np.concatenate(values),
    )
