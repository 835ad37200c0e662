"""One stretch of bytes from an HTTP server: redirects, retries, and the refusal of whatever is not the file."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
import urllib3

from seq2exp.errors import RemoteError
from seq2exp.sources.wholeness import FIRST_BYTES, is_page

USER_AGENT = "seq2exp"
"""An honest client name: portals refuse faked browser names (data-sources.md 12.1)."""

WHOLE_LIMIT = 8 * 2**20
"""A server without ranges may send a file up to this many bytes whole; a larger one is refused."""

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)$")
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that may be gone at the next try."""
_PIECE = 2**16


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server is waited for, in seconds."""

    connect_s: float = 5.0
    silence_s: float = 20.0
    """Without a byte."""
    whole_s: float = 120.0
    """For one answer, however slowly its bytes trickle."""
    tries: int = 3
    back_off_s: float = 0.5
    """Before the second try; doubled before each further one."""
    grudge_s: float = 20.0
    """After a failure the file is not asked for again for so long: the same words come back at once."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What tells one state of a remote file from another."""

    size: int
    etag: str | None
    modified: str | None

    def is_same(self, other: Facts) -> bool:
        """Whether nothing speaks for a change: mirrors behind one name may give a file several ETags."""
        if self.size != other.size:
            return False
        pairs = [(self.etag, other.etag), (self.modified, other.modified)]
        known = [one == another for one, another in pairs if one is not None and another is not None]
        return any(known) or not known


@dataclass(frozen=True, slots=True)
class Answer:
    """Bytes ``start`` to ``start + len(data)`` of the file."""

    start: int
    data: bytes
    facts: Facts


class _PassingError(Exception):
    """Worth another try."""

    def __init__(self, words: str, wait_s: float = 0.0) -> None:
        super().__init__(words)
        self.wait_s = wait_s


class RangeClient:
    """Asks for ranges of one address; safe to share between threads.

    A redirect is followed once and its target remembered, so that later ranges cost one round trip; when that link no
    longer serves, as signed links do after a while, the stated address is asked again.
    """

    def __init__(self, url: str, patience: Patience) -> None:
        self.url = url
        self.patience = patience
        self.moved_bytes = 0
        """Bytes of bodies that came in, those of failed tries included."""
        self.n_requests = 0
        """Requests sent; a redirect and its target count as two."""
        self._link: str | None = None
        self._counting = threading.Lock()
        self._session = requests.Session()
        # "identity": a server that packs the answer would count other bytes than the file's.
        self._session.headers.update({"User-Agent": USER_AGENT, "Accept-Encoding": "identity"})

    def close(self) -> None:
        """Let go of the connections."""
        self._session.close()

    def get(self, start: int, end: int) -> Answer:
        """Bytes ``start`` to ``end - 1``, fewer where the file ends before; all of a small file without ranges.

        Raises
        ------
        RemoteError
            The server is away, refuses, is too slow, or sends something else than this part of a file.
        """
        words = ""
        for attempt in range(self.patience.tries):
            if attempt:
                time.sleep(self.patience.back_off_s * 2 ** (attempt - 1))
            try:
                return self._once(start, end)
            except _PassingError as passing:
                words = str(passing)
                if attempt + 1 < self.patience.tries:
                    time.sleep(min(passing.wait_s, self.patience.silence_s))
        raise self._error(f"{words} ({self.patience.tries} tries)")

    def _error(self, words: str) -> RemoteError:
        return RemoteError(f"{shown(self.url)}: {words}")

    def _once(self, start: int, end: int) -> Answer:
        link = self._link
        if link is not None:
            try:
                return self._ask(link, start, end)
            except (_PassingError, RemoteError):
                self._link = None  # expired or gone: the stated address knows where the file is now
        return self._ask(self.url, start, end)

    def _ask(self, address: str, start: int, end: int) -> Answer:
        patience = self.patience
        try:
            with self._session.get(
                address,
                headers={"Range": f"bytes={start}-{end - 1}"},
                stream=True,
                timeout=(patience.connect_s, patience.silence_s),
            ) as response:
                self._count(requests_sent=1 + len(response.history))
                facts, first, length = self._accept(response, start, end)
                data = self._body(response, length)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise _PassingError(f"{_why(error)} {urlsplit(address).hostname}") from error
        if response.history:
            self._link = response.url
        if is_page(data[:FIRST_BYTES]):
            raise self._error("the server sent a web page instead of the file")
        return Answer(first, data, facts)

    def _accept(self, response: requests.Response, start: int, end: int) -> tuple[Facts, int, int]:
        """What the file is, where the body starts in it and how long it must be; an error for any other answer."""
        status, headers = response.status_code, response.headers
        page = is_page(b"", headers.get("Content-Type"))
        if status in _PASSING:
            wait = headers.get("Retry-After", "")
            raise _PassingError(f"answers {status} {response.reason}", float(wait) if wait.isdigit() else 0.0)
        if status not in (200, 206) or page:
            told = " with a web page" if page else ""
            raise self._error(f"answers {status} {response.reason}{told} instead of the file")
        if headers.get("Content-Encoding", "identity") != "identity":
            raise self._error(f"sends the file packed as {headers['Content-Encoding']}; parts of it cannot be told")
        etag, modified = headers.get("ETag"), headers.get("Last-Modified")
        if status == 206:
            found = _CONTENT_RANGE.match(headers.get("Content-Range", ""))
            first, last, size = (int(part) for part in found.groups()) if found else (-1, -1, -1)
            if first != start or last != min(end, size) - 1:
                sent = headers.get("Content-Range", "no range")
                raise self._error(f"asked for bytes {start}-{end - 1}, the server sent {sent!r:.60}")
            return Facts(size, etag, modified), start, last + 1 - first
        stated = headers.get("Content-Length", "")
        if not stated.isdigit() or int(stated) > WHOLE_LIMIT:
            raise self._error(
                f"the server does not serve parts of files ({stated or 'unknown'} bytes whole); fetch the file itself"
            )
        return Facts(int(stated), etag, modified), 0, int(stated)

    def _body(self, response: requests.Response, length: int) -> bytes:
        deadline = time.monotonic() + self.patience.whole_s
        pieces: list[bytes] = []
        found = 0
        while found <= length:
            piece = response.raw.read1(_PIECE, decode_content=False)
            if not piece:
                break
            pieces.append(piece)
            found += len(piece)
            self._count(moved_bytes=len(piece))
            if time.monotonic() > deadline:
                raise _PassingError(f"sent {found:,} of {length:,} bytes in {self.patience.whole_s:.0f} s")
        if found != length:
            raise _PassingError(f"sent {found:,} of {length:,} bytes")
        return b"".join(pieces)

    def _count(self, *, requests_sent: int = 0, moved_bytes: int = 0) -> None:
        with self._counting:
            self.n_requests += requests_sent
            self.moved_bytes += moved_bytes


def shown(url: str) -> str:
    """The address without what follows a question mark, which may hold a signature."""
    return urlsplit(url)._replace(query="", fragment="").geturl()


def _why(error: Exception) -> str:
    if isinstance(error, (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)):
        return "no answer in time from"
    if isinstance(error, requests.TooManyRedirects):
        return "redirects without end from"
    if isinstance(error, (requests.exceptions.InvalidSchema, requests.exceptions.InvalidURL)):
        return "not an address that can be read:"
    return "the connection failed or was cut by"
