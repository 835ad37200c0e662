"""The gene table of a built data set: TSS from the published table, strand and bounds from a GTF."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seq2exp.errors import SourceError
from seq2exp.genome import Gene, match_chromosome
from seq2exp.processing.output import write_rows
from seq2exp.sources.genes import strip_version
from seq2exp.sources.gtf import read_genes_gtf
from seq2exp.sources.tables import ID_COLUMNS
from seq2exp.sources.text import malformed, read_lines

GENE_COLUMNS = ("symbol", "gene_id", "chrom", "tss", "strand", "gene_type", "gene_start", "gene_end")
"""As `seq2exp.sources.tables.read_gene_table` reads them."""

_TSS_COLUMNS = ("chrom", "TSS")
_NAME_COLUMN = "Gene name"
_LISTED = 20
"""Ids that are named in the report before only their number is given."""


@dataclass(frozen=True, slots=True)
class PublishedGene:
    """A row of the published table: what it says of the gene itself."""

    gene_id: str
    symbol: str
    chrom: str
    """Named as in the data set."""
    tss: int
    """As the table states it: a 1-based base that every published window takes as its 0-based centre
    (data-sources.md 2.3); kept, because labels, features and checkpoints share it."""


def read_published_genes(path: Path, chromosomes: Sequence[str]) -> tuple[PublishedGene, ...]:
    """Genes of ``mRNA_halflife_features.csv`` in file order.

    Parameters
    ----------
    path
        CSV, plain or gzip, with chrom, TSS, an id column and, where there is one, ``Gene name``.
    chromosomes
        Names in the data set; the table may write them with or without ``chr``.

    Raises
    ------
    SourceError
        Absent or malformed file, a missing column, a TSS that is no position, a gene on two lines.
    """
    numbers, lines = [], []
    for number, line in read_lines(path):
        if line:
            numbers.append(number)
            lines.append(line)
    rows = list(csv.reader(lines))
    header = rows[0] if rows else []
    missing = [name for name in _TSS_COLUMNS if name not in header]
    id_column = next((name for name in ID_COLUMNS if name in header), None)
    if missing or id_column is None:
        wanted = ", ".join([*missing, *([] if id_column else [" or ".join(ID_COLUMNS)])])
        raise SourceError(f"{path}: no column {wanted}; found {', '.join(header[:20])}")
    at = {name: header.index(name) for name in (*_TSS_COLUMNS, id_column)}
    name_at = header.index(_NAME_COLUMN) if _NAME_COLUMN in header else None
    genes: dict[str, PublishedGene] = {}
    for number, row in zip(numbers[1:], rows[1:], strict=True):
        if len(row) != len(header):
            raise malformed(path, number, f"found {len(row)} columns; the header names {len(header)}")
        gene_id, chrom, tss = strip_version(row[at[id_column]]), row[at["chrom"]], row[at["TSS"]]
        if not tss.isdigit():
            raise malformed(path, number, f"TSS of {gene_id} is {tss!r:.30}; must be a position")
        if gene_id in genes:
            raise malformed(path, number, f"gene {gene_id} stands there twice; keep one row per gene")
        symbol = row[name_at].strip() if name_at is not None else ""
        named = match_chromosome(chrom, chromosomes) or chrom
        genes[gene_id] = PublishedGene(gene_id, symbol or gene_id, named, int(tss))
    if not genes:
        raise SourceError(f"{path}: the table holds no gene")
    return tuple(genes.values())


def write_genes(out: Path, published: Sequence[PublishedGene], gtf: Path) -> dict[str, Any]:
    """Write the gene table; what came of joining the published genes with the GTF, as JSON types.

    A gene that the GTF lacks keeps its TSS and its place in the table; it is written on the + strand without bounds,
    which turns no window (windows are read in the direction of the genome), only the arrow that is drawn.

    Returns
    -------
    dict
        ``absent``: genes not in the GTF (number), ``absent_ids``: the first of them; ``elsewhere``: genes the GTF puts
        on another chromosome, taken as absent; ``minus``: genes on the minus strand; ``tss_outside``: genes whose TSS
        lies more than 10 kb outside the bounds of the GTF.
    """
    annotated = {gene.gene_id: gene for gene in read_genes_gtf(gtf)}
    rows: list[tuple[object, ...]] = []
    absent: list[str] = []
    elsewhere = minus = outside = 0
    for gene in published:
        found: Gene | None = annotated.get(gene.gene_id)
        if found is not None and match_chromosome(found.chrom, (gene.chrom,)) is None:
            elsewhere += 1
            found = None
        if found is None or found.start is None or found.end is None:
            absent.append(gene.gene_id)
            rows.append((gene.symbol, gene.gene_id, gene.chrom, gene.tss, "+", "", "NA", "NA"))
            continue
        minus += found.strand == "-"
        outside += not found.start - 10_000 <= gene.tss < found.end + 10_000
        facts = (found.strand, found.gene_type, found.start, found.end)
        rows.append((gene.symbol, gene.gene_id, gene.chrom, gene.tss, *facts))
    write_rows(out, GENE_COLUMNS, rows)
    return {
        "absent": len(absent),
        "absent_ids": absent[:_LISTED],
        "elsewhere": elsewhere,
        "minus": minus,
        "tss_outside": outside,
    }


def genes_in_words(told: Mapping[str, Any], n_genes: int, gtf: str) -> list[str]:
    """What the report says of the join with the GTF."""
    words = [f"{n_genes - told['absent']:,} of {n_genes:,} genes have strand and bounds from {gtf}."]
    if told["absent"]:
        named = ", ".join(told["absent_ids"]) + (" ..." if told["absent"] > len(told["absent_ids"]) else "")
        words.append(
            f"Genes that {gtf} lacks: {told['absent']:,}. They are drawn on the + strand without bounds, everything "
            f"else is unaffected ({named})."
        )
    if told["tss_outside"]:
        words.append(f"Genes with a TSS more than 10 kb outside the bounds of {gtf}: {told['tss_outside']:,}.")
    return words
