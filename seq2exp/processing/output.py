"""How a processing step writes its file, whole or not at all and the same bytes each time, and tells how far it is."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from seq2exp import files
from seq2exp.files import writable

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
    with writable(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as name:
            yield Path(name)


@contextmanager
def whole_text(path: Path) -> Iterator[TextIO]:
    """`files.whole_text`, whose refusals are for whoever chose ``path``.

    Raises
    ------
    SettingsError
        It cannot be written: no permission, no room; the message gives the system's reason.
    """
    with writable(path), files.whole_text(path) as text:
        yield text


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
