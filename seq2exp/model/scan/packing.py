"""Tensors as the CPU kernels read them: flat memory, channels in blocks of LANES, matrices in panels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor

from seq2exp.model.scan.vector import LANES

Floats = npt.NDArray[np.float32]


def flat(tensor: Tensor) -> Floats:
    """The memory of a contiguous float32 CPU tensor as a flat array; other floats are converted."""
    array: Floats = tensor.detach().float().reshape(-1).numpy()
    return array


def blocks_of(width: int) -> int:
    """Blocks of LANES that hold ``width`` channels."""
    return -(-width // LANES)


def block_groups(n_blocks: int, count: int) -> list[tuple[int, int]]:
    """Ranges that share ``n_blocks`` out evenly, ``count`` of them or one per block."""
    count = min(n_blocks, max(1, count))
    return [(n_blocks * g // count, n_blocks * (g + 1) // count) for g in range(count)]


@dataclass(frozen=True, slots=True)
class Matrix:
    """A weight packed for `kernels.product`."""

    values: Floats
    """(panel, k, vectors * LANES), flat; k padded to whole blocks, columns to whole panels."""
    panels: int
    wide: bool
    """Three vectors per panel instead of two."""

    @classmethod
    def pack(cls, weight: Tensor) -> Matrix:
        """From a Linear weight (n_out, n_in)."""
        n_out, n_in = weight.shape
        n_vectors = blocks_of(n_out)
        wide = n_vectors % 2 == 1 and n_vectors % 3 == 0
        vectors = 3 if wide else 2
        panels = -(-n_vectors // vectors)
        padded = np.zeros((blocks_of(n_in) * LANES, panels * vectors * LANES), np.float32)
        padded[:n_in, :n_out] = weight.detach().float().numpy().T
        shaped = padded.reshape(padded.shape[0], panels, vectors * LANES).transpose(1, 0, 2)
        return cls(np.ascontiguousarray(shaped).reshape(-1), panels, wide)

    @property
    def columns(self) -> int:
        """Columns with padding."""
        return self.panels * (3 if self.wide else 2) * LANES


def pack_channels(rows: Tensor) -> Floats:
    """(E, W) -> (block, W, LANES) flat, padded with zero channels."""
    width, count = rows.shape
    padded = np.zeros((blocks_of(width) * LANES, count), np.float32)
    padded[:width] = rows.detach().float().numpy()
    return np.ascontiguousarray(padded.reshape(-1, LANES, count).transpose(0, 2, 1)).reshape(-1)
