"""The file on its way: NAME.part with its digests, and the record beside it that tells whether it may be resumed."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from seq2exp.errors import DownloadError
from seq2exp.files import write_whole
from seq2exp.sources.blocks import Block
from seq2exp.sources.catalogue_state import PART

_PIECE = 1 << 20
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


class Origin(Block):
    """Where the bytes of a .part come from, and what tells that upstream is still the same."""

    address: str
    etag: str | None = None
    last_modified: str | None = None
    size_bytes: int | None = None
    """Of the whole file; None: the server did not say."""

    @property
    def validator(self) -> str | None:
        """For If-Range: a strong ETag, else the date (RFC 9110, 13.1.5)."""
        if self.etag is not None and not self.etag.startswith("W/"):
            return self.etag
        return self.last_modified

    def differs(self, other: Origin) -> bool:
        """Whether anything both know speaks for another file."""
        pairs = [(self.etag, other.etag), (self.size_bytes, other.size_bytes)]
        if self.etag is None or other.etag is None:
            pairs.append((self.last_modified, other.last_modified))
        return any(one is not None and another is not None and one != another for one, another in pairs)


class Part:
    """An open .part, locked for this process; its digests grow with it.

    Attributes
    ----------
    size
        Bytes in it.
    origin
        Where they come from; None: nothing in it that may be resumed.

    Raises
    ------
    DownloadError
        On entry: another process is fetching the same file, or the folder cannot be written.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(target.name + PART)
        self.record = target.with_name(target.name + PART + ".json")
        self.size = 0
        self.origin: Origin | None = None
        self._file: FileIO
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256()

    def __enter__(self) -> Self:
        try:
            self.target.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._open()
            self.origin = self._read_record()
            if self.origin is None:
                self._file.truncate(0)
            self._file.seek(0)
            while piece := self._file.read(_PIECE):
                self._count(piece)
        except OSError as error:
            raise self._failed(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()  # and with it the lock
        if self.size == 0 and self.path.exists():
            self.discard()

    @property
    def md5(self) -> str:
        """Of the bytes so far."""
        return self._md5.hexdigest()

    @property
    def sha256(self) -> str:
        """Of the bytes so far."""
        return self._sha256.hexdigest()

    def start_anew(self, origin: Origin) -> None:
        """Empties it for bytes of this origin."""
        try:
            self._file.seek(0)
            self._file.truncate(0)
            self.size, self.origin = 0, origin
            self._md5, self._sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
            write_whole(self.record, f"{origin.model_dump_json()}\n".encode())
        except OSError as error:
            raise self._failed(error) from error

    def append(self, data: bytes) -> None:
        """Adds bytes at the end; they are on their way to the disk when this returns."""
        try:
            left = memoryview(data)
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            self._back_to_counted()
            raise self._failed(error) from error
        self._count(data)

    def require_room(self, n_bytes: int) -> None:
        """Checks that so many more bytes fit on the disk.

        Raises
        ------
        DownloadError
            They do not.
        """
        free = shutil.disk_usage(self.target.parent).free
        if free < n_bytes:
            raise DownloadError(
                f"{self.target}: {free:,} bytes are free where {n_bytes:,} more are needed; free the disk or give "
                f"another folder; what is here ({self.size:,} bytes) is kept and resumed"
            )

    def finish(self) -> None:
        """Makes it the target, in one step."""
        try:
            os.fsync(self._file.fileno())
            self.path.replace(self.target)
            self.record.unlink(missing_ok=True)
        except OSError as error:
            raise self._failed(error) from error

    def discard(self) -> None:
        """Takes it and its record away; nothing of it is resumed."""
        self.path.unlink(missing_ok=True)
        self.record.unlink(missing_ok=True)
        self.origin = None

    def _count(self, data: bytes) -> None:
        self._md5.update(data)
        self._sha256.update(data)
        self.size += len(data)

    def _back_to_counted(self) -> None:
        """A write that failed half-way must not leave bytes that no digest counted."""
        self._file.truncate(self.size)
        self._file.seek(self.size)

    def _open(self) -> FileIO:
        while True:
            self.path.touch()
            file = open_file(self.path)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                file.close()
                raise DownloadError(
                    f"{self.target}: another process is fetching it; wait until it ends, or end it"
                ) from error
            if self.path.exists() and os.path.samestat(os.fstat(file.fileno()), self.path.stat()):
                return file
            file.close()  # the other process had just made it the target: that one is not ours to write

    def _read_record(self) -> Origin | None:
        try:
            return Origin.model_validate_json(self.record.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def _failed(self, error: OSError) -> DownloadError:
        if error.errno in _NO_ROOM:
            return DownloadError(
                f"{self.target}: the disk is full; {self.size:,} bytes are kept: free the disk, then the same command "
                f"resumes"
            )
        return DownloadError(f"{self.target}: cannot be written ({error.strerror or error})")


def open_file(path: Path) -> FileIO:
    """The file for reading and writing, without a buffer: what a write returned for is with the system."""
    return path.open("r+b", buffering=0)
