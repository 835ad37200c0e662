"""Promoter activity: how many DNase and H3K27ac reads lie around a gene's TSS (data-sources.md 7.2)."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from seq2exp.errors import SourceError
from seq2exp.genome import Gene, Interval, match_chromosome
from seq2exp.processing.output import Progress
from seq2exp.processing.reads import Library, count_libraries, library_notes, rpm_of
from seq2exp.sources.alignment import Duplicates, ReadRule
from seq2exp.sources.bigwig import bigwig_sizes, read_signal
from seq2exp.sources.genes import strip_version
from seq2exp.sources.text import malformed, read_lines

PROMOTER_HALF_BP = 500
"""Reads are counted in [TSS - 500, TSS + 500): the TSS1Kb of ABC's gene lists (data-sources.md 7.2)."""

LIST_COLUMNS = ("H3K27ac.RPM.TSS1Kb", "DHS.RPM.TSS1Kb")
"""What ABC's GeneList.txt calls the two counts."""

_ID_COLUMNS = ("Ensembl_ID", "ENSID", "ensembl_id", "gene_id", "symbol", "name")
_SYMBOL_COLUMNS = ("symbol", "name", "Gene name")
_ENSEMBL = re.compile(r"ENSG\d+")
_NO_VALUE = ("", "NA", "NaN", "nan")


@dataclass(frozen=True, eq=False)
class PromoterActivity:
    """Promoter activities of some genes."""

    table: pd.DataFrame
    """Index gene_id in the order given; ``h3k27ac_rpm``, ``dnase_rpm`` (reads per million in TSS +-500 bp, mean of the
    libraries) and ``activity``, the square root of their product; NaN where nothing is known."""
    libraries: tuple[Library, ...]
    """What was counted; empty where a gene list told the activities."""
    notes: tuple[str, ...]
    """What a report should say about them, in sentences."""

    @property
    def activity(self) -> pd.Series[float]:
        """The column as `seq2exp.processing.mrna.write_features` takes it."""
        return self.table["activity"]


def promoters(genes: Sequence[Gene], half_bp: int = PROMOTER_HALF_BP) -> list[Interval]:
    """[TSS - half, TSS + half) of each gene, from the chromosome's first base on."""
    return [Interval(gene.chrom, max(gene.tss - half_bp, 0), gene.tss + half_bp) for gene in genes]


def activity_of(h3k27ac_rpm: NDArray[np.float64], dnase_rpm: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) sqrt(H3K27ac RPM x DNase RPM), neither divided by width nor quantile-normalised; NaN where one is NaN."""
    return np.asarray(np.sqrt(h3k27ac_rpm * dnase_rpm), dtype=np.float64)


def activity_from_bams(
    genes: Sequence[Gene],
    *,
    dnase: Sequence[Path],
    h3k27ac: Sequence[Path],
    duplicates: Duplicates = "keep",
    rule: ReadRule = "overlap",
    progress: Progress | None = None,
) -> PromoterActivity:
    """Activities counted from alignments: per library RPM, mean of the libraries of a mark, square root of the product.

    Parameters
    ----------
    genes
        ``tss`` is taken as it stands: the published table gives a 1-based base (data-sources.md 2.3).
    dnase, h3k27ac
        BAMs of each mark, one or more; see `count_libraries`.
    duplicates
        The published activities keep reads flagged as duplicates.
    rule
        ABC counts reads that overlap.
    progress
        Told the libraries done, their number, and which is read.

    Raises
    ------
    SourceError
        What `count_libraries` raises.
    """
    places = promoters(genes)
    marks = {"DNase": dnase, "H3K27ac": h3k27ac}
    libraries = count_libraries(marks, places, duplicates=duplicates, rule=rule, progress=progress)
    table = _table(genes, rpm_of("H3K27ac", libraries, places), rpm_of("DNase", libraries, places))
    return PromoterActivity(table, libraries, library_notes(libraries, duplicates))


def activity_from_gene_list(path: Path, genes: Sequence[Gene]) -> PromoterActivity:
    """Activities from a GeneList.txt that ABC wrote and others published.

    Parameters
    ----------
    path
        TSV, plain or gzip, with `LIST_COLUMNS`. Rows are found by Ensembl id where a column holds such ids, whatever it
        is called, else by symbol; of several rows of a gene the one whose ``tss`` is nearest counts.
    genes
        Those to look up.

    Raises
    ------
    SourceError
        Absent or malformed file, a missing column, a negative or infinite count, none of ``genes`` in it, several rows
        of a gene and no ``tss`` to choose by.
    """
    header, rows = _gene_list(path)
    by, column = _key_column(header, rows)
    h3k27ac_at, dnase_at = (header.index(name) for name in LIST_COLUMNS)
    tss_at = header.index("tss") if "tss" in header else None
    found: dict[str, list[tuple[int, list[str]]]] = {}
    for number, fields in rows:
        name = strip_version(fields[column]) if by == "Ensembl id" else fields[column].casefold()
        found.setdefault(name, []).append((number, fields))
    values = np.full((len(genes), 2), np.nan)
    several = 0
    for at, gene in enumerate(genes):
        own = found.get(gene.gene_id if by == "Ensembl id" else gene.symbol.casefold(), [])
        if len(own) > 1:
            several += 1
            own = [_nearest(path, own, tss_at, gene)]
        for number, fields in own:
            values[at] = [_rpm(path, number, fields[place]) for place in (h3k27ac_at, dnase_at)]
    known = int((~np.isnan(values).any(axis=1)).sum())
    if not known:
        raise SourceError(f"{path}: none of the {len(genes)} genes is in it by {by} (column {header[column]})")
    notes = [f"{path.name}: {known:,} of {len(genes):,} genes found by {by}"]
    if several:
        notes.append(f"{path.name}: {several:,} genes have several rows; the one with the nearest TSS is taken")
    return PromoterActivity(_table(genes, values[:, 0], values[:, 1]), (), tuple(notes))


def promoter_signal(genes: Sequence[Gene], *, dnase: Path, h3k27ac: Path) -> pd.DataFrame:
    """What bigWigs alone can tell of promoters. It is **not** promoter activity: RPM needs reads.

    Returns
    -------
    pd.DataFrame
        Index gene_id; ``dnase_mean`` and ``h3k27ac_mean``, each track's mean over the measured bases of TSS +-500 bp in
        the track's own unit, and ``promoter_signal``, the square root of their product: H3K27ac as -log10 p and DNase
        as cuts per million reads per 150 bp (data-sources.md 3.2, 3.3) give another scale than reads per million, and
        it moves with the depth of the library. NaN where a track is silent. ``attrs["scale"]`` says so in a sentence.

    Raises
    ------
    SourceError
        What `read_signal` raises.
    """
    columns = {"dnase_mean": _means(dnase, genes), "h3k27ac_mean": _means(h3k27ac, genes)}
    table = pd.DataFrame(columns, index=pd.Index([gene.gene_id for gene in genes], name="gene_id"))
    table["promoter_signal"] = activity_of(columns["h3k27ac_mean"], columns["dnase_mean"])
    table.attrs["scale"] = (
        f"square root of mean {dnase.name} x mean {h3k27ac.name} over TSS +-{PROMOTER_HALF_BP} bp, in the tracks' own "
        "units; not reads per million, so not on the scale of promoter activity"
    )
    return table


def _means(path: Path, genes: Sequence[Gene]) -> NDArray[np.float64]:
    sizes = bigwig_sizes(path)
    means = np.full(len(genes), np.nan)
    for at, place in enumerate(promoters(genes)):
        if match_chromosome(place.chrom, sizes) is not None:
            values = read_signal(path, place)
            measured = values[~np.isnan(values)]
            if measured.size:
                means[at] = measured.mean(dtype=np.float64)
    if np.nanmin(means, initial=0.0) < 0:
        raise SourceError(f"{path}: a mean over a promoter is negative; the square root needs a signal of 0 or more")
    return means


def _table(genes: Sequence[Gene], h3k27ac: NDArray[np.float64], dnase: NDArray[np.float64]) -> pd.DataFrame:
    index = pd.Index([gene.gene_id for gene in genes], name="gene_id")
    columns = {"h3k27ac_rpm": h3k27ac, "dnase_rpm": dnase, "activity": activity_of(h3k27ac, dnase)}
    return pd.DataFrame(columns, index=index)


def _gene_list(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    lines = read_lines(path)
    header = next((line.split("\t") for _, line in lines), [])
    missing = [name for name in LIST_COLUMNS if name not in header]
    if missing:
        raise SourceError(f"{path}: no column {', '.join(missing)}; found {', '.join(header[:20])[:300]}")
    rows = []
    for number, line in lines:
        fields = line.split("\t")
        if line and len(fields) != len(header):
            raise malformed(path, number, f"found {len(fields)} columns; the header names {len(header)}")
        if line:
            rows.append((number, fields))
    if not rows:
        raise SourceError(f"{path}: the list holds no gene")
    return header, rows


def _key_column(header: list[str], rows: list[tuple[int, list[str]]]) -> tuple[str, int]:
    """The column that holds Ensembl ids, else the one of symbols: published lists put the ids into ``symbol``."""
    for name in _ID_COLUMNS:
        if name in header:
            at = header.index(name)
            if 2 * sum(_ENSEMBL.match(fields[at]) is not None for _, fields in rows) > len(rows):
                return "Ensembl id", at
    name = next((name for name in _SYMBOL_COLUMNS if name in header), header[0])
    return "symbol", header.index(name)


def _nearest(path: Path, rows: list[tuple[int, list[str]]], tss_at: int | None, gene: Gene) -> tuple[int, list[str]]:
    numbers = " and ".join(str(number) for number, _ in rows[:4])
    if tss_at is None or not all(fields[tss_at].isdigit() for _, fields in rows):
        raise SourceError(f"{path}: {gene.symbol} stands on lines {numbers}, and no tss tells which is meant")
    return min(rows, key=lambda row: abs(int(row[1][tss_at]) - gene.tss))


def _rpm(path: Path, number: int, text: str) -> float:
    if text.strip() in _NO_VALUE:
        return math.nan
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < math.inf:
        raise malformed(path, number, f"found {text!r:.30} reads per million; must be a number, 0 or more")
    return value
