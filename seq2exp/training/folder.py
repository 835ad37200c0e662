"""A run's folder: what it was told, what it measured, what it learned; written by the loop, read by card and page."""

from __future__ import annotations

import csv
import json
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import yaml

from seq2exp import __version__
from seq2exp.errors import TrainingError
from seq2exp.files import remove_partials, whole_file, write_whole
from seq2exp.training.config import TrainConfig, write_config

CONFIG_FILE, FACTS_FILE, STATE_FILE, CHECKPOINT_FOLDER = "config.yaml", "run.json", "last.ckpt", "checkpoint"
TRAIN_FILE, VALID_FILE, CARD_FILE, BENCHMARK_FILE = "train.csv", "valid.csv", "card.md", "benchmark.json"
LOCK_FILE = ".lock"
TRAIN_COLUMNS = (
    "step", "seconds", "learning_rate", "loss", "expression", "kl", "kl_weight", "tracks", "mask_ratio",
    "gradient_norm", "wait_share",
)  # fmt: skip
"""A row is the mean over the updates since the row before and over all processes, but for learning_rate and kl_weight,
which are the last update's. mask_ratio is outside the promoter centre, 0..1; gradient_norm is before clipping;
wait_share is the part of the updates' time spent waiting for windows."""
VALID_COLUMNS = ("step", "seconds", "mse", "mae", "pearson", "spearman", "mask_ratio", "mask_ratio_total", "n")


@dataclass(frozen=True)
class RunFolder:
    """Paths of one run."""

    path: Path

    @property
    def state(self) -> Path:
        """Everything a killed run goes on from."""
        return self.path / STATE_FILE

    @property
    def checkpoint(self) -> Path:
        """The network with the lowest validation MSE so far; once its signal path answers, the network with it."""
        return self.path / CHECKPOINT_FOLDER

    def facts(self) -> dict[str, Any]:
        """What run.json holds; empty where there is none."""
        try:
            content = json.loads((self.path / FACTS_FILE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise TrainingError(f"{self.path / FACTS_FILE}: cannot be read ({error})") from error
        return dict(content)

    def write_facts(self, facts: Mapping[str, Any]) -> None:
        """Replace run.json in one step."""
        write_whole(self.path / FACTS_FILE, (json.dumps(dict(facts), indent=2) + "\n").encode())

    def curves(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """train.csv and valid.csv; empty tables where nothing was logged yet."""
        return _curve(self.path / TRAIN_FILE, TRAIN_COLUMNS), _curve(self.path / VALID_FILE, VALID_COLUMNS)


def _curve(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    if not path.is_file():
        return pd.DataFrame(columns=list(columns), dtype=float)
    try:
        table = pd.read_csv(path, float_precision="round_trip")
        absent = sorted(set(columns) - set(table.columns))
        if absent:
            raise ValueError(f"columns {', '.join(absent)} are missing")
        return table.astype(float)
    except ValueError as error:
        raise TrainingError(f"{path}: not a table of this program ({' '.join(str(error).split())})") from error


def open_folder(root: Path, config: TrainConfig) -> RunFolder:
    """The folder of the run ``config`` below ``root``: made, or found from an earlier start of the same run.

    Raises
    ------
    TrainingError
        It holds a run with another configuration, or cannot be written.
    """
    folder = RunFolder(root / config.name)
    path = folder.path / CONFIG_FILE
    if path.is_file():
        try:
            found = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise TrainingError(
                f"{path}: cannot be read ({' '.join(str(error).split())}); give another name or --out, or remove "
                f"{folder.path}"
            ) from error
        wanted = config.to_dict()
        if found != wanted:
            raise TrainingError(
                f"{folder.path}: holds a run with another configuration ({_difference(found, wanted)}); "
                "give another name or --out, or remove the folder"
            )
    else:
        try:
            folder.path.mkdir(parents=True, exist_ok=True)
            write_config(config, path)
        except OSError as error:
            raise TrainingError(f"{folder.path}: cannot be written ({error.strerror}); give another --out") from error
    previous = folder.path / f"{CHECKPOINT_FOLDER}.previous"
    if previous.is_dir() and not folder.checkpoint.is_dir():  # killed between two renames
        previous.rename(folder.checkpoint)
    return folder


def _difference(found: Any, wanted: Mapping[str, Any]) -> str:
    """The first few keys in which two configurations differ."""
    if not isinstance(found, dict):
        return "not a configuration"
    differing = []
    for section, values in wanted.items():
        there = found.get(section)
        if isinstance(values, dict) and isinstance(there, dict):
            differing += [
                f"{section}.{key} {there.get(key)!r}, now {values.get(key)!r}"
                for key in sorted({*values, *there})
                if there.get(key) != values.get(key)
            ]
        elif there != values:
            differing.append(f"{section} {there!r}, now {values!r}")
    return ", ".join(differing[:3]) + (f" and {len(differing) - 3} more" if len(differing) > 3 else "")


@contextmanager
def locked(folder: RunFolder) -> Iterator[None]:
    """Hold the folder for this process; the system lets go of it however the process ends.

    Raises
    ------
    TrainingError
        Another process holds it.
    """
    try:
        import fcntl
    except ImportError:  # no such locks on Windows
        yield
        return
    with (folder.path / LOCK_FILE).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise TrainingError(
                f"{folder.path}: another process is writing this run; wait for it, stop it, or give another name"
            ) from error
        for name in (STATE_FILE, FACTS_FILE, TRAIN_FILE, VALID_FILE):  # written under this lock alone
            remove_partials(folder.path, name)
        yield


def refuse_full_disk(folder: RunFolder, needed: int) -> None:
    """Refuse a disk on which ``needed`` bytes cannot be written."""
    free = shutil.disk_usage(folder.path).free
    if free < needed:
        raise TrainingError(
            f"{folder.path}: saved states and checkpoint take up to {needed / 1e9:.2f} GB, free are {free / 1e9:.2f}; "
            "free some space or give another --out"
        )


class Curves:
    """Appends rows to train.csv and valid.csv; on a fresh start from ``step`` later rows are cut off."""

    def __init__(self, folder: RunFolder, *, step: int) -> None:
        self.folder = folder
        for name, columns in ((TRAIN_FILE, TRAIN_COLUMNS), (VALID_FILE, VALID_COLUMNS)):
            path = folder.path / name
            _drop_torn_row(path)
            table = _curve(path, columns)
            kept = table[table["step"] <= step]
            rows = [[_number(value) for value in row] for row in kept[list(columns)].to_numpy()]
            with whole_file(path) as partial, partial.open("w", newline="", encoding="utf-8") as out:
                csv.writer(out).writerows([list(columns), *rows])

    def train(self, row: Mapping[str, float | None]) -> None:
        """Add a row to train.csv."""
        self._append(TRAIN_FILE, TRAIN_COLUMNS, row)

    def valid(self, row: Mapping[str, float | None]) -> None:
        """Add a row to valid.csv."""
        self._append(VALID_FILE, VALID_COLUMNS, row)

    def _append(self, name: str, columns: Sequence[str], row: Mapping[str, float | None]) -> None:
        with (self.folder.path / name).open("a", newline="", encoding="utf-8") as out:
            csv.writer(out).writerow([_number(row[column]) for column in columns])


def _drop_torn_row(path: Path) -> None:
    """Cut off a last row that a full disk or a kill left without its end."""
    if path.is_file():
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            path.write_bytes(content[:whole])
        if not whole:
            path.unlink()


def _number(value: float | None) -> str:
    """Shortest exact text of a number; whole ones without a point, empty where there is none."""
    if value is None or value != value:
        return ""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))


def replace_checkpoint(folder: RunFolder, partial: Path) -> None:
    """Put the finished checkpoint ``partial`` in the place of the run's; one of the two is whole at any moment."""
    previous = folder.path / f"{CHECKPOINT_FOLDER}.previous"
    shutil.rmtree(previous, ignore_errors=True)
    if folder.checkpoint.is_dir():
        folder.checkpoint.rename(previous)
    partial.rename(folder.checkpoint)
    shutil.rmtree(previous, ignore_errors=True)


def surroundings(device: str) -> dict[str, Any]:
    """What the run ran on: program and library versions, git revision, hardware."""
    return {
        "seq2exp_version": __version__,
        "torch_version": torch.__version__,
        "python_version": platform.python_version(),
        "git_revision": git_revision(),
        "hardware": _hardware(device),
    }


def _hardware(device: str) -> str:
    if device.startswith("cuda"):
        return torch.cuda.get_device_name()
    return f"{platform.machine()} CPU, {torch.get_num_threads()} of {os.cpu_count()} cores"


def git_revision() -> str | None:
    """Revision of the project's code, with ``-changed`` where files differ from it; None outside a clone."""
    place = Path(__file__).resolve().parent
    try:
        revision = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=place, capture_output=True, text=True, timeout=10, check=True
        ).stdout.strip()
        changed = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=no", "--", str(place.parent)],
            cwd=place, capture_output=True, text=True, timeout=10, check=True,
        ).stdout.strip()  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return revision + ("-changed" if changed else "")
