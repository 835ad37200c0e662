"""Candidate elements of one cell type with their reads: the table `elements.tsv.gz` of an elements folder."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from seq2exp.errors import SourceError
from seq2exp.sources.text import malformed, read_lines

ELEMENTS_FILE = "elements.tsv.gz"
GENES_FILE = "genes_tss1kb.tsv.gz"
"""Genes of the same cell type, as `seq2exp.sources.tables.read_gene_table` reads them."""
Unit = Literal["rpm", "signal"]
"""rpm: reads in the element per million of the library. signal: sum of a track over the element, in its own unit."""
PLACE_COLUMNS = ("chrom", "start", "end")
VALUE_COLUMNS: Mapping[Unit, tuple[str, str]] = {
    "rpm": ("dhs_rpm", "h3k27ac_rpm"),
    "signal": ("dhs_signal", "h3k27ac_signal"),
}
"""DNase and H3K27ac by unit; a table of one unit is never read as one of the other."""
ARTIFACT_COLUMN = "artifact"
"""Optional: 1 where the reads are not of the genome; such elements are left out."""


@dataclass(frozen=True, eq=False)
class ChromosomeElements:
    """The n elements of one chromosome, sorted; no two overlap."""

    start: NDArray[np.int64]
    """(n,) 0-based bp."""
    end: NDArray[np.int64]
    """(n,) half-open."""
    dnase: NDArray[np.float64]
    """(n,) of the element as a whole, in the unit that was read."""
    h3k27ac: NDArray[np.float64]

    @property
    def middle(self) -> NDArray[np.float64]:
        """(n,) in bp."""
        return (self.start + self.end) / 2


def read_elements(path: Path, *, unit: Unit = "rpm") -> Mapping[str, ChromosomeElements]:
    """The elements by chromosome, artifacts left out.

    Parameters
    ----------
    path
        TSV, plain or gzip, with columns `PLACE_COLUMNS`, those of ``unit`` in `VALUE_COLUMNS` and perhaps
        `ARTIFACT_COLUMN`; others are ignored.
    unit
        What the values are to be.

    Raises
    ------
    SourceError
        Absent or malformed file, a missing column, a negative or missing count, elements that overlap.
    """
    rows: dict[str, list[tuple[int, int, float, float]]] = {}
    places: list[int] = []
    artifact = width = -1
    for number, line in read_lines(path):
        fields = line.split("\t")
        if not places:
            wanted = (*PLACE_COLUMNS, *VALUE_COLUMNS[unit])
            missing = [name for name in wanted if name not in fields]
            if missing:
                raise SourceError(f"{path}: no column {', '.join(missing)}; found {', '.join(fields[:20])[:300]}")
            places, width = [fields.index(name) for name in wanted], len(fields)
            artifact = fields.index(ARTIFACT_COLUMN) if ARTIFACT_COLUMN in fields else -1
            continue
        if not line:
            continue
        if len(fields) != width:
            raise malformed(path, number, f"found {len(fields)} columns; the header names {width}")
        if artifact >= 0 and fields[artifact] == "1":
            continue
        chrom, start, end, *counts = (fields[place] for place in places)
        if not (start.isdecimal() and end.isdecimal() and int(start) < int(end)):
            raise malformed(path, number, f"start {start!r:.20}, end {end!r:.20}; must be whole numbers, start < end")
        dnase, h3k27ac = (_count(path, number, value) for value in counts)
        rows.setdefault(chrom, []).append((int(start), int(end), dnase, h3k27ac))
    if not rows:
        raise SourceError(f"{path}: the table holds no element")
    return {chrom: _chromosome(path, chrom, found) for chrom, found in rows.items()}


def _count(path: Path, number: int, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise malformed(path, number, f"found {text!r:.30} reads per million or signal; must be a number, 0 or more")
    return value


def _chromosome(path: Path, chrom: str, rows: list[tuple[int, int, float, float]]) -> ChromosomeElements:
    start, end, dnase, h3k27ac = zip(*sorted(rows), strict=True)
    found = ChromosomeElements(
        np.array(start, dtype=np.int64), np.array(end, dtype=np.int64), np.array(dnase), np.array(h3k27ac)
    )
    over = np.flatnonzero(found.start[1:] < found.end[:-1])
    if over.size:
        at = int(found.start[1:][over[0]])
        raise SourceError(f"{path}: two elements overlap at {chrom}:{at + 1:,}; merge them, else reads count twice")
    return found
