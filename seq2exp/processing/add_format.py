"""What a file is by its first bytes, whatever it is called, and what a role of a cell type can be read from."""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import hictkpy

from seq2exp.errors import SourceError
from seq2exp.sources.wholeness import is_page

CellRole = Literal["dnase", "h3k27ac", "contact", "cage", "dnase_alignment"]
"""What a user gives of a cell type."""

Kind = Literal["bigWig", "hic", "cool", "mcool", "bam", "bed"]

READABLE: dict[CellRole, tuple[Kind, ...]] = {
    "dnase": ("bigWig",),
    "h3k27ac": ("bigWig",),
    "contact": ("hic", "cool", "mcool"),
    "cage": ("bigWig", "bed"),
    "dnase_alignment": ("bam",),
}

OPTIONS: dict[CellRole, str] = {
    "dnase": "--dnase",
    "h3k27ac": "--h3k27ac",
    "contact": "--hic",
    "cage": "--cage",
    "dnase_alignment": "--bam",
}
"""How `data add` calls each role."""

_BIGWIG, _BIGBED, _TWOBIT = 0x888FFC26, 0x8789F2EB, 0x1A412743
_GZIP, _HDF5 = b"\x1f\x8b", b"\x89HDF\r\n\x1a\n"
_SAM_TAGS = (b"@HD\t", b"@SQ\t", b"@RG\t", b"@PG\t")
_LOOKED_AT = 65_536
"""Bytes of a text that are looked at."""
_WHAT: dict[Kind, str] = {
    "bigWig": "a bigWig",
    "hic": "a .hic contact map",
    "cool": "a .cool contact map",
    "mcool": "an .mcool contact map",
    "bam": "a BAM",
    "bed": "a BED",
}


@dataclass(frozen=True, slots=True)
class FoundFormat:
    """What the first bytes say."""

    kind: Kind | None
    """None: nothing that can be read here."""
    what: str
    """In words, with an article."""
    compression: Literal["none", "gzip", "bgzip"] = "none"
    hint: str = ""
    """How to make something readable of it; empty: unknown."""


def recognise(path: Path) -> FoundFormat:
    """What the file is, from its content alone.

    Raises
    ------
    SourceError
        Absent, a folder, empty or unreadable.
    """
    if not path.exists():
        raise SourceError(f"{path}: no such file")
    if not path.is_file():
        raise SourceError(f"{path}: not a file")
    try:
        with path.open("rb") as file:
            head = file.read(_LOOKED_AT)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})") from error
    if not head:
        raise SourceError(f"{path}: the file is empty")
    if head.startswith(_HDF5):
        return _hdf5(path)
    if head.startswith(_GZIP):
        return _packed(path, head)
    return _binary(head) or _text(head)


def require(path: Path, role: CellRole) -> FoundFormat:
    """What the file is, once it is known that ``role`` can be read from it.

    Raises
    ------
    SourceError
        It is something else: the message says what, and which option or program it is for.
    """
    found = recognise(path)
    wanted = READABLE[role]
    if found.kind in wanted:
        return found
    asked = " or ".join(_WHAT[kind] for kind in wanted)
    others = [OPTIONS[other] for other, kinds in READABLE.items() if found.kind in kinds]
    hint = found.hint or (f"give it as {' or '.join(others)}" if others else "")
    raise SourceError(f"{path}: is {found.what}; {OPTIONS[role]} takes {asked}" + (f": {hint}" if hint else ""))


def _binary(head: bytes) -> FoundFormat | None:
    magics = {struct.unpack(order + "I", head[:4])[0] for order in "<>"} if len(head) >= 4 else set()
    if _BIGWIG in magics:
        return FoundFormat("bigWig", _WHAT["bigWig"])
    if _BIGBED in magics:
        return FoundFormat(None, "a bigBed, which holds intervals and no signal", hint="find the experiment's bigWig")
    if _TWOBIT in magics:
        return FoundFormat(None, "a 2bit sequence", hint="a genome comes with the data set, not with a cell type")
    if head.startswith(b"HIC\0"):
        return FoundFormat("hic", _WHAT["hic"])
    if head.startswith(b"CRAM"):
        return FoundFormat(None, "a CRAM", hint="samtools view -b -T genome.fa makes a BAM of it")
    return None


def _hdf5(path: Path) -> FoundFormat:
    try:
        if hictkpy.is_mcool_file(path):
            return FoundFormat("mcool", _WHAT["mcool"])
        if hictkpy.is_cooler(path):
            return FoundFormat("cool", _WHAT["cool"])
    except RuntimeError as error:
        raise SourceError(f"{path}: HDF5 that cannot be opened; it is truncated or damaged") from error
    return FoundFormat(None, "HDF5, but no contact map")


def _packed(path: Path, head: bytes) -> FoundFormat:
    try:
        inside = zlib.decompressobj(wbits=31).decompress(head, _LOOKED_AT)
        if not inside:  # an empty first block, as bgzip may write
            with gzip.open(path, "rb") as file:
                inside = file.read(_LOOKED_AT)
    except (zlib.error, EOFError, OSError) as error:
        raise SourceError(f"{path}: gzip data is truncated or corrupt at its beginning; fetch it again") from error
    if inside.startswith(b"BAM\1"):
        return FoundFormat("bam", _WHAT["bam"], "bgzip")
    bgzip = head[3:4] == b"\x04" and head[12:14] == b"BC"  # FEXTRA with the BC subfield, SAM specification 4.1
    found = _binary(inside) or _text(inside)
    if found.kind == "bed":
        return FoundFormat("bed", "a packed BED", "bgzip" if bgzip else "gzip")
    return FoundFormat(None, f"{found.what}, packed by gzip", hint=found.hint or "unpack it first (gunzip)")


def _text(head: bytes) -> FoundFormat:
    if b"\0" in head:
        return FoundFormat(None, "a binary file of no format known here")
    if is_page(head):
        return FoundFormat(None, "a web page, as a server sends in place of data", hint="fetch the file again")
    if head.startswith(_SAM_TAGS):
        return FoundFormat(None, "a SAM text", hint="samtools sort -o reads.bam makes a sorted BAM of it")
    if head.startswith(b">"):
        return FoundFormat(None, "a FASTA", hint="a genome comes with the data set, not with a cell type")
    lines = [line for line in head.splitlines() if line.strip() and not line.startswith((b"#", b"track", b"browser"))]
    first = lines[0] if lines else b""
    if first.startswith((b"fixedStep", b"variableStep")):
        return FoundFormat(None, "a wiggle text", hint="wigToBigWig makes a bigWig of it")
    fields = first.split(b"\t") if b"\t" in first else first.split()
    if len(fields) >= 3 and fields[1].isdigit() and fields[2].isdigit():
        if len(fields) == 4 and _is_number(fields[3]):
            return FoundFormat(None, "a bedGraph", hint="sort it and run bedGraphToBigWig")
        return FoundFormat("bed", _WHAT["bed"])
    return FoundFormat(None, "a text of no format known here")


def _is_number(text: bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
