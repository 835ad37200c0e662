"""What of the catalogue lies on disk: absent, partial, present or wrong, without reading any file through."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from seq2exp.sources.catalogue import Catalogue, CatalogueSource
from seq2exp.sources.catalogue_ledger import Ledger, Recorded, read_ledger

State = Literal["absent", "partial", "present", "wrong"]

PART = ".part"
"""Ending of a file on its way."""


@dataclass(frozen=True, slots=True)
class FileState:
    """One source of the catalogue as it lies on disk."""

    id: str
    path: Path
    """Where it lies or is to lie."""
    state: State
    """partial: its .part is there, or some files of a folder; wrong: there, but not as stated or recorded."""
    size_bytes: int | None
    """On disk, of the .part where partial; None: nothing there. Of a folder: the sum."""
    expected_bytes: int | None
    """As the catalogue states or the first download recorded; None: not known."""
    recorded: Recorded | None
    """What the ledger says of it; None: nothing, or a folder."""
    revision: str | None = None
    """Commit of a folder from a hub."""
    problem: str | None = None
    """What is wrong, in words."""

    @property
    def when(self) -> str | None:
        """When it came, UTC; None: not by us."""
        return None if self.recorded is None else self.recorded.when

    def to_dict(self) -> dict[str, Any]:
        """For --json."""
        return {
            "state": self.state,
            "path": str(self.path),
            "size_bytes": self.size_bytes,
            "expected_bytes": self.expected_bytes,
            "recorded": None if self.recorded is None else self.recorded.model_dump(),
            "revision": self.revision,
            "problem": self.problem,
        }


def state_of(catalogue: Catalogue, files_dir: Path) -> tuple[FileState, ...]:
    """The state of every source, in the catalogue's order; sizes and the ledger alone are looked at.

    Parameters
    ----------
    files_dir
        Folder the sources' `local_path` starts from.

    Raises
    ------
    DownloadError
        The ledger is there and cannot be read.
    """
    ledger = read_ledger(files_dir)
    return tuple(one_state(source, files_dir, ledger) for source in catalogue.sources)


def one_state(source: CatalogueSource, files_dir: Path, ledger: Ledger) -> FileState:
    """The state of one source."""
    if source.file.format == "folder":
        return _folder_state(source, files_dir, ledger)
    path = files_dir / source.local_path
    recorded = ledger.files.get(source.id)
    expected = source.file.size_bytes
    if expected is None and recorded is not None:
        expected = recorded.size_bytes
    if path.is_file():
        size = path.stat().st_size
        problem = _size_problem(size, source, recorded)
        return FileState(
            source.id, path, "present" if problem is None else "wrong", size, expected, recorded, problem=problem
        )
    if path.exists():
        return FileState(source.id, path, "wrong", None, expected, recorded, problem="a folder lies there, not a file")
    part = path.with_name(path.name + PART)
    if part.is_file():
        return FileState(source.id, path, "partial", part.stat().st_size, expected, recorded)
    return FileState(source.id, path, "absent", None, expected, recorded)


def _size_problem(size: int, source: CatalogueSource, recorded: Recorded | None) -> str | None:
    stated = source.file.size_bytes
    if stated is not None and size != stated:
        return f"{size:,} bytes where the catalogue states {stated:,}"
    if recorded is not None and size != recorded.size_bytes:
        return f"{size:,} bytes where {recorded.size_bytes:,} came on {recorded.when}"
    return "it is empty" if size == 0 else None


def _folder_state(source: CatalogueSource, files_dir: Path, ledger: Ledger) -> FileState:
    path = files_dir / source.local_path
    recorded = ledger.folders.get(source.id)
    if recorded is None:
        some = path.is_dir() and any(path.iterdir())
        words = "files lie there that no download recorded" if some else None
        return FileState(source.id, path, "partial" if some else "absent", None, None, None, problem=words)
    expected = sum(file.size_bytes for file in recorded.files.values()) if recorded.whole else None
    sizes = {
        name: found.stat().st_size
        for name in recorded.files
        if (found := files_dir / recorded.files[name].path).is_file()
    }
    wrong = [name for name, size in sizes.items() if size != recorded.files[name].size_bytes]
    state: State = "present" if recorded.whole and len(sizes) == len(recorded.files) else "partial"
    if wrong:
        state = "wrong"
    return FileState(
        source.id,
        path,
        state,
        sum(sizes.values()),
        expected,
        None,
        recorded.revision,
        f"not of the size they came with: {', '.join(sorted(wrong)[:5])}" if wrong else None,
    )
