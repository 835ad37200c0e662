"""Whether the catalogue's files on disk are whole and as stated: sizes, digests, end marks, counts, chromosomes."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, TextIO

from seq2exp.errors import SourceError
from seq2exp.sources.bigwig import bigwig_sizes
from seq2exp.sources.catalogue import Catalogue, CatalogueSource
from seq2exp.sources.catalogue_ledger import Ledger, Recorded, read_ledger
from seq2exp.sources.catalogue_state import FileState, State, one_state
from seq2exp.sources.twobit import twobit_sizes
from seq2exp.sources.wholeness import cut_off

CHROM_SIZES = "reference.chrom_sizes"
_TEXT = frozenset({"csv", "tsv", "bed", "narrowPeak"})
_SIZES: Mapping[str, Callable[[Path], dict[str, int]]] = MappingProxyType(
    {"bigWig": bigwig_sizes, "2bit": twobit_sizes}
)
"""Formats that name their chromosomes in the header."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one source."""

    id: str
    state: State
    path: Path
    problems: tuple[str, ...]
    """What is wrong; empty: nothing found."""
    checked: tuple[str, ...]
    """What was looked at and is as it should be."""

    def to_dict(self) -> dict[str, Any]:
        """For --json."""
        return {
            "id": self.id,
            "state": self.state,
            "path": str(self.path),
            "problems": list(self.problems),
            "checked": list(self.checked),
        }


Measure = Callable[[FileState], Recorded]
"""Digests of a file on disk; reads it through."""


def check(
    catalogue: Catalogue, files_dir: Path, *, measure: Measure | None = None, ids: tuple[str, ...] = ()
) -> tuple[Finding, ...]:
    """What of the catalogue is here, and whether it is whole and as stated.

    Parameters
    ----------
    measure
        Also read every file through and compare its digests; None: sizes, end marks, tables and headers alone.
    ids
        Only these sources; empty: all.

    Raises
    ------
    ManifestError
        An unknown id.
    DownloadError
        The ledger cannot be read.
    """
    ledger = read_ledger(files_dir)
    sources = tuple(catalogue.source(id) for id in ids) or tuple(catalogue.sources)
    lengths = chromosome_lengths(files_dir / catalogue.source(CHROM_SIZES).local_path)  # None: nothing to compare with
    return tuple(_finding(source, files_dir, ledger, lengths, measure) for source in sources)


def _finding(
    source: CatalogueSource,
    files_dir: Path,
    ledger: Ledger,
    lengths: Mapping[str, int] | None,
    measure: Measure | None,
) -> Finding:
    state = one_state(source, files_dir, ledger)
    problems = [] if state.problem is None else [state.problem]
    checked: list[str] = []
    if state.state == "present" and source.file.format != "folder":
        if state.expected_bytes is not None:
            checked.append("size")
        try:
            for what, problem in _looks(source, state, lengths, measure):
                (checked if problem is None else problems).append(what if problem is None else problem)
        except SourceError as error:
            problems.append(str(error))
    elif state.state == "present" and measure is not None:
        broken = _broken_in_folder(source, files_dir, ledger, measure)
        (problems.append(f"digests differ: {', '.join(broken)}") if broken else checked.append("digests"))
    return Finding(source.id, state.state, state.path, tuple(problems), tuple(checked))


def _looks(
    source: CatalogueSource, state: FileState, lengths: Mapping[str, int] | None, measure: Measure | None
) -> Iterator[tuple[str, str | None]]:
    """What is looked at, and what is wrong with it."""
    file = source.file
    cut = cut_off(state.path, file.format, file.compression, thorough=measure is not None)
    yield "start and end", cut
    if measure is not None:
        found = measure(state)
        yield "digests", _digest_problem(source, state, found)
    if cut is None and file.format in _SIZES and lengths is not None and file.assembly is None:
        yield "chromosomes", foreign_lengths(_SIZES[file.format](state.path), lengths)
    if cut is None and file.format in _TEXT and (source.content.counts or source.content.columns):
        yield "counts", count_problem(source, state.path)


def _digest_problem(source: CatalogueSource, state: FileState, found: Recorded) -> str | None:
    stated = source.file.checksum
    recorded = state.recorded
    for name, wanted, by in (
        ("md5", stated.md5, "the catalogue states"),
        ("sha256", stated.sha256, "the catalogue states"),
        ("md5", recorded and recorded.md5, "came at the first download:"),
        ("sha256", recorded and recorded.sha256, "came at the first download:"),
    ):
        if wanted is not None and getattr(found, name) != wanted:
            return f"{name} {getattr(found, name)} where {by} {wanted}"
    return None


def _broken_in_folder(source: CatalogueSource, files_dir: Path, ledger: Ledger, measure: Measure) -> list[str]:
    broken = []
    for name, recorded in sorted(ledger.folders[source.id].files.items()):
        path = files_dir / recorded.path
        found = measure(FileState(source.id, path, "present", recorded.size_bytes, recorded.size_bytes, recorded))
        if found.sha256 != recorded.sha256:
            broken.append(name)
    return broken


def chromosome_lengths(path: Path) -> dict[str, int] | None:
    """Chromosomes and their lengths in bp from a chrom.sizes file; None where it is not here.

    Raises
    ------
    SourceError
        It is here and is no such file.
    """
    if not path.is_file():
        return None
    lengths = {}
    with _opened(path, "none") as file:
        for number, line in enumerate(file, 1):
            name, _, length = line.strip().partition("\t")
            if not length.isdigit():
                raise SourceError(f"{path}: line {number}: found {line.strip()[:40]!r}; must be a name, a tab and bp")
            lengths[name] = int(length)
    return lengths


def foreign_lengths(found: Mapping[str, int], build: Mapping[str, int]) -> str | None:
    """Which chromosomes of a track the build does not have, or has at another length; None: all agree."""
    wrong = [
        f"{name} has {length:,} bp where the build has {build[name]:,}"
        for name, length in sorted(found.items())
        if build.get(name, length) != length
    ]
    if wrong:
        return "; ".join(wrong[:3]) + ": another assembly"
    if not any(name in build for name in found):
        return f"none of its chromosomes ({', '.join(sorted(found)[:3])} ...) is in the build: another naming"
    return None


def count_problem(source: CatalogueSource, path: Path) -> str | None:
    """Where the counts or columns of a text file differ from the catalogue's; None: nowhere.

    Raises
    ------
    SourceError
        It cannot be read as text.
    """
    wanted = source.content.counts
    found: Counter[str] = Counter({"rows": 0, "lines": 0, "bp": 0})
    distinct: dict[str, set[str]] = {key.split(" ", 1)[1]: set() for key in wanted if key.startswith("distinct ")}
    equal = [tuple(key.split("=", 1)) for key in wanted if "=" in key]
    headed = source.file.format in ("csv", "tsv") and "lines" not in wanted
    with _opened(path, source.file.compression) as file:
        rows = csv.reader(file, delimiter="," if source.file.format == "csv" else "\t")
        header = next(rows, []) if headed else []
        missing = [column for column in source.content.columns if column not in header]
        if headed and missing:
            return f"columns are missing: {', '.join(missing)}"
        for row in rows:
            if not row:
                continue
            found["lines"] += 1
            if row[0].startswith(("#", "track", "browser")):
                continue
            found["rows"] += 1
            if "bp" in wanted:
                found["bp"] += int(row[2]) - int(row[1])
            for column, value in equal:
                found[f"{column}={value}"] += _cell(row, header, column) == value
            for column, values in distinct.items():
                values.add(_cell(row, header, column))
    found.update({f"distinct {column}": len(values) for column, values in distinct.items()})
    wrong = [
        f"{key}: {found[key]:,} where {number:,} are stated" for key, number in wanted.items() if found[key] != number
    ]
    return "; ".join(wrong) or None


def _cell(row: list[str], header: list[str], column: str) -> str:
    place = int(column) - 1 if column.isdigit() else header.index(column) if column in header else len(row)
    return row[place] if place < len(row) else ""


@contextmanager
def _opened(path: Path, compression: str) -> Iterator[TextIO]:
    try:
        if compression == "none":
            with path.open(encoding="utf-8", newline="") as file:
                yield file
        else:
            with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
                yield file
    except (OSError, EOFError, UnicodeDecodeError, zlib.error, csv.Error, ValueError) as error:
        raise SourceError(f"{path}: cannot be read as a table ({error})") from error
