"""What can be chosen: each setting with its unit, its allowed range and its published value."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from seq2exp.errors import SettingsError
from seq2exp.genome import Interval

SignalName = Literal["h3k27ac", "dnase", "contact"]
SIGNALS: tuple[SignalName, SignalName, SignalName] = ("h3k27ac", "dnase", "contact")
"""The order of the signal channels everywhere: window, model, weights, thresholds (models.md section 1.1)."""

RNA_FEATURES = (
    "UTR5LEN_log10zscore",
    "CDSLEN_log10zscore",
    "INTRONLEN_log10zscore",
    "UTR3LEN_log10zscore",
    "UTR5GC",
    "CDSGC",
    "UTR3GC",
    "ORFEXONDENSITY",
    "PROMOTER_ACTIVITY",
)
"""The nine gene features in model order (models.md section 1.4); ORFEXONDENSITY is the raw density."""

LENGTH_ZSCORE: Mapping[str, tuple[float, float]] = {
    "UTR5LEN": (2.1164725476886, 0.7023122386258),
    "CDSLEN": (3.1221738161453, 0.3202298842622),
    "INTRONLEN": (4.1280122110336, 1.0447096130234),
    "UTR3LEN": (2.7283809844654, 0.8638573022367),
}
"""Mean and population sd of log10(length + 0.1) over the 18,377 published genes (data-sources.md 6.1). Frozen: released
checkpoints were trained on these z-scores, so new genes are placed on the same scale and never refitted."""

LENGTH_OFFSET = 0.1
"""Added to a length before its logarithm, so that 0 has one (data-sources.md 6.1)."""

MaskMode = Literal["soft", "hard", "top-k"]
HardGradient = Literal["compat", "fixed", "every_layer"]
SignalTransform = Literal["none", "log1p"]
ContactMode = Literal["vc_counts", "abc_kr"]
Preset = Literal["soft", "hard"]


def _refuse(problems: list[str], what: str) -> None:
    """Raise one SettingsError naming every problem, if there is any."""
    if problems:
        raise SettingsError(f"{what}: " + "; ".join(problems))


@dataclass(frozen=True, slots=True)
class WindowSettings:
    """Geometry of one model input (models.md section 1.2)."""

    width_bp: int = 200_000
    """Window length in bp, even; the TSS is base width_bp/2 of it."""
    contact_mode: ContactMode = "vc_counts"
    """How contacts are made: as the released code does, or balanced as ABC (data-sources.md 4.4)."""
    contact_resolution_bp: int = 5_000
    """Bin width of the contact map in bp."""
    compat_double_padding: bool = False
    """Displace contacts at chromosome ends as the official loader does (models.md section 8 row 9)."""

    def __post_init__(self) -> None:
        problems = []
        if self.width_bp < 2 or self.width_bp % 2:
            problems.append(f"width_bp must be even and at least 2, found {self.width_bp}")
        if self.contact_resolution_bp < 1:
            problems.append(f"contact_resolution_bp must be positive, found {self.contact_resolution_bp}")
        if self.contact_mode not in ("vc_counts", "abc_kr"):
            problems.append(f"contact_mode must be vc_counts or abc_kr, found {self.contact_mode!r}")
        _refuse(problems, "window settings")


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Everything a Seq2Exp network's numbers depend on beside its weights (models.md sections 2.1 and 3.5)."""

    window_bp: int = 200_000
    """Window length in bp; the length of the position table where there is one."""
    centre_bp: int = 2_000
    """Forced and pooled promoter centre in bp."""
    d_model: int = 128
    """Width of the embeddings."""
    d_state: int = 16
    """State size of each scan channel."""
    d_conv: int = 4
    """Taps of the causal convolution."""
    expand: int = 2
    """Inner width = expand * d_model."""
    generator_layers: int = 4
    """Layers of the generator's backbone."""
    predictor_layers: int = 4
    """Layers of the predictor's backbone (ignored when shared_backbone)."""
    norm_eps: float = 1e-5
    """Epsilon of every RMSNorm."""
    rna_features: int = 9
    """Gene features joined to the pooled centre."""
    shared_backbone: bool = False
    """One backbone serves generator and predictor (official enc_prd_ps)."""
    generator_sees_signals: bool = False
    """Signals enter the generator too (official: implied by enc_prd_ps, or gen_signal)."""
    generator_sees_positions: bool = True
    """The position table enters the generator, as published; false: bases are judged without regard to where in the
    window they stand. Says nothing where there is no table."""
    position_table: bool = False
    """Learned absolute positions, and compaction of kept bases before the predictor (official pos_enc)."""
    signal_input: bool = True
    """Signals enter the predictor (official interact: concat)."""
    beta_min: float = 1.0
    """Floor m added to Beta parameters."""
    prior_scale: float = 10.0
    """Factor c of the signal Beta."""
    z_scale: float = 1.0
    """Factor kappa on the mask Beta's parameters."""
    signal_weights: tuple[float, float, float] = (2.0, 2.0, 1.0)
    """Relative weights v of the signal Betas, order SIGNALS; normalised by their sum."""
    signal_thresholds: tuple[float, float, float] = (1.5, 0.2, 1.0)
    """Thresholds t of the signal Betas, order SIGNALS, in each signal's own unit."""
    bottleneck_mean: float = 0.1
    """Mean mu of the bottleneck prior."""
    bottleneck_scale: float = 10.0
    """alpha3 of the bottleneck prior; beta3 = alpha3 * (1 - mu) / mu."""
    kl_weight: float = 0.01
    """Weight of the KL term in the loss."""
    train_hard: bool = False
    """Binarise the mask in training, straight-through (official post_hard_dist)."""
    mask_mode: MaskMode = "soft"
    """How the mask is built in evaluation."""
    threshold: float = 0.5
    """Mean at or above which a hard mask keeps a base."""
    top_share: float = 0.1
    """Share of the window a top-k mask keeps."""
    hard_gradient: HardGradient = "compat"
    """compat: no prediction gradient reaches a compacted mask, as published; fixed: straight-through values
    multiply the gathered embeddings (models.md section 8 row 1), where RMSNorm undoes nearly all of what they say;
    every_layer: they multiply the input of every predictor layer too. The prediction is the same in all three."""
    most_sequence_counts: float = 0.0
    """Bound on the pseudo-counts that bases give the mask Beta (alpha1 + beta1), so that the signals keep a say; 0:
    none, as published."""
    summit_bp: int = 0
    """The mask is drawn in to the summits of DNase: its mean is multiplied by DNase over the highest within this
    distance; 0: it is not, as published."""
    summit_floor: float = 0.5
    """Added to that highest DNase, in its unit: a summit far below it is none. Ignored without summit_bp."""
    contact_half: float = 0.0
    """The mask is held back where it hardly meets the promoter: its mean is multiplied by s^2 / (s^2 + this^2) of the
    contact signal s, so that half of it stays where s is this; 0: it is not, as published."""
    init_residual_layers: int = 64
    """n_layer that divides out_proj at initialisation; 64 as in the published runs (models.md 2.5)."""
    external_mask: bool = False
    """No generator: the mask is given (peak-mask baseline)."""
    mask_every_layer: bool = False
    """The mask multiplies the input of every predictor layer, not the embeddings alone (published: alone). RMSNorm
    undoes the scale of masked embeddings, so a base at mask 0.1 otherwise speaks nearly as loud as one at 1."""
    signal_transform: SignalTransform = "none"
    """What the network does to the signals before it uses them; none as published. Thresholds stay in raw units."""
    stem_taps: int = 0
    """Taps of a convolution over the bases, wide enough for a binding site, that feeds the generator's backbone beside
    the embedding; 0: none, as published. Odd."""
    stem_bin_bp: int = 32
    """Stem and signal path read their context in bins of this width; divides the window. Ignored without both."""
    element_channels: int = 0
    """Channels in which the predictor adds up the kept bases outside the centre for its head; 0: none, as published:
    what elements say then reaches the pooled centre through the scans alone."""
    signal_channels: int = 0
    """Channels of the signal path: expression from the signals the mask lets through, in bins and past the backbone.
    The prediction is then the mean of its answer and the backbone's; 0: none, as published."""

    def __post_init__(self) -> None:
        problems = [
            f"{name} must be at least 1, found {getattr(self, name)}"
            for name in ("d_model", "d_state", "d_conv", "expand", "generator_layers", "predictor_layers")
            if getattr(self, name) < 1
        ]
        if self.window_bp < 2 or self.window_bp % 2:
            problems.append(f"window_bp must be even and at least 2, found {self.window_bp}")
        if not 0 < self.centre_bp <= self.window_bp or self.centre_bp % 2:
            problems.append(f"centre_bp must be even, positive and at most window_bp, found {self.centre_bp}")
        if not 0 < self.bottleneck_mean < 1:
            problems.append(f"bottleneck_mean must lie in 0..1 exclusive, found {self.bottleneck_mean}")
        if not 0 <= self.threshold <= 1:
            problems.append(f"threshold must lie in 0..1, found {self.threshold}")
        if not 0 < self.top_share <= 1:
            problems.append(f"top_share must lie in 0..1, found {self.top_share}")
        if min(self.signal_weights) < 0 or sum(self.signal_weights) <= 0:
            problems.append(f"signal_weights must be non-negative with a positive sum, found {self.signal_weights}")
        if self.position_table and self.mask_mode == "soft":
            problems.append("a position table keeps only bases at mask 1, so mask_mode must be hard or top-k")
        if self.shared_backbone and self.generator_layers != self.predictor_layers:
            problems.append("a shared backbone has one depth: generator_layers must equal predictor_layers")
        if self.shared_backbone and not self.generator_sees_positions:
            problems.append("a shared backbone reads one embedding: leave generator_sees_positions true")
        if self.hard_gradient not in get_args(HardGradient):
            problems.append(f"hard_gradient must be compat, fixed or every_layer, found {self.hard_gradient!r}")
        if self.mask_every_layer and self.position_table:
            problems.append("mask_every_layer is for masks that keep the length; a position table packs the kept bases")
        if self.signal_transform not in ("none", "log1p"):
            problems.append(f"signal_transform must be none or log1p, found {self.signal_transform!r}")
        if self.most_sequence_counts < 0:
            problems.append(f"most_sequence_counts must not be negative, found {self.most_sequence_counts}")
        if self.summit_bp < 0:
            problems.append(f"summit_bp must not be negative, found {self.summit_bp}")
        if self.summit_floor <= 0:
            problems.append(f"summit_floor must be above 0, found {self.summit_floor}")
        if self.contact_half < 0:
            problems.append(f"contact_half must not be negative, found {self.contact_half}")
        if self.stem_taps < 0 or (self.stem_taps and self.stem_taps % 2 == 0):
            problems.append(f"stem_taps must be 0 or odd, found {self.stem_taps}")
        binned = self.stem_taps or self.signal_channels
        if binned and (self.stem_bin_bp < 1 or self.window_bp % self.stem_bin_bp):
            problems.append(f"stem_bin_bp must divide the window of {self.window_bp} bp, found {self.stem_bin_bp}")
        if self.element_channels < 0:
            problems.append(f"element_channels must not be negative, found {self.element_channels}")
        if self.signal_channels < 0:
            problems.append(f"signal_channels must not be negative, found {self.signal_channels}")
        if self.signal_channels and not self.signal_input:
            problems.append("signal_channels reads the signals: set signal_input to true, or leave it out")
        _refuse(problems, "model configuration")

    @classmethod
    def preset(cls, name: Preset, **changes: Any) -> ModelConfig:
        """The published configuration ``soft`` or ``hard``, with ``changes`` applied."""
        if name == "soft":
            return cls(**changes)
        if name != "hard":
            raise SettingsError(f"preset {name!r} is unknown; choose soft or hard")
        hard: dict[str, Any] = {
            "shared_backbone": True,
            "generator_sees_signals": True,
            "position_table": True,
            "beta_min": 0.0,
            "prior_scale": 1.0,
            "bottleneck_mean": 0.45,
            "bottleneck_scale": 0.1,
            "train_hard": True,
            "mask_mode": "hard",
        }
        return cls(**{**hard, **changes})

    @property
    def bottleneck(self) -> tuple[float, float]:
        """(alpha3, beta3) of the bottleneck prior."""
        return self.bottleneck_scale, self.bottleneck_scale * (1 - self.bottleneck_mean) / self.bottleneck_mean

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types; `from_dict` inverts it."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ModelConfig:
        """The configuration of a mapping; unknown keys are refused with SettingsError."""
        known = {f.name for f in dataclasses.fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise SettingsError(f"model configuration: unknown keys {', '.join(unknown)}; known are {sorted(known)}")
        converted: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return cls(**converted)


@dataclass(frozen=True, slots=True)
class MaskSettings:
    """What the sliders move (architecture.md "The heart"). None means: as the checkpoint was trained."""

    mode: MaskMode | None = None
    """soft: the mean; hard: mean >= threshold; top-k: the top_share largest means."""
    threshold: float | None = None
    """In 0..1. Soft: calls elements only; hard: decides which bases are kept."""
    top_share: float | None = None
    """Share of the window kept by top-k, in 0..1."""
    signal_scale: float = 1.0
    """Factor k on the signal Beta; 1 is faithful."""
    signal_weights: tuple[float, float, float] | None = None
    """Relative weights of the three signals, order SIGNALS."""
    signal_thresholds: tuple[float, float, float] | None = None
    """Thresholds of the three signals, order SIGNALS."""
    prior_mean: float | None = None
    """Mean mu of the what-if prior, in 0..1 exclusive; None: the checkpoint's bottleneck mean."""
    prior_strength: float = 0.0
    """Strength n of the what-if prior in pseudo-counts; 0 is faithful."""
    off: tuple[Interval, ...] = field(default=())
    """Stretches whose mask is set to 0 (elements switched off)."""
    half: tuple[Interval, ...] = field(default=())
    """Stretches whose mask is set to 0.5; soft masks only."""
    on: tuple[Interval, ...] = field(default=())
    """Stretches whose mask is set to 1 (elements switched on). Where stretches overlap, on wins over half over off."""

    def __post_init__(self) -> None:
        problems = []
        if self.mode not in (None, "soft", "hard", "top-k"):
            problems.append(f"mode must be soft, hard or top-k, found {self.mode!r}")
        for name, low_open in (("threshold", False), ("top_share", True)):
            value = getattr(self, name)
            if value is not None and not (0 <= value <= 1 and not (low_open and value == 0)):
                problems.append(f"{name} must lie in 0..1, found {value}")
        if not (math.isfinite(self.signal_scale) and self.signal_scale >= 0):
            problems.append(f"signal_scale must be finite and not negative, found {self.signal_scale}")
        if not (math.isfinite(self.prior_strength) and self.prior_strength >= 0):
            problems.append(f"prior_strength must be finite and not negative, found {self.prior_strength}")
        if self.prior_mean is not None and not 0 < self.prior_mean < 1:
            problems.append(f"prior_mean must lie between 0 and 1, found {self.prior_mean}")
        if self.signal_weights is not None and (min(self.signal_weights) < 0 or sum(self.signal_weights) <= 0):
            problems.append(f"signal_weights must be non-negative with a positive sum, found {self.signal_weights}")
        if self.half and self.mode in ("hard", "top-k"):
            problems.append(f"a mask of 0.5 exists in mode soft only, found mode {self.mode}")
        switched = (*self.off, *self.half, *self.on)
        for place in sorted({place for place in switched if switched.count(place) > 1}):
            problems.append(f"{place} is switched twice; name it once in off, half or on")
        _refuse(problems, "mask settings")


@dataclass(frozen=True, slots=True)
class ElementSettings:
    """How runs of the mask become called elements; both act on calls and table only."""

    merge_gap_bp: int = 100
    """Runs at most this far apart are one element."""
    min_length_bp: int = 50
    """Shorter elements are dropped."""

    def __post_init__(self) -> None:
        if self.merge_gap_bp < 0 or self.min_length_bp < 1:
            raise SettingsError(
                f"element settings: merge_gap_bp must be >= 0 and min_length_bp >= 1, "
                f"found {self.merge_gap_bp} and {self.min_length_bp}"
            )


@dataclass(frozen=True, slots=True)
class PeakSettings:
    """How MACS3 calls DNase peaks from a bigWig (data-sources.md 9.3)."""

    cutoff: float | None = None
    """Signal at or above which a base is in a peak, in the track's own unit; None: the caller's default."""
    target_share: float | None = None
    """Share of the window the peaks should cover, in 0..1; chooses the cut-off. Excludes `cutoff`."""
    min_length_bp: int = 150
    """Shorter peaks are dropped."""
    max_gap_bp: int = 75
    """Peaks at most this far apart are one."""

    def __post_init__(self) -> None:
        problems = []
        if self.cutoff is not None and self.target_share is not None:
            problems.append("give cutoff or target_share, not both")
        if self.cutoff is not None and not (math.isfinite(self.cutoff) and self.cutoff > 0):
            problems.append(f"cutoff must be finite and positive, found {self.cutoff}")
        if self.target_share is not None and not 0 < self.target_share < 1:
            problems.append(f"target_share must lie between 0 and 1, found {self.target_share}")
        if self.min_length_bp < 1 or self.max_gap_bp < 0:
            problems.append(
                f"min_length_bp must be >= 1 and max_gap_bp >= 0, found {self.min_length_bp} and {self.max_gap_bp}"
            )
        _refuse(problems, "peak settings")
