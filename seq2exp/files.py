"""Files and folders that appear whole or not at all: written beside their place, put on the disk, moved in one step."""

from __future__ import annotations

import errno
import fcntl
import glob
import gzip
import io
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TextIO

from seq2exp.errors import SettingsError

_NO_FOLDER_SYNC = (errno.EACCES, errno.EINVAL, errno.EOPNOTSUPP)
"""What disks answer that cannot put a folder's list of names on the disk, or not for a folder nobody may list."""


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """An empty file beside ``path`` to write into; it becomes ``path`` at the end, or goes if anything fails.

    Each has a name of its own, so that several processes may write the same path. A killed process leaves its own
    behind: see `remove_partials`.

    Raises
    ------
    OSError
        As the system says: no such folder, no permission, no room.
    """
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    partial.open("xb").close()  # made by open, so that the user's umask holds
    try:
        yield partial
        with partial.open("rb+") as written:
            os.fsync(written.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    _sync_names(path.parent)


def write_whole(path: Path, content: bytes | memoryview) -> None:
    """Write ``content`` to ``path``, which holds all of it or what it held before.

    Raises
    ------
    OSError
        As `whole_file`.
    """
    with whole_file(path) as partial:
        partial.write_bytes(content)


@contextmanager
def whole_text(path: Path) -> Iterator[TextIO]:
    """`whole_file` of a text, to write into; folders above ``path`` are made.

    Packed where the name ends in .gz, without time and name in the header: equal content gives equal bytes.

    Raises
    ------
    OSError
        As `whole_file`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as partial, partial.open("wb") as raw, _text(raw, packed=path.suffix == ".gz") as text:
        yield text


@contextmanager
def _text(raw: BinaryIO, *, packed: bool) -> Iterator[TextIO]:
    if packed:
        with (
            gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=raw, mtime=0) as inner,
            io.TextIOWrapper(inner, encoding="utf-8", newline="\n") as text,
        ):
            yield text
    else:
        plain = io.TextIOWrapper(raw, encoding="utf-8", newline="\n", write_through=True)
        yield plain
        plain.detach()


def remove_partials(folder: Path, prefix: str = "") -> None:
    """Remove what killed writers of files with this prefix left; only under a lock that keeps living ones away."""
    for partial in folder.glob(f".{glob.escape(prefix)}*.partial"):
        if partial.is_file():
            partial.unlink(missing_ok=True)


@contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """A new folder beside ``out`` to write into; it becomes ``out`` at the end, or goes if anything fails.

    Beside it, so that the move stays on one disk and is one step; folders above are made. What a killed process left
    is removed by the next.

    Raises
    ------
    OSError
        As the system says: no permission, no room, or ``out`` is there by now and holds something.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{out.name}.partial-"
    _remove_dead(out.parent, prefix)
    partial, lock = _new_folder(out.parent, prefix)
    try:
        partial.chmod(0o755)
        yield partial
        partial.replace(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        os.close(lock)


def _new_folder(parent: Path, prefix: str) -> tuple[Path, int]:
    """An empty folder and the descriptor that holds its lock, or only it open on a disk without locks."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        with suppress(FileNotFoundError):
            descriptor = os.open(folder, os.O_RDONLY)
            if _locked(descriptor) is not False and folder.exists():  # nobody took it for a dead one's before
                return folder, descriptor
            os.close(descriptor)


def _remove_dead(parent: Path, prefix: str) -> None:
    """Removes the folders of processes that are no longer alive: the system dropped their locks."""
    for folder in parent.glob(f"{glob.escape(prefix)}*"):
        with suppress(OSError):  # gone by now, a file, or another user's
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            if _locked(descriptor):
                shutil.rmtree(folder, ignore_errors=True)
            os.close(descriptor)


def _locked(descriptor: int) -> bool | None:
    """Whether the lock is now this process's; None: the disk has no locks, so nobody can tell."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _sync_names(folder: Path) -> None:
    """Puts the list of names on the disk, so that a file that was announced is there after a power cut."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise


@contextmanager
def writable(path: Path) -> Iterator[None]:
    """The system's refusals to write ``path`` as SettingsError, which says why and what to do."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingsError(f"{path}: cannot be written: {reason}; free the disk or give another folder") from error
