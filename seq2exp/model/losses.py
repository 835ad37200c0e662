"""The training loss: expression error plus the bottleneck's KL, each part by name."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from seq2exp.model.network import NetworkOutput


@dataclass(frozen=True)
class LossParts:
    """Scalars; ``total`` is what is minimised."""

    total: Tensor
    expression: Tensor
    """SmoothL1 with beta 1 (the code of the published runs; the paper speaks of MSE)."""
    kl: Tensor | None
    """Mean over batch and positions, unweighted; None where the mask came from outside."""


def seq2exp_loss(output: NetworkOutput, target: Tensor, *, kl_weight: float) -> LossParts:
    """Smooth L1 of the prediction plus ``kl_weight`` times the mean KL (models.md section 4).

    Parameters
    ----------
    target
        (B, 1) log10(1 + CAGE).
    """
    expression = F.smooth_l1_loss(output.prediction, target)
    if output.kl is None:
        return LossParts(expression, expression, None)
    kl = output.kl.mean()
    return LossParts(expression + kl_weight * kl, expression, kl)
