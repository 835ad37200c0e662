"""Writers of text formats: GTF, BED and tables. Same input, same bytes."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Sequence
from pathlib import Path

from seq2exp.genome import Interval
from seq2exp.synthetic.genes import SyntheticGene, coding_parts


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
