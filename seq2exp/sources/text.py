"""Lines of a text file, plain or gzip, with one clear error for every way such a file can be broken."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from seq2exp.errors import SourceError

_GZIP_MAGIC = b"\x1f\x8b"


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Line numbers (from 1) and lines of `path` without their ends, decompressed where it is gzip or bgzip.

    What the file is, is seen from its first bytes, not from its name.

    Raises
    ------
    SourceError
        Absent, truncated or corrupt file, or bytes that are not UTF-8 text.
    """
    number = 0
    try:
        with path.open("rb") as raw:
            compressed = raw.read(2) == _GZIP_MAGIC
        with gzip.open(path, "rt", encoding="utf-8") if compressed else path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                yield number, line.rstrip("\r\n")
    except FileNotFoundError as error:
        raise SourceError(f"{path}: no such file") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise SourceError(
            f"{path}: gzip data is truncated or corrupt after line {number} ({error}); fetch it again"
        ) from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: not a text file (byte {error.start} after line {number} is not UTF-8)") from error
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror or error})") from error


def malformed(path: Path, line_number: int, what: str) -> SourceError:
    """The error for a line that does not fit the format, naming file and line."""
    return SourceError(f"{path}, line {line_number}: {what}")
