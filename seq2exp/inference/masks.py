"""What the sliders mean: MaskSettings on a window and a checkpoint (or none) to one mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from seq2exp.errors import SettingsError
from seq2exp.genome import Interval, Region
from seq2exp.model import beta as beta_algebra
from seq2exp.model.beta import BetaParameters
from seq2exp.model.generator import Generator, share_of
from seq2exp.results import BoolArray
from seq2exp.settings import SIGNALS, MaskMode, MaskSettings, ModelConfig
from seq2exp.sources.peaks import rasterise
from seq2exp.window.assemble import Window


@dataclass(frozen=True, slots=True)
class ResolvedSettings:
    """MaskSettings with every None replaced by the checkpoint's own value."""

    mode: MaskMode
    threshold: float
    top_share: float
    prior_mean: float


def resolve(settings: MaskSettings, config: ModelConfig) -> ResolvedSettings:
    """The settings in force.

    Raises
    ------
    SettingsError
        A soft mask asked of a checkpoint that packs kept bases (its predictor knows only 0 and 1), or a stretch at half
        in a mode that knows only 0 and 1.
    """
    mode = settings.mode or config.mask_mode
    if mode == "soft" and config.position_table:
        raise SettingsError("this checkpoint packs the kept bases and knows no soft mask; choose mode hard or top-k")
    if settings.half and mode != "soft":
        raise SettingsError(f"{settings.half[0]} at half: mode {mode} knows only 0 and 1; switch it off or on")
    return ResolvedSettings(
        mode=mode,
        threshold=config.threshold if settings.threshold is None else settings.threshold,
        top_share=config.top_share if settings.top_share is None else settings.top_share,
        prior_mean=config.bottleneck_mean if settings.prior_mean is None else settings.prior_mean,
    )


def deciding(settings: MaskSettings, config: ModelConfig) -> MaskSettings:
    """The settings a prediction depends on, spelled one way: what the mode in force ignores is left out.

    Two settings that give the same mask compare equal after it; in soft mode a moved threshold changes nothing.
    """
    resolved = resolve(settings, config)
    return replace(
        settings,
        mode=resolved.mode,
        threshold=resolved.threshold if resolved.mode == "hard" else None,
        top_share=resolved.top_share if resolved.mode == "top-k" else None,
        prior_mean=resolved.prior_mean if settings.prior_strength else None,
    )


def mask_beta(
    signals: Tensor,
    settings: MaskSettings,
    config: ModelConfig,
    *,
    sequence: BetaParameters | None,
    generator: Generator | None,
) -> BetaParameters:
    """The mask Beta (1, L): sequence and signals coupled, or the signal Beta alone where there is no generator.

    Parameters
    ----------
    signals
        (1, L, 3).
    sequence
        The generator's alpha1 and beta1; None without a checkpoint.
    generator
        Holds the checkpoint's own weights and thresholds; None: those of ``config``.
    """
    own_weights = torch.tensor(config.signal_weights) if generator is None else generator.signal_log_weights.exp()
    own_thresholds = torch.tensor(config.signal_thresholds) if generator is None else generator.signal_thresholds
    from_signals = beta_algebra.signal_beta(
        signals,
        weights=own_weights if settings.signal_weights is None else torch.tensor(settings.signal_weights),
        thresholds=own_thresholds if settings.signal_thresholds is None else torch.tensor(settings.signal_thresholds),
        beta_min=config.beta_min,
        scale=config.prior_scale,
        transform=config.signal_transform,
    )
    if sequence is None:
        if settings.signal_scale == 0 and settings.prior_strength == 0:
            raise SettingsError("without a checkpoint the mask is made of signals alone: signal scale must be above 0")
        zero = torch.zeros_like(from_signals.alpha)
        sequence = BetaParameters(zero, zero)
    return beta_algebra.couple(
        sequence,
        from_signals,
        signal_scale=settings.signal_scale,
        prior_mean=resolve(settings, config).prior_mean,
        prior_strength=settings.prior_strength,
        z_scale=config.z_scale,
        share=share_of(config, signals),
    )


def floor(settings: MaskSettings, config: ModelConfig, *, generator: Generator | None) -> float:
    """Mask mean of a base without signal, beside a summit that meets the promoter, whose sequence adds nothing.

    0.357 = 11 / 30.8 under the soft recipe: such a base is not "36 % regulatory", it has no evidence.
    """
    least = torch.full((1, 1), config.beta_min + beta_algebra.EPSILON)
    nothing = torch.zeros(1, 2, len(SIGNALS))
    for name in ("dnase", "contact"):
        nothing[:, 1, SIGNALS.index(name)] = 1.0  # a locus with DNase and contacts, but none at its first base
    if generator is not None:
        least, nothing = least.to(generator.signal_thresholds), nothing.to(generator.signal_thresholds)
    least_beta = beta_algebra.bound(BetaParameters(least, least), config.most_sequence_counts)
    sequence = None if generator is None else least_beta
    return float(mask_beta(nothing, settings, config, sequence=sequence, generator=generator).mean[0, 0])


def select(mean: Tensor, resolved: ResolvedSettings) -> Tensor:
    """The mask (1, L) of a mean before overrides."""
    if resolved.mode == "soft":
        return mean
    if resolved.mode == "hard":
        return beta_algebra.binarise(mean, resolved.threshold)
    return beta_algebra.top_share_mask(mean, resolved.top_share)


def inside(places: Sequence[Interval], window: Interval) -> BoolArray:
    """(L,) True where one of ``places`` covers the window; parts outside it are ignored."""
    return rasterise((Region(place) for place in places), window)


def forced(window: Window, centre: slice, chrom_length: int) -> tuple[BoolArray, BoolArray, BoolArray]:
    """(L,) bool each: forced on, forced off, beyond the chromosome of ``chrom_length`` bp."""
    on = np.zeros(window.interval.width, dtype=bool)
    on[centre] = True
    positions = np.arange(window.interval.start, window.interval.end)
    outside = (positions < 0) | (positions >= chrom_length)
    return on, np.array(window.blacklist) & ~on, outside


def final_mask(mean: Tensor, settings: MaskSettings, config: ModelConfig, *, window: Window, centre: slice) -> Tensor:
    """The mask (1, L): selected, blacklist 0, elements switched off, half and on, the promoter centre 1 over all."""
    blacklist = torch.from_numpy(np.array(window.blacklist)).to(mean.device)
    mask = select(mean, resolve(settings, config)).masked_fill(blacklist, 0.0)
    for places, value in ((settings.off, 0.0), (settings.half, 0.5), (settings.on, 1.0)):
        if places:
            mask = mask.masked_fill(torch.from_numpy(inside(places, window.interval)).to(mean.device), value)
    return beta_algebra.force(mask, blacklist=None, centre=centre)


def changes(settings: MaskSettings, config: ModelConfig, window: Window) -> tuple[str, ...]:
    """What makes the result a what-if, in words; empty = as trained.

    In soft mode the threshold only calls elements, so moving it changes neither mask nor prediction.
    """
    found: list[str] = []
    resolved = resolve(settings, config)
    if resolved.mode != config.mask_mode:
        found.append(f"mode {resolved.mode} instead of {config.mask_mode}")
    if resolved.mode == "hard" and resolved.threshold != config.threshold:
        found.append(f"threshold {resolved.threshold:g} instead of {config.threshold:g}")
    if resolved.mode == "top-k" and resolved.top_share != config.top_share:
        found.append(f"top share {resolved.top_share:g} instead of {config.top_share:g}")
    if settings.signal_scale != 1:
        found.append(f"signal scale {settings.signal_scale:g} instead of 1")
    if settings.prior_strength != 0:
        found.append(f"prior mean {resolved.prior_mean:g} with strength {settings.prior_strength:g} instead of none")
    for name, chosen, own in (
        ("signal weights", settings.signal_weights, config.signal_weights),
        ("signal thresholds", settings.signal_thresholds, config.signal_thresholds),
    ):
        if chosen is not None and not np.allclose(chosen, own):
            found.append(f"{name} {', '.join(f'{value:g}' for value in chosen)}")
    found += [f"{place} switched off" for place in settings.off]
    found += [f"{place} at half" for place in settings.half]
    found += [f"{place} switched on" for place in settings.on]
    for missing in window.missing:
        whole_track = missing.name in SIGNALS and missing.share >= 1
        if whole_track or missing.name == "rna_features":
            found.append(f"{missing.name} missing, {missing.stand_in} stood in")
    return tuple(found)
