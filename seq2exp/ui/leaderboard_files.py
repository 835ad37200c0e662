"""What the Leaderboard reads: tables of runs, mask benchmarks and CRISPRi benchmarks, and in words what it cannot."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import pandas as pd

from seq2exp.benchmark.crispri_model import DELETION, MASK
from seq2exp.benchmark.standings import MEASURED
from seq2exp.errors import Seq2ExpError, SourceError
from seq2exp.training.folder import BENCHMARK_FILE
from seq2exp.ui import catalogue
from seq2exp.ui.benchmark_view import read_benchmark

TABLES_VARIABLE = "SEQ2EXP_TABLES"
"""Folder of the tables, where it is not `.data/tables`."""
TableName = Literal["table1", "table2"]
T = TypeVar("T")

_NUMBERS = (*MEASURED, "n", "seed", "parameters", "minutes", "steps", "windows")
_WORDS = ("system", "cell_type", "dataset", "dataset_hash", "hardware")
_SHORT_HASH = 6


@dataclass(frozen=True, eq=False)
class Found(Generic[T]):
    """What was read, and each file that was not, in one line."""

    items: tuple[T, ...]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Board:
    """The runs of one table file on one data set: what may be averaged and drawn together."""

    file: Path
    runs: pd.DataFrame
    """One row per run and cell line."""

    @property
    def dataset(self) -> str:
        """Name of the data set."""
        return str(self.runs["dataset"].iloc[0])

    @property
    def hash(self) -> str:
        """Of the data set."""
        return str(self.runs["dataset_hash"].iloc[0])

    @property
    def synthetic(self) -> bool:
        """Whether nothing in it was measured."""
        return bool(self.runs["synthetic"].iloc[0])

    @property
    def cells(self) -> tuple[str, ...]:
        """Cell lines, in the order of the file."""
        return tuple(dict.fromkeys(self.runs["cell_type"]))

    @property
    def label(self) -> str:
        """As a picker shows it."""
        folder = self.file.parent
        where = "" if folder == tables_folder() else f" · {folder.name}"
        return f"{self.dataset} · {self.hash[:_SHORT_HASH]}{where}"


@dataclass(frozen=True, eq=False)
class MaskFound:
    """A mask benchmark beside a checkpoint."""

    name: str
    """Of the run or shipped checkpoint."""
    path: Path
    content: Mapping[str, Any]
    """As `benchmark mask` wrote it."""

    @property
    def data(self) -> tuple[str, str, str, str]:
        """What was scored on: data set, hash, part, cell types. Only equals are shown together."""
        return (*_named(self.content), str(self.content.get("part", "")), _cells(self.content))

    @property
    def label(self) -> str:
        """Name and short hash of the checkpoint."""
        return f"{self.name} · {str(self.content.get('checkpoint_hash', ''))[:_SHORT_HASH]}"


@dataclass(frozen=True, eq=False)
class CrispriFound:
    """A CRISPRi benchmark."""

    file: Path
    content: Mapping[str, Any]
    """As `benchmark crispri` wrote it, but for rows of untrained weights."""
    left_out: str = ""
    """Rows that are not shown and why; empty: all are."""

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One per predictor and group of pairs."""
        rows: list[dict[str, Any]] = self.content["rows"]
        return rows

    @property
    def label(self) -> str:
        """As a picker shows it."""
        what = self.content.get("dataset") or str(self.content["pairs_file"]).split(".")[0]
        return f"{self.file.stem} · {what} · {_cells(self.content)}"


def tables_folder() -> Path:
    """Where tables and CRISPRi benchmarks lie."""
    named = os.environ.get(TABLES_VARIABLE)
    return Path(named).expanduser() if named else catalogue.ROOT / ".data" / "tables"


def read_boards(table: TableName) -> Found[Board]:
    """Every ``<table>.parquet`` in the tables' folder and in the folders in it, split by data set."""
    folder = tables_folder()
    files = [*folder.glob(f"{table}.parquet"), *sorted(folder.glob(f"[!.]*/{table}.parquet"))]
    found = _each(files, lambda file: _boards(file, table))
    return Found(tuple(board for boards in found.items for board in boards), found.problems)


def read_masks() -> Found[MaskFound]:
    """The mask benchmark beside every run and shipped checkpoint; those of untrained weights are named, not shown."""
    runs = catalogue.run_paths()

    def read(path: Path) -> MaskFound | None:
        content = read_benchmark(path)
        if content is None:
            return None
        if content.get("trained") is not True:
            raise SourceError(f"{path / BENCHMARK_FILE}: left out: its weights are untrained, so it is no result")
        return MaskFound(next(name for name, known in runs.items() if known == path), path, content)

    found = _each(runs.values(), read)
    return Found(tuple(item for item in found.items if item is not None), found.problems)


def read_crispri() -> Found[CrispriFound]:
    """Every CRISPRi benchmark among the JSON files in the tables' folder; others are named."""
    return _each(sorted(tables_folder().glob("[!.]*.json")), _crispri)


def _each(files: Iterable[Path], read: Callable[[Path], T]) -> Found[T]:
    items, problems = [], []
    for file in files:
        try:
            items.append(read(file))
        except Seq2ExpError as error:
            problems.append(str(error))
    return Found(tuple(items), tuple(problems))


def _boards(file: Path, table: TableName) -> list[Board]:
    try:
        runs = pd.read_parquet(file)
        absent = [name for name in (*_WORDS, *_NUMBERS, "synthetic") if name not in runs]
        if absent:
            raise ValueError(f"columns {', '.join(absent)} are missing")
        runs[list(_NUMBERS)] = runs[list(_NUMBERS)].apply(pd.to_numeric)
        runs[list(_WORDS)] = runs[list(_WORDS)].astype(str)
        if runs.empty:
            raise ValueError("it holds no run")
        if runs[["seed", "n"]].isna().to_numpy().any():
            raise ValueError("a run without random state or number of genes")
        if runs["synthetic"].dtype != bool:
            raise ValueError("the column synthetic is not true or false")
    except (OSError, ValueError, TypeError) as error:  # pyarrow's own errors are ValueErrors
        reason = " ".join(str(error).split())
        raise SourceError(
            f"{file}: not a table of runs ({reason:.200}); make it with python -m seq2exp benchmark {table}"
        ) from error
    key = ["dataset_hash", "system", "seed", "cell_type"]
    twice = int(runs.duplicated(key).sum())
    if twice:
        raise SourceError(f"{file}: lists {twice} runs twice, which would count them as two; make it again")
    return [Board(file, own.reset_index(drop=True)) for _, own in runs.groupby("dataset_hash", sort=False)]


def _crispri(file: Path) -> CrispriFound:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # ValueError: not UTF-8, not JSON
        raise SourceError(f"{file}: cannot be read ({' '.join(str(error).split()):.200})") from error
    if not _is_crispri(content):
        raise SourceError(
            f"{file}: not a CRISPRi benchmark; make one with python -m seq2exp benchmark crispri --out FILE"
        )
    rows: list[dict[str, Any]] = content["rows"]
    shown = [row for row in rows if content.get("trained") is True or row["predictor"] not in (MASK, DELETION)]
    left_out = "" if len(shown) == len(rows) else f"{file}: mask and deletion are left out: the weights are untrained"
    return CrispriFound(file, {**content, "rows": shown}, left_out)


def _is_crispri(content: object) -> bool:
    if not isinstance(content, dict) or not isinstance(content.get("rows"), list):
        return False
    wanted = {"predictor", "kind", "stratum", "pairs", "positives", "scored"}
    return (
        isinstance(content.get("pairs_file"), str)
        and isinstance(content.get("cells"), list)
        and all(isinstance(content.get(key), int) for key in ("n_pairs", "n_genes"))
        and all(isinstance(row, dict) and wanted <= set(row) for row in content["rows"])
    )


def _named(content: Mapping[str, Any]) -> tuple[str, str]:
    return str(content.get("dataset", "")), str(content.get("dataset_hash", ""))


def _cells(content: Mapping[str, Any]) -> str:
    cells = content.get("cells")
    return " and ".join(map(str, cells)) if isinstance(cells, list) else ""
