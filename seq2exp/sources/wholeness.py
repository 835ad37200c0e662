"""Whether bytes are what a file of a format starts and ends with: pages in place of data, foreign and cut-off files."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from seq2exp.errors import SourceError
from seq2exp.sources.bgzf import END_BLOCK

FIRST_BYTES = 64
"""What `foreign_start` wants to see, less only where the file is shorter."""

_GZIP = (b"\x1f\x8b",)
_BIGWIG, _BIGBED = 0x888FFC26, 0x8789F2EB
_TWOBIT = 0x1A412743

_STARTS: Mapping[str, tuple[bytes, ...]] = MappingProxyType(
    {
        "2bit": (_TWOBIT.to_bytes(4, "little"), _TWOBIT.to_bytes(4, "big")),
        "bigWig": (_BIGWIG.to_bytes(4, "little"), _BIGWIG.to_bytes(4, "big")),
        "bigBed": (_BIGBED.to_bytes(4, "little"), _BIGBED.to_bytes(4, "big")),
        "hic": (b"HIC\0",),
        "bam": _GZIP,
        "h5": (b"\x89HDF\r\n\x1a\n",),
        "xlsx": (b"PK\x03\x04",),
        "zip": (b"PK\x03\x04",),
        "fasta": (b">", b";"),
    }
)
"""First bytes by format, of the file as it lies on disk unless it is compressed."""

_TEXT = frozenset({"csv", "tsv", "bed", "narrowPeak", "gtf"})

_MARKUP = (b"<!doctype html", b"<html", b"<head", b"<?xml", b"<error")
_PIECE = 1 << 16


def is_page(start: bytes, content_type: str | None = None) -> bool:
    """Whether an answer is a page or an error message of a server rather than data; no format here is either."""
    kind = (content_type or "").split(";")[0].strip().lower()
    return kind in {"text/html", "application/xhtml+xml"} or start.lstrip()[:15].lower().startswith(_MARKUP)


def foreign_start(start: bytes, file_format: str, compression: str) -> str | None:
    """What is wrong with the first bytes of a file, in words; None: nothing.

    Parameters
    ----------
    start
        The first FIRST_BYTES bytes, or the whole file if it is shorter.
    file_format, compression
        As the catalogue or a manifest states them.
    """
    if not start:
        return "it is empty"
    if is_page(start):
        return f"it starts like a web page ({start[:24]!r})"
    wanted = _GZIP if compression in ("gzip", "bgzip") else _STARTS.get(file_format)
    if wanted is None:
        if file_format not in _TEXT:
            return None
        return f"it starts with binary data ({start[:8]!r})" if b"\0" in start else None
    if start.startswith(wanted):
        return None
    return f"{'gzip' if wanted is _GZIP else file_format} data start with {wanted[0]!r}, found {start[:8]!r}"


def cut_off(path: Path, file_format: str, compression: str, *, thorough: bool = False) -> str | None:
    """Why the file cannot be whole, judged by its own end marks and offsets, in words; None: nothing speaks for it.

    Parameters
    ----------
    thorough
        Also unpack gzip and zip files to the end, which reads every byte.

    Raises
    ------
    SourceError
        The file cannot be read.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(FIRST_BYTES)
            file.seek(max(0, size - len(END_BLOCK)))
            end = file.read()
        wrong = foreign_start(start, file_format, compression)
        if wrong is not None:
            return wrong
        if compression == "gzip":
            return _gzip_problem(path) if thorough else None
        if compression == "bgzip" or file_format == "bam":
            return None if end == END_BLOCK else "its end mark, an empty bgzip block, is missing"
        if file_format in ("zip", "xlsx"):
            return _zip_problem(path, thorough=thorough)
        check = _ENDS.get(file_format)
        return None if check is None else check(path, start, end, size)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})") from error


def _gzip_problem(path: Path) -> str | None:
    """Unpacks without keeping: every member must end with its own checksum."""
    try:
        with path.open("rb") as file:
            stream = zlib.decompressobj(31)
            fresh = True
            while piece := file.read(_PIECE):
                while piece:
                    stream.decompress(piece)
                    fresh = False
                    piece = stream.unused_data
                    if stream.eof:
                        stream, fresh = zlib.decompressobj(31), True
    except zlib.error as error:
        return f"its gzip data are broken ({error})"
    return None if fresh else "its gzip data end too early"


def _bbi_problem(path: Path, start: bytes, end: bytes, size: int) -> str | None:
    return None if end[-4:] == start[:4] else "its end mark is missing"


def _twobit_problem(path: Path, start: bytes, end: bytes, size: int) -> str | None:
    """The record of the last sequence must fit before the end of the file."""
    order = "<" if start[:4] == _STARTS["2bit"][0] else ">"
    with path.open("rb") as file:
        _, version, count, _ = struct.unpack(f"{order}4I", file.read(16))
        wide = "Q" if version == 1 else "I"
        last = 0
        for _ in range(count):
            length = file.read(1)
            entry = file.read((length[0] if length else 0) + struct.calcsize(f"{order}{wide}"))
            if len(entry) < struct.calcsize(f"{order}{wide}"):
                return "its index ends too early"
            last = max(last, struct.unpack(f"{order}{wide}", entry[-struct.calcsize(f"{order}{wide}") :])[0])
        file.seek(last)
        needed = last
        n_bases = _number(file.read(4), order)
        needed += 4
        for _ in range(2):  # stretches of N, then of small letters: starts and lengths
            file.seek(needed)
            n_stretches = _number(file.read(4), order)
            needed += 4 + 8 * n_stretches
        needed += 4 + (n_bases + 3) // 4
    return None if needed <= size else f"its last sequence ends at byte {needed:,}, the file at {size:,}"


def _number(data: bytes, order: str) -> int:
    return int(struct.unpack(f"{order}I", data)[0]) if len(data) == 4 else 2**40


def _h5_problem(path: Path, start: bytes, end: bytes, size: int) -> str | None:
    """The superblock says where the file ends (HDF5 format 3.0, II.A)."""
    version, width_at, end_at = start[8], *((13, 24 + 2 * start[13]) if start[8] < 2 else (9, 12 + 2 * start[9]))
    end_at += 4 if version == 1 else 0
    width = start[width_at]
    stated = int.from_bytes(start[end_at : end_at + width], "little")
    return None if stated <= size else f"it should end at byte {stated:,} and ends at {size:,}"


def _zip_problem(path: Path, *, thorough: bool) -> str | None:
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip() if thorough else None
    except (zipfile.BadZipFile, zlib.error) as error:
        return f"its table of contents is missing or broken ({error})"
    return None if broken is None else f"its member {broken!r} is broken"


_ENDS: Mapping[str, Callable[[Path, bytes, bytes, int], str | None]] = MappingProxyType(
    {
        "bigWig": _bbi_problem,
        "bigBed": _bbi_problem,
        "2bit": _twobit_problem,
        "h5": _h5_problem,
    }
)
