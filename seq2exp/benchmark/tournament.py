"""Every system of the paper on one data set: what is missing is trained, what is trained is put to the test part."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from seq2exp.baselines.systems import SYSTEMS, system
from seq2exp.benchmark.expression import MEASURES
from seq2exp.benchmark.oracle import oracle_of
from seq2exp.errors import Seq2ExpError, SettingsError
from seq2exp.sources.dataset import Dataset
from seq2exp.training.config import RANDOM_STATES, TrainConfig, read_config, read_length
from seq2exp.training.folder import RunFolder
from seq2exp.training.held_out import predict_part

TABLE2 = ("macs3", "seq2exp-retrain", "seq2exp-hard", "seq2exp-soft")
"""Systems with a mask: the paper's Table 2; Table 1 has them all."""
ORACLE = "oracle"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Entry:
    """One run of the tournament."""

    system: str
    seed: int
    config: Path
    runs: Path
    """Folder of the run's own folder."""
    dataset: str
    """As the training verb is told it."""
    length: str | None = None
    """Likewise, such as ``1000x4``; None: the configuration's own."""

    @property
    def chosen(self) -> TrainConfig:
        """What is trained. Raises TrainingError where the configuration cannot be read."""
        own = read_config(self.config)
        return (own if self.length is None else own.of_length(*read_length(self.length))).with_seed(self.seed)

    @property
    def folder(self) -> RunFolder:
        """Where `seq2exp train` leaves it. Raises TrainingError where the configuration cannot be read."""
        return RunFolder(self.runs / self.chosen.name)

    @property
    def finished(self) -> bool:
        """Whether it was trained to its end."""
        return bool(self.folder.facts().get("finished"))

    @property
    def words(self) -> str:
        """As messages name it."""
        return f"{self.system}, random state {self.seed}"


def entries(
    names: Sequence[str] | None,
    seeds: Sequence[int],
    *,
    configs: Path,
    recipe: str,
    runs: Path,
    dataset: str,
    length: str | None = None,
) -> tuple[Entry, ...]:
    """Every system from every random state.

    Parameters
    ----------
    names
        Of systems; None: all ten.
    recipe
        Beginning of the configurations' names: ``demo`` and ``caduceus`` make ``demo-caduceus.yaml``.
    length
        Updates and windows an update of every run, such as ``1000x4``; None: what each configuration says.

    Raises
    ------
    SettingsError
        An unknown system, a configuration that is not there, no or a repeated random state.
    """
    chosen = [row.name for row in SYSTEMS] if names is None else [system(name).name for name in dict.fromkeys(names)]
    if not seeds or len(set(seeds)) < len(seeds):
        raise SettingsError(f"random states must be given once each, found {list(seeds)}; published: {RANDOM_STATES}")
    found = []
    for name in chosen:
        config = configs / f"{recipe}-{name.removeprefix('seq2exp-')}.yaml"
        if not config.is_file():
            raise SettingsError(f"{config}: no such configuration; give another --recipe or leave {name} out")
        found += [Entry(name, seed, config, runs, dataset, length) for seed in seeds]
    return tuple(found)


def train_missing(wanted: Iterable[Entry], *, jobs: int, resume: bool, say: Say) -> dict[Entry, str]:
    """Train every entry that is not finished, ``jobs`` at a time, each in a process of its own; what went wrong.

    Raises
    ------
    SettingsError
        Runs that were begun and not finished, and no ``resume``.
    """
    missing = [entry for entry in wanted if not entry.finished]
    begun = [entry for entry in missing if entry.folder.facts()]
    if begun and not resume:
        raise SettingsError(
            f"{len(begun)} runs were begun and not finished ({', '.join(entry.words for entry in begun[:3])}); "
            f"go on with --resume, or remove {begun[0].folder.path}"
        )
    problems: dict[Entry, str] = {}
    with ThreadPoolExecutor(max(jobs, 1)) as workers:
        running = {workers.submit(_train, entry): entry for entry in missing}
        for number, done in enumerate(as_completed(running), start=1):
            entry, problem = running[done], done.result()
            say(f"{number} of {len(missing)} trained: {entry.words}" + (f": {problem}" if problem else ""))
            if problem:
                problems[entry] = problem
    return problems


def _train(entry: Entry) -> str:
    """Run the training verb; its last words where it failed, else nothing."""
    command = [sys.executable, "-m", "seq2exp", "train", str(entry.config), "--out", str(entry.runs)]
    command += ["--seed", str(entry.seed), "--dataset", entry.dataset, "--json"]
    command += [] if entry.length is None else ["--length", entry.length]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    words = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    if done.returncode == 0:
        return ""
    return words[-1].removeprefix("error: ") if words else f"ended with {done.returncode}"


def results(wanted: Iterable[Entry], dataset: Dataset, *, say: Say) -> tuple[pd.DataFrame, dict[Entry, str]]:
    """One row for every finished entry and cell line, and why others have none.

    Returns
    -------
    pandas.DataFrame
        system, seed, cell_type, n, the measures of `MEASURES`, mask_ratio and mask_ratio_total (missing without a
        mask), parameters, minutes, steps, windows (seen by the whole network), hardware, dataset,
        dataset_hash, synthetic.
    """
    rows: list[dict[str, Any]] = []
    problems: dict[Entry, str] = {}
    for entry in wanted:
        if not entry.finished:
            problems[entry] = "not trained"
            continue
        facts = entry.folder.facts()
        if facts["dataset_hash"] != dataset.hash:
            problems[entry] = f"trained on other data ({facts['dataset']} {facts['dataset_hash']})"
            continue
        say(f"test part: {entry.words}")
        try:
            predicted = predict_part(entry.folder, dataset)
        except Seq2ExpError as error:
            problems[entry] = str(error)
            continue
        run = {
            "system": entry.system,
            "seed": entry.seed,
            "parameters": facts["parameters"],
            "minutes": facts["seconds"] / 60,
            "steps": facts["steps"],
            "windows": entry.chosen.optimiser.steps * entry.chosen.optimiser.batch,
            "hardware": facts["hardware"],
            **_of_dataset(dataset),
        }
        rows += [{**run, **_measured(cell, windows)} for cell, windows in predicted.groupby("cell_type")]
    return pd.DataFrame(rows), problems


def oracle_rows(dataset: Dataset, table: pd.DataFrame, wanted: Iterable[Entry]) -> pd.DataFrame:
    """What the noise-free expression would score on the same windows; empty where the data set does not know it."""
    finished = next((entry for entry in wanted if entry.finished), None)
    if finished is None or table.empty:
        return pd.DataFrame()
    windows = predict_part(finished.folder, dataset)
    known = oracle_of(dataset, list(zip(windows["gene_id"], windows["cell_type"], strict=True)))
    if known is None:
        return pd.DataFrame()
    windows["predicted"] = known
    windows[["mask_ratio", "mask_ratio_total"]] = float("nan")
    rows = [
        {"system": ORACLE, "seed": 0, **_of_dataset(dataset), **_measured(cell, part)}
        for cell, part in windows.groupby("cell_type")
    ]
    return pd.DataFrame(rows)


def _of_dataset(dataset: Dataset) -> dict[str, Any]:
    return {"dataset": dataset.name, "dataset_hash": dataset.hash, "synthetic": dataset.synthetic}


def _measured(cell: Any, windows: pd.DataFrame) -> dict[str, Any]:
    predicted, observed = windows["predicted"].to_numpy(float), windows["observed"].to_numpy(float)
    return {
        "cell_type": str(cell),
        "n": len(windows),
        **{name: measure(predicted, observed) for name, measure in MEASURES.items()},
        "mask_ratio": float(windows["mask_ratio"].mean()),
        "mask_ratio_total": float(windows["mask_ratio_total"].mean()),
    }
