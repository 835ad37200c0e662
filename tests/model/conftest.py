"""Synthetic official files, built from the key table of models.md section 6 alone."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

State = dict[str, Tensor]


def backbone_keys(prefix: str, *, width: int, layers: int) -> dict[str, tuple[int, ...]]:
    inner, rank = 2 * width, -(-width // 16)
    shapes: dict[str, tuple[int, ...]] = {f"{prefix}.norm_f.weight": (width,)}
    for layer in range(layers):
        shapes[f"{prefix}.layers.{layer}.norm.weight"] = (width,)
        for direction in ("mamba_fwd", "mamba_rev"):
            mixer = f"{prefix}.layers.{layer}.mixer.{direction}"
            shapes |= {
                f"{mixer}.A_log": (inner, 16),
                f"{mixer}.D": (inner,),
                f"{mixer}.in_proj.weight": (2 * inner, width),
                f"{mixer}.conv1d.weight": (inner, 1, 4),
                f"{mixer}.conv1d.bias": (inner,),
                f"{mixer}.x_proj.weight": (rank + 32, inner),
                f"{mixer}.dt_proj.weight": (inner, rank),
                f"{mixer}.dt_proj.bias": (inner,),
                f"{mixer}.out_proj.weight": (width, inner),
            }
    return shapes


def official_keys(kind: str, *, width: int, layers: int, window_bp: int) -> dict[str, tuple[int, ...]]:
    """Names (without ``model.``) and shapes of a soft, hard, retrain or macs3 model."""
    inputs: dict[str, tuple[int, ...]] = {
        "seq_input_layer.weight": (width, 4),
        "seq_input_layer.bias": (width,),
        "signal_input_layer.weight": (width, 3),
        "signal_input_layer.bias": (width,),
    }
    mask: dict[str, tuple[int, ...]] = {
        "prior_weights": (3,),
        "signal_betas": (3,),
        "mask_output.weight": (2, width),
        "mask_output.bias": (2,),
        **backbone_keys("generator.backbone", width=width, layers=layers),
    }
    head: dict[str, tuple[int, ...]] = {
        "pToExpr.0.weight": (width, width + 9),
        "pToExpr.0.bias": (width,),
        "pToExpr.2.weight": (width, width),
        "pToExpr.2.bias": (width,),
        "pToExpr.4.weight": (1, width),
        "pToExpr.4.bias": (1,),
    }
    keys = {**inputs, **head, **backbone_keys("encoder.backbone", width=width, layers=layers)}
    if kind in ("soft", "hard"):
        keys |= mask
    if kind == "hard":
        keys["pos_emb"] = (1, window_bp, width)
    if kind == "retrain":
        keys |= {f"mask_model.{name}": shape for name, shape in {**inputs, **mask}.items()}
    return keys


@pytest.fixture(scope="session")
def official_state() -> Callable[..., State]:
    def make(kind: str, *, width: int = 16, layers: int = 1, window_bp: int = 512, seed: int = 0) -> State:
        generator = torch.Generator().manual_seed(seed)
        state: State = {}
        for name, shape in official_keys(kind, width=width, layers=layers, window_bp=window_bp).items():
            twin = name.replace("mamba_rev", "mamba_fwd")
            tied = "in_proj" in name or "out_proj" in name
            if kind == "hard":
                twin = twin.replace("encoder.backbone", "generator.backbone") if tied else twin
            source = "model." + (twin if tied else name)
            if kind == "hard" and name.startswith("encoder.") and not tied:
                source = "model." + name.replace("encoder.backbone", "generator.backbone")
            if source not in state:
                state[source] = 0.1 * torch.randn(shape, generator=generator)
            state["model." + name] = state[source]
        return state

    return make
