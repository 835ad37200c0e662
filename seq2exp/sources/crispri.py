"""CRISPRi screens in the columns of the ENCODE benchmark: what silencing a stretch did to a gene, as measured."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from seq2exp.errors import SourceError
from seq2exp.genome import Interval
from seq2exp.sources.genes import strip_version
from seq2exp.sources.text import malformed, read_lines
from seq2exp.sources.truth import GeneInCell

CRISPRI_COLUMNS = (
    "chrom",
    "chromStart",
    "chromEnd",
    "EffectSize",
    "measuredGeneEnsemblId",
    "Significant",
    "pValueAdjusted",
    "ValidConnection",
    "CellType",
    "Dataset",
)
PAIR_COLUMNS = (
    *("chrom", "chromStart", "chromEnd", "measuredGeneEnsemblId", "ValidConnection", "CellType", "Dataset"),
    *("startTSS", "Regulated", "distanceToTSS"),
)
"""What a benchmark of element-gene pairs needs of the 42 columns (data-sources.md 10.1)."""

FAR_TSS_BP = 10_000
"""A startTSS that puts the TSS further than this from where distanceToTSS puts it is faulty: 911 rows of the K562
training table (data-sources.md 10.3)."""

_NO_VALUE = ("", "NA", "NaN", "nan")


@dataclass(frozen=True, slots=True)
class Knockdown:
    """One stretch silenced in one cell type, and what became of one gene."""

    interval: Interval
    effect: float
    """Change of expression as a fraction: -0.3 is 30 % less. NaN where the table gives none."""
    significant: bool
    p_adjusted: float
    """NaN where the table gives none."""
    dataset: str
    """The screen it comes from."""


@dataclass(frozen=True, slots=True)
class CrispriPair:
    """One tested element and gene, and whether silencing the one lowered the other."""

    interval: Interval
    """The element; one of width zero in the table is the one base at its chromStart."""
    gene_id: str
    """Without version."""
    cell_type: str
    regulated: bool
    """The label: a significant and negative effect."""
    distance_bp: float
    """From the middle of the element to the TSS, column distanceToTSS."""
    start_tss: int | None
    """Column startTSS, which is faulty in places; None where it is 0 or NA."""
    dataset: str
    """The screen it comes from."""

    @property
    def centre(self) -> float:
        """Middle of the element, in bp of the chromosome."""
        return (self.interval.start + self.interval.end) / 2


@dataclass(frozen=True, slots=True)
class PairFaults:
    """What was found in a table of pairs; counts of rows."""

    rows: int
    """In the table."""
    invalid: int
    """Left out: ValidConnection is not TRUE, such as an element that overlaps a promoter."""
    duplicates: int
    """Left out: same element, gene and cell type as a row before."""
    contradictory: int
    """Those of the duplicates whose label is another one than that of the row kept."""
    zero_width: int
    """Kept as one base: chromEnd equals chromStart."""
    zero_tss: int
    """Kept: startTSS is 0 or NA, which is no place."""
    far_tss: int
    """Kept: startTSS, 0 and NA included, is more than `FAR_TSS_BP` from where distanceToTSS puts it."""


@dataclass(frozen=True)
class PairTable:
    """The valid pairs of a table, in file order and each once, and its faults."""

    path: Path
    pairs: tuple[CrispriPair, ...]
    faults: PairFaults


def read_crispri(path: Path) -> Mapping[GeneInCell, tuple[Knockdown, ...]]:
    """The knock-downs of each gene in each cell type, in file order.

    Parameters
    ----------
    path
        TSV, plain or gzip, with columns `CRISPRI_COLUMNS`; chromStart and chromEnd are 0-based half-open bp. Other
        columns are ignored, and so are rows whose ValidConnection is not TRUE: those hit the promoter itself.

    Raises
    ------
    SourceError
        Absent or malformed file, or a missing column.
    """
    found: dict[GeneInCell, list[Knockdown]] = {}
    for number, row in _rows(path, CRISPRI_COLUMNS):
        if row["ValidConnection"] == "TRUE":
            key = (strip_version(row["measuredGeneEnsemblId"]), row["CellType"])
            found.setdefault(key, []).append(_knockdown(path, number, row))
    return {key: tuple(rows) for key, rows in found.items()}


def read_pairs(path: Path) -> PairTable:
    """The element-gene pairs of a benchmark table, its faults handled and counted.

    Parameters
    ----------
    path
        TSV, plain or gzip, with columns `PAIR_COLUMNS`; chromStart and chromEnd are 0-based half-open bp. Other
        columns are ignored. Rows whose ValidConnection is not TRUE and second rows of a pair are left out, as the
        field's own comparison demands.

    Raises
    ------
    SourceError
        Absent, foreign or malformed file, a missing column, or no valid pair.
    """
    kept: dict[tuple[Interval, str, str], CrispriPair] = {}
    counts = dict.fromkeys(("rows", "invalid", "duplicates", "contradictory", "zero_width", "zero_tss", "far_tss"), 0)
    for number, row in _rows(path, PAIR_COLUMNS):
        counts["rows"] += 1
        if row["ValidConnection"] != "TRUE":
            counts["invalid"] += 1
            continue
        pair = _pair(path, number, row)
        before = kept.setdefault((pair.interval, pair.gene_id, pair.cell_type), pair)
        if before is not pair:
            counts["duplicates"] += 1
            counts["contradictory"] += before.regulated != pair.regulated
            continue
        counts["zero_width"] += row["chromStart"] == row["chromEnd"]
        counts["zero_tss"] += pair.start_tss is None
        counts["far_tss"] += abs(abs(pair.centre - (pair.start_tss or 0)) - pair.distance_bp) > FAR_TSS_BP
    if not kept:
        raise SourceError(f"{path}: no pair in {counts['rows']:,} rows whose ValidConnection is TRUE")
    return PairTable(path, tuple(kept.values()), PairFaults(**counts))


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """Line numbers and the wanted columns of the table's rows."""
    places: list[int] = []
    width = 0
    for number, line in read_lines(path):
        fields = line.split("\t")
        if not places:
            missing = [name for name in columns if name not in fields]
            if missing:
                raise SourceError(
                    f"{path}: no column {', '.join(missing)}; found {', '.join(fields[:20])[:300]}; give a table in "
                    "the columns of the ENCODE benchmark (EPCrisprBenchmark_combined_data)"
                )
            places, width = [fields.index(name) for name in columns], len(fields)
            continue
        if not line:
            continue
        if len(fields) != width:
            raise malformed(path, number, f"found {len(fields)} columns; the header names {width}")
        yield number, dict(zip(columns, (fields[place].strip() for place in places), strict=True))
    if not places:
        raise SourceError(f"{path}: the table is empty")


def _knockdown(path: Path, number: int, row: Mapping[str, str]) -> Knockdown:
    return Knockdown(
        interval=_interval(path, number, row),
        effect=_number(path, number, row, "EffectSize"),
        significant=_flag(path, number, row, "Significant"),
        p_adjusted=_number(path, number, row, "pValueAdjusted"),
        dataset=row["Dataset"],
    )


def _pair(path: Path, number: int, row: Mapping[str, str]) -> CrispriPair:
    distance = _number(path, number, row, "distanceToTSS")
    if not distance >= 0:
        raise malformed(path, number, f"distanceToTSS is {row['distanceToTSS']!r:.30}; must be bp, 0 or more")
    stated = row["startTSS"]
    if not (stated.isdecimal() or stated in _NO_VALUE):
        raise malformed(path, number, f"startTSS is {stated!r:.30}; must be a whole number or NA")
    return CrispriPair(
        interval=_interval(path, number, row),
        gene_id=strip_version(row["measuredGeneEnsemblId"]),
        cell_type=row["CellType"],
        regulated=_flag(path, number, row, "Regulated"),
        distance_bp=distance,
        start_tss=(int(stated) or None) if stated.isdecimal() else None,
        dataset=row["Dataset"],
    )


def _interval(path: Path, number: int, row: Mapping[str, str]) -> Interval:
    """The element; width zero is the one base at chromStart, as which the field's comparison takes it too."""
    start, end = row["chromStart"], row["chromEnd"]
    if not (start.isdecimal() and end.isdecimal() and int(start) <= int(end)):
        what = f"chromStart {start!r:.20}, chromEnd {end!r:.20}; must be whole numbers, chromStart <= chromEnd"
        raise malformed(path, number, what)
    return Interval(row["chrom"], int(start), max(int(end), int(start) + 1))


def _flag(path: Path, number: int, row: Mapping[str, str], column: str) -> bool:
    if row[column] not in ("TRUE", "FALSE"):
        raise malformed(path, number, f"{column} is {row[column]!r:.20}; must be TRUE or FALSE")
    return row[column] == "TRUE"


def _number(path: Path, number: int, row: Mapping[str, str], column: str) -> float:
    """A finite number, NaN where the table says it has none."""
    if row[column] in _NO_VALUE:
        return math.nan
    try:
        value = float(row[column])
    except ValueError:
        value = math.inf
    if not math.isfinite(value):
        raise malformed(path, number, f"{column} is {row[column]!r:.30}; must be a finite number or NA")
    return value
