"""Blocks of remote files kept on disk: one file per block, whole or absent, the oldest thrown away first."""

from __future__ import annotations

import dataclasses
import glob
import hashlib
import json
import os
import shutil
import tempfile
import threading
import zlib
from contextlib import suppress
from pathlib import Path

from seq2exp.errors import RemoteError
from seq2exp.sources.remote_http import Facts

BLOCK_BYTES = 2**16
"""64 KiB: a 200 kb stretch of packed bases, or of a signal in 20 bp steps, lies in one or two of them."""

DEFAULT_LIMIT_BYTES = 4 * 2**30
"""The cache of all files together."""

_CHECK_BYTES = 4
"""CRC-32 behind the data: a block cut short or spoilt by a power cut reads as absent, without an fsync per block."""


class BlockStore:
    """Blocks of many files under one folder; safe for several threads and processes.

    Every write goes to a temporary name first and is then put in place in one step, so a reader sees a block whole or
    not at all. Two processes that fetch the same block write the same bytes.
    """

    def __init__(self, folder: Path, *, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> None:
        self.folder = folder
        self.limit_bytes = limit_bytes
        self._since_look: float = float("inf")
        self._looking = threading.Lock()

    def facts(self, url: str) -> Facts | None:
        """What was last known of the file at `url`; None: nothing."""
        try:
            stored = json.loads((self._of(url) / "facts.json").read_text(encoding="utf-8"))
            return Facts(size=int(stored["size"]), etag=stored["etag"], modified=stored["modified"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep_facts(self, url: str, facts: Facts) -> None:
        """Remember `facts`, and throw away the blocks of any other state of the file."""
        self._write(
            self._of(url) / "facts.json", json.dumps({"url": url.split("?")[0], **dataclasses.asdict(facts)}).encode()
        )
        with suppress(OSError):
            for other in self._of(url).iterdir():
                if other.is_dir() and other.name != _state(facts):
                    shutil.rmtree(other, ignore_errors=True)

    def get(self, url: str, facts: Facts, index: int) -> bytes | None:
        """Block `index` of the file in that state; None where it is not whole on disk."""
        path = self._block(url, facts, index)
        try:
            stored = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        data = stored[:-_CHECK_BYTES]
        expected = min(BLOCK_BYTES, facts.size - index * BLOCK_BYTES)
        if len(data) != expected or zlib.crc32(data).to_bytes(_CHECK_BYTES, "little") != stored[-_CHECK_BYTES:]:
            return None
        return data

    def put(self, url: str, facts: Facts, index: int, data: bytes) -> None:
        """Keep block `index`; makes room where the limit is reached."""
        self._write(self._block(url, facts, index), data + zlib.crc32(data).to_bytes(_CHECK_BYTES, "little"))
        with self._looking:
            self._since_look += len(data)
            if self._since_look > self.limit_bytes / 16:
                self._since_look = 0
                self._make_room()

    def forget(self, url: str) -> None:
        """Throw away everything about the file at `url`."""
        shutil.rmtree(self._of(url), ignore_errors=True)

    def _of(self, url: str) -> Path:
        return self.folder / hashlib.sha256(url.encode()).hexdigest()[:32]

    def _block(self, url: str, facts: Facts, index: int) -> Path:
        return self._of(url) / _state(facts) / f"{index:08d}.block"

    def _write(self, path: Path, content: bytes, tries: int = 10) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                Path(name).replace(path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            if (
                isinstance(error, FileNotFoundError | FileExistsError) and tries > 1
            ):  # the folder came or went meanwhile
                self._write(path, content, tries - 1)
                return
            raise RemoteError(
                f"{self.folder}: the cache of remote files cannot be written ({error.strerror}); make room there, "
                "or set SEQ2EXP_CACHE to another folder"
            ) from error

    def _make_room(self) -> None:
        """Delete the blocks longest unused until a tenth of the limit is free."""
        found: list[tuple[float, int, Path]] = []
        for name in glob.iglob("*/*/*.block", root_dir=self.folder):  # noqa: PTH207 - Path.glob fails on what vanishes
            path = self.folder / name
            with suppress(OSError):
                facts = path.stat()
                found.append((facts.st_mtime, facts.st_size, path))
        total = sum(size for _, size, _ in found)
        if total <= self.limit_bytes:
            return
        for _, size, path in sorted(found):
            if total <= 0.9 * self.limit_bytes:
                break
            with suppress(OSError):
                path.unlink()
                total -= size


def _state(facts: Facts) -> str:
    return hashlib.sha256(repr((facts.size, facts.etag, facts.modified)).encode()).hexdigest()[:16]
