"""Predicted effects beside known ones: which belongs to which, and how far the two agree."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seq2exp.genome import Interval
from seq2exp.inference.perturb import ElementEffect
from seq2exp.metrics import spearman
from seq2exp.sources.crispri import Knockdown
from seq2exp.sources.truth import TruthElement

LEAST_PAIRS = 3
"""With fewer pairs neither a rank correlation nor a share says anything."""

LEAST_SIGNED = 5e-5
"""A smaller predicted effect is none and has no sign."""


@dataclass(frozen=True, slots=True)
class KnownEffect:
    """What is known of switching off one called element."""

    effect_log10: float
    """log10 of expression without it minus with it; minus infinity where nothing was left."""
    significant: bool
    """Truth: not zero. CRISPRi: significant in its screen. Only these have a sign."""
    words: str
    """Where it comes from, such as a class or a screen."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far predicted effects agree with known ones over the elements of one locus."""

    n: int
    """Elements whose effect is known."""
    spearman: float | None
    """Rank correlation, -1..1; None with fewer than `LEAST_PAIRS` pairs or where one side is constant."""
    n_signed: int
    """Those whose known effect has a sign."""
    same_sign: int | None
    """How many of them were predicted with that sign; None where `n_signed` is below `LEAST_PAIRS`."""


def true_effects(places: Sequence[Interval], elements: Sequence[TruthElement]) -> tuple[KnownEffect | None, ...]:
    """For each place the summed true effect of the elements it meets; None where it meets none of the table's.

    Deleting a called element deletes every true one in it; the sum of their log10 effects stands for that, which is
    not exact where two enhancers of one gene are met at once.
    """
    found: list[KnownEffect | None] = []
    for place in places:
        met = [element for element in elements if element.interval.overlaps(place)]
        total = sum(element.effect_log10 for element in met)
        words = ", ".join(dict.fromkeys(element.element_class.replace("_", " ") for element in met))
        found.append(KnownEffect(total, total != 0, words) if met else None)
    return tuple(found)


def measured_effects(places: Sequence[Interval], knockdowns: Sequence[Knockdown]) -> tuple[KnownEffect | None, ...]:
    """For each place the measured effect of the knock-down that shares most bases with it; None where none does.

    Of equals the first. Knock-downs without a measured effect are left out.
    """
    found: list[KnownEffect | None] = []
    for place in places:
        met = [
            knockdown for knockdown in knockdowns if _shared_bp(knockdown.interval, place) and _has_effect(knockdown)
        ]
        best = max(met, key=lambda knockdown: _shared_bp(knockdown.interval, place), default=None)
        if best is None:
            found.append(None)
            continue
        effect = math.log10(1 + best.effect) if best.effect > -1 else -math.inf
        p = "" if math.isnan(best.p_adjusted) else f", adjusted p {best.p_adjusted:.2g}"
        found.append(KnownEffect(effect, best.significant, f"{best.dataset}: {best.effect:+.0%}{p}"))
    return tuple(found)


def agreement(effects: Sequence[ElementEffect], known: Sequence[KnownEffect | None]) -> Agreement:
    """Rank correlation over all pairs, and shared signs over those whose known effect has one."""
    pairs = [(one.delta_log10, other) for one, other in zip(effects, known, strict=True) if other is not None]
    signed = [(delta, other.effect_log10) for delta, other in pairs if other.significant and other.effect_log10 != 0]
    rank = math.nan
    if len(pairs) >= LEAST_PAIRS:
        # Ranks are all that counts, so that "nothing was left" may stand below every number.
        rank = spearman([delta for delta, _ in pairs], [max(other.effect_log10, -1e6) for _, other in pairs])
    same = sum(abs(delta) >= LEAST_SIGNED and np.sign(delta) == np.sign(effect) for delta, effect in signed)
    return Agreement(
        n=len(pairs),
        spearman=None if math.isnan(rank) else rank,
        n_signed=len(signed),
        same_sign=int(same) if len(signed) >= LEAST_PAIRS else None,
    )


def _shared_bp(one: Interval, other: Interval) -> int:
    shared = one.intersect(other)
    return 0 if shared is None else shared.width


def _has_effect(knockdown: Knockdown) -> bool:
    return not math.isnan(knockdown.effect)
