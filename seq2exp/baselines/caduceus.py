"""Caduceus as the paper trained it: a plain tied bidirectional Mamba over bases, with or without signals.

No reverse-complement equivariance, no pre-training (models.md 7.4, 7.5): Linear input, the Seq2Exp backbone,
mean of the promoter centre, the same head.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from seq2exp.errors import CheckpointError, SettingsError
from seq2exp.model.beta import transform_signals
from seq2exp.model.checkpoint import load_strictly
from seq2exp.model.generator import N_BASES, N_SIGNALS, build_backbone, zero_bias_linear
from seq2exp.model.official import collapse, own_backbone_name, own_geometry
from seq2exp.model.predictor import ExpressionHead, centre_slice
from seq2exp.model.scan import EngineName
from seq2exp.settings import ModelConfig


class Caduceus(nn.Module):
    """Of ``config`` it uses window, centre, widths, predictor_layers, init_residual_layers and both options on signals.

    Published: four layers, ``init_residual_layers=4`` (unlike Seq2Exp; models.md 2.5), without signals
    574,209 parameters, with signals 574,593.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.inputs = zero_bias_linear(N_BASES + (N_SIGNALS if config.signal_input else 0), config.d_model)
        self.backbone = build_backbone(config, config.predictor_layers)
        self.head = ExpressionHead(config)

    def forward(
        self, sequence: Tensor, signals: Tensor | None, rna_features: Tensor, *, engine: EngineName = "auto"
    ) -> Tensor:
        """(B, 1) log10(1 + CAGE) of one-hot (B, L, 4), signals (B, L, 3) if it has a signal input, features (B, 9)."""
        if (signals is not None) != self.config.signal_input:
            raise SettingsError(f"signal_input is {self.config.signal_input}: signals must be given exactly then")
        joined = sequence  # (B, L, 4 or 7)
        if signals is not None:
            joined = torch.cat([sequence, transform_signals(signals, self.config.signal_transform)], dim=-1)
        centre = centre_slice(sequence.shape[1], self.config.centre_bp)
        prediction: Tensor = self.head(self.backbone(self.inputs(joined), rows=centre, engine=engine), rna_features)
        return prediction


def caduceus_from_official(state: Mapping[str, Tensor], flags: Mapping[str, Any], *, what: str) -> Caduceus:
    """The baseline holding an official state dict, in evaluation mode; names and shapes strictly.

    Parameters
    ----------
    state
        Official names, with or without the ``model.`` prefix.
    flags
        The official model configuration.
    what
        File name for errors.
    """
    try:
        n_layer = int(flags["n_layer"])
        config = ModelConfig(**own_geometry(flags), predictor_layers=n_layer, init_residual_layers=n_layer)
    except KeyError as error:
        raise CheckpointError(f"{what}: model flag {error} is missing") from error
    model = Caduceus(config)
    load_strictly(model, collapse(state, _own_name, what=what), what=what)
    return model.eval()


def _own_name(official: str) -> str:
    if official.startswith("caduceus.backbone."):
        return "backbone." + own_backbone_name(official.removeprefix("caduceus.backbone."))
    if official.startswith("input_layer."):
        return official.replace("input_layer.", "inputs.")
    return official.replace("pToExpr.", "head.layers.")
