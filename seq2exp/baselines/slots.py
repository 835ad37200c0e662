"""From a window and its candidate elements to EPInformer's slots: promoter first, then elements, nearest first.

S slots, W bases of a slot, K candidate elements; README of the published weights and models.md 7.6.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from seq2exp.baselines.configs import EPInformerConfig
from seq2exp.model.predictor import centre_slice
from seq2exp.settings import SIGNALS

SLOT_FEATURES = 3
"""Of a slot, in this order: distance / 1000, log10(1 + contact), activity; all 0 for the promoter."""

_H3K27AC, _DNASE, _CONTACT = (SIGNALS.index(name) for name in ("h3k27ac", "dnase", "contact"))
_UNKNOWN_BASE = 0.25
"""Every letter of an unknown base inside a slot; all four are 0 where a slot holds no base."""


class Slots(NamedTuple):
    """What EPInformer reads."""

    bases: Tensor
    """(B, S, W, 4): element or promoter in the middle, zeros beside it; a slot without an element is all zero."""
    features: Tensor
    """(B, S, 3) in the order of `SLOT_FEATURES`."""
    candidate: Tensor
    """(B, S) which candidate stands in a slot; -1 for the promoter and for empty slots."""


def build_slots(sequence: Tensor, signals: Tensor, elements: Tensor, config: EPInformerConfig) -> Slots:
    """The slots of windows whose middle base is the TSS.

    Parameters
    ----------
    sequence
        (B, L, 4) one-hot, N = zeros.
    signals
        (B, L, 3) as a window holds them: tracks in their own unit, contact as log10(1 + contact). The activity of an
        element is the geometric mean of its mean DNase and mean H3K27ac; where reads were counted use `fill_slots`.
    elements
        (B, K, 2) start and end of the candidates in window coordinates, half-open; rows with end <= start are none.
        Bases before 0 or from L on are unknown to the window and stay empty.
    """
    length = sequence.shape[1]
    starts, ends = elements.unbind(-1)
    sums = torch.cat([signals.new_zeros(len(signals), 1, signals.shape[-1]), signals.cumsum(dim=1)], dim=1)
    first, last = (place.clamp(0, length)[..., None].expand(-1, -1, signals.shape[-1]) for place in (starts, ends))
    width = (last - first).clamp(min=1)
    means = (sums.double().gather(1, last) - sums.double().gather(1, first)) / width  # (B, K, 3)
    activity = (means[..., _DNASE] * means[..., _H3K27AC]).clamp(min=0).sqrt()
    middle = ((starts + ends) // 2).clamp(0, length - 1)
    contact = signals[..., _CONTACT].gather(1, middle)
    return fill_slots(sequence, elements, contact=contact, activity=activity, config=config)


def fill_slots(
    sequence: Tensor, elements: Tensor, *, contact: Tensor, activity: Tensor, config: EPInformerConfig
) -> Slots:
    """The slots of windows whose candidates' contact and activity are known.

    Parameters
    ----------
    sequence, elements
        See `build_slots`.
    contact
        (B, K) log10(1 + contact with the promoter).
    activity
        (B, K) of each candidate; the published weights take sqrt(DNase RPM * H3K27ac RPM).
    """
    n, length, _ = sequence.shape
    starts, ends = elements.unbind(-1)
    distance = ((starts + ends) // 2 - length // 2).abs()
    wanted = (ends > starts) & (distance > config.slot_bp // 2) & (distance <= config.reach_bp)
    ranked = torch.where(wanted, distance, torch.iinfo(torch.int64).max)
    order = ranked.argsort(dim=1, stable=True)[:, : config.elements]  # (B, <= elements)
    chosen = torch.where(wanted.gather(1, order), order, -1)
    candidate = chosen.new_full((n, config.elements + 1), -1)
    candidate[:, 1 : 1 + chosen.shape[1]] = chosen
    index, empty = candidate.clamp(min=0), candidate < 0

    def of_slot(values: Tensor) -> Tensor:
        """(B, S) a candidate's value in its slot, 0 in the others."""
        if values.shape[1] == 0:
            return values.new_zeros(candidate.shape)
        return torch.where(empty, torch.zeros_like(values[:, :1]), values.gather(1, index))

    promoter = centre_slice(length, config.slot_bp)
    starts, ends = of_slot(starts), of_slot(ends)
    starts[:, 0], ends[:, 0] = promoter.start, promoter.stop
    features = torch.stack([of_slot(distance) / 1000, of_slot(contact), of_slot(activity)], dim=-1)
    return Slots(_bases(sequence, starts, ends, config.slot_bp), features.to(sequence.dtype), candidate)


def _bases(sequence: Tensor, starts: Tensor, ends: Tensor, slot_bp: int) -> Tensor:
    """(B, S, W, 4) the middle ``slot_bp`` of stretches (B, S), shorter ones centred."""
    n, length, _ = sequence.shape
    known = torch.where(sequence.sum(-1, keepdim=True) > 0, sequence, _UNKNOWN_BASE)
    place = (starts + (ends - starts) // 2 - slot_bp // 2)[..., None] + torch.arange(slot_bp, device=sequence.device)
    inside = (place >= starts[..., None]) & (place < ends[..., None]) & (place >= 0) & (place < length)
    rows = torch.arange(n, device=sequence.device)[:, None, None]
    return known[rows, place.clamp(0, length - 1)] * inside[..., None]
