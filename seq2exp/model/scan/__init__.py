"""The one interface to the sequence kernels of the backbone: three engines, same numbers.

`reference` is the definition (plain PyTorch), `cpu` runs compiled kernels on float32 CPU tensors, `cuda` calls
mamba-ssm.
"""

from __future__ import annotations

import logging
from functools import cache
from importlib.util import find_spec
from typing import Literal

import torch
from torch import Tensor

from seq2exp.errors import SettingsError
from seq2exp.model.scan import reference

EngineName = Literal["auto", "reference", "cpu", "cuda"]
ResolvedEngine = Literal["reference", "cpu", "cuda"]

_log = logging.getLogger(__name__)


@cache
def cuda_kernels_installed() -> bool:
    """Whether CUDA and both kernel packages (mamba-ssm, causal-conv1d) are there; told once in the log if not."""
    if not torch.cuda.is_available():
        return False
    missing = [name for name in ("mamba_ssm", "causal_conv1d") if find_spec(name) is None]
    if missing:
        _log.warning("CUDA without %s: the reference engine runs instead of the fused one", " and ".join(missing))
    return not missing


def resolve_engine(name: EngineName, tensor: Tensor) -> ResolvedEngine:
    """The engine that will run for ``tensor``.

    Parameters
    ----------
    name
        ``auto`` takes ``reference`` for float64; ``cuda`` for CUDA tensors where mamba-ssm is installed, else
        ``reference``; ``cpu`` for all other CPU tensors.
    tensor
        Any input of the operation: its device and dtype decide.

    Raises
    ------
    SettingsError
        The engine asked for cannot run on this device or dtype, or is not installed.
    """
    device = tensor.device.type
    if name == "reference":
        return "reference"
    if name == "auto":
        if tensor.dtype == torch.float64:
            return "reference"
        if device == "cpu":
            return "cpu"
        return "cuda" if device == "cuda" and cuda_kernels_installed() else "reference"
    if name not in ("cpu", "cuda"):
        raise SettingsError(f"engine {name!r} is unknown; choose auto, reference, cpu or cuda")
    if name != device:
        raise SettingsError(f"engine {name} got a tensor on {device}; move the model there or choose auto")
    if tensor.dtype == torch.float64:
        raise SettingsError(f"engine {name} computes in float32 and got float64; choose reference")
    if name == "cuda" and not cuda_kernels_installed():
        raise SettingsError("engine cuda needs mamba-ssm and causal-conv1d; install requirements-gpu.txt")
    return name


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
    engine: EngineName = "auto",
) -> Tensor:
    """Gated selective scan (scan(x) + D x) * SiLU(z), in float32 or, with ``reference``, in float64.

    Parameters
    ----------
    x, delta, z
        (B, L, E). ``delta`` is raw: its bias and softplus are applied here.
    A
        (E, N), negative.
    B, C
        (B, L, N).
    D, delta_bias
        (E,).
    reverse
        Scan from the last position to the first; tensors stay in order.
    engine
        See `resolve_engine`.

    Returns
    -------
    Tensor
        (B, L, E), dtype of ``x``.
    """
    resolved = resolve_engine(engine, x)
    if x.dtype != torch.float64:
        dtype = x.dtype
        args = [t.float() for t in (x, delta, A, B, C, D, z, delta_bias)]
        if resolved == "cpu":
            from seq2exp.model.scan import cpu

            return cpu.selective_scan(*args, reverse=reverse).to(dtype)
        if resolved == "cuda":
            from seq2exp.model.scan import cuda

            return cuda.selective_scan(*args, reverse=reverse).to(dtype)
        return reference.selective_scan(*args, reverse=reverse).to(dtype)
    return reference.selective_scan(x, delta, A, B, C, D, z, delta_bias, reverse=reverse)


def causal_conv_silu(x: Tensor, weight: Tensor, bias: Tensor, *, reverse: bool, engine: EngineName = "auto") -> Tensor:
    """SiLU of a causal depthwise convolution along the length.

    Parameters
    ----------
    x
        (B, L, E).
    weight
        (E, K); tap K - 1 multiplies the current position, tap 0 the one K - 1 before it.
    bias
        (E,).
    reverse
        "Before" means towards higher positions: the convolution of the flipped tensor, flipped back.
    engine
        See `resolve_engine`.

    Returns
    -------
    Tensor
        (B, L, E); positions beyond the ends count as zero.
    """
    resolved = resolve_engine(engine, x)
    if resolved == "cpu":
        from seq2exp.model.scan import cpu

        return cpu.causal_conv_silu(x.float(), weight.float(), bias.float(), reverse=reverse).to(x.dtype)
    if resolved == "cuda":
        from seq2exp.model.scan import cuda

        return cuda.causal_conv_silu(x, weight, bias, reverse=reverse)
    return reference.causal_conv_silu(x, weight, bias, reverse=reverse)
