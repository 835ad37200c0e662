"""The definition of every scan operation in plain PyTorch: any dtype and device, differentiable, slow.

Letters (models.md section 2.2): B batch, L length, E inner width (channels), N state size, K taps.

    Delta_t = softplus(delta_t + delta_bias)                      (B, L, E)
    h_t     = exp(Delta_t A) * h_{t-1} + (Delta_t x_t) B_t^T      (B, E, N), h before the first position is 0
    y_t     = h_t C_t + D * x_t                                   (B, E)
    out_t   = y_t * SiLU(z_t)                                     (B, E)

``reverse=True`` runs the same recurrence from the last position to the first; nothing is flipped.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_CHUNK = 512
"""Positions whose (B, chunk, E, N) factors are held at once; bounds memory, changes no number."""


def selective_scan(
    x: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor,
    z: Tensor,
    delta_bias: Tensor,
    *,
    reverse: bool,
) -> Tensor:
    """Gated selective scan; shapes and meaning as `seq2exp.model.scan.selective_scan`."""
    n_batch, length, width = x.shape
    step = F.softplus(delta + delta_bias)  # (B, L, E)
    state = x.new_zeros(n_batch, width, A.shape[1])
    starts = list(range(0, length, _CHUNK))
    pieces: list[Tensor] = []
    for start in reversed(starts) if reverse else starts:
        here = slice(start, min(start + _CHUNK, length))
        decay = torch.exp(step[:, here, :, None] * A)  # (B, T, E, N)
        drive = (step[:, here] * x[:, here])[..., None] * B[:, here, None, :]  # (B, T, E, N)
        states: list[Tensor] = []
        pairs = list(zip(decay.unbind(1), drive.unbind(1), strict=True))
        for decay_t, drive_t in reversed(pairs) if reverse else pairs:
            state = decay_t * state + drive_t
            states.append(state)
        if reverse:
            states.reverse()
        pieces.append((torch.stack(states, 1) * C[:, here, None, :]).sum(-1))  # (B, T, E)
    if reverse:
        pieces.reverse()
    return (torch.cat(pieces, 1) + D * x) * F.silu(z)


def causal_conv_silu(x: Tensor, weight: Tensor, bias: Tensor, *, reverse: bool) -> Tensor:
    """SiLU of a causal depthwise convolution; shapes and meaning as `seq2exp.model.scan.causal_conv_silu`."""
    taps = weight.shape[1]
    padded = F.pad(x, (0, 0, 0, taps - 1) if reverse else (0, 0, taps - 1, 0))  # (B, L + K - 1, E)
    ordered = weight.flip(1) if reverse else weight
    total = bias.expand_as(x)
    for tap in range(taps):
        total = total + padded[:, tap : tap + x.shape[1]] * ordered[:, tap]
    return F.silu(total)
