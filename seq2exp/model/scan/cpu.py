"""The CPU engine for autograd: scan and convolution as functions with their own gradients, on whole tensors.

Inference without gradients goes another way, see `seq2exp.model.scan.stream`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from seq2exp.model.scan import gradients
from seq2exp.model.scan.packing import block_groups, flat, pack_channels
from seq2exp.model.scan.threads import run_tasks
from seq2exp.model.scan.vector import LANES, LOG2E


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
    """Gated selective scan; shapes and meaning as `seq2exp.model.scan.selective_scan`, all float32 on the CPU."""
    width = x.shape[-1]
    extra = -width % LANES  # channels of zeros fill the last block
    if extra:
        x, delta, z, D, delta_bias = (F.pad(t, (0, extra)) for t in (x, delta, z, D, delta_bias))
        A = F.pad(A, (0, 0, 0, extra))
    out: Tensor = _Scan.apply(x, delta, A, torch.cat([B, C], -1), D, z, delta_bias, reverse)  # type: ignore[no-untyped-call]
    return out[..., :width] if extra else out


def causal_conv_silu(x: Tensor, weight: Tensor, bias: Tensor, *, reverse: bool) -> Tensor:
    """SiLU of a causal depthwise convolution; shapes as `seq2exp.model.scan.causal_conv_silu`, float32 on the CPU."""
    width = x.shape[-1]
    extra = -width % LANES
    if extra:
        x, weight, bias = F.pad(x, (0, extra)), F.pad(weight, (0, 0, 0, extra)), F.pad(bias, (0, extra))
    out: Tensor = _Convolution.apply(x, weight, bias, reverse)  # type: ignore[no-untyped-call]
    return out[..., :width] if extra else out


class _Scan(torch.autograd.Function):
    """Gated scan; keeps its inputs and one state in gradients.CHECKPOINT."""

    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> Tensor:
        x, delta, a, bc, d, z, bias = (t.contiguous() for t in arguments[:-1])
        reverse: bool = arguments[-1]
        n_batch, length, width = x.shape
        n_state = a.shape[1]
        n_kept = -(-length // gradients.CHECKPOINT)
        kept = torch.empty(n_batch, n_kept + 1, width * n_state)
        kept[:, 0] = 0
        out = torch.empty_like(x)
        like = (0,) * n_state
        rest = (
            length, width, reverse, flat(x), flat(delta), pack_channels(a * LOG2E), flat(bc), flat(d), flat(z),
            flat(bias), flat(kept), flat(out),
        )  # fmt: skip
        run_tasks(
            [
                partial(gradients.scan_forward, like, sample, first, last, *rest)
                for sample in range(n_batch)
                for first, last in block_groups(width // LANES, -(-torch.get_num_threads() // n_batch))
            ]
        )
        ctx.save_for_backward(x, delta, a, bc, d, z, bias, kept)
        ctx.reverse = reverse
        return out

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        x, delta, a, bc, d, z, bias, kept = ctx.saved_tensors
        grad_out = grad_outputs[0].contiguous()
        n_batch, length, width = x.shape
        n_state, n_blocks = a.shape[1], width // LANES
        like = (0,) * n_state
        groups = block_groups(n_blocks, -(-torch.get_num_threads() // n_batch))  # each sums dL/dB and dL/dC on its own
        grad_x, grad_delta, grad_z = (torch.empty_like(x) for _ in range(3))
        grad_a = torch.zeros(n_batch, n_blocks, n_state, LANES)
        grad_d, grad_bias = torch.zeros(n_batch, width), torch.zeros(n_batch, width)
        grad_bc = torch.empty(len(groups), n_batch, length, 2 * n_state)
        rest = (
            length, width, ctx.reverse, flat(x), flat(delta), pack_channels(a * LOG2E), flat(bc), flat(d), flat(z),
            flat(bias), flat(kept), flat(grad_out), flat(grad_x), flat(grad_delta), flat(grad_z), flat(grad_a),
            flat(grad_d), flat(grad_bias), flat(grad_bc),
        )  # fmt: skip
        run_tasks(
            [
                partial(
                    gradients.scan_backward,
                    like,
                    sample,
                    first,
                    last,
                    *rest,
                    (g * n_batch + sample) * length * 2 * n_state,
                )
                for sample in range(n_batch)
                for g, (first, last) in enumerate(groups)
            ]
        )
        total_a = grad_a.sum(0).transpose(1, 2).reshape(width, n_state)
        return grad_x, grad_delta, total_a, grad_bc.sum(0), grad_d.sum(0), grad_z, grad_bias.sum(0), None


class _Convolution(torch.autograd.Function):
    """Convolution and SiLU; keeps its inputs."""

    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> Tensor:
        x, weight, bias = (t.contiguous() for t in arguments[:-1])
        reverse: bool = arguments[-1]
        n_batch, length, width = x.shape
        out = torch.empty_like(x)
        taps = (0,) * weight.shape[1]
        rest = (length, width, reverse, flat(x), pack_channels(weight), flat(bias), flat(out))
        run_tasks(
            [
                partial(gradients.convolve_forward, taps, sample, block, *rest)
                for sample in range(n_batch)
                for block in range(width // LANES)
            ]
        )
        ctx.save_for_backward(x, weight, bias)
        ctx.reverse = reverse
        return out

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        x, weight, bias = ctx.saved_tensors
        grad_out = grad_outputs[0].contiguous()
        n_batch, length, width = x.shape
        n_taps, n_blocks = weight.shape[1], width // LANES
        taps = (0,) * n_taps
        grad_x = torch.empty_like(x)
        grad_weight = torch.zeros(n_batch, n_blocks, n_taps, LANES)
        grad_bias = torch.empty(n_batch, width)
        rest = (
            length, width, ctx.reverse, flat(x), pack_channels(weight), pack_channels(weight.flip(1)), flat(bias),
            flat(grad_out), flat(grad_x), flat(grad_weight), flat(grad_bias),
        )  # fmt: skip
        run_tasks(
            [
                partial(gradients.convolve_backward, taps, sample, block, *rest)
                for sample in range(n_batch)
                for block in range(n_blocks)
            ]
        )
        total_weight = grad_weight.sum(0).transpose(1, 2).reshape(width, n_taps)
        return grad_x, total_weight, grad_bias.sum(0), None
