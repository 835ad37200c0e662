"""A folder that appears whole or not at all: what a target may hold, and the partial folder beside it."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from seq2exp.errors import SettingsError

MANIFEST_NAME = "manifest.yaml"
_BYTES_PER_BASE = 3
"""All files together take 1.7 bytes per base; the zoom levels of the signals come last."""
_MARGIN_BYTES = 20_000_000


def holds(out: Path, wanted: str) -> bool:
    """Whether ``out`` holds the data set named ``wanted`` (True) or nothing (False).

    Raises
    ------
    SettingsError
        It holds anything else, or that data set without some of its files.
    """
    if not out.exists():
        return False
    if not out.is_dir():
        raise SettingsError(f"{out} is a file; give a folder for the synthetic data set")
    if not any(out.iterdir()):
        return False
    found = "no manifest"
    path = out / MANIFEST_NAME
    if path.is_file():
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError):
            content = None
        found = repr(content.get("name")) if isinstance(content, dict) else "a manifest that is no YAML mapping"
        if isinstance(content, dict) and content.get("synthetic") is True and content.get("name") == wanted:
            missing = [s["local_path"] for s in content["sources"] if not (out / s["local_path"]).is_file()]
            if not missing:
                return True
            found = f"{wanted} without {', '.join(missing)}"
    raise SettingsError(f"{out} is not empty and holds {found}, not {wanted}; give another folder or remove it")


def _locked(folder: Path) -> int | None:
    """A descriptor that holds the folder's lock, or None if a living run holds it or the folder is gone."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    if not folder.exists():  # another run took it for a dead one's before it was locked
        os.close(descriptor)
        return None
    return descriptor


def _remove_stale(parent: Path, prefix: str) -> None:
    """Removes the partial folders of runs that are no longer alive: the system dropped their locks."""
    for folder in parent.glob(f"{prefix}*"):
        descriptor = _locked(folder) if folder.is_dir() else None
        if descriptor is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(descriptor)


def _new_partial(out: Path) -> tuple[Path, int]:
    """An empty folder beside ``out`` and the descriptor of its lock; what dead runs left there is gone."""
    prefix = f".{out.name}.partial-"
    _remove_stale(out.parent, prefix)
    while True:
        partial = Path(tempfile.mkdtemp(prefix=prefix, dir=out.parent))
        lock = _locked(partial)
        if lock is not None:
            return partial, lock


def require_room(folder: Path, n_bases: int) -> None:
    """Checks that the files of ``n_bases`` more bases will fit on the disk of ``folder``.

    Asked before they are written: where a disk runs full, the bigWig writer ends the process instead of failing.

    Raises
    ------
    SettingsError
        Too little is free; the message says how much and where.
    """
    needed, free = _BYTES_PER_BASE * n_bases + _MARGIN_BYTES, shutil.disk_usage(folder).free
    if free < needed:
        raise SettingsError(
            f"{folder.parent}: {free / 1e6:,.0f} MB are free where the data set needs about {needed / 1e6:,.0f}; "
            "free the disk or give another folder"
        )


@contextmanager
def whole_or_nothing(out: Path) -> Iterator[Path]:
    """A new folder beside ``out`` to write into; it becomes ``out`` at the end, or goes if anything fails.

    Beside it, so that the move stays on one disk and is one step. What a killed run left is removed by the next.

    Raises
    ------
    SettingsError
        The folder cannot be made or written: no permission, no room; the message gives the system's reason.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        partial, lock = _new_partial(out)
        try:
            partial.chmod(0o755)
            yield partial
            partial.replace(out)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
            os.close(lock)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingsError(f"{out}: cannot be written: {reason}; free the disk or give another folder") from error
