"""Contacts from .hic, .cool and .mcool files: the profile of an anchor, square maps, whole-chromosome vectors."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import hictkpy
import numpy as np
from numpy.typing import NDArray

from seq2exp.errors import SourceError
from seq2exp.genome import Interval, match_chromosome
from seq2exp.sources import remote_hic
from seq2exp.sources.remote import Place, RemoteFile

_ONE_AT_A_TIME = threading.Lock()
"""HDF5 below hictkpy is not safe to enter from several threads."""

_STRIP_PIXELS = 8_000_000
"""Pixels taken at once when rows are summed over a whole chromosome: 300 MB. Every strip costs a search over the whole
file, so a shallow map is one strip."""


@dataclass(frozen=True, eq=False)
class ContactProfile:
    """Contacts of one anchor bin with the bins that cover an interval."""

    first_bin_start: int
    """0-based start of the first bin; a multiple of resolution_bp, negative before the chromosome's start."""
    resolution_bp: int
    values: NDArray[np.float64]
    """(n_bins,) contacts; NaN where the map has no row (past the ends, masked bin), 0 where measured and empty."""


def contact_sizes(path: Place) -> dict[str, int]:
    """Length in bp of every chromosome of the map.

    Raises
    ------
    SourceError
        Absent, foreign or truncated file.
    """
    if isinstance(path, RemoteFile):
        return remote_hic.chromosomes(path)
    with _opened(path, _resolutions(path)[0]) as opened:
        return {str(name): int(length) for name, length in opened.file.chromosomes().items()}


def map_state(path: Place) -> int:
    """A number that changes when the map does: its time of change, or how often a streamed one was found changed.

    Raises
    ------
    SourceError
        Absent file.
    """
    if isinstance(path, RemoteFile):
        return path.generation
    try:
        return path.stat().st_mtime_ns
    except OSError as error:
        raise SourceError(f"{path}: no such contact map") from error


def contact_resolutions(path: Place) -> tuple[int, ...]:
    """Bin widths in bp that the file holds, ascending.

    Raises
    ------
    SourceError
        Absent, foreign or truncated file.
    """
    return remote_hic.resolutions(path) if isinstance(path, RemoteFile) else _resolutions(path)


def contact_normalisations(path: Place, *, resolution_bp: int) -> tuple[str, ...]:
    """Names `read_contact_profile` takes for `resolution_bp`: NONE first, then what the file holds.

    Raises
    ------
    SourceError
        Absent, foreign or truncated file; a resolution it lacks.
    """
    if isinstance(path, RemoteFile):
        return remote_hic.normalisations(path, resolution_bp)
    with _opened(path, resolution_bp) as opened:
        return _normalisations(opened.file)


def read_contact_profile(
    path: Place, interval: Interval, *, anchor_bp: int, resolution_bp: int, normalisation: str = "NONE"
) -> ContactProfile:
    """Contacts between the bin of `anchor_bp` and every bin that `interval` touches.

    Parameters
    ----------
    path
        .hic, .cool or .mcool, opened and closed inside this call; or a .hic at an address.
    interval
        Its chromosome may be written with or without ``chr``. May run past the chromosome's ends: NaN there.
    anchor_bp
        0-based base on the same chromosome, usually the TSS; need not lie in `interval`.
    resolution_bp
        Bin width; one that the file holds.
    normalisation
        NONE for raw counts, or a name the file holds (VC, KR, SCALE, weight ...).

    Returns
    -------
    ContactProfile
        Bins lie on the genome's own grid (multiples of the resolution), not on the interval's.

    Raises
    ------
    SourceError
        Absent, foreign or truncated file, a chromosome, resolution or normalisation it lacks (the message lists
        what there is), an anchor outside the chromosome.
    """
    first = interval.start // resolution_bp
    values = np.full(-(-interval.end // resolution_bp) - first, np.nan)
    if isinstance(path, RemoteFile):
        name, size = remote_hic.chromosome(path, interval.chrom)
        anchor, start, end = _placed(path, name, size, interval, anchor_bp, resolution_bp)
        if start < end:
            row = remote_hic.read_matrix(path, name, resolution_bp, normalisation, (anchor, anchor + 1), (start, end))
            values[start - first : end - first] = row[0]
        return ContactProfile(first * resolution_bp, resolution_bp, values)
    with _opened(path, resolution_bp) as opened:
        name, size = _chromosome(path, opened.file, interval.chrom)
        _check_normalisation(path, opened.file, normalisation)
        anchor, start, end = _placed(path, name, size, interval, anchor_bp, resolution_bp)
        # A .hic file stores and serves the upper triangle only: columns left of the anchor are read as rows.
        if start < min(end, anchor):
            left = _block(opened.file, name, size, (start, min(end, anchor)), (anchor, anchor + 1), normalisation)
            values[start - first : min(end, anchor) - first] = left[:, 0]
        if max(start, anchor) < end:
            right = _block(opened.file, name, size, (anchor, anchor + 1), (max(start, anchor), end), normalisation)
            values[max(start, anchor) - first : end - first] = right[0]
    return ContactProfile(first * resolution_bp, resolution_bp, values)


def read_contact_matrix(
    path: Place, interval: Interval, *, resolution_bp: int, normalisation: str = "NONE"
) -> NDArray[np.float64]:
    """The square map of the bins that `interval` touches, clipped to the chromosome.

    Returns
    -------
    NDArray[np.float64]
        (n_bins, n_bins), symmetric; row 0 is the bin of ``max(interval.start, 0)``. NaN in rows and columns of
        masked bins, 0 where measured and empty. (0, 0) if the interval lies outside the chromosome.

    Raises
    ------
    SourceError
        As `read_contact_profile`.
    """
    if isinstance(path, RemoteFile):
        name, size = remote_hic.chromosome(path, interval.chrom)
        bins = _bins_inside(interval, size, resolution_bp)
        if bins is None:
            return np.empty((0, 0))
        return remote_hic.read_matrix(path, name, resolution_bp, normalisation, bins, bins)
    with _opened(path, resolution_bp) as opened:
        name, size = _chromosome(path, opened.file, interval.chrom)
        _check_normalisation(path, opened.file, normalisation)
        bins = _bins_inside(interval, size, resolution_bp)
        if bins is None:
            return np.empty((0, 0))
        return _block(opened.file, name, size, bins, bins, normalisation)


def contact_row_sums(path: Place, chrom: str, *, resolution_bp: int, normalisation: str) -> NDArray[np.float64]:
    """Sum of every row of the whole symmetric map of one chromosome.

    Returns
    -------
    NDArray[np.float64]
        (n_bins of the chromosome,); NaN for masked bins, 0 for measured bins without contacts.

    Raises
    ------
    SourceError
        As `read_contact_profile`.
    """
    if isinstance(path, RemoteFile):
        return remote_hic.row_sums(path, chrom, resolution_bp, normalisation)
    with _opened(path, resolution_bp) as opened:
        name, size = _chromosome(path, opened.file, chrom)
        _check_normalisation(path, opened.file, normalisation)
        n_bins = -(-size // resolution_bp)
        sums = np.zeros(n_bins)
        pixels = _selection(opened.file, name, size, (0, n_bins), (0, n_bins), normalisation).nnz()
        strip = max(1, min(n_bins, n_bins * _STRIP_PIXELS // max(pixels, 1)))
        for start in range(0, n_bins, strip):
            end = min(start + strip, n_bins)
            square = _selection(opened.file, name, size, (start, end), (start, end), normalisation).to_coo()
            data = np.nan_to_num(square.data, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
            sums[start:end] += np.bincount(square.row, data, minlength=end - start)
            data[square.row == square.col] = 0  # the triangle on one side of the diagonal stands for both
            sums[start:end] += np.bincount(square.col, data, minlength=end - start)
            if end < n_bins:
                del square, data  # before as much again is read
                right = _selection(opened.file, name, size, (start, end), (end, n_bins), normalisation).to_coo()
                data = np.nan_to_num(right.data, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
                sums[start:end] += np.bincount(right.row, data, minlength=end - start)
                sums[end:] += np.bincount(right.col, data, minlength=n_bins - end)
        if normalisation != "NONE":
            weights = _weights(opened.file, name, normalisation)
            sums[~(np.isfinite(weights) & (weights > 0))] = np.nan
        return sums


def normalisation_weights(path: Place, chrom: str, *, resolution_bp: int, normalisation: str) -> NDArray[np.float64]:
    """The vector w of one chromosome with which balanced = raw / (w_i * w_j), as Juicer writes KR and VC.

    Returns
    -------
    NDArray[np.float64]
        (n_bins of the chromosome,); NaN or 0 for masked bins as in the file; ones for NONE.

    Raises
    ------
    SourceError
        As `read_contact_profile`.
    """
    if isinstance(path, RemoteFile):
        return remote_hic.weights(path, chrom, resolution_bp, normalisation)
    with _opened(path, resolution_bp) as opened:
        name, size = _chromosome(path, opened.file, chrom)
        _check_normalisation(path, opened.file, normalisation)
        if normalisation == "NONE":
            return np.ones(-(-size // resolution_bp))
        return _weights(opened.file, name, normalisation)


def _placed(
    path: Place, name: str, size: int, interval: Interval, anchor_bp: int, resolution_bp: int
) -> tuple[int, int, int]:
    """Bin of the anchor, and the bins of the interval that the chromosome has; SourceError for an anchor outside it."""
    if not 0 <= anchor_bp < size:
        raise SourceError(f"{path}: anchor {interval.chrom}:{anchor_bp + 1:,} lies outside {name} ({size:,} bp)")
    start = max(interval.start // resolution_bp, 0)
    return anchor_bp // resolution_bp, start, min(-(-interval.end // resolution_bp), -(-size // resolution_bp))


def _bins_inside(interval: Interval, size: int, resolution_bp: int) -> tuple[int, int] | None:
    """First bin and the bin after the last that the interval touches on the chromosome; None: it lies outside."""
    start, end = max(interval.start, 0), min(interval.end, size)
    return (start // resolution_bp, -(-end // resolution_bp)) if start < end else None


class _Opened:
    """Holds a map so that `_opened` can let go of it while it still has the lock: hictkpy closes files on deletion."""

    def __init__(self, file: hictkpy.File) -> None:
        self.file = file


@contextmanager
def _opened(path: Path, resolution_bp: int) -> Iterator[_Opened]:
    """The map at one resolution; every complaint of hictk inside becomes one line. Keep no reference to the file."""
    offered = _resolutions(path)
    if resolution_bp not in offered:
        raise SourceError(f"{path}: no contacts at {resolution_bp:,} bp; it has {', '.join(f'{r:,}' for r in offered)}")
    try:
        with _ONE_AT_A_TIME:
            opened = _Opened(hictkpy.File(path, resolution_bp))
            try:
                yield opened
            finally:
                del opened.file
    except RuntimeError as error:
        raise _damaged(path, error) from error


def _resolutions(path: Path) -> tuple[int, ...]:
    """Resolutions the map offers; listing them opens the file several times, so an unchanged file is asked once."""
    if not path.is_file():
        raise SourceError(f"{path}: no such contact map")
    facts = path.stat()
    return _listed_resolutions(path, facts.st_mtime_ns, facts.st_size)


@lru_cache(maxsize=64)
def _listed_resolutions(path: Path, modified_ns: int, size: int) -> tuple[int, ...]:
    """`_resolutions` of a file in one state, which the last two arguments name."""
    try:
        with _ONE_AT_A_TIME:
            if hictkpy.is_cooler(path):
                return (int(hictkpy.File(path).resolution()),)
            if not (hictkpy.is_hic(path) or hictkpy.is_mcool_file(path)):
                raise SourceError(f"{path}: neither .hic nor .cool nor .mcool; it is foreign or truncated")
            resolutions = sorted(np.asarray(hictkpy.MultiResFile(path).resolutions(), dtype=np.int64).tolist())
    except RuntimeError as error:
        raise _damaged(path, error) from error
    if not resolutions:
        raise SourceError(f"{path}: the contact map holds no resolution")
    return tuple(resolutions)


def _damaged(path: Path, error: RuntimeError) -> SourceError:
    return SourceError(
        f"{path}: contact map cannot be read, truncated or damaged ({' '.join(str(error).split())[:200]})"
    )


def _normalisations(file: hictkpy.File) -> tuple[str, ...]:
    return ("NONE", *(str(name) for name in file.avail_normalizations()))


def _check_normalisation(path: Path, file: hictkpy.File, normalisation: str) -> None:
    offered = _normalisations(file)
    if normalisation not in offered:
        raise SourceError(
            f"{path}: no normalisation {normalisation!r} at {file.resolution():,} bp; it has {', '.join(offered)}"
        )


def _chromosome(path: Path, file: hictkpy.File, chrom: str) -> tuple[str, int]:
    sizes = file.chromosomes()
    name = match_chromosome(chrom, sizes)
    if name is None:
        shown = ", ".join(list(sizes)[:30])
        raise SourceError(f"{path}: no chromosome {chrom}; it has {shown}{' ...' if len(sizes) > 30 else ''}")
    return name, int(sizes[name])


def _selection(
    file: hictkpy.File, name: str, size: int, rows: tuple[int, int], columns: tuple[int, int], normalisation: str
) -> hictkpy.PixelSelector:
    """Bins rows[0]..rows[1]-1 against columns, which must not lie left of the rows (upper triangle)."""
    width = file.resolution()
    # BED rather than UCSC strings: unambiguously 0-based and half-open.
    down, across = (f"{name}\t{start * width}\t{min(end * width, size)}" for start, end in (rows, columns))
    return file.fetch(down, across, normalization=normalisation, count_type="float64", query_type="BED")


def _block(
    file: hictkpy.File, name: str, size: int, rows: tuple[int, int], columns: tuple[int, int], normalisation: str
) -> NDArray[np.float64]:
    return np.asarray(
        _selection(file, name, size, rows, columns, normalisation).to_numpy(), dtype=np.float64
    )  # (n_rows, n_columns)


def _weights(file: hictkpy.File, name: str, normalisation: str) -> NDArray[np.float64]:
    """The chromosome's part of the genome-wide vector, which follows the order of chromosomes in the file."""
    width, at = file.resolution(), 0
    for other, size in file.chromosomes().items():
        n_bins = -(-int(size) // width)
        if other == name:
            weights = np.asarray(file.weights(normalisation, divisive=True), dtype=np.float64)
            return weights[at : at + n_bins].copy()
        at += n_bins
    raise SourceError(f"no chromosome {name}")
