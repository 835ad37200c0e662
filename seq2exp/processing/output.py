"""How a processing step writes its file, whole or not at all and the same bytes each time, and tells how far it is."""

from __future__ import annotations

import gzip
import io
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

from seq2exp.errors import SettingsError

Progress = Callable[[int, int, str], None]
"""Steps done, steps in all, and what is being done."""


@contextmanager
def scratch_beside(path: Path) -> Iterator[Path]:
    """An empty folder on the disk of ``path``, which need not be there; gone afterwards.

    Raises
    ------
    SettingsError
        Nothing can be written there.
    """
    with _writable(path), tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=_folder(path)) as name:
        yield Path(name)


@contextmanager
def whole_text(path: Path) -> Iterator[TextIO]:
    """A text file that becomes ``path`` when the block ends well and leaves nothing when it does not.

    Packed where the name ends in .gz, without time and name in the header: equal content gives equal bytes.

    Raises
    ------
    SettingsError
        It cannot be written: no permission, no room; the message gives the system's reason.
    """
    with _writable(path):
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=_folder(path))
        partial = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as raw:
                with _text(raw, packed=path.suffix == ".gz") as text:
                    yield text
                raw.flush()
                os.fsync(raw.fileno())
            partial.chmod(0o644)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


@contextmanager
def _text(raw: BinaryIO, *, packed: bool) -> Iterator[TextIO]:
    if packed:
        with (
            gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=raw, mtime=0) as inner,
            io.TextIOWrapper(inner, encoding="utf-8", newline="\n") as text,
        ):
            yield text
    else:
        plain = io.TextIOWrapper(raw, encoding="utf-8", newline="\n", write_through=True)
        yield plain
        plain.detach()


def _folder(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.parent


@contextmanager
def _writable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingsError(f"{path}: cannot be written: {reason}; free the disk or give another folder") from error


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A TSV with a header line; floats in their shortest exact form, whole ones without a point, NaN as NA."""
    with whole_text(path) as out:
        out.write("\t".join(columns) + "\n")
        for row in rows:
            out.write("\t".join(_cell(value) for value in row) + "\n")


def _cell(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    if value != value:
        return "NA"
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(float(value))
