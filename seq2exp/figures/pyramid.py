"""Fewer numbers for the same picture: the smallest, mean and largest value of each bin of a signal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seq2exp.results import FloatArray

MAX_BINS = 2_000
"""About two per pixel of a figure; more cannot be seen and costs bytes on every redraw."""


@dataclass(frozen=True, slots=True)
class Bins:
    """A stretch of a signal in bins of `bin_bp` bases; the last bin may hold fewer.

    The arrays are (n_bins,) float32; NaN where no base of the bin was measured.
    """

    bin_bp: int
    low: FloatArray
    mean: FloatArray
    high: FloatArray

    def __len__(self) -> int:
        return len(self.mean)

    @property
    def per_base(self) -> bool:
        """Whether each bin is one base, so that low, mean and high are the same."""
        return self.bin_bp == 1


def bin_width(width_bp: int, max_bins: int = MAX_BINS) -> int:
    """The smallest bin width in bp that needs at most ``max_bins`` bins for ``width_bp`` bases."""
    return -(-width_bp // max_bins)


def summarise(values: FloatArray, *, max_bins: int = MAX_BINS) -> Bins:
    """``values`` in at most ``max_bins`` bins of equal width.

    Parameters
    ----------
    values
        (L,) one value per base; NaN where nothing was measured, which is left out of its bin.
    max_bins
        Upper limit on the number of bins.

    Returns
    -------
    Bins
        The largest value of a bin is kept as it is, so a 20-base element at 0.9 still reads 0.9.
    """
    width = bin_width(len(values), max_bins)
    if width == 1:
        whole = values.astype(np.float32, copy=False)
        return Bins(1, whole, whole, whole)
    n_bins = -(-len(values) // width)
    padded = np.full(n_bins * width, np.nan, dtype=np.float32)  # (n_bins * width,)
    padded[: len(values)] = values
    table = padded.reshape(n_bins, width)  # (n_bins, width)
    measured = ~np.isnan(table)
    count = measured.sum(axis=1)
    total = np.where(measured, table, 0).sum(axis=1, dtype=np.float64)
    mean = np.full(n_bins, np.nan)
    np.divide(total, count, out=mean, where=count > 0)
    return Bins(
        bin_bp=width,
        low=np.fmin.reduce(table, axis=1),
        mean=mean.astype(np.float32),
        high=np.fmax.reduce(table, axis=1),
    )


def runs(flags: np.ndarray) -> tuple[tuple[int, int], ...]:
    """The stretches of True in a (L,) boolean array as half-open index pairs, in order."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags.astype(bool), [False])).astype(np.int8)))
    return tuple((int(start), int(end)) for start, end in edges.reshape(-1, 2))
