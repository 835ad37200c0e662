"""A training run's folder as the page reads it: whatever can be read, and in words what cannot."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import pandas as pd

from seq2exp.errors import Seq2ExpError, TrainingError
from seq2exp.training.config import TrainConfig, read_config
from seq2exp.training.folder import (
    CARD_FILE,
    CONFIG_FILE,
    FACTS_FILE,
    TRAIN_COLUMNS,
    TRAIN_FILE,
    VALID_COLUMNS,
    VALID_FILE,
    RunFolder,
)
from seq2exp.ui.text import finite

QUIET_S = 900
"""A run without a new row for this long has stopped; validation on a CPU takes minutes."""

_LONGEST_CARD = 100_000
_RECENT_ROWS = 50

State = Literal["finished", "running", "stopped"]
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Run:
    """One run, read at one moment."""

    path: Path
    facts: Mapping[str, Any]
    """run.json; empty where it cannot be read."""
    train: pd.DataFrame
    valid: pd.DataFrame
    config: TrainConfig | None
    quiet_s: float
    """Seconds since the newest row."""
    problems: tuple[str, ...]
    """Files that cannot be read, each in one line."""

    @property
    def state(self) -> State:
        """Finished, still writing, or fallen silent."""
        if self.facts.get("finished") is True:
            return "finished"
        return "running" if self.quiet_s < QUIET_S else "stopped"

    @property
    def step(self) -> int:
        """Updates done."""
        logged = [float(table["step"].max()) for table in (self.train, self.valid) if len(table)]
        known = [value for value in (*logged, self.number("step")) if value is not None and math.isfinite(value)]
        return int(max(known, default=0))

    @property
    def steps(self) -> int | None:
        """Updates in all."""
        if self.config is not None:
            return self.config.steps
        stated = self.number("steps")
        return None if stated is None else int(stated)

    @property
    def kept(self) -> pd.Series | None:
        """The row of valid.csv of the checkpoint that was kept; the lowest MSE where run.json does not say."""
        scored = self.valid[self.valid["mse"].notna() & self.valid["step"].notna()]
        if scored.empty:
            return None
        stated = scored[scored["step"] == self.number("best_step")]
        return stated.iloc[-1] if len(stated) else scored.iloc[int(scored["mse"].to_numpy().argmin())]

    @property
    def seconds_left(self) -> float | None:
        """At the pace of the last rows; None for a run that is over, or too young to tell."""
        recent = self.train.tail(_RECENT_ROWS)
        if self.state != "running" or self.steps is None or len(recent) < 2:
            return None
        first, last = recent.iloc[0], recent.iloc[-1]
        updates, seconds = last["step"] - first["step"], last["seconds"] - first["seconds"]
        if not (updates > 0 and seconds > 0):
            return None
        return float(max(self.steps - self.step, 0) * seconds / updates)

    def number(self, key: str) -> float | None:
        """A number among the facts; None where it is absent or something else."""
        return finite(self.facts.get(key))


def read_run(path: Path, *, now: float) -> Run:
    """The run in ``path``; never raises on what stands in its files.

    Parameters
    ----------
    now
        Seconds since the epoch.
    """
    folder, problems = RunFolder(path), list[str]()
    nothing = (
        pd.DataFrame(columns=list(TRAIN_COLUMNS), dtype=float),
        pd.DataFrame(columns=list(VALID_COLUMNS), dtype=float),
    )
    config_path = path / CONFIG_FILE
    if not any((path / name).is_file() for name in (CONFIG_FILE, FACTS_FILE, TRAIN_FILE, VALID_FILE)):
        problems.append(f"{path}: no run is here: it holds neither {CONFIG_FILE}, {FACTS_FILE} nor {TRAIN_FILE}")
    facts: dict[str, Any] = _attempt(folder.facts, {}, path / FACTS_FILE, problems)
    train, valid = _attempt(folder.curves, nothing, path / TRAIN_FILE, problems)
    config = _attempt(lambda: read_config(config_path), None, config_path, problems) if config_path.is_file() else None
    return Run(path, facts, train, valid, config, now - _newest(path), tuple(problems))


def read_card(path: Path) -> str | None:
    """The model card of the run in ``path``, cut at a length no card has; None without one.

    Raises
    ------
    TrainingError
        It cannot be read.
    """
    card = path / CARD_FILE
    if not card.is_file():
        return None
    try:
        with card.open(encoding="utf-8") as file:
            return file.read(_LONGEST_CARD)
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(f"{card}: cannot be read ({error})") from error


def _attempt(read: Callable[[], T], otherwise: T, path: Path, problems: list[str]) -> T:
    """What ``read`` gives, or ``otherwise`` with the reason added to ``problems``."""
    try:
        return read()
    except Seq2ExpError as error:
        problems.append(str(error))
    except (OSError, ValueError, TypeError) as error:  # JSON that is no mapping, a folder in a file's place
        problems.append(f"{path}: cannot be read ({' '.join(str(error).split())})")
    return otherwise


def _newest(path: Path) -> float:
    """When a curve was last written; 0 without one."""
    times = []
    for name in (TRAIN_FILE, VALID_FILE):
        try:
            times.append((path / name).stat().st_mtime)
        except OSError:
            continue
    return max(times, default=0.0)
