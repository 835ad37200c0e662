"""What a synthetic data set knows about itself: true elements and noise-free expression; no model reads it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from seq2exp.errors import ManifestError, SourceError
from seq2exp.genome import Interval
from seq2exp.sources.dataset import Dataset
from seq2exp.sources.genes import strip_version
from seq2exp.sources.text import malformed, read_lines

GeneInCell = tuple[str, str]
"""Gene id without version, and cell type."""

TRUTH_COLUMNS = (
    "gene_id",
    "cell",
    "element_id",
    "class",
    "chrom",
    "start",
    "end",
    "effect_log10",
    "causal",
    "contact",
    "activity",
)
ORACLE_COLUMNS = ("gene_id", "cell", "log10_v")


@dataclass(frozen=True, slots=True)
class TruthElement:
    """What one element is to one gene in one cell type."""

    element_id: str
    element_class: str
    interval: Interval
    causal: bool
    """Whether it belongs into the gene's mask."""
    effect_log10: float
    """log10 of expression without it minus with it: negative for an enhancer."""
    contact: float
    """Relative contact with the promoter, 1 at the TSS."""
    activity: float
    """Strength as an enhancer in this cell type, 0 where it is none."""


def read_truth(path: Path) -> Mapping[GeneInCell, tuple[TruthElement, ...]]:
    """The elements in each gene's window in each cell type, in file order.

    Parameters
    ----------
    path
        TSV, plain or gzip, with columns `TRUTH_COLUMNS`; start and end are 0-based half-open bp, causal is yes or
        no. Others are ignored.

    Raises
    ------
    SourceError
        Absent or malformed file, missing column, an element twice for one gene and cell type.
    """
    found: dict[GeneInCell, dict[str, TruthElement]] = {}
    for number, row in _rows(path, TRUTH_COLUMNS):
        start, end = row["start"], row["end"]
        if not (start.isdigit() and end.isdigit() and int(start) < int(end)):
            raise malformed(path, number, f"start {start!r:.20}, end {end!r:.20}; must be whole numbers, start < end")
        if row["causal"] not in ("yes", "no"):
            raise malformed(path, number, f"causal is {row['causal']!r:.20}; must be yes or no")
        element = TruthElement(
            element_id=row["element_id"],
            element_class=row["class"],
            interval=Interval(row["chrom"], int(start), int(end)),
            causal=row["causal"] == "yes",
            effect_log10=_number(path, number, row, "effect_log10"),
            contact=_number(path, number, row, "contact"),
            activity=_number(path, number, row, "activity"),
        )
        of_gene = found.setdefault((strip_version(row["gene_id"]), row["cell"]), {})
        if element.element_id in of_gene:
            raise malformed(
                path, number, f"element {element.element_id} of {row['gene_id']} in {row['cell']} stands there twice"
            )
        of_gene[element.element_id] = element
    return {key: tuple(elements.values()) for key, elements in found.items()}


def read_oracle(path: Path) -> Mapping[GeneInCell, float]:
    """log10(1 + v) of each gene in each cell type, v the expression before any noise.

    Parameters
    ----------
    path
        TSV, plain or gzip, with columns `ORACLE_COLUMNS`; others are ignored.

    Raises
    ------
    SourceError
        Absent or malformed file, missing column, a gene twice in one cell type.
    """
    found: dict[GeneInCell, float] = {}
    for number, row in _rows(path, ORACLE_COLUMNS):
        key = (strip_version(row["gene_id"]), row["cell"])
        if key in found:
            raise malformed(path, number, f"gene {key[0]} in {key[1]} stands there twice")
        found[key] = _number(path, number, row, "log10_v")
    return found


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """Line numbers and the wanted columns of a TSV's rows."""
    header: list[str] | None = None
    for number, line in read_lines(path):
        if not line:
            continue
        fields = [field.strip() for field in line.split("\t")]
        if header is None:
            header = fields
            missing = [name for name in columns if name not in header]
            if missing:
                raise SourceError(f"{path}: no column {', '.join(missing)}; found {', '.join(header[:20])}")
            continue
        if len(fields) != len(header):
            raise malformed(path, number, f"found {len(fields)} columns; the header names {len(header)}")
        row = dict(zip(header, fields, strict=True))
        yield number, {name: row[name] for name in columns}
    if header is None:
        raise SourceError(f"{path}: the table is empty")


def _number(path: Path, number: int, row: Mapping[str, str], column: str) -> float:
    try:
        value = float(row[column])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise malformed(path, number, f"{column} is {row[column]!r:.30}; must be a finite number")
    return value


def known_truth(dataset: Dataset, cell_type: str) -> Mapping[GeneInCell, tuple[TruthElement, ...]]:
    """The true elements of every gene in ``cell_type``, chromosomes named as in the reference.

    Raises
    ------
    ManifestError
        The data set has no truth table for the cell type.
    SourceError
        The table cannot be read.
    """
    paths = [dataset.path_of(source) for source in dataset.sources("truth", cell_type)]
    if not paths:
        raise ManifestError(
            f"{dataset.root}: {dataset.name} has no source of role truth for {cell_type}, so nobody knows its causal "
            "elements; use a data set of python -m seq2exp synthesize"
        )
    found: dict[GeneInCell, tuple[TruthElement, ...]] = {}
    for path in paths:
        for key, elements in read_truth(path).items():
            if key[1] == cell_type:
                found[key] = (*found.get(key, ()), *(_renamed(element, dataset) for element in elements))
    return found


def _renamed(element: TruthElement, dataset: Dataset) -> TruthElement:
    place = element.interval
    chrom = dataset.assembly.match(place.chrom)
    return element if chrom is None else replace(element, interval=Interval(chrom, place.start, place.end))
