"""The parts of a cell type in a built data set: its tracks, its contacts, and what it goes without."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from seq2exp.genome import Gene, Interval
from seq2exp.processing.build_checks import Check, row_checks, track_checks
from seq2exp.processing.build_inputs import Inputs
from seq2exp.processing.build_manifest import FORMATS, derived_source, upstream_source
from seq2exp.processing.build_steps import Steps, digest_of
from seq2exp.processing.contacts import store_contacts
from seq2exp.processing.output import Progress
from seq2exp.processing.report import Absent
from seq2exp.processing.statistics import TrackStatistics, track_statistics
from seq2exp.settings import ContactMode
from seq2exp.sources.catalogue import CatalogueSource
from seq2exp.sources.catalogue_ledger import read_ledger
from seq2exp.sources.manifest import SEVERAL_ALLOWED, Content, Role, Source

TRACK_ROLES: Mapping[str, tuple[Role, str, str]] = {
    "dnase.signal": (
        "dnase",
        "DNase",
        "its channel is 0 everywhere: predictions and masks of a checkpoint trained with it cannot be trusted, and no "
        "peaks can be called.",
    ),
    "h3k27ac.signal": (
        "h3k27ac",
        "H3K27ac",
        "its channel is 0 everywhere; it decides most of the signal part of a published mask, so predictions and masks "
        "of such checkpoints cannot be trusted.",
    ),
}
"""By the end of the id: role, name and what it costs to go without."""

NO_CONTACT = "a power law of distance stands in for measured contacts, the same for every gene."
NO_ACTIVITY = (
    "the ninth gene feature is 0 for every gene; published checkpoints were trained with it and predict otherwise."
)
NO_LABELS = "no observed expression: nothing to compare a prediction with, and no training."
NO_SPLIT = "held-out genes cannot be told from training genes, and nothing can be trained."
NO_BLACKLIST = "artefact regions are not masked; published masks had v1 applied."

_EXTRA_ROLES: frozenset[Role] = frozenset({"ccre", "crispri", "peaks", "dnase_alignment", "include_list", "track"})
"""Roles taken from the catalogue as they are, where the file is there."""


@dataclass
class Parts:
    """What came together so far."""

    sources: list[Source] = field(default_factory=list)
    absent: list[Absent] = field(default_factory=list)
    tracks: dict[str, dict[str, Mapping[str, Any] | None]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)


@dataclass(frozen=True)
class Work:
    """What every part is made with, and where it is put."""

    inputs: Inputs
    steps: Steps
    parts: Parts
    cells: tuple[str, ...]
    paper: bool
    """Whether the paper's counts and figures are asked for."""
    progress: Progress


@dataclass(frozen=True)
class ContactPlan:
    """How contacts are kept."""

    mode: ContactMode
    normalisation: str
    resolution_bp: int
    window_bp: int
    keep_map: bool
    """Reference the map itself instead of a store of the profiles of every TSS."""


def add_tracks(work: Work, cell: str, windows: Sequence[Interval], most_windows: int | None) -> None:
    """DNase and H3K27ac of ``cell`` by path, with their statistics; what is not there is noted."""
    inputs, steps, parts = work.inputs, work.steps, work.parts
    parts.tracks[cell] = {}
    for ending, (role, name, cost) in TRACK_ROLES.items():
        id = f"{cell.lower()}.{ending}"
        found = inputs.find(id, streamed=True)
        if found is None:
            parts.absent.append(Absent(name, cell, (id,), cost))
            continue
        summary = None
        if found.here:
            path = found.path
            work.progress(0, 1, f"{role} of {cell}")
            parameters = {"windows": digest_of(windows), "most": most_windows}

            def measure(_out: Path, path: Path = path) -> Mapping[str, Any]:
                return track_statistics(path, windows, most_windows=most_windows).summary()

            summary = steps.run(f"{id}.statistics", None, [path], parameters, measure)
        parts.tracks[cell][role] = summary
        parts.sources.append(upstream_source(found, role, steps.out, cell_type=cell, summary=summary))
        output_type = found.source.content.output_type
        parts.checks += track_checks(f"{role} of {cell}", output_type, TrackStatistics.from_summary(summary))


def add_contacts(work: Work, cell: str, genes: Sequence[Gene], plan: ContactPlan) -> None:
    """Contacts of ``cell``: a store of the profiles of every TSS, or the map itself; what is not there is noted."""
    inputs, steps, parts = work.inputs, work.steps, work.parts
    id = f"{cell.lower()}.contact"
    name, output = id, f"{cell}.contacts.h5"
    parameters = {
        "mode": plan.mode,
        "normalisation": plan.normalisation,
        "resolution_bp": plan.resolution_bp,
        "window_bp": plan.window_bp,
        "places": digest_of({(gene.chrom, gene.tss) for gene in genes}),
    }
    found = inputs.find(id, streamed=True)
    if found is not None and (plan.keep_map or not found.here):
        parts.sources.append(
            upstream_source(found, "contact", steps.out, cell_type=cell, normalisation=plan.normalisation)
        )
        return
    if found is None:
        if plan.keep_map or steps.recall(name, output, parameters) is None:
            parts.absent.append(Absent("contacts", cell, (id,), NO_CONTACT))
            return
        parts.notes.append(f"Contacts of {cell} were made earlier; the map they came from is no longer on disk.")
    else:
        make = partial(_store, found.path, inputs=inputs, id=id, genes=genes, plan=plan, progress=work.progress)
        steps.run(name, output, [found.path], parameters, make)
    parts.sources.append(
        derived_source(
            [source for source in inputs.catalogue.sources if source.id == id],
            id=f"{id}.profiles",
            title=f"Contacts of every TSS of {cell}",
            role="contact",
            path=output,
            file_format="contacts",
            out=steps.out,
            sha256=steps.sha256(name),
            processing=f"profiles of every TSS at {plan.resolution_bp:,} bp, {plan.normalisation}, {plan.mode}",
            content=Content(
                output_type="contact profiles", resolution_bp=plan.resolution_bp, normalisation=plan.normalisation
            ),
            cell_type=cell,
        )
    )


def _store(
    path: Path, out: Path, *, inputs: Inputs, id: str, genes: Sequence[Gene], plan: ContactPlan, progress: Progress
) -> dict[str, Any]:
    recorded = read_ledger(inputs.files_dir).files.get(id)
    known = recorded is not None and recorded.size_bytes == path.stat().st_size
    store_contacts(
        path,
        genes,
        out,
        mode=plan.mode,
        normalisation=plan.normalisation,
        resolution_bp=plan.resolution_bp,
        window_bp=plan.window_bp,
        source_sha256=recorded.sha256 if recorded is not None and known else None,
        progress=progress,
    )
    return {"map": path.name}


def add_extras(work: Work) -> None:
    """Files of the catalogue that a data set holds as they are and that are on disk: cCREs, CRISPRi, peaks, tracks."""
    inputs, parts = work.inputs, work.parts
    filled: set[tuple[Role, str | None]] = set()
    for role, cell, source in _extras(inputs.catalogue.sources, work.cells):
        if source.file.format not in FORMATS or ((role, cell) in filled and role not in SEVERAL_ALLOWED):
            continue
        found = inputs.find(source.id)
        if found is not None:
            filled.add((role, cell))
            parts.sources.append(upstream_source(found, role, work.steps.out, cell_type=cell))
            parts.checks += row_checks(source, found.path)


def _extras(
    sources: Sequence[CatalogueSource], cells: Sequence[str]
) -> Iterator[tuple[Role, str | None, CatalogueSource]]:
    for source in sources:
        if source.id == "crispri.heldout":  # five cell types in one file; K562 has the training file
            if "GM12878" in cells:
                yield "crispri", "GM12878", source
        elif source.id == "crispri.training":
            if "K562" in cells:
                yield "crispri", "K562", source
        elif source.role in _EXTRA_ROLES and (source.cell_type is None or source.cell_type in cells):
            yield source.role, source.cell_type, source


def add_blacklist(work: Work, version: str) -> None:
    """The blacklist of the version asked for, by path; none: noted."""
    inputs, parts = work.inputs, work.parts
    if version == "none":
        parts.absent.append(Absent("blacklist", None, ("blacklist.v1", "blacklist.v2"), NO_BLACKLIST))
        return
    found = inputs.find(f"blacklist.{version}")
    if found is None:
        parts.absent.append(Absent("blacklist", None, (f"blacklist.{version}",), NO_BLACKLIST))
    else:
        parts.sources.append(upstream_source(found, "blacklist", work.steps.out))
        parts.checks += row_checks(found.source, found.path)
