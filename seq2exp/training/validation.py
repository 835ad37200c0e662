"""The network on the part valid, as in evaluation: mean of the Beta, mask as configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from seq2exp import metrics
from seq2exp.model.network import Seq2Exp
from seq2exp.training.batches import loader
from seq2exp.training.cache import WindowCache
from seq2exp.training.objective import outside_ratio
from seq2exp.training.processes import summed, together

if TYPE_CHECKING:
    from lightning.fabric import Fabric

_BATCH = 8

Table = NDArray[np.float64]
"""(4, windows): prediction and target in log10(1 + CAGE), mask ratio outside the promoter, mask ratio."""


@torch.no_grad()
def evaluate(
    fabric: Fabric, network: Seq2Exp, cache: WindowCache, indices: NDArray[np.int64], *, limit: int | None = None
) -> Table:
    """Predictions and mask ratios of the windows ``indices``; processes share the work.

    Parameters
    ----------
    limit
        Batches after which each process stops, leaving zeros; None: all.

    Raises
    ------
    TrainingError
        A window is damaged.
    """
    was_training = network.training
    network.eval()
    n, device = len(indices), fabric.device
    found = torch.zeros(4, n, device=device, dtype=torch.float64)
    mine = np.arange(fabric.global_rank, n, fabric.world_size)
    lists = [mine[i : i + _BATCH] for i in range(0, len(mine), _BATCH)][:limit]
    with together(fabric):
        batches = loader(cache, [indices[places].tolist() for places in lists], workers=0)
        for places, batch in zip(lists, batches, strict=True):
            there = batch.to(device)
            with fabric.autocast():
                output = network(there.network_input())
            for place, prediction, target, mask in zip(
                places, output.prediction[:, 0], there.target[:, 0], output.mask, strict=True
            ):
                ratio = outside_ratio(mask[None], network.centre)
                found[:, place] = torch.stack([prediction, target, ratio, mask.mean()]).double()
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
