"""What is minimised: the published loss, and the options beside it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seq2exp.model.generator import zero_bias_linear
from seq2exp.model.losses import seq2exp_loss
from seq2exp.model.network import Seq2Exp
from seq2exp.settings import SIGNALS
from seq2exp.training.batches import Batch
from seq2exp.training.cache import WindowCache
from seq2exp.training.config import ObjectiveConfig

PREDICTED_TRACKS = ("h3k27ac", "dnase")
"""The signals a generator can be asked to predict from bases; contacts are no matter of local sequence."""


class Parts(NamedTuple):
    """Scalars of one batch; ``total`` is what is minimised, the rest is reported, None where it was not computed."""

    total: Tensor
    expression: Tensor | None = None
    kl: Tensor | None = None
    tracks: Tensor | None = None
    mask_ratio: Tensor | None = None
    """Mean mask outside the promoter centre."""


class TrackScale(NamedTuple):
    """Mean and standard deviation of log(1 + track) over training windows, each (tracks,)."""

    mean: Tensor
    sd: Tensor


def track_scale(cache: WindowCache, *, most: int = 500) -> TrackScale:
    """The scale of the predicted tracks, from the first ``most`` training windows of ``cache``."""
    channels = [SIGNALS.index(name) for name in PREDICTED_TRACKS]
    values = [np.log1p(cache.read(int(index)).signals[:, channels]) for index in cache.part("train")[:most]]
    found = torch.from_numpy(np.concatenate(values).astype(np.float64))
    return TrackScale(found.mean(0).float(), found.std(0).clamp(min=1e-3).float())


class TrackHead(nn.Module):
    """log(1 + H3K27ac) and log(1 + DNase) of every cell line from the generator's features; used in training only."""

    def __init__(self, d_model: int, n_cells: int, scale: TrackScale) -> None:
        super().__init__()
        self.n_cells = n_cells
        self.register_buffer("mean", scale.mean)
        self.register_buffer("sd", scale.sd)
        self.out = zero_bias_linear(d_model, n_cells * len(PREDICTED_TRACKS))

    def loss(self, features: Tensor, signals: Tensor, cell: Tensor) -> Tensor:
        """Mean squared error over positions, tracks and batch, in units of each track's variance over bases.

        Parameters
        ----------
        features
            (B, L, D), or (B, L / bin, D): they are then compared with the mean over every bin.
        signals
            (B, L, 3) as measured.
        cell
            (B,) whose tracks they are.
        """
        every = self.out(features).unflatten(-1, (self.n_cells, len(PREDICTED_TRACKS)))  # (B, n, cells, tracks)
        predicted = every[torch.arange(len(cell), device=cell.device), :, cell]  # (B, n, tracks)
        channels = [SIGNALS.index(name) for name in PREDICTED_TRACKS]
        logs = torch.log1p(signals[..., channels].float())  # (B, L, tracks)
        binned = logs.reshape(len(logs), features.shape[1], -1, len(channels)).mean(2)
        target = (binned - self.get_buffer("mean")) / self.get_buffer("sd")
        return F.mse_loss(predicted.float(), target)


class Objective(nn.Module):
    """The network with what training adds to it; the only thing an optimiser or a strategy sees."""

    def __init__(self, network: Seq2Exp, config: ObjectiveConfig, *, cache: WindowCache) -> None:
        super().__init__()
        self.network = network
        self.config = config
        self.track_head: TrackHead | None = None
        if config.track_weight:
            n_cells = len(cache.facts["cell_types"])
            self.track_head = TrackHead(network.config.d_model, n_cells, track_scale(cache))

    def forward(self, batch: Batch, step: int, cells_per_gene: int = 1) -> Parts:
        """The loss of ``batch`` at update ``step``; draws from torch's random state while training."""
        network = self.network
        given = batch.network_input()
        if step < self.config.stem_steps:
            alone = self._stem_tracks(given.sequence, batch, cells_per_gene)
            return Parts(alone, tracks=alone)
        output = network(given, cells_per_gene=cells_per_gene)
        loss = seq2exp_loss(output, batch.target, kl_weight=self.kl_weight(step))
        total, tracks = loss.total, None
        if self.track_head is not None and output.features is not None:
            tracks = self.track_head.loss(output.features, batch.signals, batch.cell)
            total = total + self.config.track_weight * tracks
        return Parts(total, loss.expression, loss.kl, tracks, outside_ratio(output.mask, network.centre))

    def _stem_tracks(self, sequence: Tensor, batch: Batch, cells_per_gene: int) -> Tensor:
        """The track loss of the stem alone."""
        generator, head = self.network.generator, self.track_head
        assert generator is not None
        assert generator.stem is not None  # the configuration refuses a stem's stage without a stem
        assert head is not None
        once = generator.stem.binned(sequence[::cells_per_gene])
        return head.loss(once.repeat_interleave(cells_per_gene, dim=0), batch.signals, batch.cell)

    def kl_weight(self, step: int) -> float:
        """Weight of the KL term at update ``step``; 0 in the stem's own stage."""
        warmup, step = self.config.kl_warmup_steps, step - self.config.stem_steps
        share = min((step + 1) / warmup, 1.0) if warmup else float(step >= 0)
        share = max(share, 0.0)
        return self.network.config.kl_weight * share


def outside_ratio(mask: Tensor, centre: slice) -> Tensor:
    """Mean of the mask (B, L) outside the promoter centre; 0 where the centre is the whole window."""
    width = mask.shape[1] - (centre.stop - centre.start)
    kept = mask.detach().sum() - mask.detach()[:, centre].sum()
    return kept / (mask.shape[0] * width) if width else torch.zeros((), device=mask.device)


def parameter_groups(module: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """AdamW's groups (models.md section 5): no decay on biases, A_log and D; decay on all else, norms included."""
    plain: list[nn.Parameter] = []
    decayed: list[nn.Parameter] = []
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            (plain if name.rsplit(".", 1)[-1] in ("bias", "A_log", "D") else decayed).append(parameter)
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": plain, "weight_decay": 0.0}]
