"""The CUDA engine: the fused kernels of mamba-ssm and causal-conv1d behind our layout; imported only where both are.

Those kernels want channels before length, (B, E, L), and know no reverse; here tensors are transposed and flipped.
"""

from __future__ import annotations

from causal_conv1d import causal_conv1d_fn
from mamba_ssm.ops.selective_scan_interface import selective_scan_fn
from torch import Tensor


def _channels_first(tensor: Tensor, *, reverse: bool) -> Tensor:
    """(B, L, W) -> contiguous (B, W, L), positions reversed if asked."""
    return (tensor.flip(1) if reverse else tensor).transpose(1, 2).contiguous()


def _length_first(tensor: Tensor, *, reverse: bool) -> Tensor:
    """(B, W, L) -> (B, L, W), positions reversed if asked."""
    turned = tensor.transpose(1, 2)
    return turned.flip(1) if reverse else turned


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
    """Gated selective scan; shapes and meaning as `seq2exp.model.scan.selective_scan`, all float32."""
    x, delta, B, C, z = (_channels_first(t, reverse=reverse) for t in (x, delta, B, C, z))
    out: Tensor = selective_scan_fn(
        x, delta, A.contiguous(), B, C, D, z=z, delta_bias=delta_bias, delta_softplus=True
    )  # (B, E, L)
    return _length_first(out, reverse=reverse)


def causal_conv_silu(x: Tensor, weight: Tensor, bias: Tensor, *, reverse: bool) -> Tensor:
    """SiLU of a causal depthwise convolution; shapes as `seq2exp.model.scan.causal_conv_silu`, 2 to 4 taps."""
    out: Tensor = causal_conv1d_fn(_channels_first(x, reverse=reverse), weight, bias, activation="silu")
    return _length_first(out, reverse=reverse)
