"""What a download would do, before it does it: files, sizes, terms and room on the disk; needs no network."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from seq2exp.errors import DownloadError
from seq2exp.sources.catalogue import Catalogue, CatalogueSource
from seq2exp.sources.catalogue_ledger import read_ledger
from seq2exp.sources.catalogue_state import FileState, one_state

Action = Literal["have", "measure", "fetch", "resume", "replace", "unpack"]
"""have: here and recorded; measure: here, to be compared and recorded; replace: what is here is wrong."""


@dataclass(frozen=True, slots=True)
class Step:
    """One source of the catalogue and what is to be done for it."""

    source: CatalogueSource
    state: FileState
    action: Action
    because: str
    """The need it meets, or the id of what is unpacked from it."""

    @property
    def left_bytes(self) -> int | None:
        """Bytes still to come; None: not known."""
        if self.action in ("have", "measure"):
            return 0
        if self.state.expected_bytes is None:
            return None
        return max(0, self.state.expected_bytes - (self.state.size_bytes or 0 if self.action == "resume" else 0))

    @property
    def likely_bytes(self) -> tuple[int, int] | None:
        """Least and most bytes to come, where only that is known."""
        if self.left_bytes is not None or self.source.file.expected_bytes is None:
            return None
        here = self.state.size_bytes or 0 if self.action == "resume" else 0
        least, most = self.source.file.expected_bytes
        return max(0, least - here), max(0, most - here)

    def to_dict(self, catalogue: Catalogue) -> dict[str, Any]:
        """For --json."""
        terms = catalogue.licence(self.source.licence)
        return {
            "id": self.source.id,
            "title": self.source.title,
            "because": self.because,
            "action": self.action,
            "path": str(self.state.path),
            "url": self.source.url.primary,
            "size_bytes": self.state.expected_bytes,
            "left_bytes": self.left_bytes,
            "likely_bytes": self.likely_bytes,
            "licence": terms.spdx or terms.name,
            "redistribution": terms.redistribution,
            "problem": self.state.problem,
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """Every step of a download, archives before what is unpacked from them."""

    files_dir: Path
    steps: tuple[Step, ...]
    free_bytes: int
    """On the disk of files_dir."""

    @property
    def to_do(self) -> tuple[Step, ...]:
        """The steps that are not done yet."""
        return tuple(step for step in self.steps if step.action != "have")

    @property
    def needs_network(self) -> bool:
        """Whether anything is to be fetched, not only measured or unpacked."""
        return any(step.action in ("fetch", "resume", "replace") for step in self.steps)

    @property
    def known_bytes(self) -> int:
        """Bytes to come, of the files whose size is known."""
        return sum(step.left_bytes or 0 for step in self.steps)

    @property
    def likely_bytes(self) -> tuple[int, int]:
        """Least and most bytes to come on top, of the files of which only that is known."""
        spans = [step.likely_bytes for step in self.steps if step.likely_bytes is not None]
        return sum(span[0] for span in spans), sum(span[1] for span in spans)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Ids of the files to come of whose size nothing is known."""
        return tuple(step.source.id for step in self.steps if step.left_bytes is None and step.likely_bytes is None)

    @property
    def fits(self) -> bool:
        """Whether the disk has room for what is known to come."""
        return self.known_bytes + self.likely_bytes[0] <= self.free_bytes

    def require_room(self) -> None:
        """Checks that the disk has room for what is known to come.

        Raises
        ------
        DownloadError
            It has not.
        """
        if not self.fits:
            needed = self.known_bytes + self.likely_bytes[0]
            raise DownloadError(
                f"{self.files_dir}: {self.free_bytes:,} bytes are free where at least {needed:,} are needed; "
                f"free the disk or give another folder with --dir"
            )

    def to_dict(self, catalogue: Catalogue) -> dict[str, Any]:
        """For --json."""
        return {
            "files_dir": str(self.files_dir),
            "files": [step.to_dict(catalogue) for step in self.steps],
            "to_do": len(self.to_do),
            "known_bytes": self.known_bytes,
            "likely_bytes": list(self.likely_bytes),
            "unknown": list(self.unknown),
            "free_bytes": self.free_bytes,
            "fits": self.fits,
        }


def make_plan(
    catalogue: Catalogue,
    files_dir: Path,
    *,
    task: str | None = None,
    cells: Sequence[str] = (),
    only: Sequence[str] = (),
    also: Sequence[str] = (),
    streamed: Collection[str] = (),
) -> Plan:
    """The steps that bring everything a task needs for some cell types, or some sources by their ids.

    Parameters
    ----------
    task, cells
        Where neither is needed, None and empty.
    only
        Ids of sources or groups; these alone, whatever the task.
    also
        Ids of sources or groups beside what the task needs.
    streamed
        Formats that may stay on their servers: files of these that are not on disk are left out.

    Raises
    ------
    ManifestError
        No such task, cell type or id.
    DownloadError
        A source of which no address is known; an unreadable ledger; nothing asked for.
    """
    if only:
        wanted = tuple(dict.fromkeys(only))
    elif task is not None and cells:
        wanted = catalogue.needs(task, cells)
    else:
        raise DownloadError("nothing to get: give --task with --cell, or --only with an id of `data list`")
    wanted = tuple(dict.fromkeys((*wanted, *also)))
    ledger = read_ledger(files_dir)
    steps: dict[str, Step] = {}

    def state(source: CatalogueSource) -> FileState:
        return one_state(source, files_dir, ledger)

    def add(source: CatalogueSource, because: str) -> None:
        if source.id in steps:
            return
        found = state(source)
        known = source.id in ledger.files or source.id in ledger.folders
        if found.state == "present":
            steps[source.id] = Step(source, found, "have" if known else "measure", because)
            return
        if not source.obtainable:
            raise DownloadError(
                f"{source.id}: no address of it is known{f' ({source.notes})' if source.notes else ''}; "
                f"where you have it, put it at {found.path}"
            )
        action: Action = "fetch"
        if source.unpacked_from is not None:
            add(catalogue.source(source.unpacked_from), source.id)
            action = "unpack"
        elif found.state == "partial":
            action = "resume"
        elif found.state == "wrong":
            action = "replace"
        steps[source.id] = Step(source, found, action, because)

    for need in wanted:
        members = catalogue.members(need)
        here = [member for member in members if state(member).state == "present"]
        obtainable = [member for member in members if member.obtainable]
        chosen = (here or obtainable or list(members))[0]
        if here or chosen.file.format not in streamed or chosen.url.primary is None:
            add(chosen, need)
    return Plan(files_dir, tuple(steps.values()), _free(files_dir))


def _free(folder: Path) -> int:
    """Bytes free on the disk a folder is on, or will be on."""
    while not folder.exists():
        folder = folder.absolute().parent
    return shutil.disk_usage(folder).free
