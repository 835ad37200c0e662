"""A file on an HTTP server that is read by ranges and kept block by block on disk, so that it is read once.

Why not fsspec's ``blockcache``: it keeps which blocks are there in one index per process, written when a file is
closed, so that two processes undo each other and a killed one loses all; it trusts what a server sends (a captcha page
becomes data); its cache grows without bound; and its own words warn that HTTP gives it nothing to notice a changed file
by. `requests` fetches here, `remote_blocks` keeps.
"""

from __future__ import annotations

import io
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from seq2exp.errors import RemoteError
from seq2exp.sources.remote_blocks import BLOCK_BYTES, DEFAULT_LIMIT_BYTES, BlockStore
from seq2exp.sources.remote_http import Answer, Facts, Patience, RangeClient, shown

_AT_ONCE = 6
"""Requests under way to one file; browsers open as many connections to a server."""
_RUN_BLOCKS = 64
"""4 MiB a request at most, so that a broken one costs little."""
_IN_MEMORY_BLOCKS = 64
"""Blocks held in memory per file, 4 MiB: parsers read a few bytes at a time."""


def remote_cache_dir() -> Path:
    """Where blocks of remote files are kept: $SEQ2EXP_CACHE, else ~/.cache/seq2exp, there in ``remote``."""
    chosen = os.environ.get("SEQ2EXP_CACHE")
    return (Path(chosen) if chosen else Path.home() / ".cache" / "seq2exp") / "remote"


def is_offline() -> bool:
    """Whether $SEQ2EXP_OFFLINE forbids asking servers: what is cached still answers."""
    return os.environ.get("SEQ2EXP_OFFLINE", "") not in ("", "0")


@dataclass(frozen=True, slots=True)
class Traffic:
    """What came over the network."""

    moved_bytes: int = 0
    requests: int = 0

    def __add__(self, other: Traffic) -> Traffic:
        return Traffic(self.moved_bytes + other.moved_bytes, self.requests + other.requests)

    def __sub__(self, other: Traffic) -> Traffic:
        return Traffic(self.moved_bytes - other.moved_bytes, self.requests - other.requests)


class RemoteFile:
    """Random access to a file at an address; safe to share between threads.

    Blocks come from memory, else from disk, else from the server, neighbours in one request. What is on disk answers
    without the server being asked; the first request to it checks that the file is still the one the blocks came from.

    Parameters
    ----------
    url
        Stable address; a redirect to a signed link is resolved anew when the link expires.
    cache_dir
        Folder of the blocks, shared by all files.
    stated_size
        Bytes the file must have; None: unknown.
    normalisation_index
        Of a .hic file: position and length of its index of normalisations, where the manifest states it.
    offline
        Never ask the server: what is not cached is an error that names it.
    """

    def __init__(
        self,
        url: str,
        cache_dir: Path,
        *,
        stated_size: int | None = None,
        normalisation_index: tuple[int, int] | None = None,
        offline: bool = False,
        patience: Patience | None = None,
        limit_bytes: int = DEFAULT_LIMIT_BYTES,
    ) -> None:
        self.url = url
        self.stated_size = stated_size
        self.normalisation_index = normalisation_index
        self.offline = offline
        self.generation = 0
        """Raised when what was read is thrown away: what was parsed from it is void too."""
        self._patience = patience or Patience()
        self._client = RangeClient(url, self._patience)
        self._store = BlockStore(cache_dir, limit_bytes=limit_bytes)
        self._memory: OrderedDict[int, bytes] = OrderedDict()
        self._memory_lock = threading.Lock()
        self._fetching = threading.RLock()
        self._facts: Facts | None = None
        self._confirmed = False
        self._failed: tuple[float, str] | None = None
        self._companions: list[RemoteFile] = []

    def __str__(self) -> str:
        return shown(self.url)

    def __repr__(self) -> str:
        return f"RemoteFile({str(self)!r})"

    @property
    def name(self) -> str:
        """The last part of the address."""
        return str(self).rstrip("/").rsplit("/", 1)[-1]

    @property
    def size(self) -> int:
        """Bytes of the whole file. Raises RemoteError."""
        return self._known().size

    @property
    def traffic(self) -> Traffic:
        """What this file has moved so far, with those beside it."""
        own = Traffic(self._client.moved_bytes, self._client.n_requests)
        return sum((file.traffic for file in self._companions), own)

    def read_at(self, offset: int, length: int) -> bytes:
        """`length` bytes from `offset` on.

        Raises
        ------
        RemoteError
            They reach past the file's end, or could not be had.
        """
        if length <= 0:
            return b""
        if offset < 0 or offset + length > self.size:
            raise RemoteError(f"{self}: bytes {offset:,}-{offset + length:,} asked for, it has {self.size:,}")
        first, last = offset // BLOCK_BYTES, (offset + length - 1) // BLOCK_BYTES
        data = b"".join(self._blocks(range(first, last + 1)))
        return data[offset - first * BLOCK_BYTES :][:length]

    def prefetch(self, spans: Iterable[tuple[int, int]]) -> None:
        """Fetch ``(offset, length)`` stretches that will be read, several at once. Raises as `read_at`."""
        wanted: set[int] = set()
        for offset, length in spans:
            if length > 0:
                wanted.update(range(offset // BLOCK_BYTES, (min(offset + length, self.size) - 1) // BLOCK_BYTES + 1))
        self._fetch(sorted(wanted))

    def open(self) -> RemoteCursor:
        """A seekable binary file over it, for libraries that take one; not to be shared between threads."""
        return RemoteCursor(self)

    def beside(self, suffix: str) -> RemoteFile:
        """The file whose address is this one's with `suffix` at its end, in the same cache."""
        file = RemoteFile(
            f"{self.url}{suffix}",
            self._store.folder,
            offline=self.offline,
            patience=self._patience,
            limit_bytes=self._store.limit_bytes,
        )
        with self._memory_lock:
            self._companions.append(file)
        return file

    def ask_again(self) -> None:
        """Let the server be asked although it failed a moment ago."""
        self._failed = None

    def forget(self) -> None:
        """Throw away what is cached of it, as when it turns out to be no file of its format; it may be asked anew."""
        with self._fetching, self._memory_lock:
            self._memory.clear()
            self._store.forget(self.url)
            self._facts, self._confirmed = None, False
            self.generation += 1

    def close(self) -> None:
        """Let go of the connections; reading again opens new ones."""
        self._client.close()

    def _known(self) -> Facts:
        if self._facts is None:
            with self._fetching:
                if self._facts is None:
                    self._facts = self._store.facts(self.url)
                if self._facts is None:
                    self._ask(0, BLOCK_BYTES)
        assert self._facts is not None
        return self._facts

    def _blocks(self, wanted: Sequence[int]) -> list[bytes]:
        found = {index: self._at_hand(index) for index in wanted}
        absent = [index for index, data in found.items() if data is None]
        if absent:
            found |= self._fetch(absent)
        return [data for data in found.values() if data is not None]

    def _at_hand(self, index: int) -> bytes | None:
        with self._memory_lock:
            if index in self._memory:
                self._memory.move_to_end(index)
                return self._memory[index]
        data = self._store.get(self.url, self._known(), index)
        if data is not None:
            self._remember(index, data)
        return data

    def _remember(self, index: int, data: bytes) -> None:
        with self._memory_lock:
            self._memory[index] = data
            while len(self._memory) > _IN_MEMORY_BLOCKS:
                self._memory.popitem(last=False)

    def _fetch(self, wanted: Sequence[int]) -> dict[int, bytes]:
        """The blocks of `wanted` that another thread has not fetched meanwhile come from the server."""
        if not wanted:
            return {}
        with self._fetching:
            found = {index: data for index in wanted if (data := self._at_hand(index)) is not None}
            runs = _runs([index for index in wanted if index not in found])
            spans = [(run[0] * BLOCK_BYTES, (run[-1] + 1) * BLOCK_BYTES) for run in runs]
            if len(spans) == 1:
                found |= self._ask(*spans[0])
            elif spans:
                with ThreadPoolExecutor(min(_AT_ONCE, len(spans))) as pool:
                    for blocks in pool.map(lambda span: self._ask(*span), spans):
                        found |= blocks
            return {index: found[index] for index in wanted}

    def _ask(self, start: int, end: int) -> dict[int, bytes]:
        """The blocks between two multiples of the block size, from the server, kept on disk and in memory."""
        if self.offline:
            raise RemoteError(
                f"{self}: bytes {start:,}-{end:,} are not in the cache, and servers are not asked offline"
            )
        if self._failed is not None and time.monotonic() < self._failed[0]:
            raise RemoteError(self._failed[1])
        try:
            answer = self._client.get(start, end)
        except RemoteError as error:
            self._failed = (time.monotonic() + self._patience.grudge_s, str(error))
            raise
        self._failed = None
        facts = self._confirm(answer)
        blocks: dict[int, bytes] = {}
        for at in range(0, len(answer.data), BLOCK_BYTES):
            index = (answer.start + at) // BLOCK_BYTES
            blocks[index] = answer.data[at : at + BLOCK_BYTES]
            self._store.put(self.url, facts, index, blocks[index])
            self._remember(index, blocks[index])
        return blocks

    def _confirm(self, answer: Answer) -> Facts:
        """The state of the file, after making sure that it is the one known."""
        if self.stated_size is not None and answer.facts.size != self.stated_size:
            raise RemoteError(
                f"{self}: has {answer.facts.size:,} bytes, the manifest says {self.stated_size:,}; it is another file"
            )
        known = self._facts
        if known is not None and not known.is_same(answer.facts):
            self.forget_state(answer.facts)
            raise RemoteError(f"{self}: has changed on the server since parts of it were read; read it again")
        if known is None or not self._confirmed:
            self._facts = known or answer.facts
            self._store.keep_facts(self.url, self._facts)
            self._confirmed = True
        assert self._facts is not None
        return self._facts

    def forget_state(self, now: Facts) -> None:
        """Void what was read of the former state and go on with the file as it is now."""
        with self._memory_lock:
            self._memory.clear()
        self._facts, self._confirmed = now, True
        self._store.keep_facts(self.url, now)
        self.generation += 1


class RemoteCursor(io.RawIOBase):
    """A place in a `RemoteFile`, as a binary file."""

    def __init__(self, file: RemoteFile) -> None:
        super().__init__()
        self._file, self._at = file, 0
        self.problem: RemoteError | None = None
        """The last failure: libraries that call back may turn it into an error of their own."""

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """The place."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; as for any file."""
        base = 0 if whence == io.SEEK_SET else self._at if whence == io.SEEK_CUR else self._file.size
        if base + offset < 0:
            raise ValueError(f"{self._file}: cannot seek to {base + offset}")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer, as far as the file goes."""
        try:
            length = max(0, min(len(buffer), self._file.size - self._at))
            buffer[:length] = self._file.read_at(self._at, length)
        except RemoteError as error:
            self.problem = error
            raise
        self._at += length
        return length


Place: TypeAlias = Path | RemoteFile
"""Where a file's bytes are: on disk, or at an address."""


def _runs(indices: Sequence[int]) -> list[list[int]]:
    """Neighbouring blocks together, at most `_RUN_BLOCKS` each."""
    runs: list[list[int]] = []
    for index in sorted(indices):
        if runs and index == runs[-1][-1] + 1 and len(runs[-1]) < _RUN_BLOCKS:
            runs[-1].append(index)
        else:
            runs.append([index])
    return runs
