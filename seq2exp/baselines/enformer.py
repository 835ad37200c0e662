"""Enformer: convolution tower, transformer with relative positions, mean over the kept bins (models.md 7.1).

Own code of the architecture of Avsec et al. 2021 in the variant of enformer-pytorch (MIT), whose outputs the tests
hold it to. That package is no dependency: release 0.8.12 pins transformers 4.56.2 against the versions used here, and
pulls polars, accelerate and a vector quantiser for parts that are not needed.
Its two output heads (21,375,788 of 251,632,429 published parameters) never take part and are left out.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seq2exp.baselines.configs import EnformerConfig
from seq2exp.baselines.parts import PooledHead, no_signals
from seq2exp.model.predictor import centre_slice
from seq2exp.model.scan import EngineName

UNUSED_HEADS = (5_313, 1_643)
"""Tracks of the human and the mouse head, each a Linear on the trunk's output that nothing reads."""


def tower_widths(config: EnformerConfig) -> list[int]:
    """Widths of stem and convolution tower: half the model's width, then in equal ratios up to it, rounded."""
    first, steps, unit = config.d_model // 2, config.downsamplings - 2, config.width_step
    return [first, *(round(first * 2 ** (i / steps) / unit) * unit for i in range(steps + 1))]


def position_features(bins: int, width: int) -> Tensor:
    """(2 bins - 1, width) features of the distances 1 - bins .. bins - 1, float32.

    A third each are exponentials of half-lives from 3 steps up, boxes around 0 of widths 2^k - 1, and gamma densities
    scaled to a maximum of 1; the second half of the columns is the first times the sign of the distance.
    """
    n = width // 6
    distance = torch.arange(1 - bins, bins, dtype=torch.float32)[:, None]  # (2 bins - 1, 1)
    far = distance.abs()
    half_life = 2 ** torch.linspace(3.0, math.log2(bins), n)
    boxes = 2.0 ** torch.arange(1, n + 1) - 1
    mean, deviation = torch.linspace(bins / n, bins, n), bins / (2 * n)
    shape, rate = (mean / deviation) ** 2, mean / deviation**2
    density = torch.exp(torch.xlogy(shape - 1, far) - rate * far - (torch.lgamma(shape) - shape * torch.log(rate)))
    density = density + 1e-8
    unsigned = torch.cat(
        [torch.exp(-math.log(2.0) / half_life * far), (boxes > far).float(), density / density.amax(-1, keepdim=True)],
        dim=-1,
    )
    return torch.cat([unsigned, distance.sign() * unsigned], dim=-1)


class SigmoidGelu(nn.Module):
    """x * sigmoid(1.702 x)."""

    def forward(self, x: Tensor) -> Tensor:
        """Same shape as ``x``."""
        return x * torch.sigmoid(1.702 * x)


class ConvolutionBlock(nn.Sequential):
    """Batch norm, activation, convolution that keeps the length."""

    def __init__(self, n_in: int, n_out: int, taps: int = 1) -> None:
        super().__init__(nn.BatchNorm1d(n_in), SigmoidGelu(), nn.Conv1d(n_in, n_out, taps, padding=taps // 2))


class AttentionPool(nn.Module):
    """Two neighbouring positions to their mean, weighted by a softmax for each channel; starts near a maximum."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.logits = nn.Conv2d(width, width, 1, bias=False)
        with torch.no_grad():
            nn.init.dirac_(self.logits.weight).mul_(2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, L / 2) of (B, C, L)."""
        pairs = x.reshape(*x.shape[:2], -1, 2)  # (B, C, L / 2, 2)
        pooled: Tensor = (pairs * self.logits(pairs).softmax(dim=-1)).sum(dim=-1)
        return pooled


class PooledStage(nn.Module):
    """A convolution, a residual block of single taps, pooling by two."""

    def __init__(self, convolution: nn.Module, width: int) -> None:
        super().__init__()
        self.convolution, self.block, self.pool = convolution, ConvolutionBlock(width, width), AttentionPool(width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C', L / 2) of (B, C, L)."""
        x = self.convolution(x)
        pooled: Tensor = self.pool(self.block(x) + x)
        return pooled


class RelativeAttention(nn.Module):
    """Self-attention whose logits add content and relative position; its output starts at 0."""

    def __init__(self, config: EnformerConfig) -> None:
        super().__init__()
        width, heads, keys = config.d_model, config.heads, config.key_width
        self.heads, self.scale = heads, keys**-0.5
        self.queries = nn.Linear(width, keys * heads, bias=False)
        self.keys = nn.Linear(width, keys * heads, bias=False)
        self.values = nn.Linear(width, width, bias=False)
        self.out = nn.Linear(width, width)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        self.relative_keys = nn.Linear(width // heads, keys * heads, bias=False)
        self.content_bias = nn.Parameter(torch.randn(1, heads, 1, keys))
        self.position_bias = nn.Parameter(torch.randn(1, heads, 1, keys))
        self.position_dropout = nn.Dropout(config.position_dropout)
        self.attention_dropout = nn.Dropout(config.attention_dropout)

    def forward(self, x: Tensor, positions: Tensor) -> Tensor:
        """(B, n, D) of (B, n, D) and position features (2n - 1, D / heads)."""
        n = x.shape[1]
        q = self._heads(self.queries(x)) * self.scale  # (B, H, n, K)
        k, v = self._heads(self.keys(x)), self._heads(self.values(x))
        relative = self._heads(self.relative_keys(self.position_dropout(positions))[None])  # (1, H, 2n - 1, K)
        by_distance = (q + self.position_bias) @ relative.transpose(-1, -2)  # (B, H, n, 2n - 1)
        logits = (q + self.content_bias) @ k.transpose(-1, -2) + by_offset(by_distance, n)
        weights = self.attention_dropout(logits.softmax(dim=-1))
        out: Tensor = self.out((weights @ v).transpose(1, 2).flatten(-2))
        return out

    def _heads(self, x: Tensor) -> Tensor:
        """(B, H, n, width of a head) of (B, n, D)."""
        return x.reshape(*x.shape[:2], self.heads, -1).transpose(1, 2)


def by_offset(by_distance: Tensor, n: int) -> Tensor:
    """(B, H, n, n) entry [i, j] = ``by_distance`` (B, H, n, 2n - 1) of query i at distance j - i."""
    leading = by_distance.shape[:-2]
    padded = F.pad(by_distance, (1, 0))  # (B, H, n, 2n): read in rows of 2n - 1, each row begins one place earlier
    slanted = padded.reshape(*leading, 2 * n, n)[..., 1:, :]
    return slanted.reshape(*leading, n, 2 * n - 1)[..., :n]


class TransformerLayer(nn.Module):
    """Attention and feed-forward part, each behind a LayerNorm and added to its input."""

    def __init__(self, config: EnformerConfig) -> None:
        super().__init__()
        width = config.d_model
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = RelativeAttention(config)
        self.dropout = nn.Dropout(config.dropout)
        self.wide, self.narrow = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x: Tensor, positions: Tensor) -> Tensor:
        """(B, n, D) of (B, n, D)."""
        x = x + self.dropout(self.attention(self.norm1(x), positions))
        found: Tensor = self.narrow(F.relu(self.dropout(self.wide(self.norm2(x)))))
        out: Tensor = x + self.dropout(found)
        return out


class Enformer(nn.Module):
    """Published: 251,632,429 parameters, 21,375,788 of them in two heads that take no part; here 230,256,641."""

    def __init__(self, config: EnformerConfig) -> None:
        super().__init__()
        self.config = config
        widths = tower_widths(config)
        self.stem = PooledStage(nn.Conv1d(4, widths[0], 15, padding=7), widths[0])
        self.tower = nn.Sequential(
            *(PooledStage(ConvolutionBlock(n_in, n_out, 5), n_out) for n_in, n_out in pairwise(widths))
        )
        self.layers = nn.ModuleList(TransformerLayer(config) for _ in range(config.layers))
        self.final = ConvolutionBlock(widths[-1], 2 * config.d_model)
        self.final_dropout, self.final_activation = nn.Dropout(config.dropout / 8), SigmoidGelu()
        features = position_features(config.bins, config.d_model // config.heads)
        self.register_buffer("positions", features, persistent=False)
        self.head = PooledHead(2 * config.d_model, config.head_width, config.rna_features)

    def forward(
        self, sequence: Tensor, signals: Tensor | None, rna_features: Tensor, *, engine: EngineName = "auto"
    ) -> Tensor:
        """(B, 1) log10(1 + CAGE) of one-hot (B, L, 4) and features (B, 9); ``signals`` must be None.

        ``engine`` is for systems with a scan; this one has none.
        """
        no_signals(signals, "Enformer")
        prediction: Tensor = self.head(self.embeddings(sequence), rna_features)
        return prediction

    def embeddings(self, sequence: Tensor) -> Tensor:
        """(B, kept_bins, 2 D) of one-hot (B, L, 4), of which the central ``input_bp`` are read."""
        seen = sequence[:, centre_slice(sequence.shape[1], self.config.input_bp)]
        x = self.tower(self.stem(seen.transpose(1, 2))).transpose(1, 2)  # (B, bins, D)
        for layer in self.layers:
            x = layer(x, self.get_buffer("positions"))
        kept = x[:, centre_slice(x.shape[1], self.config.kept_bins)]
        found: Tensor = self.final_activation(self.final_dropout(self.final(kept.transpose(1, 2))))
        return found.transpose(1, 2)
