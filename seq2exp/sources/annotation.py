"""What stands where on the genome: BED regions, and the door to gene, transcript and gene-table readers."""

from __future__ import annotations

import math
from pathlib import Path

from seq2exp.genome import Interval, Region, match_chromosome
from seq2exp.sources.gtf import TranscriptTable, read_genes_gtf, read_transcript_table, read_transcripts
from seq2exp.sources.tables import read_expression, read_gene_table, read_rna_features, read_split
from seq2exp.sources.text import malformed, read_lines

__all__ = [
    "TranscriptTable",
    "read_expression",
    "read_gene_table",
    "read_genes_gtf",
    "read_regions",
    "read_rna_features",
    "read_split",
    "read_transcript_table",
    "read_transcripts",
]

_NOT_REGIONS = ("#", "track", "browser")


def read_regions(path: Path, interval: Interval | None = None) -> tuple[Region, ...]:
    """Regions of a BED file (BED3 to BED12, narrowPeak) in file order.

    Parameters
    ----------
    path
        Plain or gzip. Columns: chrom, start, end (0-based half-open), then optional name, score, strand;
        later ones are ignored. ``.`` stands for nothing given.
    interval
        Keep only regions that share a base with it, whole, named after ``interval.chrom``; None: all, named
        as in the file.

    Returns
    -------
    tuple of Region
        Empty for an empty file: no peaks is a result. A score that is not given is NaN.

    Raises
    ------
    SourceError
        Absent, truncated or malformed file, with the line number.
    """
    wanted: dict[str, bool] = {}
    regions = []
    for number, line in read_lines(path):
        if not line.strip() or line.startswith(_NOT_REGIONS):
            continue
        fields = line.split("\t") if "\t" in line else line.split()
        if len(fields) < 3:
            raise malformed(path, number, f"found {len(fields)} columns; BED has chrom, start, end")
        chrom, start, end = fields[:3]
        if not (start.isdigit() and end.isdigit() and int(start) < int(end)):
            raise malformed(path, number, f"start {start!r:.20}, end {end!r:.20}; BED needs whole numbers, start < end")
        if interval is not None:
            if chrom not in wanted:
                wanted[chrom] = match_chromosome(interval.chrom, [chrom]) is not None
            if not wanted[chrom] or int(start) >= interval.end or int(end) <= interval.start:
                continue
            chrom = interval.chrom
        regions.append(_region(path, number, Interval(chrom, int(start), int(end)), fields))
    return tuple(regions)


def _region(path: Path, number: int, interval: Interval, fields: list[str]) -> Region:
    name, score, strand = [*fields[3:6], ".", ".", "."][:3]
    value = math.nan
    if score not in (".", ""):
        try:
            value = float(score)
        except ValueError as error:
            raise malformed(path, number, f"score {score!r:.20}; must be a number or .") from error
    if strand not in ("+", "-", ".", ""):
        raise malformed(path, number, f"strand {strand!r:.10}; must be +, - or .")
    return Region(interval, "" if name == "." else name, value, "+" if strand == "+" else "-" if strand == "-" else ".")
