"""From bases and signals to the sequence Beta: input embedding, backbone, mask head, signal constants."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seq2exp.errors import SettingsError
from seq2exp.model.backbone import Backbone
from seq2exp.model.beta import (
    LEAST_SHARE,
    BetaParameters,
    contact_share,
    couple,
    sequence_beta,
    signal_beta,
    summit_share,
    transform_signals,
)
from seq2exp.model.scan import EngineName
from seq2exp.settings import ModelConfig

N_BASES = 4
N_SIGNALS = 3


def build_backbone(config: ModelConfig, n_layer: int) -> Backbone:
    """A backbone of ``n_layer`` layers with the widths of ``config``."""
    return Backbone(
        d_model=config.d_model,
        n_layer=n_layer,
        d_state=config.d_state,
        d_conv=config.d_conv,
        expand=config.expand,
        norm_eps=config.norm_eps,
        init_residual_layers=config.init_residual_layers,
    )


def zero_bias_linear(n_in: int, n_out: int) -> nn.Linear:
    """A Linear whose bias starts at 0, as every one in Seq2Exp and Caduceus (models.md 2.5)."""
    linear = nn.Linear(n_in, n_out)
    nn.init.zeros_(linear.bias)
    return linear


class InputEmbedding(nn.Module):
    """Sum of Linear(bases), Linear(signals) and, where there is one, the position table."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.sequence = zero_bias_linear(N_BASES, config.d_model)
        self.signal = zero_bias_linear(N_SIGNALS, config.d_model) if config.signal_input else None
        self.position = (
            nn.Parameter(torch.zeros(1, config.window_bp, config.d_model)) if config.position_table else None
        )

    def forward(
        self, sequence: Tensor, signals: Tensor | None, *, positions: Tensor | None = None, placed: bool = True
    ) -> Tensor:
        """(B, L, D) embeddings.

        Parameters
        ----------
        sequence
            (B, L, 4) one-hot, N = zeros.
        signals
            (B, L, 3), or None to leave them out.
        positions
            (L,) indices into the position table; None means all of them, so L must equal its length.
        placed
            Whether the position table, where there is one, is added.

        Raises
        ------
        SettingsError
            Signals given to a model without a signal input; a window that does not fit the position table.
        """
        embedded: Tensor = self.sequence(sequence)
        if self.position is not None and placed:
            if positions is None and sequence.shape[1] != self.position.shape[1]:
                raise SettingsError(
                    f"window of {sequence.shape[1]:,} bp, but the checkpoint's position table has "
                    f"{self.position.shape[1]:,} positions; use a window of exactly that length"
                )
            embedded = embedded + (self.position if positions is None else self.position[:, positions])
        if signals is not None:
            if self.signal is None:
                raise SettingsError("this model has no signal input (signal_input is false)")
            embedded = embedded + self.signal(transform_signals(signals, self.config.signal_transform))
        return embedded

    def of_generator(self, sequence: Tensor, signals: Tensor) -> Tensor:
        """(B, L, D) what the generator is given: signals and positions only where the configuration says so."""
        seen = signals if self.config.generator_sees_signals else None
        embedded: Tensor = self(sequence, seen, placed=self.config.generator_sees_positions)
        return embedded


_STEM_CONTEXT = 11
"""Bins that each of the stem's two context convolutions spans."""


class MotifStem(nn.Module):
    """Binding sites and what stands near them: a wide convolution, and convolutions over bins of it; an option of ours.

    A motif is found in one step instead of through four-base convolutions, and the bins make the first stage of
    training cheap: it needs no scan.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, self.bin_bp = config.d_model, config.stem_bin_bp
        self.detect = nn.Conv1d(N_BASES, width, config.stem_taps, padding="same")
        self.context = nn.Sequential(
            nn.Conv1d(2 * width, width, 1),
            nn.GELU(),
            nn.Conv1d(width, width, _STEM_CONTEXT, padding="same"),
            nn.GELU(),
            nn.Conv1d(width, width, _STEM_CONTEXT, padding="same"),
            nn.GELU(),
        )
        self.from_bases = zero_bias_linear(width, width)
        self.from_bins = zero_bias_linear(width, width)

    def forward(self, sequence: Tensor) -> Tensor:
        """(B, L, D) of the bases (B, L, 4)."""
        sites, mean, highest = self._sites(sequence)
        found: Tensor = self.from_bases(sites.transpose(1, 2))
        return found + self._near(mean, highest).repeat_interleave(self.bin_bp, dim=1)

    def binned(self, sequence: Tensor) -> Tensor:
        """(B, L / bin, D) mean of `forward` over every bin, without making it base by base."""
        _, mean, highest = self._sites(sequence)
        found: Tensor = self.from_bases(mean.transpose(1, 2))
        return found + self._near(mean, highest)

    def _sites(self, sequence: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Activations (B, D, L), and their mean and maximum in every bin, (B, D, L / bin)."""
        sites = F.relu(self.detect(sequence.transpose(1, 2)))
        return sites, F.avg_pool1d(sites, self.bin_bp), F.max_pool1d(sites, self.bin_bp)

    def _near(self, mean: Tensor, highest: Tensor) -> Tensor:
        """(B, L / bin, D) what stands in and around every bin."""
        context: Tensor = self.context(torch.cat([mean, highest], dim=1))
        near: Tensor = self.from_bins(context.transpose(1, 2))
        return near


class Generator(nn.Module):
    """Backbone and mask head, with the constants of the signal Beta (frozen parameters, as published)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.stem = MotifStem(config) if config.stem_taps else None
        self.backbone = build_backbone(config, config.generator_layers)
        self.mask_head = zero_bias_linear(config.d_model, 2)
        share = torch.tensor(config.signal_weights, dtype=torch.float64)
        log_share = torch.log(share / share.sum()).float()
        self.signal_log_weights = nn.Parameter(log_share, requires_grad=False)
        self.signal_thresholds = nn.Parameter(torch.tensor(config.signal_thresholds), requires_grad=False)

    def features(self, embedded: Tensor, sequence: Tensor, *, engine: EngineName = "auto") -> Tensor:
        """(B, L, D) what the mask head reads, of embeddings (B, L, D) and bases (B, L, 4)."""
        if self.stem is not None:
            embedded = embedded + self.stem(sequence)
        found: Tensor = self.backbone(embedded, engine=engine)
        return found

    def binned_features(self, embedded: Tensor, sequence: Tensor) -> Tensor:
        """(B, L / bin, D) the stem's part of `features`, in its bins: what they are while the mixers add nothing.

        Parameters
        ----------
        embedded
            (B, L / bin, D) mean embedding of every bin.
        sequence
            (B, L, 4).

        Raises
        ------
        SettingsError
            A generator without a stem.
        """
        if self.stem is None:
            raise SettingsError("this generator has no motif stem (stem_taps is 0)")
        found: Tensor = self.backbone.norm_f(embedded + self.stem.binned(sequence))
        return found

    def from_features(self, features: Tensor) -> BetaParameters:
        """The sequence Beta, each parameter (B, L), of features (B, L, D)."""
        return sequence_beta(
            self.mask_head(features), beta_min=self.config.beta_min, most=self.config.most_sequence_counts
        )

    def forward(self, embedded: Tensor, sequence: Tensor, *, engine: EngineName = "auto") -> BetaParameters:
        """The sequence Beta, each parameter (B, L), of embeddings (B, L, D) and bases (B, L, 4)."""
        return self.from_features(self.features(embedded, sequence, engine=engine))

    def signal_beta(self, signals: Tensor, *, scale: float | None = None) -> BetaParameters:
        """The signal Beta of signals (B, L, 3) with this model's own constants; ``scale`` replaces its c."""
        return signal_beta(
            signals,
            weights=self.signal_log_weights.exp(),
            thresholds=self.signal_thresholds,
            beta_min=self.config.beta_min,
            scale=self.config.prior_scale if scale is None else scale,
            transform=self.config.signal_transform,
        )

    def mask_beta(self, sequence: BetaParameters, signals: Tensor) -> BetaParameters:
        """The mask Beta as trained: the sequence Beta, each parameter (B, L), coupled with signals (B, L, 3)."""
        return couple(
            sequence,
            self.signal_beta(signals),
            z_scale=self.config.z_scale,
            share=share_of(self.config, signals),
        )


def share_of(config: ModelConfig, signals: Tensor) -> Tensor | None:
    """(B, L) share of the mean that stays with each base, of signals (B, L, 3); None without the options."""
    shares = []
    if config.summit_bp:
        shares.append(summit_share(signals, summit_bp=config.summit_bp, floor=config.summit_floor))
    if config.contact_half:
        shares.append(contact_share(signals, half=config.contact_half))
    return torch.stack(shares).prod(dim=0).clamp(min=LEAST_SHARE) if shares else None


class MaskModel(nn.Module):
    """Input embedding and generator: all that is needed to make a mask; frozen inside Seq2Exp-retrain."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.inputs = InputEmbedding(config)
        self.generator = Generator(config)

    def sequence_beta(self, sequence: Tensor, signals: Tensor, *, engine: EngineName = "auto") -> BetaParameters:
        """alpha1, beta1, each (B, L); the signals are seen only where the configuration says so."""
        beta: BetaParameters = self.generator(self.inputs.of_generator(sequence, signals), sequence, engine=engine)
        return beta
