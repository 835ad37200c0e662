"""Ending a download from outside: between pieces, while waiting, and in the middle of a silent connection."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import requests


class CancelledError(Exception):
    """The user ended the download; what came is kept."""


class Cancel:
    """One per run, shared by its threads."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._open: set[requests.Response] = set()

    def set(self) -> None:
        """Ends everything; what came is kept."""
        self._event.set()
        with self._lock:
            for response in self._open:
                with suppress(OSError, RuntimeError, ValueError):
                    response.raw.shutdown()  # a read that waits for bytes returns at once

    def check(self) -> None:
        """Raises CancelledError once it is set."""
        if self._event.is_set():
            raise CancelledError

    def wait(self, seconds: float) -> None:
        """Sleeps; raises CancelledError as soon as it is set."""
        if self._event.wait(seconds):
            raise CancelledError

    @contextmanager
    def watching(self, response: requests.Response) -> Iterator[None]:
        """While this response is read, it can be ended."""
        with self._lock:
            self._open.add(response)
        try:
            self.check()
            yield
        finally:
            with self._lock:
                self._open.discard(response)
