"""Sessions on the tiny synthetic set whose sequence, signals and blacklist are random: what the component is given."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from seq2exp.inference.checkpoints import LoadedCheckpoint, load_checkpoint_for_inference
from seq2exp.inference.session import LocusSession, open_session
from seq2exp.model.beta import BetaParameters
from seq2exp.model.checkpoint import build_network, save_checkpoint
from seq2exp.settings import ModelConfig, Preset
from seq2exp.sources.dataset import Dataset


def random_checkpoint(folder: Path, preset: Preset, **changes: Any) -> LoadedCheckpoint:
    """Random weights, said to be so, for the tiny set's window."""
    torch.manual_seed(5)
    size = {"window_bp": 4096, "centre_bp": 256, "d_model": 16, "generator_layers": 1, "predictor_layers": 1}
    save_checkpoint(folder, build_network(ModelConfig.preset(preset, **size, **changes)), provenance={"trained": False})
    return load_checkpoint_for_inference(folder, "cpu")


def steps(rng: np.random.Generator, length: int, *, low: float, high: float) -> NDArray[np.float32]:
    """(length,) levels in [low, high) that hold for some ten to some hundred bases, with a little noise."""
    cuts = np.sort(rng.choice(length, size=rng.integers(20, 120), replace=False))
    levels = rng.uniform(low, high, size=len(cuts) + 1)
    values = levels[np.searchsorted(cuts, np.arange(length), side="right")] * rng.uniform(0.9, 1.1, size=length)
    return np.maximum(values, low).astype(np.float32)


def random_session(
    rng: np.random.Generator, dataset: Dataset, checkpoint: LoadedCheckpoint | None, cache_dir: Path
) -> LocusSession:
    """A session of a random gene and cell type with random alpha1, beta1, signals and blacklist."""
    gene = list(dataset.genes)[rng.integers(len(list(dataset.genes)))]
    cell_type = str(rng.choice(list(dataset.cell_types)))
    opened = open_session(dataset, gene, cell_type, checkpoint=checkpoint, device="cpu", cache_dir=cache_dir)
    length = opened.config.window_bp
    silent = rng.random((length, 3)) < 0.2
    signals = np.stack([steps(rng, length, low=0, high=top) for top in (12, 2, 3)], axis=1) * ~silent
    window = replace(
        opened.window,
        signals=signals.astype(np.float32),
        blacklist=steps(rng, length, low=0, high=1) > rng.choice([0.9, 2.0]),
    )
    session = LocusSession(
        dataset=dataset,
        window=window,
        config=opened.config,
        checkpoint=checkpoint,
        device="cpu",
        cache_dir=cache_dir,
    )
    if checkpoint is not None:
        least = opened.config.beta_min
        drawn = [torch.from_numpy(steps(rng, length, low=least + 1e-3, high=least + 30))[None] for _ in range(2)]
        session._generated = BetaParameters(*drawn)
    return session
