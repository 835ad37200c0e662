"""Mamba as the paper trained it: four layers in one direction over base tokens (models.md 7.3).

A causal network: what lies behind the promoter centre never reaches the pooled rows, so it is not computed.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from seq2exp.baselines.parts import VOCABULARY, PooledHead, no_signals, tokens
from seq2exp.model.backbone import Direction, RMSNorm
from seq2exp.model.predictor import centre_slice
from seq2exp.model.scan import EngineName
from seq2exp.settings import ModelConfig


class CausalLayer(nn.Module):
    """Residual step of one direction: x + mixer(norm(x)), the mixer of models.md 2.2."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        inner = config.expand * config.d_model
        self.norm = RMSNorm(config.d_model, eps=config.norm_eps)
        self.in_proj = nn.Linear(config.d_model, 2 * inner, bias=False)
        self.scan = Direction(
            inner, d_state=config.d_state, d_conv=config.d_conv, dt_rank=math.ceil(config.d_model / 16)
        )
        self.out_proj = nn.Linear(inner, config.d_model, bias=False)
        with torch.no_grad():
            self.out_proj.weight.div_(math.sqrt(config.init_residual_layers))

    def forward(self, residual: Tensor, *, engine: EngineName) -> Tensor:
        """(B, L, D) of (B, L, D)."""
        x, z = self.in_proj(self.norm(residual)).chunk(2, dim=-1)  # (B, L, E) each
        mixed: Tensor = self.out_proj(self.scan(x, z, reverse=False, engine=engine))
        return residual + mixed


class Mamba(nn.Module):
    """Of ``config`` it uses window, centre, widths, predictor_layers and init_residual_layers.

    Published: four layers, ``init_residual_layers=4``, 502,401 parameters.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(VOCABULARY, config.d_model)
        nn.init.normal_(self.embedding.weight, std=0.02)
        self.layers = nn.ModuleList(CausalLayer(config) for _ in range(config.predictor_layers))
        self.norm_f = RMSNorm(config.d_model, eps=config.norm_eps)
        self.head = PooledHead(config.d_model, config.d_model, config.rna_features)

    def forward(
        self, sequence: Tensor, signals: Tensor | None, rna_features: Tensor, *, engine: EngineName = "auto"
    ) -> Tensor:
        """(B, 1) log10(1 + CAGE) of one-hot (B, L, 4) and features (B, 9); ``signals`` must be None."""
        no_signals(signals, "Mamba")
        centre = centre_slice(sequence.shape[1], self.config.centre_bp)
        rows = self.hidden(tokens(sequence[:, : centre.stop]), engine=engine)[:, centre.start :]
        prediction: Tensor = self.head(rows, rna_features)
        return prediction

    def hidden(self, token_ids: Tensor, *, engine: EngineName = "auto") -> Tensor:
        """(B, L, D) normalised residual stream of tokens (B, L)."""
        residual: Tensor = self.embedding(token_ids)
        for layer in self.layers:
            residual = layer(residual, engine=engine)
        out: Tensor = self.norm_f(residual)
        return out
