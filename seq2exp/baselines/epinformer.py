"""EPInformer-PE-Activity-HiC: a convolutional encoder of promoter and elements, attention between them (models.md 7.6).

S slots (the promoter and up to 60 elements), W bases of a slot, D width of a slot.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from seq2exp.baselines.configs import EPInformerConfig
from seq2exp.baselines.slots import SLOT_FEATURES, Slots, build_slots
from seq2exp.errors import CheckpointError, SettingsError
from seq2exp.model.checkpoint import load_strictly
from seq2exp.model.safe_pickle import StoredTensor, open_archive
from seq2exp.model.scan import EngineName

_TOWER = (256, 128, 64, 64, 128)
"""Channels of the stem and of the four pooled stages."""
_DILATIONS = (2, 4, 6)
_CONTEXT = 64
"""Channels of the dilated convolutions."""


def _row(n_in: int, n_out: int, taps: int, **options: Any) -> nn.Conv2d:
    """A convolution along the bases of a slot: slots are rows of height 1."""
    return nn.Conv2d(n_in, n_out, (1, taps), **options)


class SlotEncoder(nn.Module):
    """(N, W, 4) bases to (N, D) numbers: stem, four stages of convolution and pooling, dilated convolutions.

    Every slot is a row of its own; empty ones are encoded too, because they count in the batch norms of training.
    """

    def __init__(self, config: EPInformerConfig) -> None:
        super().__init__()
        width = config.d_model // 2
        self.stem = nn.Sequential(nn.ZeroPad2d((3, 4, 0, 0)), _row(4, _TOWER[0], 8), nn.ELU())
        self.stages = nn.ModuleList()
        for n_in, n_out in pairwise(_TOWER):
            pooled = nn.Sequential(
                _row(n_in, n_out, 3, padding=(0, 1)), nn.BatchNorm2d(n_out), nn.ELU(), nn.MaxPool2d((1, 2))
            )
            added = nn.Sequential(_row(n_out, n_out, 1), nn.ELU())
            self.stages.append(nn.ModuleList([pooled, added]))
        context: list[nn.Module] = []
        for n_in, dilation in zip((_TOWER[-1], _CONTEXT, _CONTEXT), _DILATIONS, strict=True):
            context += [_row(n_in, _CONTEXT, 3, dilation=(1, dilation)), nn.BatchNorm2d(_CONTEXT), nn.ELU()]
        context += [_row(_CONTEXT, width, 1), nn.BatchNorm2d(width), nn.ELU()]
        self.context = nn.Sequential(*context, nn.Linear(config.encoded, 2), nn.ELU())

    def forward(self, bases: Tensor) -> Tensor:
        """(N, D) of (N, W, 4)."""
        x = self.stem(bases.transpose(1, 2)[:, :, None])  # (N, C, 1, W)
        for stage in self.stages:
            assert isinstance(stage, nn.ModuleList)
            pooled = stage[0](x)
            x = pooled + stage[1](pooled)
        out: Tensor = self.context(x).flatten(1)  # (N, D / 2, 1, 2), channel by channel
        return out


class SlotAttention(nn.Module):
    """Pre-norm attention and feed-forward part over slots."""

    def __init__(self, config: EPInformerConfig) -> None:
        super().__init__()
        width = config.d_model
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, config.heads, batch_first=True)
        self.feed_forward = nn.Sequential(nn.Linear(width, 4 * width), nn.ReLU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor, *, star: Tensor, empty: Tensor) -> tuple[Tensor, Tensor]:
        """(B, S, D) of (B, S, D), and the promoter's attention (B, heads, S) on every slot."""
        normed = self.norm1(x)
        found, weights = self.attention(
            normed, normed, normed, attn_mask=star, key_padding_mask=empty, average_attn_weights=False
        )
        x = x + found
        out: Tensor = x + self.feed_forward(self.norm2(x))
        return out, weights[:, :, 0]


class EPInformer(nn.Module):
    """Published: 447,341 parameters."""

    def __init__(self, config: EPInformerConfig) -> None:
        super().__init__()
        self.config = config
        width = config.d_model
        self.encoder = SlotEncoder(config)
        self.join = nn.Sequential(
            nn.Conv1d(width + SLOT_FEATURES, width, 1), nn.ReLU(), nn.Conv1d(width, width, 1), nn.ReLU()
        )
        self.layers = nn.ModuleList(SlotAttention(config) for _ in range(config.layers))
        n_in, wide = width + config.rna_features, config.head_width
        self.head = nn.Sequential(
            nn.Linear(n_in, wide), nn.ReLU(), nn.Linear(wide, wide), nn.ReLU(), nn.Linear(wide, 1)
        )

    def forward(
        self,
        sequence: Tensor,
        signals: Tensor | None,
        rna_features: Tensor,
        *,
        elements: Tensor,
        engine: EngineName = "auto",
    ) -> Tensor:
        """(B, 1) log10(1 + CAGE) of one-hot (B, L, 4), signals (B, L, 3), features (B, 9), elements (B, K, 2).

        ``elements`` are candidates as `seq2exp.baselines.slots.build_slots` takes them. ``engine`` is for systems with
        a scan; this one has none.
        """
        if signals is None:
            raise SettingsError("EPInformer reads activity and contact of its elements: signals must be given")
        return self.of_slots(build_slots(sequence, signals, elements, self.config), rna_features)[0]

    def of_slots(self, slots: Slots, rna_features: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 1) log10(1 + CAGE), and the promoter's attention (B, layers, S) on every slot, mean over heads.

        The attention of an empty slot is 0, that of all slots adds up to 1.
        """
        n_slots = slots.bases.shape[1]
        encoded = self._encode(slots.bases)
        joined: Tensor = self.join(torch.cat([encoded, slots.features], dim=-1).transpose(1, 2))
        x = joined.transpose(1, 2)  # (B, S, D)
        star = ~torch.eye(n_slots, dtype=torch.bool, device=x.device)  # True: not seen
        star[0], star[:, 0] = False, False
        empty = (slots.bases == 0).flatten(2).all(-1)  # (B, S)
        attention = []
        for layer in self.layers:
            x, weights = layer(x, star=star, empty=empty)
            attention.append(weights.mean(1))
        out: Tensor = self.head(torch.cat([x[:, 0], rna_features], dim=-1))
        return out if out.dtype == torch.float64 else out.float(), torch.stack(attention, dim=1)

    def _encode(self, bases: Tensor) -> Tensor:
        """(B, S, D) of (B, S, W, 4); in evaluation an empty slot is encoded once for all."""
        n, n_slots = bases.shape[:2]
        flat = bases.flatten(0, 1)
        if self.training:
            every: Tensor = self.encoder(flat)
            return every.reshape(n, n_slots, -1)
        full = (flat != 0).flatten(1).any(-1)
        encoded: Tensor = self.encoder(torch.cat([torch.zeros_like(flat[:1]), flat[full]]))
        index = torch.where(full, full.cumsum(0), 0)
        return encoded[index].reshape(n, n_slots, -1)


def read_published(path: Path) -> tuple[EPInformer, dict[str, Any]]:
    """The network of a published EPInformer checkpoint in evaluation mode, and what else the file says.

    The file is read without running anything it names (`seq2exp.model.safe_pickle`).

    Returns
    -------
    tuple[EPInformer, dict[str, Any]]
        The second holds ``trained`` (whether an epoch is stated), ``epoch`` and ``converted_from``.

    Raises
    ------
    CheckpointError
        Unsafe or damaged file, other names or shapes.
    """
    with open_archive(path) as archive:
        content = archive.content
        stored = content.get("model_state_dict") if isinstance(content, dict) else None
        if not isinstance(stored, dict) or not stored:
            raise CheckpointError(f"{path}: no model_state_dict in it; not an EPInformer checkpoint")
        wrong = [name for name, value in stored.items() if not isinstance(value, StoredTensor)]
        if wrong:
            raise CheckpointError(f"{path}: model_state_dict entry {wrong[0]!r} is not a tensor")
        state = {own_name(str(name)): archive.tensor(value) for name, value in stored.items()}
        epoch = content.get("epoch")
    network = EPInformer(EPInformerConfig())
    load_strictly(network, state, what=str(path))
    stated = isinstance(epoch, int)
    return network.eval(), {"trained": stated, "epoch": epoch if stated else None, "converted_from": path.name}


def own_name(published: str) -> str:
    """Our name of a published tensor; a name we do not know is left as it is, and refused on loading."""
    room, _, rest = published.removeprefix("module.").partition(".")
    if room == "seq_encoder" and rest.startswith("stem_conv.0."):
        return "encoder.stem.1." + rest.removeprefix("stem_conv.0.")
    if room == "seq_encoder" and rest.startswith("conv_tower."):
        number, _, inner = rest.removeprefix("conv_tower.").partition(".")
        if number.isdigit():  # pooled and added convolutions take turns
            return f"encoder.stages.{int(number) // 2}.{int(number) % 2}.{inner}"
    if room == "attn_encoder":
        renamed = rest.replace(".self_attn.", ".attention.").replace(".ff.", ".feed_forward.")
        return f"layers.{renamed}"
    rooms = {"conv_out": "encoder.context", "pToExpr": "head", "add_pos_conv": "join"}
    return f"{rooms[room]}.{rest}" if room in rooms else published
