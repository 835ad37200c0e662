"""Inference of a whole layer on the CPU, streamed in chunks: only two (L, E) arrays exist at a time.

One sweep from the left computes the forward scan, one from the right the reverse scan; each half of in_proj is
computed once, the two scans are summed, gated once and projected once, and the result is added to the residual stream
in place. The state of each scan is carried from chunk to chunk.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seq2exp.model.scan import kernels
from seq2exp.model.scan.packing import Floats, Matrix, block_groups, blocks_of, flat, pack_channels
from seq2exp.model.scan.threads import Task, run_tasks
from seq2exp.model.scan.vector import LANES, LOG2E

CHUNK = 12 * kernels.STRIPE
"""Positions between two rounds of tasks: 1.2 MB of rows at E = 256. Half is as fast on one thread, twice is 15 %
slower (second-level cache of 1 MB); longer chunks have fewer rounds."""
_STRIPE_TASK = 2 * kernels.STRIPE
"""Positions per task of row-wise work."""


@dataclass(frozen=True, slots=True)
class DirectionWeights:
    """What one direction owns, packed."""

    taps: tuple[int, ...]
    conv: Floats
    conv_bias: Floats
    x_proj: Matrix
    rank: int
    dt: Floats
    dt_bias: Floats
    like: tuple[int, ...]
    a: Floats
    d: Floats

    @classmethod
    def pack(
        cls, conv: Tensor, conv_bias: Tensor, x_proj: Tensor, dt: Tensor, dt_bias: Tensor, a: Tensor, d: Tensor
    ) -> DirectionWeights:
        """From tensors (E, K), (E,), (R + 2 N, E), (E, R), (E,), A (E, N) negative, (E,)."""
        return cls(
            taps=(0,) * conv.shape[1],
            conv=pack_channels(conv),
            conv_bias=pack_channels(conv_bias[:, None]),
            x_proj=Matrix.pack(x_proj),
            rank=dt.shape[1],
            dt=pack_channels(dt),
            dt_bias=pack_channels(dt_bias[:, None]),
            like=(0,) * a.shape[1],
            a=pack_channels(a * LOG2E),
            d=pack_channels(d[:, None]),
        )


@dataclass(frozen=True, slots=True)
class LayerWeights:
    """One layer, packed."""

    norm: Floats
    eps: float
    inner: int
    in_x: Matrix
    in_z: Matrix
    out: Matrix
    forward: DirectionWeights
    reverse: DirectionWeights


class Workspace:
    """Buffers of one sequence length and inner width, used by layer after layer."""

    def __init__(self, length: int, inner: int, p_width: int) -> None:
        self.n_blocks = blocks_of(inner)
        self.chunk = min(CHUNK, length)
        columns = self.n_blocks + self.n_blocks % 2  # panels of two may write one block past the last
        self.x: Floats = np.empty(columns * length * LANES, np.float32)
        self.y: Floats = np.empty(self.n_blocks * length * LANES, np.float32)
        self.u: Floats = np.empty(self.n_blocks * self.chunk * LANES, np.float32)
        self.p: Floats = np.empty(self.chunk * p_width, np.float32)


def _stripes(start: int, stop: int, kernel: Any) -> list[Task]:
    """``kernel(first, last)`` for stripes of start..stop."""
    return [partial(kernel, at, min(at + _STRIPE_TASK, stop)) for at in range(start, stop, _STRIPE_TASK)]


def run_layer(residual: Floats, length: int, width: int, weights: LayerWeights, space: Workspace, rows: slice) -> None:
    """Add one layer's output to ``residual`` (flat (L, D)) at the positions of ``rows``, the only ones right after."""
    block = length * LANES

    def enter(first: int, last: int) -> None:
        w = weights.in_x
        kernels.enter(
            residual, first, last, width, weights.norm, weights.eps, w.values, w.panels, w.wide, space.x, block
        )

    def leave(first: int, last: int) -> None:
        z, out = weights.in_z, weights.out
        kernels.leave(
            residual, first, last, width, weights.norm, weights.eps, z.values, z.panels, z.wide,
            space.y, block, space.n_blocks, out.values, out.panels, out.wide,
        )  # fmt: skip

    run_tasks(_stripes(0, length, enter))
    _sweep(length, weights.forward, space, slice(0, rows.stop), reverse=False)
    _sweep(length, weights.reverse, space, slice(rows.start, length), reverse=True)
    run_tasks(_stripes(rows.start, rows.stop, leave))


def _sweep(length: int, w: DirectionWeights, space: Workspace, span: slice, *, reverse: bool) -> None:
    """Scan of one direction over ``span``; the forward sweep writes y, the reverse sweep adds to it."""
    n_state = len(w.like)
    states = np.zeros(space.n_blocks * n_state * LANES, np.float32)
    block, u_block, p_width = length * LANES, space.chunk * LANES, w.x_proj.columns
    groups = block_groups(space.n_blocks, 2 * torch.get_num_threads())  # twice: threads end together more often
    starts = list(range(span.start, span.stop, space.chunk))
    for base in reversed(starts) if reverse else starts:
        stop = min(base + space.chunk, span.stop)

        def mix(first: int, last: int, base: int = base) -> None:
            kernels.mix(
                w.taps, space.x, block, length, first, last, base, reverse, w.conv, w.conv_bias, space.n_blocks,
                w.x_proj.values, w.x_proj.panels, w.x_proj.wide, space.u, u_block, space.p, p_width,
            )  # fmt: skip

        def scan(first: int, last: int, rows: int = stop - base, base: int = base) -> None:
            kernels.scan_blocks(
                w.like, first, last, rows, reverse, reverse, space.u, u_block, space.p, p_width, w.rank,
                w.dt, w.dt_bias, w.a, w.d, states, space.y, block, base,
            )  # fmt: skip

        run_tasks(_stripes(base, stop, mix))
        run_tasks([partial(scan, *group) for group in groups])


def run_backbone(embeddings: Tensor, layers: list[LayerWeights], norm: Tensor, eps: float, rows: slice) -> Tensor:
    """The backbone without gradients; shapes as `seq2exp.model.backbone.Backbone.forward`."""
    n_batch, length, width = embeddings.shape
    out = torch.empty(n_batch, rows.stop - rows.start, width)
    space = Workspace(length, layers[0].inner, max(w.x_proj.columns for v in layers for w in (v.forward, v.reverse)))
    residual = torch.empty(length, width)
    final = flat(norm)
    for sample in range(n_batch):
        residual.copy_(embeddings[sample])
        memory, target = flat(residual), flat(out[sample])
        for index, layer in enumerate(layers):
            last = index == len(layers) - 1
            run_layer(memory, length, width, layer, space, rows if last else slice(0, length))

        def finish(first: int, stop: int, memory: Floats = memory, target: Floats = target) -> None:
            place = target[(first - rows.start) * width :]
            kernels.normalise(memory, first, stop - first, width, final, eps, place, width, LANES)

        run_tasks(_stripes(rows.start, rows.stop, finish))
    return out
