"""What is minimised: the published loss, and the options beside it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seq2exp.baselines.systems import System, predict
from seq2exp.model.beta import BetaParameters, bottleneck_kl, contact_share, couple, force, transform_signals
from seq2exp.model.generator import zero_bias_linear
from seq2exp.model.losses import seq2exp_loss
from seq2exp.model.network import NetworkInput, NetworkOutput, Seq2Exp
from seq2exp.model.predictor import outside
from seq2exp.model.signal_path import in_bins
from seq2exp.settings import SIGNALS, ModelConfig
from seq2exp.training.batches import Batch
from seq2exp.training.cache import WindowCache
from seq2exp.training.config import ObjectiveConfig, ReadoutReads
from seq2exp.training.passed import PassedWindows

_UNDECAYED = (nn.Embedding, nn.LayerNorm, nn.BatchNorm1d, nn.BatchNorm2d)
_CHANNELS = 8
"""Kinds of site the signal readout can tell apart."""

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


class SignalReadout(nn.Module):
    """Expression from signals through the mask, in bins; used in training only.

    It sees no base outside the promoter, so what sequence has to say about an open site must pass through the mask.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        n_bins = config.window_bp // config.stem_bin_bp
        half = max(config.centre_bp // config.stem_bin_bp // 2, 1)
        self.centre = slice(n_bins // 2 - half, n_bins // 2 + half)
        self.site = nn.Sequential(nn.Linear(len(SIGNALS), 32), nn.GELU(), nn.Linear(32, _CHANNELS), nn.Softplus())
        self.gene = nn.Sequential(
            nn.Linear(_CHANNELS + len(SIGNALS) + config.rna_features, 32), nn.GELU(), nn.Linear(32, 1)
        )

    def forward(self, signals: Tensor, mask: Tensor, rna_features: Tensor) -> Tensor:
        """(B, 1) of signals (B, n, 3) as the network uses them, mask (B, n) and features (B, 9)."""
        let_through = outside(mask, self.centre)
        # Relative to the window's own mean: what counts is which site is let through, not how much in all.
        relative = let_through / let_through.mean(1, keepdim=True)
        drive = torch.log1p((relative[..., None] * self.site(signals)).mean(1))  # (B, channels)
        promoter = signals[:, self.centre].mean(1)
        found: Tensor = self.gene(torch.cat([drive, promoter, rna_features], dim=-1))
        return found


class BaselineObjective(nn.Module):
    """A baseline without a mask and its loss, Smooth L1 as for all systems; the loop sees this or `Objective`."""

    def __init__(self, network: nn.Module, row: System) -> None:
        super().__init__()
        self.network, self.row = network, row

    def forward(self, batch: Batch, step: int, cells_per_gene: int = 1) -> Parts:
        """The loss of ``batch``; draws from torch's random state where the network has dropout."""
        expression = F.smooth_l1_loss(self.answer(batch)[0], batch.target)
        return Parts(expression, expression)

    def answer(self, batch: Batch) -> tuple[Tensor, None]:
        """(B, 1) prediction, and that there is no mask."""
        given = batch.network_input()
        elements = batch.target.new_zeros(len(batch.target), 0, 2).long() if batch.elements is None else batch.elements
        prediction = predict(self.row, self.network, given.sequence, given.signals, given.rna_features, elements)
        return prediction, None

    def kl_weight(self, step: int) -> float:
        """0: there is no KL term."""
        return 0.0


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
        self.readout = SignalReadout(network.config) if config.stem_steps or config.readout_weight else None

    def forward(self, batch: Batch | PassedWindows, step: int, cells_per_gene: int = 1) -> Parts:
        """The loss of ``batch`` at update ``step``; draws from torch's random state while training."""
        network = self.network
        teach_path(network, learns=isinstance(batch, PassedWindows))
        if isinstance(batch, PassedWindows):
            return self._path_alone(batch)
        given = batch.network_input()
        if step < self.config.stem_steps:
            return self._in_bins(given, batch, step, cells_per_gene)
        if not self.generator_learns(step):
            return self._predictor_alone(given, batch, cells_per_gene)
        output = network(given, cells_per_gene=cells_per_gene)
        loss = seq2exp_loss(output, batch.target, kl_weight=self.kl_weight(step))
        total, tracks = loss.total, None
        if self.config.readout_weight and self.readout is not None:
            read = self.readout_loss(output, given, batch.target, self.config.readout_reads)
            total = total + self.config.readout_weight * read
        if self.track_head is not None and output.features is not None:
            tracks = self.track_head.loss(output.features, batch.signals, batch.cell)
            total = total + self.config.track_weight * tracks
        return Parts(total, loss.expression, loss.kl, tracks, outside_ratio(output.mask, network.centre))

    def answer(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """(B, 1) prediction and (B, L) mask, as in evaluation where the network is in that mode."""
        output = self.network(batch.network_input())
        return output.prediction, output.mask

    def _in_bins(self, given: NetworkInput, batch: Batch, step: int, cells_per_gene: int) -> Parts:
        """The loss of the stem's stage: stem and mask head in bins, expression read from signals through the mask.

        The mask is not drawn in to summits here, whatever ``summit_bp`` says; what meets the promoter little is held
        back by ``contact_half``.
        """
        network, config = self.network, self.network.config
        generator, head = network.generator, self.track_head
        assert generator is not None
        assert head is not None  # the configuration refuses the stage without stem and tracks
        bin_bp = config.stem_bin_bp
        once = given.sequence[::cells_per_gene]
        embedded = network.inputs.of_generator(once, given.signals[::cells_per_gene])  # (genes, L, D)
        features = generator.binned_features(in_bins(embedded, bin_bp), once)
        features = features.repeat_interleave(cells_per_gene, dim=0)  # (B, n, D)
        tracks = head.loss(features, given.signals, batch.cell)
        alpha, beta = generator.signal_beta(given.signals, scale=self.config.stem_prior_scale)
        signal = BetaParameters(_mean_in_bins(alpha, bin_bp), _mean_in_bins(beta, bin_bp))
        share = None
        if config.contact_half:
            share = _mean_in_bins(contact_share(given.signals, half=config.contact_half), bin_bp)
        mask_beta = couple(generator.from_features(features), signal, z_scale=config.z_scale, share=share)
        kl = bottleneck_kl(mask_beta, config.bottleneck).mean()
        mask = mask_beta.mean
        if given.blacklist is not None:
            mask = mask * (1 - _mean_in_bins(given.blacklist.float(), bin_bp))
        expression = self._loss_through(mask, given, batch.target)
        total = expression + self.kl_weight(step) * kl + self.config.track_weight * tracks
        return Parts(total, expression, kl, tracks, outside_ratio(mask, self._readout().centre))

    def _path_alone(self, batch: PassedWindows) -> Parts:
        """The loss of the signal path's stage, the last: what it makes of masks that stay as they are."""
        path = self.network.signal_path
        assert path is not None  # the configuration refuses the stage without one
        path.speak()
        expression = F.smooth_l1_loss(path(batch.passed, batch.rna_features), batch.target)
        return Parts(expression, expression)

    def _predictor_alone(self, given: NetworkInput, batch: Batch, cells_per_gene: int) -> Parts:
        """The loss after the generator has stopped: of expression, for the other parts teach the generator alone."""
        network = self.network
        freeze_generator(network)
        output = network(given, draw="mean", cells_per_gene=cells_per_gene)
        loss = seq2exp_loss(output, batch.target, kl_weight=0.0)
        return Parts(loss.expression, loss.expression, loss.kl, None, outside_ratio(output.mask, network.centre))

    def readout_loss(self, output: NetworkOutput, given: NetworkInput, target: Tensor, reads: ReadoutReads) -> Tensor:
        """Smooth L1 of expression (B, 1) read from signals and mask alone; the network must have a readout."""
        if reads == "mask":
            return self._loss_through(output.mask, given, target)
        assert output.mask_beta is not None  # a network that has a readout has a generator
        mean = force(output.mask_beta.mean, blacklist=given.blacklist, centre=self.network.centre)
        return self._loss_through(mean, given, target)

    def _readout(self) -> SignalReadout:
        assert self.readout is not None  # made wherever the configuration asks for it
        return self.readout

    def _loss_through(self, mask: Tensor, given: NetworkInput, target: Tensor) -> Tensor:
        """Smooth L1 of what the readout makes of the signals through ``mask``, in bins or base by base."""
        config = self.network.config
        seen = in_bins(transform_signals(given.signals, config.signal_transform), config.stem_bin_bp)
        if mask.shape[1] != seen.shape[1]:
            mask = _mean_in_bins(mask, config.stem_bin_bp)
        return F.smooth_l1_loss(self._readout()(seen, mask, given.rna_features), target)

    def generator_learns(self, step: int) -> bool:
        """Whether update ``step`` still changes the generator."""
        most = self.config.generator_steps
        return not most or step < self.config.stem_steps + most

    def kl_weight(self, step: int) -> float:
        """Weight of the KL term at update ``step``; 0 in the stem's stage, where it would flatten the mask for good."""
        warmup, step = self.config.kl_warmup_steps, step - self.config.stem_steps
        share = min(max(step + 1, 0) / warmup, 1.0) if warmup else float(step >= 0)
        return self.network.config.kl_weight * share


def objective_of(
    row: System, network: nn.Module, config: ObjectiveConfig | None = None, *, cache: WindowCache
) -> Objective | BaselineObjective:
    """What the loop trains and `seq2exp.training.validation.evaluate` asks, for a network of the system ``row``."""
    if isinstance(network, Seq2Exp):
        return Objective(network, config or ObjectiveConfig(), cache=cache)
    return BaselineObjective(network, row)


def freeze_generator(network: Seq2Exp) -> None:
    """No gradient, and so no update, reaches what makes the mask: the generator and the embedding before it."""
    assert network.generator is not None  # the configuration refuses the stage without one
    for room in (network.inputs, network.generator):
        room.requires_grad_(requires_grad=False)


def teach_path(network: Seq2Exp, *, learns: bool) -> None:
    """The signal path, where there is one, learns in its own stage alone."""
    if network.signal_path is not None:
        network.signal_path.requires_grad_(requires_grad=learns)


def _mean_in_bins(values: Tensor, bin_bp: int) -> Tensor:
    """(B, L / bin) means of values (B, L)."""
    return in_bins(values[..., None], bin_bp)[..., 0]


def outside_ratio(mask: Tensor, centre: slice) -> Tensor:
    """Mean of the mask (B, L) outside the promoter centre; 0 where the centre is the whole window."""
    width = mask.shape[1] - (centre.stop - centre.start)
    kept = mask.detach().sum() - mask.detach()[:, centre].sum()
    return kept / (mask.shape[0] * width) if width else torch.zeros((), device=mask.device)


def parameter_groups(module: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """AdamW's groups (models.md section 5).

    No decay on biases, A_log and D, on embeddings, LayerNorm and BatchNorm, and on modules that say
    ``no_weight_decay``; decay on all else, RMSNorm included.
    """
    plain: list[nn.Parameter] = []
    decayed: list[nn.Parameter] = []
    spared = {
        id(parameter)
        for room in module.modules()
        if isinstance(room, _UNDECAYED) or getattr(room, "no_weight_decay", False)
        for parameter in room.parameters()
    }
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            last = name.rsplit(".", 1)[-1]
            free = id(parameter) in spared or last.endswith("bias") or last in ("A_log", "D")
            (plain if free else decayed).append(parameter)
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": plain, "weight_decay": 0.0}]
