"""Forward kernels of the CPU engine, each for a stretch of positions or a range of channel blocks, on one thread.

Channels are kept in blocks of LANES: a blocked array is (block, position, LANES), so that the scan of one block reads
and writes memory in order. Arrays come in flat, with the distance between blocks; positions are LANES apart.
"""

# ruff: noqa: FBT001 - kernels are called by position, flags among the offsets

from __future__ import annotations

from typing import Any

import numpy as np

from seq2exp.model.scan.steps import convolve, lane_sum, load_state, product_tile, scan_step, store_state
from seq2exp.model.scan.vector import (
    LANES,
    add,
    broadcast,
    compiled,
    constant_vector,
    fma,
    load,
    multiply,
    silu_in_place,
    softplus_in_place,
    store,
    zero,
)

_MANY_REGISTERS = LANES != 8  # AVX-512 and NEON have 32 vector registers, AVX2 has 16
ROWS_2 = 12 if _MANY_REGISTERS else 6
ROWS_3 = 8 if _MANY_REGISTERS else 4
STRIPE = 96
"""Positions whose intermediate rows are held in cache by one thread; a multiple of ROWS_2 and ROWS_3."""
_DELTAS = 64
"""Positions whose step sizes are computed ahead of the scan."""


@compiled
def normalise(
    residual: Any, first: int, rows: int, width: int, weight: Any, eps: float, out: Any, row: int, block: int
) -> None:
    """RMSNorm of ``rows`` positions from ``first`` of (L, D); ``out`` has its rows and blocks that far apart.

    Channels of ``out`` that pad the last block are left alone.
    """
    whole = width - width % LANES
    for r in range(rows):
        at = (first + r) * width
        squares = zero()
        for i in range(0, whole, LANES):
            value = load(residual, at + i)
            squares = fma(value, value, squares)
        total = lane_sum(squares)
        for i in range(whole, width):
            total += residual[at + i] * residual[at + i]
        scale = np.float32(1.0) / np.sqrt(total / np.float32(width) + np.float32(eps))
        scales = constant_vector(scale)
        for i in range(0, whole, LANES):
            store(
                out, r * row + i // LANES * block, multiply(multiply(load(residual, at + i), scales), load(weight, i))
            )
        for i in range(whole, width):
            out[r * row + whole // LANES * block + i - whole] = residual[at + i] * scale * weight[i]


@compiled
def product(
    left: Any,
    left_at: int,
    left_block: int,
    n_blocks: int,
    rows: int,
    right: Any,
    n_panels: int,
    wide: bool,
    out: Any,
    out_at: int,
    out_row: int,
    out_vector: int,
) -> None:
    """Matrix product of blocked ``left`` with ``right``, packed in panels of three (``wide``) or two vectors."""
    for panel in range(n_panels):
        r = 0
        if wide:
            right_at = panel * n_blocks * LANES * 3 * LANES
            to = out_at + panel * 3 * out_vector
            while r + ROWS_3 <= rows:
                product_tile(
                    ROWS_3, 3, left, left_at + r * LANES, left_block, right, right_at, n_blocks,
                    out, to + r * out_row, out_row, out_vector,
                )  # fmt: skip
                r += ROWS_3
            while r < rows:
                product_tile(
                    1, 3, left, left_at + r * LANES, left_block, right, right_at, n_blocks,
                    out, to + r * out_row, out_row, out_vector,
                )  # fmt: skip
                r += 1
        else:
            right_at = panel * n_blocks * LANES * 2 * LANES
            to = out_at + panel * 2 * out_vector
            while r + ROWS_2 <= rows:
                product_tile(
                    ROWS_2, 2, left, left_at + r * LANES, left_block, right, right_at, n_blocks,
                    out, to + r * out_row, out_row, out_vector,
                )  # fmt: skip
                r += ROWS_2
            while r < rows:
                product_tile(
                    1, 2, left, left_at + r * LANES, left_block, right, right_at, n_blocks,
                    out, to + r * out_row, out_row, out_vector,
                )  # fmt: skip
                r += 1


@compiled
def enter(
    residual: Any,
    start: int,
    stop: int,
    width: int,
    norm: Any,
    eps: float,
    right: Any,
    n_panels: int,
    wide: bool,
    x: Any,
    x_block: int,
) -> None:
    """Write the x half of in_proj(norm(residual)) for positions start..stop of (L, D), into blocked ``x``."""
    n_blocks = (width + LANES - 1) // LANES
    normed = np.zeros(n_blocks * STRIPE * LANES, np.float32)
    for first in range(start, stop, STRIPE):
        rows = min(STRIPE, stop - first)
        normalise(residual, first, rows, width, norm, eps, normed, LANES, STRIPE * LANES)
        product(normed, 0, STRIPE * LANES, n_blocks, rows, right, n_panels, wide, x, first * LANES, LANES, x_block)


@compiled
def convolve_block(
    taps: Any, x: Any, x_at: int, x_row: int, length: int, start: int, stop: int, reverse: bool,
    weight: Any, weight_at: int, bias: Any, out: Any, out_at: int,
) -> None:  # fmt: skip
    """SiLU(conv) of one block of channels at positions start..stop of ``length``, to ``out_at`` one after the other."""
    n_taps = len(taps)
    step = x_row
    if reverse:
        step = -x_row
    for t in range(start, stop):
        before = t  # positions that exist on the side the taps look to
        if reverse:
            before = length - 1 - t
        total = bias
        if before >= n_taps - 1:
            total = convolve(taps, x, x_at + t * x_row - (n_taps - 1) * step, step, weight, weight_at, bias)
        else:
            for k in range(n_taps - 1 - before, n_taps):
                value = load(x, x_at + t * x_row - (n_taps - 1 - k) * step)
                total = fma(value, load(weight, weight_at + k * LANES), total)
        store(out, out_at + (t - start) * LANES, total)
    silu_in_place(out, out_at, stop - start)


@compiled
def mix(
    taps: Any, x: Any, x_block: int, length: int, start: int, stop: int, base: int, reverse: bool,
    weight: Any, bias: Any, n_blocks: int, right: Any, n_panels: int, wide: bool,
    u: Any, u_block: int, p: Any, p_width: int,
) -> None:  # fmt: skip
    """Compute u = SiLU(conv(x)) and p = x_proj(u) for positions start..stop, in buffers that begin at ``base``."""
    n_vectors = p_width // LANES
    for first in range(start, stop, STRIPE):
        last = min(first + STRIPE, stop)
        for block in range(n_blocks):
            convolve_block(
                taps, x, block * x_block, LANES, length, first, last, reverse, weight, block * len(taps) * LANES,
                load(bias, block * LANES), u, block * u_block + (first - base) * LANES,
            )  # fmt: skip
        product(
            u, (first - base) * LANES, u_block, n_blocks, last - first, right, n_panels, wide,
            p, (first - base) * n_vectors * LANES, n_vectors * LANES, LANES,
        )  # fmt: skip


@compiled
def scan_blocks(
    like: Any, blocks_from: int, blocks_to: int, rows: int, reverse: bool, add_to: bool,
    u: Any, u_block: int, p: Any, p_width: int, rank: int, dt_weight: Any, dt_bias: Any, a: Any, d: Any, states: Any,
    y: Any, y_block: int, y_first: int,
) -> None:  # fmt: skip
    """Scan of some channel blocks over the ``rows`` positions of u and p; states are carried in ``states``.

    y (+ what is there if ``add_to``) goes to blocked ``y`` from position ``y_first`` on.
    """
    n = len(like)
    deltas = np.empty(_DELTAS * LANES, np.float32)
    way = -1 if reverse else 1
    for done in range(0, rows, _DELTAS):  # blocks inside: the rows of p are then read from the first-level cache
        count = min(_DELTAS, rows - done)
        begin = rows - 1 - done if reverse else done
        for block in range(blocks_from, blocks_to):
            bias = load(dt_bias, block * LANES)
            skip = load(d, block * LANES)
            for i in range(count):
                row = (begin + way * i) * p_width
                total = bias
                for r in range(rank):
                    total = fma(broadcast(p, row + r), load(dt_weight, (block * rank + r) * LANES), total)
                store(deltas, i * LANES, total)
            softplus_in_place(deltas, 0, count)
            state = load_state(like, states, block * n * LANES)
            for i in range(count):
                t = begin + way * i
                delta = load(deltas, i * LANES)
                x = load(u, block * u_block + t * LANES)
                row = t * p_width + rank
                state, total = scan_step(state, delta, multiply(delta, x), a, block * n * LANES, p, row, p, row + n)
                total = fma(skip, x, total)
                to = block * y_block + (y_first + t) * LANES
                if add_to:
                    total = add(total, load(y, to))
                store(y, to, total)
            store_state(state, states, block * n * LANES)


@compiled
def leave(
    residual: Any, start: int, stop: int, width: int, norm: Any, eps: float,
    right_z: Any, z_panels: int, z_wide: bool, y: Any, y_block: int, y_blocks: int,
    right_out: Any, out_panels: int, out_wide: bool,
) -> None:  # fmt: skip
    """Add out_proj(y * SiLU(z)) to positions start..stop of the residual; z is the other half of in_proj(norm(.))."""
    n_blocks = (width + LANES - 1) // LANES
    z_blocks = max(y_blocks, z_panels * (3 if z_wide else 2))
    padded = out_panels * (3 if out_wide else 2) * LANES
    normed = np.zeros(n_blocks * STRIPE * LANES, np.float32)
    gated = np.empty(z_blocks * STRIPE * LANES, np.float32)
    mixed = np.empty(STRIPE * padded, np.float32)
    for first in range(start, stop, STRIPE):
        rows = min(STRIPE, stop - first)
        normalise(residual, first, rows, width, norm, eps, normed, LANES, STRIPE * LANES)
        product(normed, 0, STRIPE * LANES, n_blocks, rows, right_z, z_panels, z_wide, gated, 0, LANES, STRIPE * LANES)
        for block in range(y_blocks):
            silu_in_place(gated, block * STRIPE * LANES, rows)
            for r in range(rows):
                at = block * STRIPE * LANES + r * LANES
                store(gated, at, multiply(load(gated, at), load(y, block * y_block + (first + r) * LANES)))
        product(gated, 0, STRIPE * LANES, y_blocks, rows, right_out, out_panels, out_wide, mixed, 0, padded, LANES)
        for r in range(rows):
            for i in range(width):
                residual[(first + r) * width + i] += mixed[r * padded + i]
