"""HyenaDNA as the paper trained it: Hyena operators with implicit filters of window length (models.md 7.2).

A causal network: what lies behind the promoter centre never reaches the pooled rows, so it is not computed.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seq2exp.baselines.configs import HyenaConfig
from seq2exp.baselines.parts import VOCABULARY, PooledHead, no_signals, tokens
from seq2exp.model.predictor import centre_slice
from seq2exp.model.scan import EngineName

_BANDS = 2
"""Frequencies of the filter's position features: 1e-4 and 1, so five features with the position itself."""
_FAST, _SLOW, _TARGET = 0.3, 1.5, 1e-2
"""The decay reaches _TARGET at these shares of the longest window, for the fastest and the slowest channel."""
_SPECIALS = 2
"""Tokens for which the published filters have room beside the bases of a window."""


class LongFilter(nn.Module):
    """Causal filters of every length up to a window's, written by a small network with sine activations.

    Parameters
    ----------
    channels
        Filters, D.
    width
        Of the network.
    longest
        Positions the features are spread over.
    """

    no_weight_decay = True
    """Of its parameters (models.md 7.2)."""

    def __init__(self, channels: int, *, width: int, longest: int) -> None:
        super().__init__()
        position = torch.linspace(0, 1, longest)[:, None]  # (longest, 1)
        angle = 2 * math.pi * torch.arange(longest)[:, None] / longest * torch.linspace(1e-4, _BANDS - 1, _BANDS)
        features = torch.cat([position, angle.cos(), -angle.sin()], dim=-1)  # (longest, 5): exp(-i f w)
        decay = torch.linspace(math.log(_TARGET) / _SLOW, math.log(_TARGET) / _FAST, channels).abs()
        self.register_buffer("position", position, persistent=False)
        self.register_buffer("features", features, persistent=False)
        self.register_buffer("decay", decay, persistent=False)
        self.bias = nn.Parameter(torch.randn(channels))
        self.frequency = nn.Parameter(torch.full((width,), 10.0))
        self.inputs = nn.Linear(2 * _BANDS + 1, width)
        self.hidden = nn.ModuleList([nn.Linear(width, width), nn.Linear(width, width)])
        self.outputs = nn.Linear(width, channels, bias=False)

    def kernel(self, length: int) -> Tensor:
        """(length, D) first ``length`` taps."""
        found = torch.sin(self.frequency * self.inputs(self.get_buffer("features")[:length]))
        for layer in self.hidden:
            found = torch.sin(self.frequency * layer(found))
        taps: Tensor = self.outputs(found)
        return taps * torch.exp(-self.get_buffer("position")[:length] * self.get_buffer("decay"))

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, D) causal convolution of each channel of (B, L, D) with its filter, plus bias times the input."""
        length = x.shape[1]
        wide = x if x.dtype == torch.float64 else x.float()  # no half-precision transform of such lengths
        taps = self.kernel(length).to(wide.dtype)
        spectrum = torch.fft.rfft(wide, n=2 * length, dim=1) * torch.fft.rfft(taps, n=2 * length, dim=0)
        found = torch.fft.irfft(spectrum, n=2 * length, dim=1)[:, :length]
        out: Tensor = (found + wide * self.bias).to(x.dtype)
        return out


class HyenaOperator(nn.Module):
    """Order two: out(x0 * longfilter(v * x1)) of three projections, each passed through a short causal filter."""

    def __init__(self, config: HyenaConfig) -> None:
        super().__init__()
        width = config.d_model
        self.in_proj = nn.Linear(width, 3 * width)
        self.short = nn.Conv1d(3 * width, 3 * width, 3, groups=3 * width, padding=2)
        self.filter = LongFilter(width, width=config.filter_width, longest=config.window_bp + _SPECIALS)
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, D) of (B, L, D)."""
        projected = self.short(self.in_proj(x).transpose(1, 2))[..., : x.shape[1]].transpose(1, 2)
        x0, x1, v = projected.chunk(3, dim=-1)  # (B, L, D) each
        out: Tensor = self.out_proj(x0 * self.filter(v * x1))
        return out


class HyenaBlock(nn.Module):
    """Two residual steps, each behind a LayerNorm: the operator, then a feed-forward part."""

    def __init__(self, config: HyenaConfig) -> None:
        super().__init__()
        width = config.d_model
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mixer = HyenaOperator(config)
        self.fc1, self.fc2 = nn.Linear(width, config.expand * width), nn.Linear(config.expand * width, width)

    def forward(self, residual: Tensor) -> Tensor:
        """(B, L, D) of the residual stream (B, L, D)."""
        residual = residual + self.mixer(self.norm1(residual))
        found: Tensor = self.fc2(F.gelu(self.fc1(self.norm2(residual)), approximate="tanh"))
        return residual + found


class HyenaDNA(nn.Module):
    """Published: 903,681 parameters."""

    def __init__(self, config: HyenaConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(VOCABULARY, config.d_model)
        self.dropout = nn.Dropout(config.embedding_dropout)
        self.blocks = nn.ModuleList(HyenaBlock(config) for _ in range(config.layers))
        self.norm_f = nn.LayerNorm(config.d_model)
        self._initialise(config.layers)
        self.head = PooledHead(config.d_model, config.d_model, config.rna_features)

    def _initialise(self, layers: int) -> None:
        """Normal weights of 0.02, those that end a residual step over the root of their number; biases of Linear 0."""
        for name, module in self.named_modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                ends_step = name.endswith((".out_proj", ".fc2"))
                nn.init.normal_(module.weight, std=0.02 / math.sqrt(2 * layers) if ends_step else 0.02)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)

    def forward(
        self, sequence: Tensor, signals: Tensor | None, rna_features: Tensor, *, engine: EngineName = "auto"
    ) -> Tensor:
        """(B, 1) log10(1 + CAGE) of one-hot (B, L, 4) and features (B, 9); ``signals`` must be None.

        ``engine`` is for systems with a scan; this one has none.
        """
        no_signals(signals, "HyenaDNA")
        centre = centre_slice(sequence.shape[1], self.config.centre_bp)
        rows = self.hidden(tokens(sequence[:, : centre.stop]))[:, centre.start :]
        prediction: Tensor = self.head(rows, rna_features)
        return prediction

    def hidden(self, token_ids: Tensor) -> Tensor:
        """(B, L, D) normalised residual stream of tokens (B, L); float32 between the steps."""
        residual: Tensor = self.dropout(self.embedding(token_ids))
        for block in self.blocks:
            residual = block(residual)
        out: Tensor = self.norm_f(residual)
        return out
