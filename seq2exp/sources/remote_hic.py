"""Contacts from a .hic file at an address: only the indices and the blocks that a question touches are moved.

hictk reads local files only. What one question costs: header, master index, index of normalisations and the matrix
record of the chromosome once per file or chromosome; then the blocks around the anchor and a stretch of the
normalisation vector. In version 8 the index of normalisations stands behind the expected values, whose counts are
looked at one by one, unless the manifest says where it is (``content.normalisation_index``).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from seq2exp.errors import RemoteError, SourceError
from seq2exp.genome import match_chromosome
from seq2exp.sources import hic_format
from seq2exp.sources.hic_format import Cells, Header, NormVector, Zoom
from seq2exp.sources.remote import RemoteFile

WHOLE_CHROMOSOME_LIMIT = 64 * 2**20
"""Bytes of blocks above which the sums of all rows of a chromosome are refused: chr1 of a deep map has hundreds of
millions, and whoever wants them better has the file."""

_WHOLE_GENOME = ("ALL", "All", "all")
_AT_ONCE_BYTES = 2**24

_T = TypeVar("_T")


@dataclass(frozen=True)
class _Map:
    """What is known of a file once its head and footer are read."""

    header: Header
    records: dict[str, tuple[int, int]]
    norms: dict[tuple[str, int, int], NormVector]

    @property
    def chroms(self) -> dict[str, int]:
        return {name: size for name, size in self.header.chroms.items() if name not in _WHOLE_GENOME}

    def number(self, name: str) -> int:
        return list(self.header.chroms).index(name)


def chromosomes(place: RemoteFile) -> dict[str, int]:
    """Length in bp of every chromosome of the map. Raises RemoteError."""
    return _within(place, lambda opened: opened.chroms)


def resolutions(place: RemoteFile) -> tuple[int, ...]:
    """Bin widths in bp, ascending. Raises RemoteError."""
    return _within(place, lambda opened: tuple(sorted(opened.header.resolutions)))


def normalisations(place: RemoteFile, resolution_bp: int) -> tuple[str, ...]:
    """NONE, then what the file holds at that resolution. Raises RemoteError; SourceError for a resolution it lacks."""
    _check_resolution(place, resolution_bp)
    return _within(place, lambda opened: _normalisations(opened, resolution_bp))


def chromosome(place: RemoteFile, chrom: str) -> tuple[str, int]:
    """The map's own name of `chrom` and its length in bp. Raises SourceError where it lacks it."""
    sizes = chromosomes(place)
    name = match_chromosome(chrom, sizes)
    if name is None:
        raise SourceError(f"{place}: no chromosome {chrom}; it has {', '.join(list(sizes)[:30])}")
    return name, sizes[name]


def weights(
    place: RemoteFile, chrom: str, resolution_bp: int, normalisation: str, bins: tuple[int, int] | None = None
) -> NDArray[np.float64]:
    """(n_bins,) the vector w with which balanced = raw / (w_i * w_j), as it stands in the file.

    Parameters
    ----------
    bins
        Only bins ``bins[0]`` to ``bins[1] - 1``, of which only those bytes are moved; None: the whole chromosome.

    Raises
    ------
    RemoteError
        The server fails, or the file is damaged.
    SourceError
        A chromosome, resolution or normalisation it lacks.
    """
    name, size = chromosome(place, chrom)
    n_bins = -(-size // resolution_bp)
    first, end = bins or (0, n_bins)
    _check_normalisation(place, resolution_bp, normalisation)
    if normalisation == "NONE":
        return np.ones(end - first)

    def read(opened: _Map) -> NDArray[np.float64]:
        vector = opened.norms.get((normalisation, opened.number(name), resolution_bp))
        if vector is None:  # the file has that normalisation, but not for this chromosome
            return np.full(end - first, np.nan)
        before, dtype = hic_format.norm_layout(opened.header)
        width = np.dtype(dtype).itemsize
        held = (vector.n_bytes - before) // width
        stop = min(end, held)
        data = place.read_at(vector.at + before + first * width, max(stop - first, 0) * width)
        values = np.full(end - first, np.nan)
        values[: max(stop - first, 0)] = np.frombuffer(data, dtype)
        return values

    return _within(place, read)


def read_matrix(
    place: RemoteFile,
    chrom: str,
    resolution_bp: int,
    normalisation: str,
    rows: tuple[int, int],
    columns: tuple[int, int],
) -> NDArray[np.float64]:
    """(n_rows, n_columns) contacts between two stretches of bins of one chromosome.

    NaN in rows and columns of masked bins, 0 where measured and empty. Half-open bin numbers inside the chromosome.
    Raises as `weights`.
    """
    name, _ = chromosome(place, chrom)
    _check_normalisation(place, resolution_bp, normalisation)
    matrix = np.zeros((rows[1] - rows[0], columns[1] - columns[0]))
    x, y = np.meshgrid(np.arange(*rows), np.arange(*columns), indexing="ij")

    def fill(opened: _Map) -> None:
        zoom = _zoom(place, opened, name, resolution_bp)
        if zoom is None:
            return
        for cells in _cells_of(place, opened.header, zoom, hic_format.block_numbers(opened.header, zoom, x, y)):
            for one, other in ((cells.x, cells.y), (cells.y, cells.x)):  # stored once, wanted on both sides
                kept = (one >= rows[0]) & (one < rows[1]) & (other >= columns[0]) & (other < columns[1])
                matrix[one[kept] - rows[0], other[kept] - columns[0]] = cells.counts[kept]

    _within(place, fill)
    if normalisation != "NONE":
        down = weights(place, chrom, resolution_bp, normalisation, rows)
        across = weights(place, chrom, resolution_bp, normalisation, columns)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            matrix = _balanced(matrix, down[:, None] * across[None, :])
        matrix[~_usable(down), :] = np.nan
        matrix[:, ~_usable(across)] = np.nan
    return matrix


def row_sums(place: RemoteFile, chrom: str, resolution_bp: int, normalisation: str) -> NDArray[np.float64]:
    """(n_bins,) sum of every row of the whole symmetric map of one chromosome; NaN for masked bins.

    Moves every block of the chromosome and its whole normalisation vector. Raises as `weights`, and RemoteError where
    that is more than `WHOLE_CHROMOSOME_LIMIT`.
    """
    name, size = chromosome(place, chrom)
    vector = weights(place, chrom, resolution_bp, normalisation)
    usable = _usable(vector)
    divisor = np.where(usable, vector, np.nan)
    sums = np.zeros(-(-size // resolution_bp))

    def add(opened: _Map) -> None:
        zoom = _zoom(place, opened, name, resolution_bp)
        if zoom is None:
            return
        total = sum(n_bytes for _, n_bytes in zoom.blocks.values())
        if total > WHOLE_CHROMOSOME_LIMIT:
            raise RemoteError(
                f"{place}: the sums of all rows of {name} at {resolution_bp:,} bp take {total / 1e6:,.0f} MB; fetch "
                "the file, or use contact mode vc_counts"
            )
        for cells in _cells_of(place, opened.header, zoom, sorted(zoom.blocks)):
            values = _balanced(cells.counts, divisor[cells.x] * divisor[cells.y])
            known = np.isfinite(values)
            x, y, values = cells.x[known], cells.y[known], values[known]
            sums[:] += np.bincount(x, values, minlength=len(sums))
            off = x != y
            sums[:] += np.bincount(y[off], values[off], minlength=len(sums))

    _within(place, add)
    if normalisation != "NONE":
        sums[~usable] = np.nan
    return sums


def _balanced(counts: NDArray[np.floating], products: NDArray[np.float64]) -> NDArray[np.float64]:
    """Counts over products of weights, both in single precision as in hictk: the very numbers of a file on disk."""
    return (counts.astype(np.float32) / products.astype(np.float32)).astype(np.float64)


def _usable(vector: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.isfinite(vector) & (vector > 0)


def _cells_of(place: RemoteFile, header: Header, zoom: Zoom, numbers: list[int]) -> Iterator[Cells]:
    """The counts of each of those blocks; fetched several at once, a bounded number of bytes ahead."""
    ahead: list[tuple[int, int]] = []
    for position, number in enumerate(numbers):
        ahead.append(zoom.blocks[number])
        if position + 1 == len(numbers) or sum(n_bytes for _, n_bytes in ahead) >= _AT_ONCE_BYTES:
            place.prefetch(ahead)
            for at, n_bytes in ahead:
                yield hic_format.read_block(place.read_at(at, n_bytes), header.version)
            ahead = []


def _normalisations(opened: _Map, resolution_bp: int) -> tuple[str, ...]:
    names = {name for name, _, bin_bp in opened.norms if bin_bp == resolution_bp}
    return ("NONE", *sorted(names))


def _check_resolution(place: RemoteFile, resolution_bp: int) -> None:
    offered = resolutions(place)
    if resolution_bp not in offered:
        listed = ", ".join(f"{width:,}" for width in offered)
        raise SourceError(f"{place}: no contacts at {resolution_bp:,} bp; it has {listed}")


def _check_normalisation(place: RemoteFile, resolution_bp: int, normalisation: str) -> None:
    offered = normalisations(place, resolution_bp)
    if normalisation not in offered:
        raise SourceError(
            f"{place}: no normalisation {normalisation!r} at {resolution_bp:,} bp; it has {', '.join(offered)}"
        )


def _within(place: RemoteFile, use: Callable[[_Map], _T]) -> _T:
    with _one_error(place):
        return use(_opened(place, place.generation))


@contextmanager
def _one_error(place: RemoteFile) -> Iterator[None]:
    """Damage found inside becomes a RemoteError that names the file, and what was cached of it is thrown away."""
    try:
        yield
    except RemoteError:
        raise
    except SourceError as error:
        place.forget()
        raise RemoteError(f"{place}: {error}; the contact map is foreign, truncated or damaged") from error


@functools.lru_cache(maxsize=8)
def _opened(place: RemoteFile, generation: int) -> _Map:
    """Head, master index and index of normalisations, read once per state of the file."""
    header = hic_format.read_header(place.read_at)
    records, after = hic_format.read_master_index(place.read_at, header)
    hinted = header.norm_index or place.normalisation_index
    at = hinted[0] if hinted is not None else hic_format.find_norm_index(place.read_at, header, after)
    return _Map(header, records, hic_format.read_norm_index(place.read_at, header, at) if at < place.size else {})


def _zoom(place: RemoteFile, opened: _Map, name: str, resolution_bp: int) -> Zoom | None:
    """The grid of a chromosome with itself; None where the map has no counts there."""
    number = opened.number(name)
    record = opened.records.get(f"{number}_{number}")
    return None if record is None else _zoom_at(place, place.generation, record[0], resolution_bp)


@functools.lru_cache(maxsize=64)
def _zoom_at(place: RemoteFile, generation: int, at: int, resolution_bp: int) -> Zoom | None:
    return hic_format.read_zoom(place.read_at, at, resolution_bp)
