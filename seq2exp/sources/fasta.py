"""Bases of an interval from an indexed FASTA, plain or bgzip, N past the ends."""

from __future__ import annotations

import struct
import threading
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path

import pyfaidx

from seq2exp.errors import SourceError
from seq2exp.genome import Interval, match_chromosome
from seq2exp.sources.bgzf import has_end_block

_COMPRESSED = (".gz", ".bgz")
"""What pyfaidx takes for bgzip, by name."""

_TO_ACGTN = bytes(code if code in b"ACGTN" else ord("N") for code in bytes(range(256)).upper())
"""Upper case; every ambiguity code and anything else becomes N."""

_PYFAIDX_FAILS = (
    pyfaidx.FastaIndexingError,
    pyfaidx.FetchError,
    ValueError,
    OSError,
    EOFError,
    RuntimeError,
    struct.error,
    zlib.error,
)
"""What pyfaidx and the bgzip reader below it raise on damaged files."""

_WARNING_FILTERS = threading.Lock()


@dataclass(frozen=True, slots=True)
class Contig:
    """One line of a .fai: lengths in bases, offsets in (unpacked) bytes."""

    length: int
    offset: int
    line_bases: int
    line_bytes: int

    @property
    def end(self) -> int:
        """Byte after the last base."""
        if not self.length:
            return self.offset
        return self.byte_of(self.length - 1) + 1

    def byte_of(self, base: int) -> int:
        """Where the 0-based ``base`` stands."""
        full_lines, rest = divmod(base, self.line_bases)
        return self.offset + full_lines * self.line_bytes + rest


def fasta_sizes(path: Path) -> dict[str, int]:
    """Length in bp of every sequence of `path`, in file order, from its .fai index.

    Raises
    ------
    SourceError
        FASTA or index absent, index malformed, FASTA shorter than the index says.
    """
    return {name: contig.length for name, contig in _checked_index(path).items()}


def read_sequence(path: Path, interval: Interval) -> str:
    """Bases of `interval` on the forward strand, ``interval.width`` letters of A, C, G, T, N.

    Parameters
    ----------
    path
        FASTA with its .fai beside it (and .gzi when bgzip); only the bytes asked for are read. Nothing is
        ever written: a missing index is an error, `index_fasta` makes one.
    interval
        Its chromosome may be written with or without ``chr``. May run past the chromosome's ends: N there.

    Returns
    -------
    str
        Upper case; soft-masked letters are raised, all that is not A, C, G or T is N.

    Raises
    ------
    SourceError
        File or index absent, foreign, truncated or malformed; a chromosome it lacks; white space or a
        header among the bases, which means that the index belongs to another file.
    """
    contigs = _checked_index(path)
    name = match_chromosome(interval.chrom, contigs)
    if name is None:
        raise SourceError(f"{path}: no chromosome {interval.chrom}; it has {_listed(contigs)}")
    start, end = max(interval.start, 0), min(interval.end, contigs[name].length)
    if start >= end:
        return "N" * interval.width
    bases = _fetch(path, name, start, end).encode("ascii", errors="replace")
    if len(bases) != end - start or any(mark in bases for mark in (b">", b" ", b"\n", b"\r")):
        raise SourceError(
            f"{path}: {name} does not lie where {_beside(path, '.fai').name} says; the index is of another file: "
            f"delete it and run samtools faidx {path.name}"
        )
    return "N" * (start - interval.start) + as_acgtn(bases) + "N" * (interval.end - end)


def as_acgtn(bases: bytes) -> str:
    """The letters in capitals, everything but A, C, G and T as N."""
    return bases.translate(_TO_ACGTN).decode("ascii")


def index_fasta(path: Path) -> tuple[Path, ...]:
    """The index files just written beside the FASTA `path`: .fai, and .gzi when it is bgzip.

    Raises
    ------
    SourceError
        Not a FASTA, gzip that is not bgzip, or a folder that cannot be written to.
    """
    _check_container(path)
    suffixes = (".fai", ".gzi") if is_compressed(path.name) else (".fai",)
    indices = tuple(_beside(path, suffix) for suffix in suffixes)
    try:
        for index in indices:
            index.unlink(missing_ok=True)
        pyfaidx.Faidx(str(path)).close()
    except _PYFAIDX_FAILS as error:
        raise SourceError(f"{path}: cannot be indexed ({' '.join(str(error).split())})") from error
    return indices


def _checked_index(path: Path) -> dict[str, Contig]:
    """The .fai of `path`, after making sure that the FASTA is whole."""
    _check_container(path)
    contigs = _read_fai(path)
    if is_compressed(path.name):
        _check_gzi(path)
    else:
        size, longest = path.stat().st_size, max(contig.end for contig in contigs.values())
        if longest > size:
            raise SourceError(f"{path}: truncated: its index reaches to byte {longest:,}, the file has {size:,}")
    return contigs


def _check_container(path: Path) -> None:
    """Plain FASTA or complete bgzip, told by the first and last bytes."""
    try:
        with path.open("rb") as file:
            head = file.read(18)
            whole = has_end_block(file)
    except FileNotFoundError as error:
        raise SourceError(f"{path}: no such FASTA") from error
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})") from error
    if not is_compressed(path.name):
        if head.lstrip()[:1] not in (b">", b";"):
            raise SourceError(f"{path}: not a FASTA: it starts with {head[:8]!r}, not with '>'")
    elif head[:4] != b"\x1f\x8b\x08\x04" or head[12:14] != b"BC":
        raise SourceError(f"{path}: not bgzip, so it has no random access; run gunzip, then bgzip and samtools faidx")
    elif not whole:
        raise SourceError(f"{path}: truncated: the closing bgzip block is missing; fetch it again")


def _read_fai(path: Path) -> dict[str, Contig]:
    index = _beside(path, ".fai")
    try:
        text = index.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise SourceError(f"{index}: the index is missing; make it with: samtools faidx {path.name}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{index}: cannot be read as an index ({error}); run samtools faidx {path.name}") from error
    return parse_fai(str(index), text)


def parse_fai(index: str, text: str) -> dict[str, Contig]:
    """The lines of a .fai called ``index`` in messages. Raises SourceError at the first that is none."""
    contigs: dict[str, Contig] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        fields = line.split("\t")
        if len(fields) != 5 or not all(field.isdigit() for field in fields[1:]):
            raise SourceError(f"{index}, line {number}: not a FASTA index line; run samtools faidx")
        length, offset, line_bases, line_bytes = (int(field) for field in fields[1:])
        if fields[0] in contigs or (length and not 0 < line_bases < line_bytes):
            raise SourceError(f"{index}, line {number}: doubled name or impossible line length for {fields[0]}")
        contigs[fields[0]] = Contig(length, offset, line_bases, line_bytes)
    if not contigs:
        raise SourceError(f"{index}: the index is empty; run samtools faidx")
    return contigs


def _check_gzi(path: Path) -> None:
    """The .gzi is there, whole, and its last block begins inside the file."""
    index = _beside(path, ".gzi")
    try:
        size = index.stat().st_size
        with index.open("rb") as file:
            head = file.read(8)
            file.seek(max(size - 16, 0))
            tail = file.read(16)
    except FileNotFoundError as error:
        raise SourceError(f"{index}: the index is missing; make it with: bgzip -r {path.name}") from error
    except OSError as error:
        raise SourceError(f"{index}: cannot be read ({error.strerror})") from error
    blocks = struct.unpack("<Q", head)[0] if len(head) == 8 else -1
    if size != 8 + 16 * blocks:
        raise SourceError(f"{index}: truncated or not a bgzip index; make it again with: bgzip -r {path.name}")
    if blocks and struct.unpack("<QQ", tail)[0] >= path.stat().st_size:
        raise SourceError(
            f"{path}: truncated, or {index.name} belongs to another file; make it again: bgzip -r {path.name}"
        )


def _fetch(path: Path, name: str, start: int, end: int) -> str:
    try:
        if not _is_older(path):
            return _fetch_by_pyfaidx(path, name, start, end)
        # Copying a folder may leave an index a moment older than its FASTA. pyfaidx then warns; whether the
        # index fits is checked here by content, so the warning would only alarm.
        with _WARNING_FILTERS, warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*older than FASTA", category=RuntimeWarning)
            return _fetch_by_pyfaidx(path, name, start, end)
    except _PYFAIDX_FAILS as error:
        raise SourceError(
            f"{path}: {name}:{start + 1:,}-{end:,} cannot be read ({' '.join(str(error).split())}); "
            f"the file or its index is damaged"
        ) from error


def _fetch_by_pyfaidx(path: Path, name: str, start: int, end: int) -> str:
    fasta = pyfaidx.Faidx(str(path), as_raw=True, build_index=False, rebuild=False)
    try:
        return str(fasta.fetch(name, start + 1, end))
    finally:
        fasta.close()


def _is_older(path: Path) -> bool:
    modified = path.stat().st_mtime
    suffixes = (".fai", ".gzi") if is_compressed(path.name) else (".fai",)
    return any(_beside(path, suffix).stat().st_mtime < modified for suffix in suffixes)


def is_compressed(name: str) -> bool:
    """Whether a FASTA of that file name is bgzip, as pyfaidx tells."""
    return name.lower().endswith(_COMPRESSED)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _listed(names: dict[str, Contig]) -> str:
    shown = list(names)[:30]
    return ", ".join(shown) + (f" and {len(names) - 30} more" if len(names) > 30 else "")
