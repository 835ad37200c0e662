"""Training kernels of the CPU engine: scan and convolution on (B, L, E) arrays, and their gradients.

The forward scan keeps the state at every CHECKPOINT-th position only; the backward pass recomputes the states between
two of them. Arrays come in flat; E is a multiple of LANES; B_t and C_t lie side by side in ``bc`` (B, L, 2 N).
"""

# ruff: noqa: FBT001 - kernels are called by position, flags among the offsets

from __future__ import annotations

from typing import Any

import numpy as np

from seq2exp.model.scan.kernels import convolve_block
from seq2exp.model.scan.steps import (
    backward_step,
    convolve,
    lane_sum,
    load_state,
    recorded_step,
    scan_step,
    store_state,
)
from seq2exp.model.scan.vector import (
    LANES,
    add,
    compiled,
    constant_vector,
    fma,
    load,
    multiply,
    sigmoid,
    silu_in_place,
    softplus_in_place,
    store,
    zero,
)

CHECKPOINT = 32
"""Positions between kept states: 32 * N * LANES recomputed states and decays fit the second-level cache."""
_PIECE = 256
"""Positions of a convolution held in the first-level cache."""
_LN2 = 0.6931471805599453


@compiled
def scan_forward(
    like: Any, sample: int, blocks_from: int, blocks_to: int, length: int, width: int, reverse: bool, x: Any,
    delta: Any, a: Any, bc: Any, d: Any, z: Any, bias: Any, kept: Any, out: Any,
) -> None:  # fmt: skip
    """Gated scan of some blocks of channels of one sample, stretch by stretch so that rows are read in whole.

    ``kept`` (B, n_stretches + 1, E/LANES, N, LANES), in scan order, receives the state before each stretch and
    starts at zero; ``a`` is (E/LANES, N, LANES), times log2(e).
    """
    n = len(like)
    n_blocks = width // LANES
    n_kept = (length + CHECKPOINT - 1) // CHECKPOINT
    deltas = np.empty(CHECKPOINT * LANES, np.float32)
    xs = np.empty(CHECKPOINT * LANES, np.float32)
    gates = np.empty(CHECKPOINT * LANES, np.float32)
    way = -1 if reverse else 1
    for stretch in range(n_kept):
        done = stretch * CHECKPOINT
        count = min(CHECKPOINT, length - done)
        begin = sample * length + (length - 1 - done if reverse else done)
        for block in range(blocks_from, blocks_to):
            lane = block * LANES
            bias_v = load(bias, lane)
            skip = load(d, lane)
            place = ((sample * (n_kept + 1) + stretch) * n_blocks + block) * n * LANES
            state = load_state(like, kept, place)
            for i in range(count):
                at = (begin + way * i) * width + lane
                store(deltas, i * LANES, add(load(delta, at), bias_v))
                store(xs, i * LANES, load(x, at))
                store(gates, i * LANES, load(z, at))
            softplus_in_place(deltas, 0, count)
            silu_in_place(gates, 0, count)
            for i in range(count):
                t = begin + way * i
                step, value = load(deltas, i * LANES), load(xs, i * LANES)
                row = t * 2 * n
                state, y = scan_step(state, step, multiply(step, value), a, block * n * LANES, bc, row, bc, row + n)
                store(out, t * width + lane, multiply(fma(skip, value, y), load(gates, i * LANES)))
            store_state(state, kept, place + n_blocks * n * LANES)


@compiled
def scan_backward(
    like: Any, sample: int, blocks_from: int, blocks_to: int, length: int, width: int, reverse: bool, x: Any,
    delta: Any, a: Any, bc: Any, d: Any, z: Any, bias: Any, kept: Any, grad_out: Any, grad_x: Any, grad_delta: Any,
    grad_z: Any, grad_a: Any, grad_d: Any, grad_bias: Any, grad_bc: Any, bc_at: int,
) -> None:  # fmt: skip
    """Gradients of `scan_forward` for some blocks of one sample.

    grad_x, grad_delta, grad_z are (B, L, E); grad_a (B, E/LANES, N, LANES), grad_d and grad_bias (B, E) start at
    zero; grad_bc, at ``bc_at``, is (L, 2 N): the share of these blocks in dL/dB and dL/dC.
    """
    n = len(like)
    vectors = n * LANES
    n_kept = (length + CHECKPOINT - 1) // CHECKPOINT
    carried = np.zeros((blocks_to - blocks_from) * vectors, np.float32)
    states = np.empty((CHECKPOINT + 1) * vectors, np.float32)
    decays = np.empty(CHECKPOINT * vectors, np.float32)
    sums = np.empty(CHECKPOINT * 2 * vectors, np.float32)
    raws = np.empty(CHECKPOINT * LANES, np.float32)
    deltas = np.empty(CHECKPOINT * LANES, np.float32)
    drives = np.empty(CHECKPOINT * LANES, np.float32)
    ys = np.empty(CHECKPOINT * LANES, np.float32)
    way = -1 if reverse else 1
    for back in range(n_kept):
        stretch = n_kept - 1 - back
        done = stretch * CHECKPOINT
        count = min(CHECKPOINT, length - done)
        begin = sample * length + (length - 1 - done if reverse else done)
        sums[:] = 0
        for block in range(blocks_from, blocks_to):
            lane = block * LANES
            a_at = block * vectors
            bias_v = load(bias, lane)
            skip = load(d, lane)
            for i in range(count):
                at = (begin + way * i) * width + lane
                raw = add(load(delta, at), bias_v)
                store(raws, i * LANES, raw)
                store(deltas, i * LANES, raw)
            softplus_in_place(deltas, 0, count)
            for i in range(count):
                at = (begin + way * i) * width + lane
                store(drives, i * LANES, multiply(load(deltas, i * LANES), load(x, at)))
            state = load_state(like, kept, ((sample * (n_kept + 1) + stretch) * (width // LANES) + block) * vectors)
            store_state(state, states, 0)
            for i in range(count):
                t = begin + way * i
                state, y = recorded_step(
                    state, load(deltas, i * LANES), load(drives, i * LANES), a, a_at, bc, t * 2 * n, t * 2 * n + n,
                    states, (i + 1) * vectors, decays, i * vectors,
                )  # fmt: skip
                store(ys, i * LANES, fma(skip, load(x, t * width + lane), y))
            grad = load_state(like, carried, (block - blocks_from) * vectors)
            skip_sum = load(grad_d, sample * width + lane)
            bias_sum = load(grad_bias, sample * width + lane)
            for j in range(count):
                i = count - 1 - j
                t = begin + way * i
                at = t * width + lane
                gate = load(z, at)
                s = sigmoid(gate)
                upstream = load(grad_out, at)
                silu = multiply(gate, s)
                # d SiLU = s (1 + z - z s) = s + SiLU (1 - s)
                slope = fma(silu, fma(constant_vector(-1.0), s, constant_vector(1.0)), s)
                store(grad_z, at, multiply(multiply(upstream, load(ys, i * LANES)), slope))
                grad_y = multiply(upstream, silu)
                step = load(deltas, i * LANES)
                grad, grad_drive, grad_rate = backward_step(
                    grad, grad_y, step, load(drives, i * LANES), a, a_at, bc, t * 2 * n, t * 2 * n + n,
                    states, decays, i * vectors, sums, i * 2 * vectors, grad_a, (sample * width + lane) * n,
                )  # fmt: skip
                value = load(x, at)
                grad_step = fma(value, grad_drive, multiply(constant_vector(_LN2), grad_rate))
                grad_raw = multiply(grad_step, sigmoid(load(raws, i * LANES)))
                store(grad_x, at, fma(step, grad_drive, multiply(skip, grad_y)))
                store(grad_delta, at, grad_raw)
                skip_sum = fma(grad_y, value, skip_sum)
                bias_sum = add(bias_sum, grad_raw)
            store_state(grad, carried, (block - blocks_from) * vectors)
            store(grad_d, sample * width + lane, skip_sum)
            store(grad_bias, sample * width + lane, bias_sum)
        for i in range(count):
            to = bc_at + (begin + way * i - sample * length) * 2 * n
            for k in range(2 * n):
                grad_bc[to + k] = lane_sum(load(sums, (i * 2 * n + k) * LANES))


@compiled
def convolve_forward(
    taps: Any, sample: int, block: int, length: int, width: int, reverse: bool, x: Any, weight: Any, bias: Any, out: Any
) -> None:
    """SiLU(conv) of one block of channels of one sample; ``weight`` is (E/LANES, K, LANES)."""
    base = sample * length * width + block * LANES
    piece = np.empty(_PIECE * LANES, np.float32)
    for first in range(0, length, _PIECE):
        last = min(first + _PIECE, length)
        convolve_block(
            taps, x, base, width, length, first, last, reverse, weight, block * len(taps) * LANES,
            load(bias, block * LANES), piece, 0,
        )  # fmt: skip
        for i in range(last - first):
            store(out, base + (first + i) * width, load(piece, i * LANES))


@compiled
def convolve_backward(
    taps: Any, sample: int, block: int, length: int, width: int, reverse: bool, x: Any, weight: Any, flipped: Any,
    bias: Any, grad_out: Any, grad_x: Any, grad_weight: Any, grad_bias: Any,
) -> None:  # fmt: skip
    """Gradients of `convolve_forward`; grad_weight (B, E/LANES, K, LANES) starts at zero, grad_bias is (B, E).

    ``flipped`` is ``weight`` with its taps in reverse order.
    """
    n_taps = len(taps)
    base = sample * length * width + block * LANES
    weight_at = block * n_taps * LANES
    sums_at = (sample * (width // LANES) + block) * n_taps * LANES
    way = -1 if reverse else 1
    inner = np.zeros((length + n_taps - 1) * LANES, np.float32)  # dL/d(conv) in scan order, then zeros
    bias_v = load(bias, block * LANES)
    bias_sum = zero()
    for i in range(length):
        at = base + (length - 1 - i if reverse else i) * width
        missing = max(0, n_taps - 1 - i)
        total = bias_v
        if missing == 0:
            total = convolve(taps, x, at - way * (n_taps - 1) * width, way * width, weight, weight_at, bias_v)
        else:
            for k in range(missing, n_taps):
                total = fma(load(x, at - way * (n_taps - 1 - k) * width), load(weight, weight_at + k * LANES), total)
        s = sigmoid(total)
        slope = fma(multiply(total, s), fma(constant_vector(-1.0), s, constant_vector(1.0)), s)
        grad = multiply(load(grad_out, at), slope)
        store(inner, i * LANES, grad)
        bias_sum = add(bias_sum, grad)
        for k in range(missing, n_taps):
            here = sums_at + k * LANES
            value = load(x, at - way * (n_taps - 1 - k) * width)
            store(grad_weight, here, fma(grad, value, load(grad_weight, here)))
    store(grad_bias, sample * width + block * LANES, bias_sum)
    for i in range(length):
        at = base + (length - 1 - i if reverse else i) * width
        store(grad_x, at, convolve(taps, inner, i * LANES, LANES, flipped, weight_at, zero()))
