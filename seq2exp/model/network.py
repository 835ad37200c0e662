"""Seq2Exp whole: generator -> mask -> predictor, read from top to bottom.

B batch, L window length in bp, D embedding width, C promoter centre in bp.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from seq2exp.errors import SettingsError
from seq2exp.model import beta as beta_algebra
from seq2exp.model.backbone import Backbone
from seq2exp.model.beta import BetaParameters
from seq2exp.model.generator import Generator, InputEmbedding, MaskModel, build_backbone
from seq2exp.model.predictor import ElementSum, ExpressionHead, Padding, centre_slice, read_compacted, read_masked
from seq2exp.model.scan import EngineName
from seq2exp.model.signal_path import SignalPath, let_through
from seq2exp.settings import ModelConfig


@dataclass(frozen=True)
class NetworkInput:
    """One batch. ``blacklist`` and ``external_mask`` are optional."""

    sequence: Tensor
    """(B, L, 4) one-hot float, N = zeros."""
    signals: Tensor
    """(B, L, 3) in the order of settings.SIGNALS."""
    rna_features: Tensor
    """(B, 9)."""
    blacklist: Tensor | None = None
    """(B, L) bool."""
    external_mask: Tensor | None = None
    """(B, L) 0..1, for models without a generator (peaks)."""


@dataclass(frozen=True, kw_only=True)
class Masked:
    """A mask and how it was found; the Betas are None where the mask came from outside."""

    mask: Tensor
    """(B, L) after overrides."""
    z: Tensor | None = None
    """(B, L) mean or sample of the mask Beta, before binarisation and overrides."""
    sequence_beta: BetaParameters | None = None
    mask_beta: BetaParameters | None = None
    kl: Tensor | None = None
    """(B, L) KL of the mask Beta to the bottleneck prior, over all positions, before overrides."""
    features: Tensor | None = None
    """(B, L, D) what the mask head read."""


@dataclass(frozen=True, kw_only=True)
class NetworkOutput(Masked):
    """Everything a forward pass found."""

    prediction: Tensor
    """(B, 1) log10(1 + CAGE)."""


class Seq2Exp(nn.Module):
    """The network of one ModelConfig: soft, hard (shared backbone, compaction), external mask or retrain.

    With ``config.external_mask`` there is no generator and the batch brings its mask, which is used as it
    is: the promoter is not forced and the blacklist not removed, as published for the peak baseline.
    With ``mask_model`` (retrain) a frozen mask model makes a top-k mask of ``config.top_share``.
    """

    def __init__(self, config: ModelConfig, *, mask_model: MaskModel | None = None) -> None:
        super().__init__()
        if mask_model is not None and not config.external_mask:
            raise SettingsError("a retrain model takes its mask from mask_model: set external_mask=True")
        self.config = config
        self.inputs = InputEmbedding(config)
        self.generator = None if config.external_mask else Generator(config)
        shared = config.shared_backbone and self.generator is not None
        self.predictor = None if shared else build_backbone(config, config.predictor_layers)
        self.elements = ElementSum(config) if config.element_channels else None
        self.head = ExpressionHead(config)
        with torch.random.fork_rng(devices=[]):  # all else begins the same with and without it
            self.signal_path = SignalPath(config) if config.signal_channels else None
        self.mask_model = None if mask_model is None else mask_model.requires_grad_(requires_grad=False)

    @property
    def predictor_backbone(self) -> Backbone:
        """The predictor's backbone: its own, or the generator's where it is shared."""
        if self.predictor is not None:
            return self.predictor
        if self.generator is None:
            raise SettingsError("a model without a generator has its own predictor backbone")
        return self.generator.backbone

    @property
    def centre(self) -> slice:
        """Positions of the promoter centre."""
        return centre_slice(self.config.window_bp, self.config.centre_bp)

    def generator_features(
        self, sequence: Tensor, signals: Tensor, *, cells_per_gene: int = 1, engine: EngineName = "auto"
    ) -> Tensor:
        """(B, L, D) what the mask head reads.

        Parameters
        ----------
        cells_per_gene
            The batch holds every gene this many times in a row; a generator that reads bases alone runs once for each.
        """
        if self.generator is None:
            raise SettingsError("this model has no generator: its mask comes from outside")
        if cells_per_gene > 1 and self.config.generator_sees_signals:
            raise SettingsError("this generator sees the signals: it cannot run once for several cell lines")
        once = sequence[::cells_per_gene]
        embedded = self.inputs.of_generator(once, signals[::cells_per_gene])
        features = self.generator.features(embedded, once, engine=engine)
        return features if cells_per_gene == 1 else features.repeat_interleave(cells_per_gene, dim=0)

    def sequence_beta(self, sequence: Tensor, signals: Tensor, *, engine: EngineName = "auto") -> BetaParameters:
        """The generator's alpha1 and beta1, each (B, L): expensive, independent of every slider."""
        features = self.generator_features(sequence, signals, engine=engine)
        assert self.generator is not None  # generator_features refuses a model without
        return self.generator.from_features(features)

    def predict(
        self,
        sequence: Tensor,
        signals: Tensor,
        mask: Tensor,
        rna_features: Tensor,
        *,
        padding: Padding = "none",
        engine: EngineName = "auto",
    ) -> Tensor:
        """(B, 1) log10(1 + CAGE) of what the mask (B, L) keeps."""
        self._check_window(sequence)
        seen = signals if self.config.signal_input else None
        if self.config.position_table:
            pooled = read_compacted(
                self.inputs,
                sequence,
                seen,
                mask,
                self.predictor_backbone,
                self.elements,
                centre=self.centre,
                gradient=self.config.hard_gradient,
                padding=padding,
                engine=engine,
            )
        else:
            embedded = self.inputs(sequence, seen)
            pooled = read_masked(
                embedded,
                mask,
                self.predictor_backbone,
                self.elements,
                centre=self.centre,
                every_layer=self.config.mask_every_layer,
                engine=engine,
            )
        prediction: Tensor = self.head(pooled.centre, rna_features, pooled.elements)
        if self.signal_path is not None:
            beside = self.signal_path(let_through(self.config, signals, mask), rna_features)
            prediction = torch.lerp(prediction, beside, self.signal_path.share)
        return prediction

    def forward(
        self,
        batch: NetworkInput,
        *,
        draw: Literal["mean", "sample"] | None = None,
        padding: Padding = "none",
        cells_per_gene: int = 1,
        engine: EngineName = "auto",
    ) -> NetworkOutput:
        """Mask and prediction of a batch.

        Parameters
        ----------
        draw
            How z is drawn; None: a sample while training, the mean in evaluation.
        padding
            How compacted genes share a batch (hard models only).
        cells_per_gene
            See `generator_features`.
        """
        found = self.find_mask(batch, draw=draw, cells_per_gene=cells_per_gene, engine=engine)
        prediction = self.predict(
            batch.sequence, batch.signals, found.mask, batch.rna_features, padding=padding, engine=engine
        )
        return NetworkOutput(prediction=prediction, **vars(found))

    def find_mask(
        self,
        batch: NetworkInput,
        *,
        draw: Literal["mean", "sample"] | None = None,
        cells_per_gene: int = 1,
        engine: EngineName = "auto",
    ) -> Masked:
        """The mask of a batch alone, without a prediction; arguments as in `forward`."""
        config = self.config
        self._check_window(batch.sequence)
        if self.mask_model is not None:
            return Masked(mask=self._retrain_mask(batch, self.mask_model, engine=engine))
        if self.generator is None:
            if batch.external_mask is None:
                raise SettingsError("this model has no generator: the batch must bring external_mask")
            return Masked(mask=batch.external_mask)
        features = self.generator_features(batch.sequence, batch.signals, cells_per_gene=cells_per_gene, engine=engine)
        sequence_beta = self.generator.from_features(features)
        mask_beta = self.generator.mask_beta(sequence_beta, batch.signals)
        kl = beta_algebra.bottleneck_kl(mask_beta, config.bottleneck)
        z = beta_algebra.draw(mask_beta, draw or ("sample" if self.training else "mean"))
        mask = beta_algebra.force(self._select(z), blacklist=batch.blacklist, centre=self.centre)
        return Masked(mask=mask, z=z, sequence_beta=sequence_beta, mask_beta=mask_beta, kl=kl, features=features)

    def _select(self, z: Tensor) -> Tensor:
        """The mask of z before overrides: as trained while training, by mask_mode in evaluation."""
        config = self.config
        if self.training:
            return beta_algebra.binarise(z, config.threshold) if config.train_hard else z
        if config.mask_mode == "soft":
            return z
        if config.mask_mode == "hard":
            return beta_algebra.binarise(z, config.threshold)
        return beta_algebra.top_share_mask(z, config.top_share)

    def _retrain_mask(self, batch: NetworkInput, mask_model: MaskModel, *, engine: EngineName) -> Tensor:
        """The top_share largest values of the frozen model's overridden mean, as a binary mask."""
        sequence_beta = mask_model.sequence_beta(batch.sequence, batch.signals, engine=engine)
        mean = mask_model.generator.mask_beta(sequence_beta, batch.signals).mean
        forced = beta_algebra.force(mean, blacklist=batch.blacklist, centre=self.centre)
        return beta_algebra.top_share_mask(forced, self.config.top_share)

    def _check_window(self, sequence: Tensor) -> None:
        if sequence.shape[1] != self.config.window_bp:
            raise SettingsError(
                f"window of {sequence.shape[1]:,} bp, but the model was built for {self.config.window_bp:,} bp"
                + (" (the length of its position table)" if self.config.position_table else "")
            )
