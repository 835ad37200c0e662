"""Size and digests of a file on disk, as the ledger holds them, and where they differ from the catalogue's."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from seq2exp.errors import DownloadError
from seq2exp.sources.catalogue import CatalogueSource
from seq2exp.sources.catalogue_ledger import Recorded
from seq2exp.sources.download_cancel import Cancel

_PIECE = 1 << 20


def now() -> str:
    """As the ledger writes it: UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def measure(path: Path, ledger_path: str, report: Callable[[int, int | None], None], cancel: Cancel) -> Recorded:
    """Size and digests of a file on disk, as the ledger holds them.

    Raises
    ------
    DownloadError
        It cannot be read.
    CancelledError
        `cancel` was set.
    """
    md5, sha256, size = hashlib.md5(usedforsecurity=False), hashlib.sha256(), 0
    try:
        total = path.stat().st_size
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                cancel.check()
                md5.update(piece)
                sha256.update(piece)
                size += len(piece)
                report(size, total)
    except OSError as error:
        raise DownloadError(f"{path}: cannot be read ({error.strerror})") from error
    return Recorded(path=ledger_path, size_bytes=size, md5=md5.hexdigest(), sha256=sha256.hexdigest(), when=now())


def against_stated(source: CatalogueSource, found: Recorded) -> str | None:
    """Where size or digests differ from the catalogue's, in words; None: nowhere."""
    stated = source.file
    if stated.size_bytes is not None and found.size_bytes != stated.size_bytes:
        return f"{found.size_bytes:,} bytes where the catalogue states {stated.size_bytes:,}"
    for name, one, other in (
        ("md5", stated.checksum.md5, found.md5),
        ("sha256", stated.checksum.sha256, found.sha256),
    ):
        if one is not None and one != other:
            return f"{name} {other} where the catalogue states {one}"
    return None
