"""CRISPRi screens in the columns of the ENCODE benchmark: what silencing a stretch did to a gene, as measured."""

from __future__ import annotations

import math
from collections.abc import Mapping
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
    places: list[int] = []
    width = 0
    for number, line in read_lines(path):
        fields = line.split("\t")
        if not places:
            missing = [name for name in CRISPRI_COLUMNS if name not in fields]
            if missing:
                raise SourceError(f"{path}: no column {', '.join(missing)}; found {', '.join(fields[:20])}")
            places, width = [fields.index(name) for name in CRISPRI_COLUMNS], len(fields)
            continue
        if not line:
            continue
        if len(fields) != width:
            raise malformed(path, number, f"found {len(fields)} columns; the header names {width}")
        row = dict(zip(CRISPRI_COLUMNS, (fields[place].strip() for place in places), strict=True))
        if row["ValidConnection"] == "TRUE":
            key = (strip_version(row["measuredGeneEnsemblId"]), row["CellType"])
            found.setdefault(key, []).append(_knockdown(path, number, row))
    if not places:
        raise SourceError(f"{path}: the table is empty")
    return {key: tuple(rows) for key, rows in found.items()}


def _knockdown(path: Path, number: int, row: Mapping[str, str]) -> Knockdown:
    start, end = row["chromStart"], row["chromEnd"]
    if not (start.isdecimal() and end.isdecimal() and int(start) < int(end)):
        what = f"chromStart {start!r:.20}, chromEnd {end!r:.20}; must be whole numbers, chromStart < chromEnd"
        raise malformed(path, number, what)
    if row["Significant"] not in ("TRUE", "FALSE"):
        raise malformed(path, number, f"Significant is {row['Significant']!r:.20}; must be TRUE or FALSE")
    return Knockdown(
        interval=Interval(row["chrom"], int(start), int(end)),
        effect=_number(path, number, row, "EffectSize"),
        significant=row["Significant"] == "TRUE",
        p_adjusted=_number(path, number, row, "pValueAdjusted"),
        dataset=row["Dataset"],
    )


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
