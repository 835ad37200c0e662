"""A finished run on genes it was not trained on: one row a window, kept in the run's folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from seq2exp.baselines.checkpoint import SystemCheckpoint, load_system
from seq2exp.errors import TrainingError
from seq2exp.files import whole_file
from seq2exp.model.checkpoint import read_card
from seq2exp.sources.dataset import Dataset
from seq2exp.training.cache import Part, WindowCache
from seq2exp.training.config import read_config
from seq2exp.training.elements import Candidates
from seq2exp.training.folder import CONFIG_FILE, RunFolder
from seq2exp.training.objective import BaselineObjective, Objective, objective_of
from seq2exp.training.run import windows_of
from seq2exp.training.validation import evaluate
from seq2exp.window.assemble import window_settings

if TYPE_CHECKING:
    from lightning.fabric import Fabric

COLUMNS = ("gene_id", "cell_type", "predicted", "observed", "mask_ratio", "mask_ratio_total")


@dataclass(frozen=True)
class OpenRun:
    """A run's network beside the windows of a data set."""

    found: SystemCheckpoint
    cache: WindowCache
    candidates: Candidates | None
    """Of the cache's windows, for systems that read them."""
    objective: Objective | BaselineObjective
    """Holds the network, on the device of ``fabric``."""
    fabric: Fabric


def open_run(folder: RunFolder, dataset: Dataset) -> OpenRun:
    """The best network of a run, ready to answer for windows of ``dataset``.

    Raises
    ------
    TrainingError
        The run was trained on windows of another width, or on other cell lines.
    CheckpointError
        It has no checkpoint that can be loaded.
    """
    from lightning.fabric import Fabric  # seconds of import

    config = read_config(folder.path / CONFIG_FILE)
    found = load_system(folder.checkpoint)
    settings = window_settings(dataset)
    if settings.width_bp != config.model.window_bp:
        raise TrainingError(
            f"{config.name}: trained on windows of {config.model.window_bp:,} bp, "
            f"{dataset.name} has {settings.width_bp:,}"
        )
    cache, candidates = windows_of(config, dataset, settings)
    fabric = Fabric(accelerator=config.run.accelerator, devices=1, precision=config.run.precision)
    objective = objective_of(found.row, found.network, cache=cache)
    return OpenRun(found, cache, candidates, objective.to(fabric.device).eval(), fabric)


def predict_part(folder: RunFolder, dataset: Dataset, part: Part = "test") -> pd.DataFrame:
    """Prediction and observation, in log10(1 + CAGE), of every labelled window of ``part``.

    Parameters
    ----------
    folder
        A run with a checkpoint.
    dataset
        Of the geometry the run was trained on. What was predicted of it before is read back.

    Returns
    -------
    pandas.DataFrame
        `COLUMNS`; the ratios (outside the promoter, and in all) are missing for systems without a mask.

    Raises
    ------
    TrainingError
        No window in that part, or as `open_run`.
    CheckpointError
        As `open_run`.
    """
    kept = folder.path / f"{part}-{dataset.hash}-{read_card(folder.checkpoint)[0]}.parquet"
    if kept.is_file():
        return pd.read_parquet(kept)
    run = open_run(folder, dataset)
    indices = run.cache.part(part)
    if not len(indices):
        raise TrainingError(f"{dataset.name}: no labelled gene in the part {part}")
    predicted, observed, outside, total = evaluate(
        run.fabric, run.objective, run.cache, indices, candidates=run.candidates
    )
    windows = [run.cache.windows[index] for index in indices]
    columns = ([w.gene_id for w in windows], [w.cell_type for w in windows], predicted, observed, outside, total)
    table = pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))
    with whole_file(kept) as partial:
        table.to_parquet(partial, index=False)
    return table
