"""Tables derived from the authors' folder: genes with strand and TSS, features with promoter activities, blacklist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from seq2exp.errors import SourceError
from seq2exp.genome import Gene, Strand, match_chromosome
from seq2exp.processing.output import whole_text, write_rows
from seq2exp.sources.boolean_pickle import MarkedChromosome
from seq2exp.sources.genes import strip_version
from seq2exp.sources.text import malformed, read_lines

_PLACE_COLUMNS = ("chr", "tss", "strand")
_ID_COLUMNS = ("symbol", "Ensembl_ID", "ENSID", "name")
"""Published lists put the Ensembl id into ``symbol``."""


def read_places(path: Path) -> dict[str, tuple[str, int, Strand]]:
    """Chromosome, 0-based TSS and strand of every gene of an ABC gene list, by Ensembl id without version.

    Raises
    ------
    SourceError
        Absent or malformed file, missing columns, no column of Ensembl ids.
    """
    lines = [(number, line.split("\t")) for number, line in read_lines(path) if line]
    if len(lines) < 2:
        raise SourceError(f"{path}: the list holds no gene")
    header, rows = lines[0][1], lines[1:]
    missing = [name for name in _PLACE_COLUMNS if name not in header]
    if missing:
        raise SourceError(f"{path}: no column {', '.join(missing)}; found {', '.join(header[:20])[:300]}")
    ids = next(
        (name for name in _ID_COLUMNS if name in header and rows[0][1][header.index(name)].startswith("ENSG")), None
    )
    if ids is None:
        raise SourceError(f"{path}: none of its columns {', '.join(_ID_COLUMNS)} holds Ensembl ids")
    at, (chrom_at, tss_at, strand_at) = header.index(ids), (header.index(name) for name in _PLACE_COLUMNS)
    places: dict[str, tuple[str, int, Strand]] = {}
    for number, fields in rows:
        if len(fields) != len(header):
            raise malformed(path, number, f"found {len(fields)} columns; the header names {len(header)}")
        tss, strand = fields[tss_at], fields[strand_at]
        if not tss.isdigit() or strand not in ("+", "-"):
            raise malformed(path, number, f"tss is {tss!r:.20}, strand {strand!r:.10}; must be a position and + or -")
        places[strip_version(fields[at])] = (fields[chrom_at], int(tss), "+" if strand == "+" else "-")
    return places


def read_symbols(path: Path) -> dict[str, str]:
    """Gene symbols of the split table (column ``Gene name``), by Ensembl id, in its order.

    Raises
    ------
    SourceError
        Absent or malformed file, missing columns.
    """
    try:
        table = pd.read_csv(path, usecols=["ENSID", "Gene name"], dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: no table with columns ENSID and Gene name ({error})") from error
    return {
        strip_version(gene): symbol or gene for gene, symbol in zip(table["ENSID"], table["Gene name"], strict=True)
    }


def genes_of(
    symbols: Mapping[str, str], places: Mapping[str, tuple[str, int, Strand]], chrom_sizes: Mapping[str, int]
) -> tuple[Gene, ...]:
    """The genes of the split that the gene list places on a chromosome of the reference, in the split's order."""
    found = []
    for gene_id, symbol in symbols.items():
        if gene_id in places:
            chrom, tss, strand = places[gene_id]
            name = match_chromosome(chrom, chrom_sizes)
            if name is not None:
                found.append(Gene(gene_id, symbol, name, tss, strand, gene_type="protein_coding"))
    return tuple(found)


def write_genes(path: Path, genes: Sequence[Gene]) -> None:
    """The table that `seq2exp.sources.tables.read_gene_table` reads."""
    rows = ((gene.symbol, gene.gene_id, gene.chrom, gene.tss, gene.strand, gene.gene_type) for gene in genes)
    write_rows(path, ("symbol", "gene_id", "chrom", "tss", "strand", "gene_type"), rows)


def write_blacklist(
    path: Path, pickled: Path, blacklisted: Sequence[MarkedChromosome], chrom_sizes: Mapping[str, int]
) -> int:
    """BED of the marked stretches of the pickle ``pickled``; gives their number.

    Raises
    ------
    SourceError
        An array of another length than its chromosome.
    """
    lines = []
    for marked in blacklisted:
        name = match_chromosome(marked.chrom, chrom_sizes)
        if name is None:
            continue
        if marked.length_bp != chrom_sizes[name]:
            raise SourceError(
                f"{pickled}: {marked.chrom} has {marked.length_bp:,} bases here and {chrom_sizes[name]:,} in the "
                f"reference; the blacklist is of another assembly"
            )
        lines += [f"{name}\t{run.start}\t{run.end}\tblacklist\n" for run in marked.intervals]
    with whole_text(path) as out:
        out.writelines(lines)
    return len(lines)
