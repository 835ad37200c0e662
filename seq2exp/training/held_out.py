"""A finished run on genes it was not trained on: one row a window, kept in the run's folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from seq2exp.baselines.checkpoint import SystemCheckpoint, load_system
from seq2exp.errors import TrainingError
from seq2exp.model.network import Seq2Exp
from seq2exp.sources.dataset import Dataset
from seq2exp.training.cache import Part, WindowCache, cut_windows
from seq2exp.training.config import ObjectiveConfig, TrainConfig, read_config
from seq2exp.training.elements import find_candidates
from seq2exp.training.folder import CONFIG_FILE, RunFolder
from seq2exp.training.objective import BaselineObjective, Objective
from seq2exp.training.validation import evaluate
from seq2exp.window.assemble import window_settings

if TYPE_CHECKING:
    from lightning.fabric import Fabric

COLUMNS = ("gene_id", "cell_type", "predicted", "observed", "mask_ratio", "mask_ratio_total")


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
        No window in that part, or another geometry.
    CheckpointError
        The run has no checkpoint that can be loaded.
    """
    config = read_config(folder.path / CONFIG_FILE)
    found = load_system(folder.checkpoint)
    kept = folder.path / f"{part}-{dataset.hash}-{found.hash}.parquet"
    if kept.is_file():
        return pd.read_parquet(kept)
    table = _predict(config, found, dataset, part)
    partial = kept.with_name(f".{kept.name}.partial")
    table.to_parquet(partial, index=False)
    partial.replace(kept)
    return table


def _predict(config: TrainConfig, found: SystemCheckpoint, dataset: Dataset, part: Part) -> pd.DataFrame:
    settings = window_settings(dataset)
    if settings.width_bp != config.model.window_bp:
        raise TrainingError(
            f"{config.name}: trained on windows of {config.model.window_bp:,} bp, "
            f"{dataset.name} has {settings.width_bp:,}"
        )
    cache = cut_windows(
        dataset,
        settings,
        folder=Path(config.data.cache),
        cell_types=config.data.cell_types,
        signal_type=config.data.signal_type,
    )
    indices = cache.part(part)
    if not len(indices):
        raise TrainingError(f"{dataset.name}: no labelled gene in the part {part}")
    candidates = None
    if config.called_peaks is not None:
        candidates = find_candidates(dataset, cache, config.called_peaks, cache_dir=Path(config.data.cache) / "peaks")
    fabric = _alone(config)
    objective = _objective(found, cache).to(fabric.device)
    predicted, observed, outside, total = evaluate(fabric, objective, cache, indices, candidates=candidates)
    windows = [cache.windows[index] for index in indices]
    columns = ([w.gene_id for w in windows], [w.cell_type for w in windows], predicted, observed, outside, total)
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))


def _objective(found: SystemCheckpoint, cache: WindowCache) -> Objective | BaselineObjective:
    if isinstance(found.network, Seq2Exp):
        return Objective(found.network, ObjectiveConfig(), cache=cache)
    return BaselineObjective(found.network, found.row)


def _alone(config: TrainConfig) -> Fabric:
    """One process on the run's kind of device, in its precision."""
    from lightning.fabric import Fabric  # seconds of import

    return Fabric(accelerator=config.run.accelerator, devices=1, precision=config.run.precision)
