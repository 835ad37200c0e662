"""Per-base signals: checked, filled, spread over bases; the one place where a missing value becomes a number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seq2exp.errors import WindowError
from seq2exp.genome import Interval
from seq2exp.sources.remote import Place


def check_signal(values: NDArray[np.floating], *, name: str, path: Place, interval: Interval) -> None:
    """Raise WindowError at the first infinite or negative value; NaN (missing) is allowed.

    Parameters
    ----------
    values
        (L,) signal over ``interval``, one value per base.
    name
        What the signal is, for the message.
    path
        The file it came from, for the message.
    interval
        Where it stands; the message gives the 1-based place of the offending value.

    Raises
    ------
    WindowError
        Names the file, the place and the value.
    """
    wrong = np.flatnonzero(np.isinf(values) | (values < 0))
    if wrong.size:
        at = int(wrong[0])
        raise WindowError(
            f"{path}: {name} is {values[at]:g} at {interval.chrom}:{interval.start + at + 1:,} "
            f"({wrong.size:,} such bases in the window); the model takes finite values of 0 or more"
        )


def fill_missing(values: NDArray[np.floating]) -> tuple[NDArray[np.float32], float]:
    """The signal with 0 for NaN, and the share of NaN it had.

    Parameters
    ----------
    values
        (L,) signal in its own unit, NaN where nothing was measured.

    Returns
    -------
    tuple[NDArray[np.float32], float]
        (L,) filled signal, and the share of missing bases, 0..1.
    """
    missing = np.isnan(values)
    return np.where(missing, 0.0, values).astype(np.float32), float(missing.mean())


def log10p1(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """log10(1 + x), the scale of contacts and of the expression target; NaN stays NaN."""
    return np.log10(1.0 + np.asarray(values, dtype=np.float64))


def expand_bins(
    values: NDArray[np.floating], interval: Interval, *, first_bin_start: int, bin_bp: int
) -> NDArray[np.float64]:
    """The value of each base's bin.

    Parameters
    ----------
    values
        (n_bins,) one value per bin.
    interval
        The bases wanted; those outside the bins are NaN.
    first_bin_start
        0-based start of the first bin.
    bin_bp
        Bin width in bp.

    Returns
    -------
    NDArray[np.float64]
        (interval.width,).
    """
    index = (np.arange(interval.start, interval.end) - first_bin_start) // bin_bp
    inside = (index >= 0) & (index < len(values))
    expanded = np.full(interval.width, np.nan)
    expanded[inside] = values[index[inside]]
    return expanded


def on_chromosome(interval: Interval, chrom_length: int) -> NDArray[np.bool_]:
    """(interval.width,) True for bases that exist: 0 <= p < ``chrom_length``."""
    positions = np.arange(interval.start, interval.end)
    return (positions >= 0) & (positions < chrom_length)


def pad_twice(values: NDArray[np.floating], interval: Interval, chrom_length: int) -> NDArray[np.float64]:
    """The signal as the official loader displaces it at chromosome ends (models.md section 8 row 9).

    The stored vector already covers the whole window; the loader adds the padding once more and keeps the
    middle. With padding q the signal moves by ceil(q/2) bases to higher indices at a left chromosome end and by
    floor(q/2) to lower ones at a right end. Away from the ends nothing changes.

    Parameters
    ----------
    values
        (L,) signal over ``interval``, 0 outside the chromosome.
    interval
        The window, possibly past the chromosome's ends.
    chrom_length
        Length of the chromosome in bp.

    Returns
    -------
    NDArray[np.float64]
        (L,) displaced signal, 0 where it was moved away from.
    """
    left, right = max(0, -interval.start), max(0, interval.end - chrom_length)
    padded = np.concatenate([np.zeros(left), values, np.zeros(right)])
    first = (left + right) // 2
    return padded[first : first + interval.width]
