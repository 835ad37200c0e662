"""One file over HTTP, whole and as stated or not at all: resumed, tried again, and refused where it is something else.

Requests and urllib3 do the HTTP. pooch is not used because it starts anew after every interruption, and the smallest
of the large files here takes minutes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import requests
import urllib3
from urllib3.util import Retry

from seq2exp import __version__
from seq2exp.errors import DownloadError
from seq2exp.sources.catalogue_ledger import Recorded
from seq2exp.sources.catalogue_measure import now
from seq2exp.sources.download_answer import PassingError, RefusedError, check_status
from seq2exp.sources.download_cancel import Cancel
from seq2exp.sources.download_part import Origin, Part
from seq2exp.sources.wholeness import FIRST_BYTES, cut_off, foreign_start, is_page

USER_AGENT = f"seq2exp/{__version__} {requests.utils.default_user_agent()}"
"""An honest client name: portals refuse faked browser names (data-sources.md 12.1)."""

_PIECE = 1 << 16
_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)$")
Report = Callable[[int, int | None], None]
"""Called with the bytes that are here and the bytes there will be, None where the server does not say."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to fetch."""

    id: str
    addresses: tuple[str, ...]
    """In order of preference; each is asked anew at every try, for the links behind it expire."""
    target: Path
    file_format: str
    compression: str = "none"
    size_bytes: int | None = None
    """As stated; None: not known."""
    md5: str | None = None
    sha256: str | None = None
    recorded: Recorded | None = None
    """What came at the first download; None: this is the first, or a change is accepted."""
    ledger_path: str = ""
    """Its path in the ledger."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How servers are treated."""

    retries: int = 6
    """Further tries of an address in a row that bring nothing new."""
    timeout_s: float = 60.0
    """Without a byte."""
    back_off_s: float = 0.5
    """Before the third try; doubled before each further one, at most a minute."""


def fetch(wanted: Wanted, manner: Manner, report: Report, cancel: Cancel) -> Recorded:
    """The file at `wanted.target`, whole; what an earlier call left half-done is resumed.

    Returns
    -------
    Recorded
        What came, for the ledger.

    Raises
    ------
    DownloadError
        No address served it as stated, or the disk is full. Its .part stays if it can be resumed.
    CancelledError
        `cancel` was set.
    """
    problems: list[str] = []
    with Part(wanted.target) as part, requests.Session() as session:
        session.headers.update({"User-Agent": USER_AGENT, "Accept-Encoding": "identity", "Accept": "*/*"})
        fetching = _Fetch(wanted, manner, part, session, report, cancel)
        for address in wanted.addresses:
            try:
                return fetching.from_address(address)
            except RefusedError as error:
                problems.append(f"{address} {error}")
        kept = f"; {part.size:,} bytes are kept and resumed by the same command" if part.size else ""
    raise DownloadError(f"{wanted.id}: {'; '.join(problems)}{kept}")


@dataclass(frozen=True, slots=True)
class _Fetch:
    """What all tries of one file share."""

    wanted: Wanted
    manner: Manner
    part: Part
    session: requests.Session
    report: Report
    cancel: Cancel

    def from_address(self, address: str) -> Recorded:
        """The whole file from one address, in as many tries as it takes."""
        wanted, part = self.wanted, self.part
        fresh = Retry(total=self.manner.retries, backoff_factor=self.manner.back_off_s, backoff_max=60)
        retry, furthest, restarted = fresh, part.size, False
        while True:
            self.cancel.check()
            try:
                resumed = self.one_try(address)
                problem = not_as_stated(wanted, part)
                if problem is None:
                    part.finish()
                    return as_recorded(wanted, part, address)
                part.start_anew(Origin(address=address))
                if not resumed or restarted:
                    raise RefusedError(f"sent a wrong file: {problem}")
                restarted, furthest = True, 0  # two states of the file may have been mixed: once more from the start
            except PassingError as error:
                if part.size > furthest:
                    retry, furthest = fresh, part.size
                try:
                    retry = retry.increment("GET", address)
                except urllib3.exceptions.MaxRetryError:
                    raise RefusedError(f"{error} ({self.manner.retries + 1} tries)") from error
                self.cancel.wait(max(error.wait_s, retry.get_backoff_time()))

    def one_try(self, address: str) -> bool:
        """Fetches what is missing; returns whether earlier bytes were kept."""
        headers = _range_headers(address, self.wanted, self.part)
        patience = (min(30.0, self.manner.timeout_s), self.manner.timeout_s)
        try:
            with self.session.get(address, headers=headers, stream=True, timeout=patience) as response:
                resumed = _prepare(response, address, self.wanted, self.part, asked=bool(headers))
                if resumed is None:
                    return True
                with self.cancel.watching(response):
                    _read(response, self.wanted, self.part, self.report, self.cancel)
                return resumed
        except requests.exceptions.SSLError as error:
            raise RefusedError(f"cannot be trusted: {_reason(error)}") from error
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
            raise PassingError(f"cannot be reached: {_reason(error)}") from error
        except requests.RequestException as error:
            raise RefusedError(f"cannot be asked: {_reason(error)}") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise PassingError(f"broke off at byte {self.part.size:,}: {_reason(error)}") from error


def _range_headers(address: str, wanted: Wanted, part: Part) -> dict[str, str]:
    """Asks for what is missing: only of the same address, and only where a change upstream would show."""
    if part.size == 0 or part.origin is None or part.origin.address != address:
        return {}
    span = {"Range": f"bytes={part.size}-"}
    if part.origin.validator is not None:
        return {**span, "If-Range": part.origin.validator}
    return span if wanted.md5 or wanted.sha256 or wanted.recorded else {}


def _prepare(response: requests.Response, address: str, wanted: Wanted, part: Part, *, asked: bool) -> bool | None:
    """Judges status and headers and sets the .part to where the body goes on.

    Returns True where earlier bytes are kept, False where it starts anew, None where nothing is missing.
    """
    content_range = _CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
    if asked and response.status_code == 416 and content_range and content_range[3] == str(part.size):
        return None
    if asked and response.status_code == 416:
        part.start_anew(Origin(address=address))
        raise PassingError("has another length than before")
    check_status(response)
    if is_page(b"", response.headers.get("Content-Type")):
        raise RefusedError("sent a web page where data were expected, such as a captcha or a login; try later")
    squeezed = response.headers.get("Content-Encoding", "identity")
    if squeezed != "identity" and wanted.compression == "none" and wanted.file_format not in ("bam", "zip", "xlsx"):
        raise RefusedError(f"sent it with Content-Encoding {squeezed} although asked not to")
    length = response.headers.get("Content-Length")
    size = None if length is None else int(length)
    start = 0
    if response.status_code == 206:
        if content_range is None or content_range[1] is None:
            raise RefusedError(f"sent a part without saying which ({response.headers.get('Content-Range')!r})")
        start = int(content_range[1])
        size = None if content_range[3] == "*" else int(content_range[3])
        if start != part.size:
            part.start_anew(Origin(address=address))
            raise PassingError(f"sent bytes from {start:,} on, not from where it was asked")
    origin = Origin(
        address=address,
        etag=response.headers.get("ETag"),
        last_modified=response.headers.get("Last-Modified"),
        size_bytes=size,
    )
    _check_size(size, wanted, part)
    if start > 0 and part.origin is not None and part.origin.differs(origin):
        part.start_anew(Origin(address=address))
        raise PassingError("changed upstream since the first part came")
    known = wanted.size_bytes or wanted.md5 or wanted.sha256
    if size is None and not known and response.headers.get("Transfer-Encoding", "").lower() != "chunked":
        raise RefusedError("does not say how long the file is, so that nobody can tell whether all of it came")
    if start == 0:
        part.start_anew(origin)
    if size is not None:
        part.require_room(size - start)
    return start > 0


def _check_size(size: int | None, wanted: Wanted, part: Part) -> None:
    if size is None:
        return
    if wanted.size_bytes is not None and size != wanted.size_bytes:
        raise RefusedError(f"announces {size:,} bytes where the catalogue states {wanted.size_bytes:,}")
    if wanted.recorded is not None and size != wanted.recorded.size_bytes:
        raise RefusedError(f"announces {size:,} bytes where {_first_time(wanted.recorded)}")
    if size == 0:
        raise RefusedError("announces an empty file")


def _read(response: requests.Response, wanted: Wanted, part: Part, report: Report, cancel: Cancel) -> None:
    total = part.origin.size_bytes if part.origin is not None else None
    total = total if total is not None else wanted.size_bytes
    first = b""
    report(part.size, total)
    while piece := response.raw.read1(_PIECE, decode_content=False):
        if part.size == 0:
            first += piece
            if len(first) < FIRST_BYTES:
                continue
            piece, first = first, b""
            _check_start(piece, wanted)
        part.append(piece)
        report(part.size, total)
        if total is not None and part.size > total:
            part.start_anew(Origin(address=""))
            raise RefusedError(f"sent more than the {total:,} bytes it announced")
        cancel.check()
    if first:
        _check_start(first, wanted)
        part.append(first)
        report(part.size, total)
    if total is not None and part.size < total:
        raise PassingError(f"broke off at byte {part.size:,} of {total:,}")


def _check_start(start: bytes, wanted: Wanted) -> None:
    problem = foreign_start(start[:FIRST_BYTES], wanted.file_format, wanted.compression)
    if problem is not None:
        raise RefusedError(f"sent something else than {wanted.file_format}: {problem}")


def not_as_stated(wanted: Wanted, part: Part) -> str | None:
    """What speaks against the bytes that came, in words; None: nothing.

    Size and digests of the catalogue, those of the first download, and the end marks of the format.
    """
    if wanted.size_bytes is not None and part.size != wanted.size_bytes:
        return f"{part.size:,} bytes where the catalogue states {wanted.size_bytes:,}"
    for name, stated, found in (("md5", wanted.md5, part.md5), ("sha256", wanted.sha256, part.sha256)):
        if stated is not None and found != stated:
            return f"{name} {found} where the catalogue states {stated}"
    if wanted.recorded is not None and part.sha256 != wanted.recorded.sha256:
        return f"sha256 {part.sha256} where {_first_time(wanted.recorded)}"
    # a zip file ends with its table of contents, and its members are checked as they are unpacked
    proven = wanted.md5 or wanted.sha256 or wanted.recorded or wanted.file_format == "zip"
    problem = cut_off(part.path, wanted.file_format, wanted.compression, thorough=not proven)
    return None if problem is None else f"not whole: {problem}"


def _first_time(recorded: Recorded) -> str:
    return (
        f"{recorded.size_bytes:,} bytes of sha256 {recorded.sha256} came on {recorded.when}; if upstream was changed "
        f"on purpose, take the new file with --accept-changed"
    )


def as_recorded(wanted: Wanted, part: Part, address: str | None) -> Recorded:
    """The ledger's entry of a part that is whole."""
    origin = part.origin
    return Recorded(
        path=wanted.ledger_path,
        size_bytes=part.size,
        md5=part.md5,
        sha256=part.sha256,
        url=address,
        etag=None if origin is None else origin.etag,
        last_modified=None if origin is None else origin.last_modified,
        when=now(),
    )


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
