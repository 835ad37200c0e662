"""What several baselines share: base tokens, the expression head of the published baselines, refused signals."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seq2exp.errors import SettingsError

VOCABULARY = 12
"""Characters that the published token models embed: seven specials, A C G T N (models.md 7)."""
FIRST_BASE = 7
"""Token of A; C, G and T follow."""
UNKNOWN_BASE = 11
"""Token of N."""


def tokens(sequence: Tensor) -> Tensor:
    """(B, L) int64 tokens of one-hot bases (B, L, 4) whose unknown bases are zero rows."""
    known = sequence.sum(-1) > 0
    return torch.where(known, sequence.argmax(-1) + FIRST_BASE, UNKNOWN_BASE)


def no_signals(signals: Tensor | None, name: str) -> None:
    """Refuse signals given to a system that reads bases alone."""
    if signals is not None:
        raise SettingsError(f"{name} reads bases alone: signals must be None")


class PooledHead(nn.Module):
    """Mean over positions, joined with the gene features, to one number.

    Its biases start as PyTorch's do, unlike those of Seq2Exp and Caduceus (models.md 7).

    Parameters
    ----------
    n_in
        Width of the positions.
    width
        Of the two hidden layers.
    rna_features
        Gene features joined.
    """

    def __init__(self, n_in: int, width: int, rna_features: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_in + rna_features, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1)
        )

    def forward(self, positions: Tensor, rna_features: Tensor) -> Tensor:
        """(B, 1) float32 of positions (B, n, n_in) and features (B, 9)."""
        out: Tensor = self.layers(torch.cat([positions.mean(dim=1), rna_features], dim=-1))
        return out if out.dtype == torch.float64 else out.float()
