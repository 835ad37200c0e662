"""What the runs of a table predicted gene by gene: found in the runs' folders, and known to be those of the table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from seq2exp.benchmark.expression import MEASURES
from seq2exp.benchmark.oracle import oracle_of
from seq2exp.errors import Seq2ExpError, SourceError
from seq2exp.sources.dataset import Dataset
from seq2exp.training.config import read_config
from seq2exp.training.folder import CONFIG_FILE
from seq2exp.training.held_out import COLUMNS
from seq2exp.ui import cache, catalogue, inputs
from seq2exp.ui.leaderboard_files import Board
from seq2exp.ui.leaderboard_rows import title_of

SAME = 1e-6
"""Two figures of one run differ by less, relatively: a table is written from the very numbers that are kept."""


@dataclass(frozen=True)
class Predicted:
    """The kept predictions of one run on the test part."""

    system: str
    seed: int
    folder: Path
    """Of the run."""
    file: Path

    @property
    def label(self) -> str:
        """As a picker shows it."""
        return f"{title_of(self.system)}, random state {self.seed}"


def predictions_of(board: Board) -> dict[tuple[str, int], list[Predicted]]:
    """Files with predictions on the board's data, by system and random state; runs it does not list are left out."""
    listed = set(zip(board.runs["system"], board.runs["seed"].astype(int), strict=True))
    found: dict[tuple[str, int], list[Predicted]] = {}
    for file in sorted((catalogue.ROOT / ".data" / "runs").glob(f"[!.]*/test-{board.hash}-*.parquet")):
        key = _run_of(file.parent)
        if key in listed:
            found.setdefault(key, []).append(Predicted(*key, file.parent, file))
    return found


def windows_of(board: Board, candidates: list[Predicted]) -> tuple[Predicted, pd.DataFrame]:
    """Of the files of one run the one whose errors are those of the table, and its rows.

    Returns
    -------
    Predicted, pandas.DataFrame
        `seq2exp.training.held_out.COLUMNS`.

    Raises
    ------
    SourceError
        None can be read, or the run was trained anew since the table was made.
    """
    first = candidates[0]
    own = board.runs[(board.runs["system"] == first.system) & (board.runs["seed"] == first.seed)]
    stated = dict(zip(own["cell_type"], own["mse"], strict=True))
    problem = None
    for candidate in candidates:
        try:
            windows = _read(candidate.file)
        except SourceError as error:
            problem = error
            continue
        parts = {str(cell): part for cell, part in windows.groupby("cell_type")}
        if set(stated) <= set(parts) and all(
            math.isclose(_figure("mse", parts[cell]), mse, rel_tol=SAME) for cell, mse in stated.items()
        ):
            return candidate, windows
    raise problem or SourceError(
        f"{first.folder}: its predictions are not those of {board.file.name}: the run was trained anew since; "
        "make the table again"
    )


def open_dataset_of(board: Board) -> tuple[str, Dataset] | None:
    """The data set of the board by the name it has in the pickers; None where it is not among them."""
    known = inputs.known_datasets()
    for name, path in known.items():
        if cache.dataset_hash(path) == board.hash:
            try:
                return name, cache.dataset(path)
            except (Seq2ExpError, OSError):
                continue
    return None


def oracle_figures(opened: Dataset, windows: pd.DataFrame) -> dict[str, dict[str, float]]:
    """By cell type, what expression without its noise would score on ``windows``; empty where that is not known."""
    known = oracle_of(opened, list(zip(windows["gene_id"], windows["cell_type"], strict=True)))
    if known is None:
        return {}
    judged = windows.assign(predicted=known)
    return {str(cell): {key: _figure(key, part) for key in MEASURES} for cell, part in judged.groupby("cell_type")}


def agreement(windows: pd.DataFrame) -> Mapping[str, float]:
    """Pearson, Spearman and MSE of predicted and observed."""
    return {
        "Pearson": _figure("pearson", windows),
        "Spearman": _figure("spearman", windows),
        "MSE": _figure("mse", windows),
    }


def _figure(key: str, windows: pd.DataFrame) -> float:
    return MEASURES[key](windows["predicted"].to_numpy(float), windows["observed"].to_numpy(float))


def _read(file: Path) -> pd.DataFrame:
    try:
        windows = pd.read_parquet(file)
        absent = [name for name in COLUMNS if name not in windows]
        if absent:
            raise ValueError(f"columns {', '.join(absent)} are missing")
        return windows.astype({"predicted": np.float64, "observed": np.float64})
    except (OSError, ValueError, TypeError) as error:
        raise SourceError(f"{file}: not predictions of a run ({' '.join(str(error).split()):.200})") from error


def _run_of(folder: Path) -> tuple[str, int] | None:
    path = folder / CONFIG_FILE
    try:
        return _read_run(str(path), path.stat().st_mtime_ns)
    except (Seq2ExpError, OSError):  # the Training page tells what is wrong with it
        return None


@st.cache_data(max_entries=256, show_spinner=False)
def _read_run(path: str, changed_ns: int) -> tuple[str, int]:
    config = read_config(Path(path))
    return config.row.name, config.run.seed
