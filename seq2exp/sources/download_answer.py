"""What the status of an answer is worth: go on, try again after a while, or never from this address."""

from __future__ import annotations

import requests
import urllib3
from urllib3.util import Retry

from seq2exp.sources.wholeness import FIRST_BYTES, is_page

_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that may be gone at the next try."""
_LONGEST_WAIT_S = 600.0
"""A server that asks for more patience than this is given up for now."""


class PassingError(Exception):
    """Worth another try of the same address."""

    def __init__(self, words: str, wait_s: float = 0.0) -> None:
        super().__init__(words)
        self.wait_s = wait_s


class RefusedError(Exception):
    """This address will not serve the file."""


def check_status(response: requests.Response) -> None:
    """Returns where data follow.

    Raises
    ------
    PassingError
        The server is busy, or a signed link has expired.
    RefusedError
        A page in place of data, no permission, or no such file.
    """
    status = response.status_code
    if status in (200, 206):
        return
    words = f"answered {status} {response.reason}"
    if status in _PASSING:
        raise PassingError(words, _asked_to_wait(response))
    page = is_page(response.raw.read(FIRST_BYTES, decode_content=True) or b"", response.headers.get("Content-Type"))
    html = page and "html" in response.headers.get("Content-Type", "html").lower()
    if status == 403 and response.history and not html:
        raise PassingError("redirected to a link that has expired")
    if html:
        words += " with a web page (a captcha or a login) in place of data: try later, or fetch it by hand"
    elif status in (401, 403):
        words += ": it asks for an account, or refuses this machine"
    elif status in (404, 410):
        words += ": the file is not there any more"
    raise RefusedError(words)


def _asked_to_wait(response: requests.Response) -> float:
    """Seconds by Retry-After, a number or a date."""
    asked = response.headers.get("Retry-After")
    if asked is None:
        return 0.0
    try:
        seconds = float(Retry().parse_retry_after(asked))
    except urllib3.exceptions.InvalidHeader:
        return 0.0
    if seconds > _LONGEST_WAIT_S:
        raise RefusedError(f"answered {response.status_code} and asks to come back in {seconds:,.0f} s")
    return seconds
