"""Candidate cis-regulatory elements of the ENCODE registry as BED: place, accession and class."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from seq2exp.genome import Interval, match_chromosome
from seq2exp.sources.text import malformed, read_lines

CLASSES = (
    "PLS",
    "pELS",
    "dELS",
    "CA-H3K4me3",
    "DNase-H3K4me3",
    "CA-CTCF",
    "CTCF-only",
    "CA-TF",
    "CA",
    "DNase-only",
    "TF",
    "Low-DNase",
)
"""Classes of the registry's versions 3 and 4; another word in the class's own column is taken as it stands."""

_CLASS_COLUMN = 9
"""Of the cell types' own files, which have nine columns of BED before it (data-sources.md); from 0."""
_ACCESSION = re.compile(r"^EH\d+[A-Z]\d+$")
_NOT_REGIONS = ("#", "track", "browser")
_MOST_LETTERS = 40


@dataclass(frozen=True, slots=True)
class CandidateElement:
    """One element of the registry."""

    interval: Interval
    element_class: str
    """Such as ``dELS``: without what else is said of it."""
    accession: str = ""
    """Such as ``EH38E2776516``; empty where the file gives none."""
    remark: str = ""
    """What follows the class after a comma, such as ``CTCF-bound``."""


def read_ccres(path: Path, chrom: str) -> tuple[CandidateElement, ...]:
    """The elements of one chromosome in genome order.

    Parameters
    ----------
    path
        BED, plain or gzip, 0-based half-open: a cell type's own file (class in column 10), the registry's list for all
        cell types (class in column 6, after two accessions), or any BED with a known class in a column after the third.
    chrom
        Matched to the file as it stands, or with or without ``chr``.

    Raises
    ------
    SourceError
        Absent, truncated or malformed file, a line without a class; with the line number.
    """
    wanted: dict[str, bool] = {}
    found = []
    for number, line in read_lines(path):
        if not line.strip() or line.startswith(_NOT_REGIONS):
            continue
        fields = line.split("\t") if "\t" in line else line.split()
        if fields[0] not in wanted:
            wanted[fields[0]] = match_chromosome(chrom, [fields[0]]) is not None
        if not wanted[fields[0]]:
            continue
        start, end = [*fields[1:3], "", ""][:2]
        if not (start.isdecimal() and end.isdecimal() and int(start) < int(end)):
            raise malformed(path, number, f"start {start!r:.20}, end {end!r:.20}; BED needs whole numbers, start < end")
        words = _class_of(fields)
        if words is None:
            raise malformed(
                path, number, f"no class of an element; expected one of {', '.join(CLASSES)} after column 3"
            )
        element_class, _, remark = words.partition(",")
        accessions = [field for field in fields[3:] if _ACCESSION.match(field)]
        found.append(
            CandidateElement(
                Interval(chrom, int(start), int(end)),
                element_class.strip()[:_MOST_LETTERS],
                accessions[-1] if accessions else "",
                remark.strip()[:_MOST_LETTERS],
            )
        )
    return tuple(sorted(found, key=lambda element: element.interval))


def _class_of(fields: list[str]) -> str | None:
    """The words of the class: of its own column, else the first column that holds a known one."""
    if len(fields) > _CLASS_COLUMN and fields[_CLASS_COLUMN].strip(" ."):
        return fields[_CLASS_COLUMN]
    return next((field for field in fields[3:] if field.partition(",")[0] in CLASSES), None)
