"""What the signals alone tell of expression, through the mask and past the backbone; an option of ours.

B batch, L window length in bp, n bins.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seq2exp.model.beta import transform_signals
from seq2exp.model.generator import N_SIGNALS, zero_bias_linear
from seq2exp.model.predictor import outside
from seq2exp.settings import ModelConfig

_HIDDEN = 64
_CONTEXT = 31
"""Bins around each that tell what it is: a site's two lobes of acetylation and the gap between them."""
SITE_BP = 1_000.0
"""Unit of the sum over sites: kept bases at which a channel of 1 begins to bend the logarithm."""
_MASK_FLOOR = 1e-3
"""Added to a bin's mask before its logarithm."""


def in_bins(values: Tensor, bin_bp: int) -> Tensor:
    """(B, L / bin, K) means of values (B, L, K)."""
    means: Tensor = values.reshape(len(values), -1, bin_bp, values.shape[-1]).mean(2)
    return means


class Passed(NamedTuple):
    """What a mask lets through of the signals, in bins."""

    signals: Tensor
    """(B, n, 3) means over each bin, every base weighed by its mask; 0 where the mask is."""
    mask: Tensor
    """(B, n) mean mask of each bin."""


def let_through(config: ModelConfig, signals: Tensor, mask: Tensor) -> Passed:
    """What the mask (B, L) lets through of signals (B, L, 3) as measured. What it hides has no say."""
    seen = transform_signals(signals, config.signal_transform).float() * mask[..., None]
    share = in_bins(mask[..., None].float(), config.stem_bin_bp)  # (B, n, 1)
    means = in_bins(seen, config.stem_bin_bp) / share.clamp(min=torch.finfo(share.dtype).tiny)
    return Passed(means, share[..., 0])


class SignalPath(nn.Module):
    """Expression from the promoter's signals, the features and log(1 + sum over sites of activity times contact).

    The activity-by-contact model (Fulco et al. 2019) with a learned product: what a bin adds in a channel depends on
    what the mask lets through of the signals around it, contact among them, and counts as much as its mask. It learns
    hundreds of windows a second, in a stage of its own, where the scans of a backbone see a few.
    """

    share: Tensor
    """() of it in the answer; 0 until it has learned: what learns before is then the same with and without it."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        n_bins = config.window_bp // config.stem_bin_bp
        half = max(config.centre_bp // config.stem_bin_bp // 2, 1)
        self.centre = slice(n_bins // 2 - half, n_bins // 2 + half)
        self.site = nn.Sequential(
            nn.Conv1d(N_SIGNALS + 1, _HIDDEN, _CONTEXT, padding="same"),
            nn.GELU(),
            nn.Conv1d(_HIDDEN, _HIDDEN, 1),
            nn.GELU(),
            nn.Conv1d(_HIDDEN, config.signal_channels, 1),
        )
        self.gene = nn.Sequential(
            zero_bias_linear(config.signal_channels + 2 * half * N_SIGNALS + config.rna_features, _HIDDEN),
            nn.GELU(),
            zero_bias_linear(_HIDDEN, _HIDDEN),
            nn.GELU(),
            zero_bias_linear(_HIDDEN, 1),
        )
        self.register_buffer("share", torch.zeros(()))

    def forward(self, passed: Passed, rna_features: Tensor) -> Tensor:
        """(B, 1) log10(1 + CAGE) of what the mask lets through and features (B, 9)."""
        level = torch.log(passed.mask + _MASK_FLOOR)[..., None]  # (B, n, 1)
        seen = torch.cat([passed.signals, level], dim=-1).transpose(1, 2)  # (B, 4, n)
        kinds = F.softplus(self.site(seen)).float().transpose(1, 2)  # (B, n, K)
        kept_bp = outside(passed.mask, self.centre)[..., None] * self.config.stem_bin_bp  # (B, n, 1)
        drive = torch.log1p((kept_bp * kinds).sum(1) / SITE_BP)  # (B, K)
        promoter = passed.signals[:, self.centre].flatten(1)
        found: Tensor = self.gene(torch.cat([drive, promoter, rna_features], dim=-1))
        return found.float()

    def speak(self) -> None:
        """Have its say from now on: the answer is the mean of its own and the backbone's."""
        self.share.fill_(0.5)
