"""Checkpoints of random weights, said to be so, for windows of the tiny data set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from seq2exp.model.checkpoint import build_network, save_checkpoint
from seq2exp.model.network import Seq2Exp
from seq2exp.settings import ModelConfig, Preset


def write_random(
    folder: Path, preset: Preset, *, adapt: Callable[[Seq2Exp], None] | None = None, **changes: Any
) -> Path:
    """The checkpoint in ``folder``; its mask head is scaled up so that masks have structure, then ``adapt`` called."""
    torch.manual_seed(5)
    size = {"window_bp": 4096, "centre_bp": 256, "d_model": 16, "generator_layers": 1, "predictor_layers": 1}
    network = build_network(ModelConfig.preset(preset, **(size | changes)))
    assert network.generator is not None
    with torch.no_grad():
        network.generator.mask_head.weight.mul_(8)
        if adapt is not None:
            adapt(network)
    save_checkpoint(folder, network, provenance={"trained": False})
    return folder
