"""Bases of an interval from a UCSC 2bit file, on disk or at an address: capitals, N past the ends.

Layout after the format description of the UCSC Genome Browser (FAQformat, ``.2bit``): a header, an index of names and
offsets, and per sequence its length, its stretches of N, its soft-masked stretches and four bases a byte.
"""

from __future__ import annotations

import functools
import os
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seq2exp.errors import RemoteError, SourceError
from seq2exp.genome import Interval, match_chromosome
from seq2exp.sources.remote import Place, RemoteFile

_SIGNATURE = 0x1A412743
_LETTERS = np.frombuffer(b"TCAG", dtype=np.uint8)
"""Letters of the codes 0 to 3."""
_MOST_SEQUENCES = 10_000_000
"""An index of more entries is taken for damage."""
_INDEX_PIECE = 2**16
"""The index is read in pieces that end where a block of a remote file does."""


@dataclass(frozen=True, slots=True)
class _Index:
    order: str
    """Byte order as `struct` writes it."""
    offsets: Mapping[str, int]
    """Where the record of each sequence begins, in file order."""


@dataclass(frozen=True, slots=True)
class _Record:
    length: int
    n_starts: NDArray[np.int64]
    n_ends: NDArray[np.int64]
    packed_at: int
    """Offset of the first byte of packed bases."""


def twobit_sizes(place: Place, names: Iterable[str] | None = None) -> dict[str, int]:
    """Length in bp of the sequences of a 2bit file, in file order.

    Parameters
    ----------
    place
        The file.
    names
        Only these, where the file has them under that name, with or without ``chr``: each length stands before its
        own sequence, so that every name of a remote file costs a block of 64 KiB, once. None: all.

    Raises
    ------
    SourceError
        Absent, foreign or truncated file.
    """
    index = _index_of(place)
    chosen = list(index.offsets)
    if names is not None:
        wanted = {match_chromosome(name, index.offsets) for name in names}
        chosen = [name for name in chosen if name in wanted]
    if isinstance(place, RemoteFile):
        place.prefetch((index.offsets[name], 4) for name in chosen)
    return {name: _number(place, index.order, index.offsets[name], f"length of {name}") for name in chosen}


def read_twobit(place: Place, interval: Interval) -> str:
    """Bases of `interval` on the forward strand, ``interval.width`` letters of A, C, G, T, N.

    Parameters
    ----------
    place
        The file; only the bytes asked for are read.
    interval
        Its chromosome may be written with or without ``chr``. May run past the chromosome's ends: N there.

    Returns
    -------
    str
        Upper case; soft-masking is passed over.

    Raises
    ------
    SourceError
        Absent, foreign or truncated file, or a chromosome it lacks.
    """
    index = _index_of(place)
    name = match_chromosome(interval.chrom, index.offsets)
    if name is None:
        raise SourceError(f"{place}: no chromosome {interval.chrom}; it has {_listed(list(index.offsets))}")
    record = _record(place, index.order, index.offsets[name], name)
    start, end = max(interval.start, 0), min(interval.end, record.length)
    if start >= end:
        return "N" * interval.width
    first = start // 4
    packed = np.frombuffer(_bytes(place, record.packed_at + first, -(-end // 4) - first, f"bases of {name}"), np.uint8)
    codes = (packed[:, None] >> np.array([6, 4, 2, 0], dtype=np.uint8)) & 3  # (n_bytes, 4), first base in the high bits
    letters = _LETTERS[codes.ravel()[start - 4 * first : end - 4 * first]].copy()
    for at, stop in zip(record.n_starts, record.n_ends, strict=True):
        if at < end and stop > start:
            letters[max(at - start, 0) : stop - start] = ord("N")
    bases: str = letters.tobytes().decode("ascii")
    return "N" * (start - interval.start) + bases + "N" * (interval.end - end)


def is_twobit(place: Place) -> bool:
    """Whether the name or the first bytes say 2bit. RemoteError where a server does not say."""
    if place.name.lower().endswith(".2bit"):
        return True
    if isinstance(place, RemoteFile):
        return _order(place.read_at(0, min(4, place.size))) is not None
    try:
        with place.open("rb") as file:
            return _order(file.read(4)) is not None
    except OSError:
        return False  # the reader it then goes to says what is wrong


def _order(head: bytes) -> str | None:
    """The byte order whose signature these four bytes are."""
    return {struct.pack("<I", _SIGNATURE): "<", struct.pack(">I", _SIGNATURE): ">"}.get(head)


def _index_of(place: Place) -> _Index:
    """The index, read once per state of the file."""
    if isinstance(place, RemoteFile):
        try:
            return _remote_index(place, place.generation)
        except RemoteError:
            raise
        except SourceError as error:
            place.forget()  # what was cached is no 2bit file; the server may do better later
            raise RemoteError(str(error)) from error
    try:
        facts = place.stat()
    except FileNotFoundError as error:
        raise SourceError(f"{place}: no such 2bit file") from error
    except OSError as error:
        raise SourceError(f"{place}: cannot be read ({error.strerror})") from error
    return _local_index(place, facts.st_mtime_ns, facts.st_size)


@functools.lru_cache(maxsize=8)
def _remote_index(place: RemoteFile, generation: int) -> _Index:
    return _read_index(place)


@functools.lru_cache(maxsize=8)
def _local_index(path: Path, modified_ns: int, size: int) -> _Index:
    return _read_index(path)


def _read_index(place: Place) -> _Index:
    head = _bytes(place, 0, 16, "header")
    order = _order(head[:4])
    if order is None:
        raise SourceError(f"{place}: not a 2bit file: it starts with {head[:4]!r}")
    version, count, _ = struct.unpack(order + "3I", head[4:])
    if version not in (0, 1) or count > _MOST_SEQUENCES:
        raise SourceError(f"{place}: 2bit version {version} with {count:,} sequences; only versions 0 and 1 are read")
    width = 8 if version == 1 else 4  # version 1 has 64-bit offsets
    offsets: dict[str, int] = {}
    at, held = 16, b""
    while len(offsets) < count:
        if len(held) < 1 + 255 + width:  # the longest entry
            begin = at + len(held)
            piece = min(_INDEX_PIECE - begin % _INDEX_PIECE, _size(place) - begin)
            held += _bytes(place, begin, piece, "index") if piece > 0 else b""
        length = held[0] if held else 0
        entry = 1 + length + width
        if len(held) < entry:
            raise SourceError(f"{place}: truncated: its index of {count:,} sequences ends after {len(offsets):,}")
        name = held[1 : 1 + length].decode("ascii", errors="replace")
        offsets[name] = int.from_bytes(held[1 + length : entry], "little" if order == "<" else "big")
        held, at = held[entry:], at + entry
    if not offsets:
        raise SourceError(f"{place}: the 2bit file holds no sequence")
    return _Index(order, offsets)


def _record(place: Place, order: str, offset: int, name: str) -> _Record:
    length, n_blocks = struct.unpack(order + "2I", _bytes(place, offset, 8, f"record of {name}"))
    stretches = np.frombuffer(_bytes(place, offset + 8, 8 * n_blocks, f"stretches of N of {name}"), order + "u4")
    starts, widths = stretches.astype(np.int64).reshape(2, n_blocks)
    mask_at = offset + 8 + 8 * n_blocks
    n_masked = _number(place, order, mask_at, f"soft-masked stretches of {name}")
    packed_at = mask_at + 4 + 8 * n_masked + 4  # behind the masks stands one reserved word
    if packed_at + -(-length // 4) > _size(place):
        raise SourceError(f"{place}: truncated: {name} reaches past the file's end; fetch it again")
    return _Record(length, starts, starts + widths, packed_at)


def _number(place: Place, order: str, offset: int, what: str) -> int:
    found: int = struct.unpack(order + "I", _bytes(place, offset, 4, what))[0]
    return found


def _size(place: Place) -> int:
    return place.size if isinstance(place, RemoteFile) else place.stat().st_size


def _bytes(place: Place, offset: int, length: int, what: str) -> bytes:
    """Exactly `length` bytes."""
    if isinstance(place, RemoteFile):
        return place.read_at(offset, length)
    try:
        with place.open("rb") as file:
            file.seek(offset, os.SEEK_SET)
            found = file.read(length)
    except FileNotFoundError as error:
        raise SourceError(f"{place}: no such 2bit file") from error
    except OSError as error:
        raise SourceError(f"{place}: cannot be read ({error.strerror})") from error
    if len(found) != length:
        raise SourceError(f"{place}: truncated: its {what} reaches past the file's end; fetch it again")
    return found


def _listed(names: list[str]) -> str:
    return ", ".join(names[:30]) + (f" and {len(names) - 30} more" if len(names) > 30 else "")
