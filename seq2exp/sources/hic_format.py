"""What the bytes of a .hic file mean: header, indices, blocks; versions 8 and 9, after the public format description.

aidenlab/hic-format, HiCFormatV9.md, and aidenlab/Juicebox, HiCFormatV8.md. Numbers are little-endian, strings end with
a zero byte. Readers here take bytes from a `Fields`, which fetches only what is looked at.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seq2exp.errors import SourceError

MAGIC = b"HIC\0"
VERSIONS = (8, 9)

_LONGEST_NAME = 4096
_MOST_ENTRIES = 20_000_000
"""A count above this is damage: a whole genome at 1 kb has some million blocks."""
_MISSING_SHORT = -32768
"""Marks an empty cell of a dense block of short integers."""


class Fields:
    """Numbers and names one after another from `at` on, through a function that reads bytes."""

    def __init__(self, read: Callable[[int, int], bytes], at: int, what: str) -> None:
        self._read, self.at, self._what = read, at, what

    def take(self, layout: str) -> tuple[int | float, ...]:
        """The next numbers, as `struct` writes their layout."""
        length = struct.calcsize("<" + layout)
        data = self._read(self.at, length)
        self.at += length
        return struct.unpack("<" + layout, data)

    def number(self, layout: str) -> int:
        """The next whole number."""
        return int(self.take(layout)[0])

    def count(self, layout: str = "i") -> int:
        """The next number, as how many of something follow."""
        found = self.number(layout)
        if not 0 <= found <= _MOST_ENTRIES:
            raise SourceError(f"damaged: {found:,} entries in its {self._what}")
        return found

    def text(self) -> str:
        """The next name."""
        found = bytearray()
        while len(found) < _LONGEST_NAME:
            byte = self._read(self.at, 1)
            self.at += 1
            if byte == b"\0":
                return found.decode("utf-8", errors="replace")
            found += byte
        raise SourceError(f"damaged: a name without end in its {self._what}")

    def array(self, dtype: str, count: int) -> NDArray[np.generic]:
        """The next `count` numbers of one kind."""
        length = np.dtype(dtype).itemsize * count
        data = self._read(self.at, length)
        self.at += length
        return np.frombuffer(data, dtype)

    def skip(self, n_bytes: int) -> None:
        """Pass over `n_bytes`."""
        self.at += n_bytes


@dataclass(frozen=True)
class Header:
    """The first bytes of the file."""

    version: int
    footer_at: int
    norm_index: tuple[int, int] | None
    """Position and length of the index of normalisation vectors; None: version 8 does not say."""
    chroms: Mapping[str, int]
    """Length in bp by the file's own name, in its order; ``All`` stands for the whole genome."""
    resolutions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class NormVector:
    """Where the vector of one normalisation, chromosome and resolution is."""

    at: int
    n_bytes: int


@dataclass(frozen=True)
class Zoom:
    """The grid of blocks of one chromosome with itself at one resolution."""

    bin_bp: int
    block_bins: int
    block_columns: int
    blocks: Mapping[int, tuple[int, int]]
    """Position and bytes by block number; empty blocks are not listed."""


@dataclass(frozen=True, eq=False)
class Cells:
    """Counts of pairs of bins; each pair once, x <= y for a chromosome with itself."""

    x: NDArray[np.int64]
    y: NDArray[np.int64]
    counts: NDArray[np.float32]


def read_header(read: Callable[[int, int], bytes]) -> Header:
    """The header. Raises SourceError for anything but a .hic file of version 8 or 9."""
    head = read(0, 4)
    if head != MAGIC:
        raise SourceError(f"not a .hic file: it starts with {head!r}")
    fields = Fields(read, 4, "header")
    version = fields.number("i")
    if version not in VERSIONS:
        raise SourceError(f".hic version {version}; read by ranges are versions {' and '.join(map(str, VERSIONS))}")
    footer_at = fields.number("q")
    fields.text()  # the genome
    norm_index = None
    if version > 8:
        at, length = (int(number) for number in fields.take("qq"))
        norm_index = (at, length) if at > 0 else None
    for _ in range(fields.count()):  # attributes: name and value
        fields.text(), fields.text()
    chroms: dict[str, int] = {}
    for _ in range(fields.count()):
        name = fields.text()
        chroms[name] = fields.number("q" if version > 8 else "i")
    resolutions = fields.array("<i4", fields.count())
    return Header(version, footer_at, norm_index, chroms, tuple(int(width) for width in resolutions))


def read_master_index(read: Callable[[int, int], bytes], header: Header) -> tuple[dict[str, tuple[int, int]], int]:
    """Position and bytes of each matrix record by ``i_j`` of its chromosomes; and where the index ends."""
    fields = Fields(read, header.footer_at, "master index")
    fields.skip(8 if header.version > 8 else 4)  # bytes of what follows, up to the normalised expected values
    entries: dict[str, tuple[int, int]] = {}
    for _ in range(fields.count()):
        key = fields.text()
        at, length = fields.take("qi")
        entries[key] = (int(at), int(length))
    return entries, fields.at


def find_norm_index(read: Callable[[int, int], bytes], header: Header, after_master: int) -> int:
    """Where the index of normalisation vectors stands in a file that does not say: behind the expected values.

    The values themselves are passed over: only their counts are read, one look per vector.
    """
    fields = Fields(read, after_master, "expected values")
    long, value_bytes = header.version > 8, 4 if header.version > 8 else 8
    for is_normalised in (False, True):
        for _ in range(fields.count()):
            if is_normalised:
                fields.text()
            fields.text()  # the unit
            fields.skip(4)  # the bin width
            fields.skip(value_bytes * fields.count("q" if long else "i"))
            fields.skip((4 + value_bytes) * fields.count())  # chromosome and its factor
    return fields.at


def read_norm_index(
    read: Callable[[int, int], bytes], header: Header, at: int
) -> dict[tuple[str, int, int], NormVector]:
    """Normalisation vectors in base pairs by name, chromosome number and bin width."""
    fields = Fields(read, at, "index of normalisations")
    found: dict[tuple[str, int, int], NormVector] = {}
    for _ in range(fields.count()):
        name = fields.text()
        chrom = fields.number("i")
        unit = fields.text()
        bin_bp = fields.number("i")
        position, n_bytes = fields.take("qq" if header.version > 8 else "qi")
        if unit == "BP":
            found[name, chrom, bin_bp] = NormVector(int(position), int(n_bytes))
    return found


def norm_layout(header: Header) -> tuple[int, str]:
    """Bytes before the values of a normalisation vector, and their kind."""
    return (8, "<f4") if header.version > 8 else (4, "<f8")


def read_zoom(read: Callable[[int, int], bytes], at: int, bin_bp: int) -> Zoom | None:
    """The grid at one resolution out of the matrix record at `at`; None where it has none."""
    fields = Fields(read, at, "matrix record")
    fields.skip(8)  # the two chromosomes
    for _ in range(fields.count()):
        unit = fields.text()
        fields.skip(4 + 4 + 4 + 4 + 4)  # number of the resolution, sum, occupied cells, two percentiles
        width, block_bins, columns = (int(number) for number in fields.take("iii"))
        n_blocks = fields.count()
        if unit == "BP" and width == bin_bp:
            if block_bins < 1 or columns < 1:
                raise SourceError(f"damaged: blocks of {block_bins} bins in {columns} columns")
            table = fields.array("<i4,<i8,<i4", n_blocks)
            blocks = {int(number): (int(position), int(n_bytes)) for number, position, n_bytes in table.tolist()}
            return Zoom(width, block_bins, columns, blocks)
        fields.skip(16 * n_blocks)
    return None


def block_numbers(header: Header, zoom: Zoom, x: NDArray[np.int64], y: NDArray[np.int64]) -> list[int]:
    """The blocks, of those that are there, in which the counts of bins `x` with bins `y` stand."""
    low, high = np.minimum(x, y), np.maximum(x, y)
    if header.version > 8:
        # The grid of a chromosome with itself is turned by 45 degrees: position along the diagonal, and distance from
        # it in layers whose thickness doubles.
        along = (low + high) // 2 // zoom.block_bins
        depth = np.floor(np.log2(1 + (high - low) / math.sqrt(2) / zoom.block_bins)).astype(np.int64)
        numbers = depth * zoom.block_columns + along
    else:
        numbers = (high // zoom.block_bins) * zoom.block_columns + low // zoom.block_bins
    return [number for number in np.unique(numbers).tolist() if number in zoom.blocks]


def read_block(packed: bytes, version: int) -> Cells:
    """The counts in one block. Raises SourceError where it is damaged."""
    try:
        data = zlib.decompress(packed)
        return _cells(data, version)
    except (zlib.error, struct.error, ValueError, IndexError) as error:
        raise SourceError(f"damaged: a block cannot be unpacked ({error})") from error


def _cells(data: bytes, version: int) -> Cells:
    n_records, x_offset, y_offset, is_float = struct.unpack_from("<iiib", data, 0)
    at, wide_x, wide_y = 13, False, False
    if version > 8:
        wide_x, wide_y = (bool(flag) for flag in struct.unpack_from("<bb", data, at))
        at += 2
    kind = data[at]
    at += 1
    value = "<f4" if is_float else "<i2"
    if kind == 1:
        x, y, counts = _rows(data, at, wide_x=wide_x, wide_y=wide_y, value=value)
        if len(x) != n_records:
            raise ValueError(f"{len(x):,} counts where its head says {n_records:,}")
    elif kind == 2:
        n_cells, width = struct.unpack_from("<ih", data, at)
        values = np.frombuffer(data, value, n_cells, at + 6)
        empty = np.isnan(values) if is_float else values == _MISSING_SHORT
        kept = np.flatnonzero(~empty)
        x, y, counts = kept % width, kept // width, values[kept]
    else:
        raise ValueError(f"layout {kind} is unknown")
    return Cells(x.astype(np.int64) + x_offset, y.astype(np.int64) + y_offset, counts.astype(np.float32))


def _rows(
    data: bytes, at: int, *, wide_x: bool, wide_y: bool, value: str
) -> tuple[NDArray[np.generic], NDArray[np.generic], NDArray[np.generic]]:
    """Lists of rows, each with its number and its columns."""
    x_kind, y_kind = "<i4" if wide_x else "<i2", "<i4" if wide_y else "<i2"
    row_head = struct.Struct("<" + y_kind[1:].replace("i4", "i").replace("i2", "h") + ("i" if wide_x else "h"))
    record = np.dtype([("x", x_kind), ("value", value)])
    n_rows = int(np.frombuffer(data, y_kind, 1, at)[0])
    at += np.dtype(y_kind).itemsize
    numbers, lengths, parts = [], [], []
    for _ in range(n_rows):
        number, length = row_head.unpack_from(data, at)
        at += row_head.size
        parts.append(np.frombuffer(data, record, length, at))
        at += record.itemsize * length
        numbers.append(number)
        lengths.append(length)
    cells = np.concatenate(parts) if parts else np.empty(0, dtype=record)
    return cells["x"], np.repeat(np.asarray(numbers, dtype=np.int64), lengths), cells["value"]
