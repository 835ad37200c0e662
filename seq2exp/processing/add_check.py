"""One file of a user's own cell type: what it is, whether it fits the data set, and what was found out about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from seq2exp.errors import Seq2ExpError
from seq2exp.genome import Interval
from seq2exp.processing.add_contacts import check_contacts
from seq2exp.processing.add_format import OPTIONS, CellRole, FoundFormat, require
from seq2exp.processing.add_labels import Labels, make_labels
from seq2exp.processing.add_reads import check_reads
from seq2exp.processing.add_tracks import check_track, compare_scale
from seq2exp.processing.add_words import TITLES
from seq2exp.processing.statistics import TrackStatistics
from seq2exp.sources.dataset import Dataset


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """One file of the cell type, and what was found out about it."""

    role: CellRole
    path: Path
    what: str
    """``DNase of MyCells``."""
    problem: str = ""
    """Why it cannot be taken; empty: it can."""
    format: str = ""
    compression: str = "none"
    size_bytes: int = 0
    statistics: TrackStatistics | None = None
    """Of a bigWig, over windows around genes."""
    facts: tuple[str, ...] = ()
    """Short sentences of figures."""
    warnings: tuple[str, ...] = ()
    absent_chromosomes: tuple[str, ...] = ()
    """Chromosomes of the data set that a model input lacks: no gene there can be opened."""
    normalisation: str | None = None
    """Of a contact map: the one to read."""
    labels: Labels | None = None
    """Made of a CAGE file."""

    def to_dict(self) -> dict[str, Any]:
        """Plain types for `--json`; shares lie in 0..1."""
        return {
            "role": self.role,
            "option": OPTIONS[self.role],
            "path": str(self.path),
            "format": self.format or None,
            "size_bytes": self.size_bytes,
            "statistics": None if self.statistics is None else self.statistics.summary(),
            "facts": list(self.facts),
            "warnings": list(self.warnings),
            "problem": self.problem or None,
        }


def check_file(role: CellRole, path: Path, name: str, base: Dataset, windows: Sequence[Interval]) -> CheckedFile:
    """What the file of one role holds, or its problem.

    Parameters
    ----------
    role, path
        What was given.
    name
        Of the cell type.
    base
        Its reference, genes and tracks are those to fit.
    windows
        Where tracks are measured.
    """
    file = CheckedFile(role, path, f"{TITLES[role]} of {name}")
    try:
        found = require(path, role)
        file = replace(file, format=str(found.kind), compression=_compression(found), size_bytes=path.stat().st_size)
        if role == "contact":
            return _with_contacts(file, base)
        if role == "dnase_alignment":
            reads = check_reads(path, base, what=file.what)
            return replace(file, facts=reads.facts, warnings=reads.warnings)
        if found.kind == "bigWig":
            track = check_track(path, base, windows, what=file.what, model_reads=role != "cage")
            off = () if role == "cage" else compare_scale(track.statistics, base, role, windows, what=file.what)
            file = replace(file, statistics=track.statistics, warnings=(*track.warnings, *off))
            file = replace(file, absent_chromosomes=() if role == "cage" else track.absent_chromosomes)
        return _with_labels(file, base) if role == "cage" else file
    except (Seq2ExpError, OSError) as error:
        return replace(file, problem=str(error))


def _compression(found: FoundFormat) -> str:
    """As the manifest has it; a BAM's blocks are part of its format."""
    return "none" if found.kind == "bam" else found.compression


def _with_contacts(file: CheckedFile, base: Dataset) -> CheckedFile:
    contacts = check_contacts(file.path, base, what=file.what)
    facts = (f"bins of {contacts.resolution_bp:,} bp, normalisation {contacts.normalisation}",)
    file = replace(file, facts=facts, warnings=contacts.warnings, normalisation=contacts.normalisation)
    return replace(file, absent_chromosomes=contacts.absent_chromosomes)


def _with_labels(file: CheckedFile, base: Dataset) -> CheckedFile:
    labels = make_labels(file.path, file.format, base)
    facts = (
        f"labels for {labels.n_measured:,} of {len(base.genes):,} genes, {labels.n_silent:,} of them 0",
        *labels.notes,
    )
    return replace(file, facts=facts, labels=labels, warnings=(*file.warnings, *labels.warnings))
