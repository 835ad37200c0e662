"""A file server on 127.0.0.1 that behaves like the real ones: ranges, signed links that expire, and every way to fail.

with RangeServer(folder) as server:
    server.faults["a.bigWig"] = Fault(redirect=307, drop_after=1000, times=2)
    read(f"{server.url}/a.bigWig")
assert sum(request.sent for request in server.requests) < 2000
"""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

CAPTCHA = b"<!DOCTYPE html>\n<html><head><title>Human Verification</title></head><body>captcha</body></html>\n"
EXPIRED = b'<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>'
CHUNK = 4096


@dataclass(frozen=True)
class Fault:
    """How one path misbehaves; several fields at once are allowed. The defaults do nothing."""

    times: int | None = None
    """Only the first so many requests of the path (of its signed link, with redirect); None: all."""
    redirect: int | None = None
    """301, 302, 303, 307 or 308 to a signed link of the same server. Always applies, whatever `times`."""
    link_uses: int = 1
    """A signed link answers so many requests, then 403 as S3 does once it has expired."""
    status: int | None = None
    """An error with a short plain body: 404, 416, 429, 500, 503 ..."""
    retry_after: str | None = None
    """Retry-After sent with `status`."""
    captcha: int | None = None
    """An HTML page in place of the data, under this status: 200, 403, 405."""
    drop_after: int | None = None
    """The connection is cut after so many bytes of the body that was announced."""
    stall_after: int | None = None
    """So many bytes of the body, then silence until the client or the server goes."""
    pause: float = 0.0
    """Seconds before every piece of CHUNK bytes."""
    keep: int | None = None
    """The file is served as if it ended here: consistent headers, too short a file."""
    wrong_bytes: bool = False
    """Every byte of the body is inverted; sizes stay right."""
    no_ranges: bool = False
    """Range is ignored: 200 and the whole file."""
    wrong_range: bool = False
    """A 206 whose Content-Range starts one byte later than asked."""
    no_length: bool = False
    """No Content-Length: the body ends with the connection."""
    no_etag: bool = False
    """Neither ETag nor Last-Modified."""
    content_type: str | None = None


@dataclass
class Request:
    """One request as it came, and how many bytes of body went out for it."""

    method: str
    path: str
    """Decoded, without leading slash and query; of a signed link: the file's own path."""
    query: str
    range: str | None
    headers: dict[str, str]
    signed: bool = False
    status: int = 0
    sent: int = 0


@dataclass(frozen=True)
class Reply:
    """What a route answers."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


Route = Callable[[Request], Reply]


class RangeServer:
    """The files below `folder`, served while the context is open.

    Attributes
    ----------
    url
        ``http://127.0.0.1:PORT``, no slash at the end.
    requests
        Every request in order of arrival.
    faults
        Path without leading slash -> Fault.
    routes
        Path without leading slash -> function(Request) -> Reply, asked before the files.
    headers
        Path -> headers sent with the file besides the usual ones.
    together
        The largest number of bodies that were on their way at once.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.requests: list[Request] = []
        self.faults: dict[str, Fault] = {}
        self.routes: dict[str, Route] = {}
        self.headers: dict[str, dict[str, str]] = {}
        self.together = 0
        self.closing = threading.Event()
        self.lock = threading.Lock()
        self.links: dict[str, tuple[str, int]] = {}
        self.used: dict[str, tuple[Fault, int]] = {}
        self._under_way = 0
        self._sockets: set[socket.socket] = set()
        owner = self

        class Handler(_Handler):
            server_of = owner

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = False
        self._http.block_on_close = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._http.shutdown()
        self._thread.join()
        with self.lock:
            for connection in self._sockets:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self._http.server_close()  # joins the threads of all connections

    def sent(self, path: str) -> int:
        """Bytes of body that went out for one path, over all requests."""
        return sum(request.sent for request in self.requests if request.path == path)

    def ranges(self, path: str) -> list[str | None]:
        """The Range headers asked of one path by GET, in order; redirects are not among them."""
        return [
            request.range
            for request in self.requests
            if request.path == path and request.method == "GET" and not 300 <= request.status < 400
        ]

    @contextmanager
    def connected(self, connection: socket.socket) -> Iterator[None]:
        with self.lock:
            self._sockets.add(connection)
        try:
            yield
        finally:
            with self.lock:
                self._sockets.discard(connection)

    @contextmanager
    def on_its_way(self) -> Iterator[None]:
        with self.lock:
            self._under_way += 1
            self.together = max(self.together, self._under_way)
        try:
            yield
        finally:
            with self.lock:
                self._under_way -= 1

    def sign(self, path: str, uses: int) -> str:
        """The address of a new signed link to `path`."""
        with self.lock:
            token = f"{len(self.links):06d}"
            self.links[token] = (path, uses)
        return f"{self.url}/signed/{token}/{Path(path).name}?X-Amz-Expires=60"

    def spend(self, token: str) -> str | None:
        """The path behind a signed link that still holds; None once it has expired."""
        with self.lock:
            path, left = self.links.get(token, ("", 0))
            if left < 1:
                return None
            self.links[token] = (path, left - 1)
            return path

    def fault_of(self, path: str, *, count: bool) -> Fault:
        """The fault that this request of `path` meets."""
        fault = self.faults.get(path)
        if fault is None:
            return Fault()
        with self.lock:
            counted, used = self.used.get(path, (fault, 0))
            used = used if counted is fault else 0  # a new fault starts anew
            if count:
                self.used[path] = (fault, used + 1)
        if fault.times is not None and used >= fault.times:
            return Fault(redirect=fault.redirect, link_uses=fault.link_uses)
        return fault


class _Handler(BaseHTTPRequestHandler):
    server_of: RangeServer
    protocol_version = "HTTP/1.1"
    timeout = 30

    def handle(self) -> None:
        with self.server_of.connected(self.connection), suppress(ConnectionError, TimeoutError):
            super().handle()

    def finish(self) -> None:
        with suppress(ConnectionError):
            super().finish()

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        server = self.server_of
        parts = urlsplit(self.path)
        path = unquote(parts.path).lstrip("/")
        request = Request(self.command, path, parts.query, self.headers.get("Range"), dict(self.headers.items()))
        with server.lock:
            server.requests.append(request)
        if path in server.routes:
            reply = server.routes[path](request)
            return self._whole(request, reply.status, reply.body, reply.headers)
        if path.startswith("signed/"):
            request.signed = True
            behind = server.spend(path.split("/")[1])
            if behind is None:
                return self._whole(request, 403, EXPIRED, {"Content-Type": "application/xml"})
            request.path = path = behind
        redirect = server.faults.get(path, Fault()).redirect
        if redirect is not None and not request.signed:
            return self._whole(request, redirect, b"", {"Location": server.sign(path, server.faults[path].link_uses)})
        self._file(request, server.fault_of(path, count=self.command == "GET"))
        return None

    def _file(self, request: Request, fault: Fault) -> None:
        if fault.captcha is not None:
            return self._whole(request, fault.captcha, CAPTCHA, {"Content-Type": "text/html; charset=utf-8"})
        if fault.status is not None:
            after = {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
            return self._whole(request, fault.status, b"no\n", {"Content-Type": "text/plain", **after})
        root = self.server_of.folder.resolve()
        file = (root / request.path).resolve()
        if not file.is_relative_to(root) or not file.is_file():
            return self._whole(request, 404, b"not found\n", {"Content-Type": "text/plain"})
        body = file.read_bytes()[: fault.keep]
        headers = {"Content-Type": fault.content_type or "application/octet-stream"}
        etag = f'"{hashlib.sha1(body, usedforsecurity=False).hexdigest()}"'
        if not fault.no_etag:
            headers |= {"ETag": etag, "Last-Modified": formatdate(file.stat().st_mtime, usegmt=True)}
        headers |= self.server_of.headers.get(request.path, {})
        status, start, end = 200, 0, len(body)
        if not fault.no_ranges:
            headers["Accept-Ranges"] = "bytes"
            asked = self.headers.get("If-Range")
            holds = asked is None or asked in (headers.get("ETag"), headers.get("Last-Modified"))
            if request.range is not None and holds:
                found = _span(request.range, len(body))
                if found is None:
                    return self._whole(request, 416, b"", {"Content-Range": f"bytes */{len(body)}"})
                start, end = found
                status = 206
                shift = 1 if fault.wrong_range else 0
                headers["Content-Range"] = f"bytes {start + shift}-{end - 1}/{len(body)}"
        part = body[start:end]
        if fault.wrong_bytes:
            part = bytes(255 - byte for byte in part)
        return self._send(request, status, part, headers, fault)

    def _whole(self, request: Request, status: int, body: bytes, headers: dict[str, str]) -> None:
        self._send(request, status, body, headers, Fault())

    def _send(self, request: Request, status: int, body: bytes, headers: dict[str, str], fault: Fault) -> None:
        request.status = status
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if fault.no_length:
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if request.method == "HEAD":
            return
        stop = min((n for n in (fault.drop_after, fault.stall_after) if n is not None), default=len(body))
        with self.server_of.on_its_way():
            for first in range(0, min(stop, len(body)), CHUNK):
                if fault.pause and self.server_of.closing.wait(fault.pause):
                    break
                piece = body[first : min(first + CHUNK, stop)]
                request.sent += len(piece)  # before the client can have it and look
                self.wfile.write(piece)
            if stop < len(body):
                if fault.stall_after is not None:
                    self._until_somebody_goes()
                self.close_connection = True
                with suppress(OSError):
                    self.connection.shutdown(socket.SHUT_RDWR)

    def _until_somebody_goes(self) -> None:
        self.connection.settimeout(0.05)
        while not self.server_of.closing.is_set():
            try:
                if self.connection.recv(1) == b"":
                    return
            except TimeoutError:
                continue
            except OSError:
                return


def _span(value: str, size: int) -> tuple[int, int] | None:
    """Half-open span of a Range header over `size` bytes; None: cannot be satisfied. Of several ranges, the first."""
    first, _, last = value.removeprefix("bytes=").split(",")[0].strip().partition("-")
    if first == "":
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1 if last else size)
    return (start, end) if start < end else None
