"""A system on a part of the data, as in evaluation: for Seq2Exp the mean of the Beta, mask as configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from seq2exp import metrics
from seq2exp.training.batches import loader
from seq2exp.training.cache import WindowCache
from seq2exp.training.elements import Candidates
from seq2exp.training.objective import BaselineObjective, Objective, outside_ratio
from seq2exp.training.processes import summed, together

if TYPE_CHECKING:
    from lightning.fabric import Fabric

_BATCH = 8

Table = NDArray[np.float64]
"""(4, windows): prediction and target in log10(1 + CAGE), mask ratio outside the promoter, mask ratio; the ratios are
NaN for systems without a mask."""


@torch.no_grad()
def evaluate(
    fabric: Fabric,
    objective: Objective | BaselineObjective,
    cache: WindowCache,
    indices: NDArray[np.int64],
    *,
    candidates: Candidates | None = None,
    limit: int | None = None,
) -> Table:
    """Predictions and mask ratios of the windows ``indices``; processes share the work.

    Parameters
    ----------
    candidates
        Candidate elements of the cache's windows, for systems that read them.
    limit
        Batches after which each process stops, leaving zeros; None: all.

    Raises
    ------
    TrainingError
        A window is damaged.
    """
    network = objective.network
    was_training = network.training
    network.eval()
    n, device = len(indices), fabric.device
    found = torch.zeros(4, n, device=device, dtype=torch.float64)
    mine = np.arange(fabric.global_rank, n, fabric.world_size)
    lists = [mine[i : i + _BATCH] for i in range(0, len(mine), _BATCH)][:limit]
    with together(fabric):
        batches = loader(cache, [indices[places].tolist() for places in lists], workers=0, candidates=candidates)
        for places, batch in zip(lists, batches, strict=True):
            there = batch.to(device)
            with fabric.autocast():
                prediction, mask = objective.answer(there)
            found[0, places], found[1, places] = prediction[:, 0].double(), there.target[:, 0].double()
            if mask is None or isinstance(objective, BaselineObjective):
                found[2:, places] = torch.nan
                continue
            for place, row in zip(places, mask, strict=True):
                ratio = outside_ratio(row[None], objective.network.centre)
                found[2:, place] = torch.stack([ratio, row.mean()]).double()
    network.train(was_training)
    table: Table = summed(fabric, found).cpu().numpy()
    return table


def scores(table: Table) -> dict[str, float]:
    """What a row of valid.csv says beside step and time; predictions must be finite."""
    prediction, target, outside, total = table
    return {
        "mse": metrics.mse(prediction, target),
        "mae": metrics.mae(prediction, target),
        "pearson": metrics.pearson(prediction, target),
        "spearman": metrics.spearman(prediction, target),
        "mask_ratio": float(outside.mean()),
        "mask_ratio_total": float(total.mean()),
        "n": float(table.shape[1]),
    }
