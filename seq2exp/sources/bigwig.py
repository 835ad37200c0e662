"""Signal of an interval from a bigWig, NaN where the file is silent."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyBigWig
from numpy.typing import NDArray

from seq2exp.errors import SettingsError, SourceError
from seq2exp.genome import Interval, match_chromosome
from seq2exp.sources.remote import Place, RemoteFile
from seq2exp.sources.remote_bigwig import remote_bigwig_sizes, remote_values

_MAGIC = 0x888FFC26
_CHROM_TREE_MAGIC = 0x78CA8C91
_INDEX_MAGIC = 0x2468ACE0
_HEADER = "IHHQQQHHQQIQ"  # Kent et al. 2010, supplementary table 5: 64 bytes
_ZOOM_HEADER = "IIQQ"  # table 6: reduction, reserved, data offset, index offset
_INDEX_HEADER = "IIQIIIIQII"  # table 14: 48 bytes
_LEAF_ITEM, _BRANCH_ITEM = "IIIIQQ", "IIIIQ"  # tables 16 and 17


def bigwig_sizes(path: Place) -> dict[str, int]:
    """Length in bp of every chromosome in the bigWig's header.

    Raises
    ------
    SourceError
        Absent, foreign or truncated file; RemoteError where a server fails.
    """
    if isinstance(path, RemoteFile):
        return remote_bigwig_sizes(path)
    with _opened(path) as bigwig:
        return {str(name): int(length) for name, length in bigwig.chroms().items()}


def read_signal(path: Place, interval: Interval, *, bin_bp: int = 1) -> NDArray[np.float32]:
    """Mean signal over `interval`, one value per bin.

    Parameters
    ----------
    path
        bigWig file, on disk or at an address; opened and closed inside this call.
    interval
        Its chromosome may be written with or without ``chr``. May run past the chromosome's ends.
    bin_bp
        Bin width in bp; divides ``interval.width``.

    Returns
    -------
    NDArray[np.float32]
        (interval.width // bin_bp,) in the file's own unit, sign kept: the mean over the bin's measured bases;
        NaN where the file is silent or the chromosome has ended, which is not 0.

    Raises
    ------
    SourceError
        Absent, foreign or truncated file, a chromosome it lacks, an infinite value; the message names it.
        RemoteError where a server fails.
    SettingsError
        `bin_bp` does not divide the width.
    """
    if bin_bp < 1 or interval.width % bin_bp:
        raise SettingsError(f"bin_bp must divide the {interval.width:,} bp of {interval}, found {bin_bp}")
    values = np.full(interval.width, np.nan, dtype=np.float32)
    if isinstance(path, RemoteFile):
        name, start, end = _clipped(path, interval, remote_bigwig_sizes(path))
        if start < end:
            values[start - interval.start : end - interval.start] = remote_values(path, name, start, end)
    else:
        with _opened(path) as bigwig:
            name, start, end = _clipped(path, interval, bigwig.chroms())
            if start < end:
                try:
                    read = bigwig.values(name, start, end, numpy=True)
                except RuntimeError as error:
                    raise SourceError(
                        f"{path}: {name}:{start + 1:,}-{end:,} cannot be read; the file is damaged"
                    ) from error
                values[start - interval.start : end - interval.start] = read
    infinite = np.flatnonzero(np.isinf(values))
    if infinite.size:
        raise SourceError(
            f"{path}: infinite value at {interval.chrom}:{interval.start + int(infinite[0]) + 1:,} "
            f"({infinite.size:,} in {interval}); a signal must be finite"
        )
    return values if bin_bp == 1 else _bin_means(values, bin_bp)


def _clipped(path: Place, interval: Interval, sizes: Mapping[str, int]) -> tuple[str, int, int]:
    """The file's own name of the chromosome, and the part of the interval that lies on it."""
    name = match_chromosome(interval.chrom, sizes)
    if name is None:
        raise SourceError(f"{path}: no chromosome {interval.chrom}; it has {_listed(list(sizes))}")
    return name, max(interval.start, 0), min(interval.end, int(sizes[name]))


def _bin_means(values: NDArray[np.float32], bin_bp: int) -> NDArray[np.float32]:
    """Mean over the measured bases of each bin, NaN for a bin without any; summed in float64."""
    by_bin = values.reshape(-1, bin_bp)  # (n_bins, bin_bp)
    measured = np.count_nonzero(~np.isnan(by_bin), axis=1)
    means = np.full(len(by_bin), np.nan)
    np.divide(np.nansum(by_bin, axis=1, dtype=np.float64), measured, out=means, where=measured > 0)
    return means.astype(np.float32)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The bigWig, open; checked first, because libBigWig trusts every offset in the file."""
    _check_structure(path)
    try:
        bigwig = pyBigWig.open(str(path))
    except RuntimeError as error:
        raise SourceError(f"{path}: cannot be opened as a bigWig; it is truncated or damaged") from error
    try:
        yield bigwig
    finally:
        bigwig.close()


class _Fields:
    """Numbers out of a binary file in its byte order, refusing to read past its end."""

    def __init__(self, path: Path, file: BinaryIO, order: str) -> None:
        self.path, self._file, self._order = path, file, order
        self.size = path.stat().st_size

    def at(self, offset: int, layout: str, what: str) -> tuple[int, ...]:
        length = struct.calcsize(self._order + layout)
        self.inside(offset + length, what)
        self._file.seek(offset)
        return struct.unpack(self._order + layout, self._file.read(length))

    def inside(self, end: int, what: str) -> None:
        if end > self.size:
            raise SourceError(f"{self.path}: truncated: its {what} reaches to byte {end:,}, the file has {self.size:,}")

    def expect(self, found: int, magic: int, what: str) -> None:
        if found != magic:
            raise SourceError(f"{self.path}: damaged: no {what} where the header says; fetch it again")


def _check_structure(path: Path) -> None:
    """Refuse what is not a bigWig, or one whose header points past the file's end."""
    try:
        with path.open("rb") as file:
            head = file.read(4)
            orders = [order for order in "<>" if head == struct.pack(order + "I", _MAGIC)]
            if not orders:
                raise SourceError(f"{path}: not a bigWig: it starts with {head!r}")
            _check_offsets(_Fields(path, file, orders[0]))
    except FileNotFoundError as error:
        raise SourceError(f"{path}: no such bigWig") from error
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})") from error


def _check_offsets(fields: _Fields) -> None:
    header = fields.at(0, _HEADER, "header")
    zoom_levels, chrom_tree, data, index, summary = header[2], header[3], header[4], header[5], header[9]
    fields.expect(fields.at(chrom_tree, "I", "chromosome list")[0], _CHROM_TREE_MAGIC, "chromosome list")
    if not index:
        raise SourceError(f"{fields.path}: holds no values: whatever wrote it stopped after the header")
    fields.inside(data + 4, "data")
    if summary:
        fields.inside(summary + 40, "summary")
    _check_index(fields, index, "index")
    for level in range(zoom_levels):
        zoom = fields.at(64 + 24 * level, _ZOOM_HEADER, "zoom header")
        _check_index(fields, zoom[3], f"zoom index {level + 1}")


def _check_index(fields: _Fields, offset: int, what: str) -> None:
    """Walk down the last branch of an R-tree index: its last data block is the last of its section."""
    header = fields.at(offset, _INDEX_HEADER, what)
    fields.expect(header[0], _INDEX_MAGIC, what)
    if not header[2]:
        return
    fields.inside(header[7], f"{what}'s data")
    node = offset + struct.calcsize("<" + _INDEX_HEADER)
    for _ in range(64):  # deeper than any real tree; ends a loop in a damaged one
        is_leaf, _reserved, count = fields.at(node, "BBH", what)
        item = _LEAF_ITEM if is_leaf else _BRANCH_ITEM
        if not count:
            return
        last = fields.at(node + 4 + (count - 1) * struct.calcsize("<" + item), item, what)
        if is_leaf:
            fields.inside(last[4] + last[5], f"{what}'s last block")
            return
        node = last[4]
    fields.expect(0, 1, f"end of the {what}")


def _listed(names: list[str]) -> str:
    return ", ".join(names[:30]) + (f" and {len(names) - 30} more" if len(names) > 30 else "")
