"""Predictions under masks drawn from the mask Beta: how far a prediction hangs on which bases are kept."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from torch import Tensor

from seq2exp.errors import SettingsError
from seq2exp.inference.session import LocusSession
from seq2exp.settings import MaskSettings

_DRAWN_BASES = 65_536
"""Bases of drawn masks in one batch of the predictor: 8 of 8,192 bp, one of 200,000."""
QUANTILES = (0.05, 0.95)
"""Of the predictions under drawn masks; linear between neighbours."""


def predict_drawn(session: LocusSession, settings: MaskSettings, *, n: int, seed: int) -> tuple[float, ...]:
    """`LocusSession.predict` under ``n`` masks drawn base by base from the mask Beta, as in training, not its mean.

    Each draw is binarised or ranked, and overridden, as the mean is. Draws depend on seed, gene and cell type alone:
    they are NumPy's, so that every device and any number of processes sees the same.

    Raises
    ------
    SettingsError
        A session without a checkpoint.
    """
    if session.checkpoint is None:
        raise SettingsError("no prediction without a checkpoint; choose one")
    mask_beta = session.mask_beta(settings)
    alpha, beta = (part[0].double().cpu().numpy() for part in mask_beta)
    window = session.window
    words = f"{seed}|{window.gene.gene_id}|{window.cell_type}"
    random = np.random.default_rng(list(hashlib.sha256(words.encode()).digest()))
    at_once = max(1, _DRAWN_BASES // len(alpha))
    found: list[float] = []
    while len(found) < n:
        z = random.beta(alpha, beta, size=(min(at_once, n - len(found)), len(alpha)))
        drawn = torch.from_numpy(z.astype(np.float32))

        def masks_now(drawn: Tensor = drawn) -> Tensor:
            return session.final_mask(drawn, settings)

        found += session.predict_masks(masks_now)
    return tuple(found)


def spread(predictions: tuple[float, ...]) -> tuple[float | None, float | None]:
    """The `QUANTILES` of predictions under drawn masks; None of none."""
    if not predictions:
        return None, None
    low, high = np.quantile(predictions, QUANTILES)
    return float(low), float(high)
