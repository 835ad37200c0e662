"""ledger.json beside the downloaded files: what came, from where, when, with which digests; later downloads compare."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from seq2exp.errors import DownloadError
from seq2exp.files import write_whole
from seq2exp.sources.blocks import Block

LEDGER = "ledger.json"
"""Name of the file, in files_dir."""


class Recorded(Block):
    """One file as it came."""

    path: str
    """Relative to files_dir."""
    size_bytes: int = Field(ge=0)
    md5: str
    sha256: str
    url: str | None = None
    """The address of the catalogue it came from; None: unpacked from an archive, or found on disk."""
    etag: str | None = None
    last_modified: str | None = None
    when: str
    """UTC, ISO 8601."""


class RecordedFolder(Block):
    """A repository as it came: its commit, and every file by its path inside."""

    revision: str
    """The commit."""
    whole: bool
    """Whether every file of it has come."""
    files: dict[str, Recorded]


class Ledger(Block):
    """All that came so far, by the id of the source."""

    ledger_version: Literal[1] = 1
    files: dict[str, Recorded] = Field(default_factory=dict)
    folders: dict[str, RecordedFolder] = Field(default_factory=dict)


def read_ledger(files_dir: Path) -> Ledger:
    """The ledger of a folder; an empty one where none is.

    Raises
    ------
    DownloadError
        It is there and cannot be read: nothing is compared with half a ledger.
    """
    path = files_dir / LEDGER
    try:
        return Ledger.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Ledger()
    except (OSError, ValidationError) as error:
        words = " ".join(str(error).split())[:200]
        raise DownloadError(
            f"{path}: not a readable ledger ({words}); repair it, or move it away to have the files measured again"
        ) from error


def record(files_dir: Path, id: str, came: Recorded) -> None:
    """Writes down one file, in place of what stood there under its id; safe beside other threads and processes.

    Raises
    ------
    DownloadError
        The ledger cannot be read or written.
    """
    _change(files_dir, lambda ledger: ledger.model_copy(update={"files": {**ledger.files, id: came}}))


def record_folder(
    files_dir: Path, id: str, revision: str, came: Mapping[str, Recorded] | None = None, *, whole: bool = False
) -> None:
    """Writes down files of a repository beside those that came before at the same commit; likewise safe.

    Raises
    ------
    DownloadError
        The ledger cannot be read or written.
    """

    def change(ledger: Ledger) -> Ledger:
        before = ledger.folders.get(id)
        kept = before.files if before is not None and before.revision == revision else {}
        folder = RecordedFolder(revision=revision, whole=whole, files={**kept, **(came or {})})
        return ledger.model_copy(update={"folders": {**ledger.folders, id: folder}})

    _change(files_dir, change)


def _change(files_dir: Path, change: Callable[[Ledger], Ledger]) -> None:
    try:
        files_dir.mkdir(parents=True, exist_ok=True)
        with _locked(files_dir):
            after = change(read_ledger(files_dir))
            text = json.dumps(after.model_dump(), indent=1, sort_keys=True) + "\n"
            write_whole(files_dir / LEDGER, text.encode())
    except OSError as error:
        raise DownloadError(f"{files_dir / LEDGER}: cannot be written ({error.strerror})") from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """The lock goes with the process, however it ends."""
    descriptor = os.open(folder / f".{LEDGER}.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
