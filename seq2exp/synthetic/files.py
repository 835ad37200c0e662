"""Writers of the real formats: bgzip FASTA with indices, bigWig, cooler, GTF, BED, TSV. Same input, same bytes."""

from __future__ import annotations

import gzip
import re
import struct
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import hictkpy
import numpy as np
import pyBigWig
from Bio import bgzf
from numpy.typing import NDArray

from seq2exp.genome import Interval
from seq2exp.synthetic.contacts import ContactPixels
from seq2exp.synthetic.expression import CageTags
from seq2exp.synthetic.genes import SyntheticGene, coding_parts
from seq2exp.synthetic.presets import STEP_BP

_LETTERS = np.frombuffer(b"ACGTN", dtype=np.uint8)
_LINE_BP = 60
_FIXED_TIME = 1_577_836_800
"""2020-01-01T00:00:00 UTC, the one moment at which every cooler file is said to be made."""


def write_fasta(path: Path, codes: Mapping[str, NDArray[np.uint8]]) -> None:
    """Writes ``path`` (bgzip), ``path.fai`` and ``path.gzi``."""
    index: list[str] = []
    offset = 0
    with bgzf.BgzfWriter(str(path), "wb") as out:  # type: ignore[no-untyped-call]
        for chrom, values in codes.items():
            header = f">{chrom}\n".encode()
            letters = _LETTERS[values].tobytes()
            lines = b"".join(letters[i : i + _LINE_BP] + b"\n" for i in range(0, len(letters), _LINE_BP))
            out.write(header + lines)
            index.append(f"{chrom}\t{len(letters)}\t{offset + len(header)}\t{_LINE_BP}\t{_LINE_BP + 1}\n")
            offset += len(header) + len(lines)
    path.with_name(path.name + ".fai").write_text("".join(index), encoding="ascii")
    with path.open("rb") as packed:
        # The index lists every block but the first; the empty block at the end of the file is none.
        found = bgzf.BgzfBlocks(packed)  # type: ignore[no-untyped-call]
        blocks = [(start, data) for start, _, data, length in found if length and data]
    entries = b"".join(struct.pack("<QQ", *block) for block in blocks)
    path.with_name(path.name + ".gzi").write_bytes(struct.pack("<Q", len(blocks)) + entries)


def write_steps(path: Path, codes: Mapping[str, NDArray[np.uint8]], tracks: Mapping[str, NDArray[np.float32]]) -> None:
    """A bigWig of values in 20-bp steps; steps that hold an N are left out: nothing can be measured there."""
    entries = {}
    for chrom, values in tracks.items():
        size = len(codes[chrom])
        starts = np.arange(len(values), dtype=np.int64) * STEP_BP
        ends = np.minimum(starts + STEP_BP, size)
        known = np.add.reduceat(codes[chrom] > 3, starts) == 0
        entries[chrom] = (starts[known], ends[known], values[known])
    _write_bigwig(path, {chrom: len(values) for chrom, values in codes.items()}, entries)


def write_tags(path: Path, codes: Mapping[str, NDArray[np.uint8]], tags: CageTags) -> None:
    """A bigWig of tag counts, one base each; bases without tags are left out."""
    entries = {
        chrom: (positions, positions + 1, tags.counts[chrom].astype(np.float32))
        for chrom, positions in tags.positions.items()
    }
    _write_bigwig(path, {chrom: len(values) for chrom, values in codes.items()}, entries)


def _write_bigwig(
    path: Path,
    sizes: Mapping[str, int],
    entries: Mapping[str, tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]],
) -> None:
    """A bigWig of (starts, ends, values) per chromosome, each sorted."""
    with pyBigWig.open(str(path), "w") as out:
        out.addHeader(list(sizes.items()))
        for chrom in sizes:
            starts, ends, values = entries[chrom]
            if len(starts):
                out.addEntries([chrom] * len(starts), starts.tolist(), ends=ends.tolist(), values=values.tolist())


def write_cool(path: Path, sizes: Mapping[str, int], bin_bp: int, pixels: ContactPixels, assembly: str) -> None:
    """A cooler file of one resolution.

    hictk writes the moment of writing into an attribute and into HDF5 object headers; both are set to one
    fixed moment afterwards, so that the same contacts are the same bytes.
    """
    before = int(time.time())
    writer = hictkpy.cooler.FileWriter(path, dict(sizes), bin_bp, assembly=assembly, tmpdir=path.parent)
    columns = {"bin1_id": pixels.bin1, "bin2_id": pixels.bin2, "count": pixels.count}
    writer.add_pixels_from_dict({name: values.tolist() for name, values in columns.items()}, sorted=True)
    writer.finalize()
    del writer  # closes the file
    path.write_bytes(_without_times(path.read_bytes(), before, int(time.time())))


def _without_times(content: bytes, first: int, last: int) -> bytes:
    """HDF5 bytes with every modification time between ``first`` and ``last`` (Unix seconds) set to a fixed one.

    A modification-time message is type 0x0012, size 8, three reserved bytes, version 1, three more, seconds
    (HDF5 file format specification, IV.A.2.s). The files have no checksums that cover it.
    """

    def fixed(match: re.Match[bytes]) -> bytes:
        seconds = int.from_bytes(match[2], "little")
        return match[1] + struct.pack("<I", _FIXED_TIME) if first - 1 <= seconds <= last + 1 else match[0]

    content = re.sub(rb"(\x12\x00\x08\x00.\x00\x00\x00\x01\x00\x00\x00)(.{4})", fixed, content, flags=re.DOTALL)
    # Whatever the time zone it was written in; the length stays, so no offset in the file moves.
    return re.sub(rb"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d", b"2020-01-01T00:00:00", content)


def _write_gzip(path: Path, text: str) -> None:
    """``text`` packed without name and time."""
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


def write_gtf(path: Path, genes: Sequence[SyntheticGene]) -> None:
    """A packed GTF in Ensembl's manner: 1-based closed, UTRs by side, stop codon in neither CDS nor UTR."""
    lines = ["#!genome-build synthetic\n"]
    for item in genes:
        gene, transcript = item.gene, item.transcript
        own = f'gene_id "{gene.gene_id}"; gene_version "1"; gene_name "{gene.symbol}"; gene_biotype "{gene.gene_type}";'
        full = f'{own} transcript_id "{transcript.transcript_id}"; transcript_version "1";'
        rows: list[tuple[str, Interval, str]] = [
            ("gene", transcript.interval, own),
            ("transcript", transcript.interval, full),
        ]
        exons = transcript.exons if gene.strand == "+" else transcript.exons[::-1]
        rows += [("exon", exon, f'{full} exon_number "{i}";') for i, exon in enumerate(exons, start=1)]
        if transcript.cds:
            parts = coding_parts(transcript)
            rows += [("CDS", block, full) for block in parts.cds]
            rows += [("stop_codon", block, full) for block in parts.stop]
            rows += [("five_prime_utr", block, full) for block in parts.utr5]
            rows += [("three_prime_utr", block, full) for block in parts.utr3]
        frames = _frames(transcript.cds, gene.strand)
        for feature, block, attributes in rows:
            frame = frames[block] if feature == "CDS" else "."
            place = f"{block.start + 1}\t{block.end}\t.\t{gene.strand}\t{frame}"
            lines.append(f"{gene.chrom}\tseq2exp\t{feature}\t{place}\t{attributes}\n")
    _write_gzip(path, "".join(lines))


def _frames(cds: tuple[Interval, ...], strand: str) -> dict[Interval, str]:
    """Bases of each coding block before its first whole codon."""
    frames, passed = {}, 0
    for block in cds if strand == "+" else cds[::-1]:
        frames[block] = str(-passed % 3)
        passed += block.width
    return frames


def write_bed(path: Path, intervals: Iterable[Interval], name: str) -> None:
    """A BED4 file, sorted as given."""
    path.write_text("".join(f"{i.chrom}\t{i.start}\t{i.end}\t{name}\n" for i in intervals), encoding="ascii")


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A TSV with a header line, packed if its name ends in .gz; floats in their shortest exact form."""
    text = "".join("\t".join(str(value) for value in row) + "\n" for row in (columns, *rows))
    if path.suffix == ".gz":
        _write_gzip(path, text)
    else:
        path.write_text(text, encoding="ascii")
