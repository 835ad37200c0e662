"""Options of the baselines that are no Mamba: Enformer, HyenaDNA and EPInformer; defaults are the published values.

Mamba, Caduceus and the networks behind a peak mask are described by `seq2exp.settings.ModelConfig`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from seq2exp.errors import SettingsError


@dataclass(frozen=True)
class BaselineConfig:
    """What every baseline is told of its window."""

    window_bp: int = 200_000
    """Window length in bp."""
    centre_bp: int = 2_000
    """Promoter centre in bp; pooled where the system pools a centre."""
    rna_features: int = 9
    """Gene features joined before the head."""

    def __post_init__(self) -> None:
        problems = list(self._problems())
        if problems:
            raise SettingsError(f"{type(self).__name__}: " + "; ".join(problems))

    def _problems(self) -> list[str]:
        """What cannot be, in words; grown by each kind of baseline."""
        if 0 < self.centre_bp <= self.window_bp and self.centre_bp % 2 == self.window_bp % 2 == 0:
            return []
        return [f"centre_bp must be even, positive and at most window_bp, found {self.centre_bp} of {self.window_bp}"]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types; `from_dict` inverts it."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The configuration of a mapping; unknown keys are refused with SettingsError."""
        known = sorted(field.name for field in dataclasses.fields(cls))
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise SettingsError(f"{cls.__name__}: unknown keys {', '.join(unknown)}; known are {known}")
        return cls(**values)


@dataclass(frozen=True)
class EnformerConfig(BaselineConfig):
    """Enformer of Avsec et al. 2021 as enformer-pytorch builds it (models.md 7.1)."""

    input_bp: int = 196_608
    """Central bases read of the window; divisible by two to the power of ``downsamplings``."""
    d_model: int = 1_536
    """Width of the transformer."""
    layers: int = 11
    """Transformer layers."""
    heads: int = 8
    """Attention heads; six times their number divides ``d_model``."""
    key_width: int = 64
    """Width of queries and keys of a head."""
    downsamplings: int = 7
    """Poolings by two: stem and convolution tower."""
    width_step: int = 128
    """Widths of the convolution tower are rounded to multiples of this."""
    kept_bins: int = 896
    """Central bins kept after the transformer; all of them are averaged."""
    dropout: float = 0.4
    """After attention and in the feed-forward parts; an eighth of it before the last activation."""
    attention_dropout: float = 0.05
    """On attention weights."""
    position_dropout: float = 0.01
    """On the features of relative positions."""
    head_width: int = 128
    """Width of the expression head."""

    @property
    def bins(self) -> int:
        """Positions the transformer sees."""
        return self.input_bp >> self.downsamplings

    def _problems(self) -> list[str]:
        problems = super()._problems()
        if not 0 < self.input_bp <= self.window_bp or (self.window_bp - self.input_bp) % 2:
            problems.append(f"input_bp must be even and at most window_bp, found {self.input_bp} of {self.window_bp}")
        if self.downsamplings < 3 or self.input_bp % (1 << self.downsamplings):
            problems.append(f"downsamplings must be at least 3 and 2**{self.downsamplings} divide {self.input_bp} bp")
        elif not 0 < self.kept_bins <= self.bins or (self.bins - self.kept_bins) % 2:
            problems.append(f"kept_bins must leave as many of {self.bins} bins on either side, found {self.kept_bins}")
        if min(self.d_model, self.layers, self.heads, self.key_width, self.width_step, self.head_width) < 1:
            problems.append("d_model, layers, heads, key_width, width_step and head_width must be at least 1")
        elif self.d_model % (6 * self.heads) or self.d_model % (2 * self.width_step):
            problems.append(
                f"d_model must be a multiple of 6 * heads and of 2 * width_step, found {self.d_model}, "
                f"{self.heads} heads, steps of {self.width_step}"
            )
        return problems + _shares(self, "dropout", "attention_dropout", "position_dropout")


@dataclass(frozen=True)
class HyenaConfig(BaselineConfig):
    """HyenaDNA of Nguyen et al. 2023 in the size the paper trained (models.md 7.2)."""

    d_model: int = 128
    """Width of the embeddings and of the expression head."""
    layers: int = 4
    """Blocks of Hyena operator and feed-forward part."""
    expand: int = 4
    """Width of the feed-forward part over ``d_model``."""
    filter_width: int = 64
    """Width of the network that writes the long filter."""
    embedding_dropout: float = 0.1
    """On the embeddings; there is no other dropout."""

    def _problems(self) -> list[str]:
        problems = super()._problems()
        if min(self.d_model, self.layers, self.expand, self.filter_width) < 1:
            problems.append("d_model, layers, expand and filter_width must be at least 1")
        return problems + _shares(self, "embedding_dropout")


@dataclass(frozen=True)
class EPInformerConfig(BaselineConfig):
    """EPInformer-PE-Activity-HiC of Lin et al. 2024 (models.md 7.6)."""

    slot_bp: int = 2_000
    """Bases of the promoter and of every element: shorter elements are padded with zeros, longer ones cut."""
    elements: int = 60
    """Elements beside the promoter, the nearest first."""
    reach_bp: int = 100_000
    """Greatest distance of an element's middle from the TSS; half a slot is the smallest."""
    d_model: int = 64
    """Width of a slot; even."""
    layers: int = 3
    """Attention layers."""
    heads: int = 4
    """Attention heads."""
    head_width: int = 128
    """Width of the expression head."""

    @property
    def encoded(self) -> int:
        """Positions of a slot that four poolings and three dilated convolutions leave."""
        return self.slot_bp // 16 - 24

    def _problems(self) -> list[str]:
        problems = super()._problems()
        if self.slot_bp % 2 or self.encoded < 1 or self.slot_bp > self.window_bp:
            problems.append(f"slot_bp must be even, at least 400 and at most window_bp, found {self.slot_bp}")
        if self.elements < 1 or not self.slot_bp // 2 < self.reach_bp <= self.window_bp // 2:
            problems.append(
                f"elements must be at least 1 and reach_bp within {self.slot_bp // 2}..{self.window_bp // 2} bp, "
                f"found {self.elements} and {self.reach_bp}"
            )
        if self.d_model % 2 or min(self.d_model, self.layers, self.heads, self.head_width) < 1:
            problems.append("d_model must be even, and d_model, layers, heads and head_width at least 1")
        elif self.d_model % self.heads:
            problems.append(f"heads must divide d_model, found {self.heads} and {self.d_model}")
        return problems


def _shares(config: BaselineConfig, *names: str) -> list[str]:
    """Which of the shares ``names`` do not lie in 0..1, 1 excluded."""
    return [
        f"{name} must lie in 0..1, found {getattr(config, name)}"
        for name in names
        if not 0 <= getattr(config, name) < 1
    ]
