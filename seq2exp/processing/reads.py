"""Reads of several libraries over the same places: counted one library after the other, averaged per mark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seq2exp.errors import SourceError
from seq2exp.genome import Interval
from seq2exp.processing.output import Progress
from seq2exp.sources.alignment import Duplicates, ReadCounts, ReadRule, artefacts_of, count_reads


@dataclass(frozen=True, slots=True)
class Library:
    """One BAM and what was counted in it."""

    mark: str
    path: Path
    reads: ReadCounts


def mean_rpm(libraries: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """(n,) mean of the libraries' reads per million: a shallow library weighs as much as a deep one, as in ABC."""
    return np.asarray(np.mean(np.stack(libraries), axis=0), dtype=np.float64)


def count_libraries(
    marks: Mapping[str, Sequence[Path]],
    places: Sequence[Interval],
    *,
    duplicates: Duplicates,
    rule: ReadRule,
    progress: Progress | None,
) -> tuple[Library, ...]:
    """Reads of every BAM over ``places``, each file read once, marks in their order.

    Reads of a named artefact of a file's accession (`seq2exp.sources.alignment.ARTEFACTS`) count in no place.

    Raises
    ------
    SourceError
        What `count_reads` raises; a mark without a file.
    """
    missing = [mark for mark, paths in marks.items() if not paths]
    if missing:
        raise SourceError(f"reads of {' and '.join(marks)} are needed; the {' and '.join(missing)} BAM is missing")
    files = [(mark, path) for mark, paths in marks.items() for path in paths]
    libraries = []
    for done, (mark, path) in enumerate(files):
        if progress is not None:
            progress(done, len(files), f"reads of {path.name}")
        reads = count_reads(path, places, duplicates=duplicates, rule=rule, artefacts=artefacts_of(path))
        libraries.append(Library(mark, path, reads))
    return tuple(libraries)


def rpm_of(mark: str, libraries: Sequence[Library], places: Sequence[Interval]) -> NDArray[np.float64]:
    """(n_places,) mean over a mark's libraries; NaN on chromosomes a header lacks: there nothing was aligned."""
    found = []
    for library in libraries:
        if library.mark == mark:
            absent = np.array([place.chrom in library.reads.absent for place in places], dtype=bool)
            found.append(np.where(absent, np.nan, library.reads.rpm))
    return mean_rpm(found)


def library_notes(libraries: Sequence[Library], duplicates: Duplicates) -> tuple[str, ...]:
    """What a report should say about them, in sentences."""
    notes = []
    kept = "kept" if duplicates == "keep" else "dropped"
    for library in libraries:
        name, reads = library.path.name, library.reads
        notes.append(f"{name}: {reads.library_reads:,} reads; {reads.duplicate_reads:,} flagged duplicates {kept}")
        if reads.artefact_reads:
            notes.append(f"{name}: {reads.artefact_reads:,} reads of a known artefact left out of the counts")
        if reads.absent:
            notes.append(f"{name}: no {', '.join(reads.absent[:10])} in its header; no reads per million there")
    return tuple(notes)
