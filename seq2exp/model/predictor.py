"""From masked embeddings to log10(1 + CAGE): compaction of kept bases, pooling of centre and elements, the head."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from seq2exp.model.backbone import Backbone
from seq2exp.model.generator import InputEmbedding, zero_bias_linear
from seq2exp.model.scan import EngineName
from seq2exp.settings import HardGradient, ModelConfig

Padding = Literal["none", "official"]
"""none: each gene alone, nothing leaks; official: the batch right-padded with zeros, whose non-zero
convolution bias reaches the reverse scan (models.md 3.4), for parity with published numbers."""


def centre_slice(window_bp: int, centre_bp: int) -> slice:
    """Positions of the promoter centre in a window: ``centre_bp`` bases around ``window_bp / 2``."""
    first = (window_bp - centre_bp) // 2
    return slice(first, first + centre_bp)


ELEMENT_BP = 100.0
"""Unit of the sum over elements: kept bases at which a channel of 1 begins to bend the logarithm."""


class ElementSum(nn.Module):
    """What the kept bases outside the centre add up to; an option of ours.

    Elements act together on a promoter, each by its activity times its contact, and expression follows the logarithm of
    their sum (ABC: Fulco et al. 2019). A pooled centre has to carry that sum through the scans; here it is formed.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.site = zero_bias_linear(config.d_model, config.element_channels)

    def forward(self, rows: Tensor, weight: Tensor) -> Tensor:
        """(B, K) log(1 + sum of weight * softplus(site) per `ELEMENT_BP`) of rows (B, n, D) and weight (B, n)."""
        total = (weight[..., None] * F.softplus(self.site(rows))).float().sum(dim=1)  # (B, K)
        return torch.log1p(total / ELEMENT_BP)


class Pooled(NamedTuple):
    """What the head reads of a gene beside its features."""

    centre: Tensor
    """(B, C, D) rows of the promoter centre."""
    elements: Tensor | None = None
    """(B, K) of `ElementSum`, where there is one."""


class ExpressionHead(nn.Module):
    """Pooled centre, sum over elements and gene features to one number: Linear, ReLU, Linear, ReLU, Linear."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width = config.d_model
        self.layers = nn.Sequential(
            zero_bias_linear(width + config.rna_features + config.element_channels, width),
            nn.ReLU(),
            zero_bias_linear(width, width),
            nn.ReLU(),
            zero_bias_linear(width, 1),
        )

    def forward(self, centre: Tensor, rna_features: Tensor, elements: Tensor | None = None) -> Tensor:
        """(B, 1) float32 of centre rows (B, C, D), features (B, 9) and, where there is one, the sum (B, K)."""
        parts = [centre.mean(dim=1), rna_features]
        if elements is not None:
            parts.append(elements)
        joined = torch.cat(parts, dim=-1)  # (B, D + 9 + K)
        out: Tensor = self.layers(joined)
        return out.float() if out.dtype in (torch.bfloat16, torch.float16) else out


def read_masked(
    embedded: Tensor,
    mask: Tensor,
    backbone: Backbone,
    elements: ElementSum | None,
    *,
    centre: slice,
    every_layer: bool = False,
    engine: EngineName = "auto",
) -> Pooled:
    """What the backbone makes of embeddings (B, L, D) multiplied by the mask (B, L).

    With ``every_layer`` the mask multiplies the normalised input of every layer too.
    """
    gate = mask if every_layer else None
    masked = embedded * mask[..., None]
    if elements is None:
        return Pooled(backbone(masked, rows=centre, gate=gate, engine=engine))
    rows = backbone(masked, gate=gate, engine=engine)  # (B, L, D)
    return Pooled(rows[:, centre], elements(rows, outside(mask, centre)))


def outside(mask: Tensor, centre: slice) -> Tensor:
    """The mask (B, L) with zeros over the centre."""
    left, right = mask[:, : centre.start], mask[:, centre.stop :]
    return torch.cat([left, torch.zeros_like(mask[:, centre]), right], dim=1)


def read_compacted(
    inputs: InputEmbedding,
    sequence: Tensor,
    signals: Tensor | None,
    mask: Tensor,
    backbone: Backbone,
    elements: ElementSum | None,
    *,
    centre: slice,
    gradient: HardGradient,
    padding: Padding = "none",
    engine: EngineName = "auto",
) -> Pooled:
    """What the backbone makes of the kept bases alone, packed to the front in order.

    Only the kept bases are embedded.

    Parameters
    ----------
    mask
        (B, L) of zeros and ones, one over the whole centre.
    gradient
        ``compat`` uses the mask as an index only; ``fixed`` multiplies the embeddings by their mask values (exactly 1),
        so that the straight-through gradient reaches the mask; ``every_layer`` multiplies the normalised input of
        every layer by them too, after which the gradient is no longer undone by the norms. But for ``compat`` they
        weigh the sum over elements too.
    """
    width = centre.stop - centre.start
    packed: list[Tensor] = []
    gates: list[Tensor] = []
    first_rows: list[int] = []
    for index in range(mask.shape[0]):
        keep = mask[index].detach() > 0.5
        kept = keep.nonzero().squeeze(-1)  # (n_kept,)
        seen = None if signals is None else signals[index, kept][None]
        rows = inputs(sequence[index, kept][None], seen, positions=kept)[0]  # (n_kept, D)
        ones = mask[index, kept]  # (n_kept,)
        if gradient == "compat":
            ones = ones.detach()
        else:
            rows = rows * ones[:, None]
        packed.append(rows)
        gates.append(ones)
        first_rows.append(int(keep[: centre.start].sum()))
    gated = gradient == "every_layer" and mask.requires_grad  # else the factor of 1 says nothing
    spans = [slice(first, first + width) for first in first_rows]
    if padding == "official":
        gate = pad_sequence(gates, batch_first=True, padding_value=1.0) if gated else None
        out = backbone(pad_sequence(packed, batch_first=True), gate=gate, engine=engine)  # (B, max kept, D)
        found = [out[i, None, : len(ones)] for i, ones in enumerate(gates)]  # (1, n_kept, D) each
    else:
        alone = [ones[None] if gated else None for ones in gates]
        if elements is None:
            centres = zip(packed, spans, alone, strict=True)
            return Pooled(torch.cat([backbone(x[None], rows=s, gate=gate, engine=engine) for x, s, gate in centres]))
        found = [backbone(x[None], gate=gate, engine=engine) for x, gate in zip(packed, alone, strict=True)]
    pooled = torch.cat([rows[:, span] for rows, span in zip(found, spans, strict=True)])
    if elements is None:
        return Pooled(pooled)
    weights = (outside(ones[None], span) for ones, span in zip(gates, spans, strict=True))
    return Pooled(pooled, torch.cat([elements(rows, weight) for rows, weight in zip(found, weights, strict=True)]))
