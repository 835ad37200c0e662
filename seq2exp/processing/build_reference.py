"""The genome of a built data set: a 2bit or indexed FASTA where it lies, or a FASTA packed for random access."""

from __future__ import annotations

import gzip
import shutil
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pysam

from seq2exp.errors import SourceError
from seq2exp.files import whole_file
from seq2exp.processing.build_inputs import Found
from seq2exp.processing.build_manifest import derived_source, upstream_source
from seq2exp.processing.build_parts import Work
from seq2exp.sources.fasta import fasta_sizes, index_fasta
from seq2exp.sources.manifest import Content

PACKED_FILE = "genome.fa.gz"

_GZIP_MAGIC = b"\x1f\x8b"
_PIECE_BYTES = 2**22


def add_reference(work: Work, found: Found) -> Found:
    """The reference among the sources, and the file to read it from.

    A FASTA as its server sends it (plain gzip) has no random access: it is packed as bgzip and indexed in the folder
    of the data set, once.

    Raises
    ------
    SourceError
        It is neither gzip nor a FASTA, or truncated.
    """
    steps, parts = work.steps, work.parts
    if not found.here or found.source.file.format != "fasta" or _readable(found.path):
        parts.sources.append(upstream_source(found, "reference", steps.out))
        return found

    def make(out: Path) -> dict[str, Any]:
        work.progress(0, 1, f"packing {found.path.name} for random access")
        pack(found.path, out)
        return {"sequences": len(fasta_sizes(out))}

    if not _readable(steps.out / PACKED_FILE):
        steps.forget("reference")
    steps.run("reference", PACKED_FILE, [found.path], {}, make)
    parts.sources.append(
        derived_source(
            [found.source],
            id=f"{found.source.id}.bgzip",
            title=found.source.title,
            role="reference",
            path=PACKED_FILE,
            file_format="fasta",
            compression="bgzip",
            out=steps.out,
            sha256=steps.sha256("reference"),
            processing="unpacked, packed as bgzip, indexed",
            content=Content(output_type=found.source.content.output_type, unit="bases", resolution_bp=1),
        )
    )
    return replace(found, path=steps.out / PACKED_FILE)


def pack(fasta: Path, out: Path) -> None:
    """The FASTA, plain or gzip, as an indexed bgzip file; ``out`` appears whole, its index after it.

    Raises
    ------
    SourceError
        Not a FASTA, or gzip data that ends early.
    """
    try:
        with fasta.open("rb") as raw:
            packed = raw.read(2) == _GZIP_MAGIC
        with (
            whole_file(out) as partial,
            gzip.open(fasta, "rb") if packed else fasta.open("rb") as text,
            pysam.BGZFile(str(partial), "wb", None) as target,
        ):
            shutil.copyfileobj(text, target, _PIECE_BYTES)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise SourceError(f"{fasta}: gzip data is truncated or corrupt ({error}); fetch it again") from error
    index_fasta(out)


def _readable(path: Path) -> bool:
    """Whether the FASTA has an index and random access."""
    try:
        return bool(fasta_sizes(path))
    except SourceError:
        return False
