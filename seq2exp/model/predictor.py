"""From masked embeddings to log10(1 + CAGE): compaction of kept bases, pooling of the centre, the head."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
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


class ExpressionHead(nn.Module):
    """Pooled centre and gene features to one number: Linear, ReLU, Linear, ReLU, Linear."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width = config.d_model
        self.layers = nn.Sequential(
            zero_bias_linear(width + config.rna_features, width),
            nn.ReLU(),
            zero_bias_linear(width, width),
            nn.ReLU(),
            zero_bias_linear(width, 1),
        )

    def forward(self, centre: Tensor, rna_features: Tensor) -> Tensor:
        """(B, 1) float32 of centre rows (B, C, D) and features (B, 9)."""
        joined = torch.cat([centre.mean(dim=1), rna_features], dim=-1)  # (B, D + 9)
        out: Tensor = self.layers(joined)
        return out.float() if out.dtype in (torch.bfloat16, torch.float16) else out


def masked_centre(
    embedded: Tensor,
    mask: Tensor,
    backbone: Backbone,
    *,
    centre: slice,
    every_layer: bool = False,
    engine: EngineName = "auto",
) -> Tensor:
    """Centre rows (B, C, D) of the backbone over embeddings (B, L, D) multiplied by the mask (B, L).

    With ``every_layer`` the mask multiplies the normalised input of every layer too.
    """
    gate = mask if every_layer else None
    rows: Tensor = backbone(embedded * mask[..., None], rows=centre, gate=gate, engine=engine)
    return rows


def compacted_centre(
    inputs: InputEmbedding,
    sequence: Tensor,
    signals: Tensor | None,
    mask: Tensor,
    backbone: Backbone,
    *,
    centre: slice,
    gradient: HardGradient,
    padding: Padding = "none",
    engine: EngineName = "auto",
) -> Tensor:
    """Centre rows (B, C, D) of the backbone over the kept bases alone, packed to the front in order.

    Only the kept bases are embedded.

    Parameters
    ----------
    mask
        (B, L) of zeros and ones, one over the whole centre.
    gradient
        ``compat`` uses the mask as an index only; ``fixed`` multiplies the embeddings by their mask values (exactly 1),
        so that the straight-through gradient reaches the mask; ``every_layer`` multiplies the normalised input of
        every layer by them too, after which the gradient is no longer undone by the norms.
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
        if gradient != "compat":
            rows = rows * ones[:, None]
        packed.append(rows)
        gates.append(ones)
        first_rows.append(int(keep[: centre.start].sum()))
    gated = gradient == "every_layer" and mask.requires_grad  # else the factor of 1 says nothing
    if padding == "none":
        alone = [
            backbone(rows[None], rows=slice(first, first + width), gate=ones[None] if gated else None, engine=engine)
            for rows, ones, first in zip(packed, gates, first_rows, strict=True)
        ]
        return torch.cat(alone)
    gate = pad_sequence(gates, batch_first=True, padding_value=1.0) if gated else None
    out = backbone(pad_sequence(packed, batch_first=True), gate=gate, engine=engine)  # (B, max kept, D)
    return torch.stack([out[i, first : first + width] for i, first in enumerate(first_rows)])
