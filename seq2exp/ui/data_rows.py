"""Files of the catalogue and of a data set as rows of a table, and what a task still needs; values in, values out."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from seq2exp.sources.catalogue import Catalogue, CatalogueSource
from seq2exp.sources.catalogue_state import FileState
from seq2exp.sources.dataset_files import STREAMED_FORMATS
from seq2exp.sources.download_plan import Plan
from seq2exp.sources.manifest import Manifest, Source
from seq2exp.ui.status_machine import size_in_words

NONE = "\u2013"
EVERY = "all"
"""No filter."""
_FITS = 44
"""Letters that a column has room for on a screen 1,280 wide."""

Level = Literal["required", "alternative", "optional"]
"""alternative: serves in place of a required file."""
_LEVELS: tuple[Level, ...] = ("required", "alternative", "optional")
STREAMS = "streams"
"""The state of a data set's file that is not here and can be read by range requests."""
STATES = {"absent": "not here", "partial": "in part", "present": "here", "wrong": "wrong"}
"""A file's state in a table."""


@dataclass(frozen=True)
class Chosen:
    """What the table is narrowed to."""

    task: str = EVERY
    cell: str = EVERY
    state: str = EVERY
    """EVERY, or a key of `STATES`."""


def tasks_by_source(catalogue: Catalogue, chosen: Chosen) -> dict[str, dict[str, Level]]:
    """How each source is needed, by id and task, for the task and cell types chosen."""
    found: dict[str, dict[str, Level]] = {}
    for task in catalogue.tasks:
        if chosen.task not in (EVERY, task.name):
            continue
        cells = cells_of(catalogue, task.name, chosen)
        for need in catalogue.needs(task.name, cells, optional=True):
            for source in catalogue.members(need):
                found.setdefault(source.id, {})[task.name] = "optional"
        for need in catalogue.needs(task.name, cells):
            for at, source in enumerate(catalogue.members(need)):
                found.setdefault(source.id, {})[task.name] = "alternative" if at else "required"
    return found


def cells_of(catalogue: Catalogue, task: str, chosen: Chosen) -> list[str]:
    """The cell types of a task that the filter leaves."""
    return [cell for cell in catalogue.task(task).cell_types if chosen.cell in (EVERY, cell)]


def catalogue_rows(catalogue: Catalogue, states: Sequence[FileState], chosen: Chosen) -> pd.DataFrame:
    """One row per file that passes, those that are required first, else in the catalogue's order.

    Columns: id, state, title, what, cell, size, licence, needed.
    """
    needed = tasks_by_source(catalogue, chosen)
    by_id = {state.id: state for state in states}
    licences = {licence.key: licence for licence in catalogue.licences}
    rows = []
    for source in catalogue.sources:
        state, tasks = by_id[source.id], needed.get(source.id, {})
        if chosen.task != EVERY and not tasks:
            continue
        if chosen.cell != EVERY and source.cell_type not in (None, chosen.cell):
            continue
        if chosen.state not in (EVERY, state.state):
            continue
        licence = licences[source.licence]
        rows.append(
            {
                "id": source.id,
                "state": STATES[state.state],
                "title": source.title,
                "what": what_it_is(source.content.output_type, source.content.unit) or format_of(source),
                "cell": source.cell_type or "every",
                "size": size_of(source, state),
                "licence": licence.spdx or licence.name,
                "needed": _needed(tasks, alone=chosen.task != EVERY),
            }
        )
    columns = ["id", "state", "title", "what", "cell", "size", "licence", "needed"]
    table = pd.DataFrame(rows, columns=columns)
    if chosen.task != EVERY:
        table = table.sort_values(
            "needed", key=lambda level: level.map(_LEVELS.index), kind="stable", ignore_index=True
        )
    return table


def what_it_is(output_type: str | None, unit: str | None) -> str:
    """Output type and unit in one phrase, the unit left out where that would not fit a column; empty without either."""
    both = ", ".join(dict.fromkeys(words for words in (output_type, unit) if words))
    return both if len(both) <= _FITS or not output_type else output_type


def _needed(tasks: Mapping[str, Level], *, alone: bool) -> str:
    """How a row is needed: its level for one task; else the tasks that require it, or in brackets those that use it."""
    if alone:
        return next(iter(tasks.values()), NONE)
    required = [task for task, level in tasks.items() if level == "required"]
    return ", ".join(required) or (f"({', '.join(tasks)})" if tasks else NONE)


def size_of(source: CatalogueSource, state: FileState) -> str:
    """Bytes in words: on disk where the file is whole, else as stated, else roughly, else unknown."""
    if state.state == "present":
        return size_in_words(state.size_bytes)
    least, most = bytes_of(source, state)
    if not most:
        return "unknown"
    return size_in_words(most) if least == most else f"~ {size_in_words((least + most) / 2)}"


def bytes_of(source: CatalogueSource, state: FileState) -> tuple[int, int]:
    """Least and most bytes of a file; (0, 0) where nothing is known."""
    known = state.expected_bytes or source.file.size_bytes
    if known:
        return known, known
    return source.file.expected_bytes or (0, 0)


def plan_in_words(plan: Plan) -> str:
    """One line: how many files are here, how many to fetch, how much that is, and whether the disk has room."""
    fetch = [step for step in plan.steps if step.action not in ("have", "measure")]
    if not fetch:
        return f"all {len(plan.steps)} files are here"
    told = f"{len(plan.steps) - len(fetch)} of {len(plan.steps)} files are here; {len(fetch)} to fetch"
    least, most = (plan.known_bytes + likely for likely in plan.likely_bytes)
    if most:
        told += f", {size_in_words(least)} to {size_in_words(most)}" if least != most else f", {size_in_words(most)}"
    if plan.unknown:
        told += f"{' and' if most else ','} {len(plan.unknown)} of unknown size"
    room = size_in_words(plan.free_bytes)
    return f"{told}; {room} free here" if plan.fits else f"{told}: TOO MUCH for the {room} free here"


def command_of(task: str, cells: Sequence[str]) -> str:
    """What fetches the files of a task, from the project's folder."""
    chosen = [word for cell in cells for word in ("--cell", cell)]
    return shlex.join(["python", "-m", "seq2exp", "data", "get", *chosen, "--task", task])


def set_rows(manifest: Manifest, root: Path) -> pd.DataFrame:
    """One row per source of a data set, in the manifest's order.

    Parameters
    ----------
    root
        The manifest's folder, where relative paths start.
    """
    licences = {licence.key: licence for licence in manifest.licences}
    rows = []
    for source in manifest.sources:
        licence = None if source.licence is None else licences[source.licence]
        rows.append(
            {
                "id": source.id,
                "state": on_disk(source, root)[0],
                "title": source.title,
                "role": source.role.replace("_", " "),
                "what": what_it_is(source.content.output_type, source.content.unit) or format_of(source),
                "cell": source.cell_type or "every",
                "size": on_disk(source, root)[1],
                "checksum": checksum_of(source)[:14] or NONE,
                "licence": NONE if licence is None else licence.spdx or licence.name,
                "warnings": len(source.warnings) or None,
            }
        )
    columns = ["id", "state", "title", "role", "what", "cell", "size", "checksum", "licence", "warnings"]
    return pd.DataFrame(rows, columns=columns)


def on_disk(source: Source, root: Path) -> tuple[str, str]:
    """A source's state and size, in words."""
    try:
        path = root / source.local_path
        if not path.is_file():
            streams = source.file.format in STREAMED_FORMATS and source.url.primary is not None
            return STREAMS if streams else STATES["absent"], NONE
        size = path.stat().st_size
    except (OSError, ValueError):
        return "cannot be read", NONE
    stated = source.file.size_bytes
    return STATES["present" if stated in (None, size) else "wrong"], size_in_words(size)


def format_of(source: Source | CatalogueSource) -> str:
    """Format and how it is packed."""
    packed = source.file.compression
    return source.file.format if packed == "none" else f"{source.file.format}, {packed}"


def checksum_of(source: Source | CatalogueSource) -> str:
    """The digest stated of a file, with its kind; empty without one."""
    digests = source.file.checksum
    if digests.sha256 is not None:
        return f"sha256 {digests.sha256}"
    return "" if digests.md5 is None else f"md5 {digests.md5}"
