"""Unrolled pieces of kernels: one time step of a scan, and one tile of a matrix product, all in registers.

The state of LANES channels is a tuple of N vectors; the tuple's type carries N into the generated code.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from seq2exp.model.scan.vector import (
    FLOATS,
    LANES,
    broadcast_at,
    call_fma,
    constant,
    exp2_products,
    load_at,
    pointer,
    store_at,
    vector,
)

_GROUP = 4
"""States advanced together (see exp2_products); 4 was best of 1, 2, 4, 8 on AVX-512, and needs no spills at N = 16."""
_INT64 = ir.IntType(64)


@intrinsic  # type: ignore[untyped-decorator]
def load_state(_typing: Any, like: Any, array: Any, offset: Any) -> Any:
    """N vectors from ``array`` at ``offset``, one after the other; ``like`` is any tuple of N items."""

    def emit(context: Any, b: Any, signature: Any, args: Any) -> Any:
        address = pointer(context, b, signature.args[1], *args[1:])
        return cgutils.pack_array(b, [load_at(b, address, n * LANES) for n in range(like.count)], FLOATS)

    return types.UniTuple(vector, like.count)(like, array, types.intp), emit


@intrinsic  # type: ignore[untyped-decorator]
def store_state(_typing: Any, state: Any, array: Any, offset: Any) -> Any:
    """Write the N vectors of ``state`` to ``array`` at ``offset``."""

    def emit(context: Any, b: Any, signature: Any, args: Any) -> Any:
        address = pointer(context, b, signature.args[1], *args[1:])
        for n in range(state.count):
            store_at(b, b.extract_value(args[0], n), address, n * LANES)
        return context.get_dummy_value()

    return types.void(state, array, types.intp), emit


@intrinsic  # type: ignore[untyped-decorator]
def scan_step(
    _typing: Any, state: Any, delta: Any, drive: Any, a: Any, a_at: Any, b_row: Any, b_at: Any, c_row: Any, c_at: Any
) -> Any:
    """(state, y) after one position.

    h_n <- 2^(delta a_n) h_n + drive B_n and y = sum_n h_n C_n, with ``a`` already times log2(e), N vectors at
    ``a_at``, and B_n, C_n scalars at ``b_at``, ``c_at``.
    """

    def emit(context: Any, b: Any, signature: Any, args: Any) -> Any:
        old, delta_v, drive_v = args[:3]
        a_address = pointer(context, b, signature.args[3], *args[3:5])
        b_address = pointer(context, b, signature.args[5], *args[5:7])
        c_address = pointer(context, b, signature.args[7], *args[7:9])
        new: list[Any] = []
        sums: list[Any] = [constant(0.0)] * 2  # two chains of additions instead of one twice as long
        for first in range(0, state.count, _GROUP):
            group = range(first, min(first + _GROUP, state.count))
            decay = exp2_products(b, [(delta_v, load_at(b, a_address, n * LANES)) for n in group])
            inflow = [b.fmul(drive_v, broadcast_at(b, b_address, n)) for n in group]
            for n, decay_n, inflow_n in zip(group, decay, inflow, strict=True):
                h = call_fma(b, decay_n, b.extract_value(old, n), inflow_n)
                new.append(h)
                sums[n % 2] = call_fma(b, h, broadcast_at(b, c_address, n), sums[n % 2])
        packed = cgutils.pack_array(b, new, FLOATS)
        return context.make_tuple(b, signature.return_type, [packed, b.fadd(*sums)])

    arguments = (state, vector, vector, a, types.intp, b_row, types.intp, c_row, types.intp)
    return types.Tuple((state, vector))(*arguments), emit


@intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
def product_tile(
    _typing: Any,
    rows: Any,
    vectors: Any,
    left: Any,
    left_at: Any,
    left_block: Any,
    right: Any,
    right_at: Any,
    n_blocks: Any,
    out: Any,
    out_at: Any,
    out_row: Any,
    out_vector: Any,
) -> Any:
    """Write ``rows`` x ``vectors`` vectors of left @ right, summed in registers.

    ``left`` is blocked: element (row, k) lies at left_at + (k // LANES) * left_block + row * LANES + k % LANES, for
    n_blocks * LANES values of k. ``right`` is packed, ``vectors`` vectors for each k. Vector v of row r of the result
    goes to out_at + r * out_row + v * out_vector. ``rows`` and ``vectors`` are literals.
    """
    n_rows, n_vectors = rows.literal_value, vectors.literal_value

    def emit(context: Any, b: Any, signature: Any, args: Any) -> Any:
        left_block_v, n_blocks_v = args[4], args[7]
        out_row_v, out_vector_v = args[10], args[11]
        left_address = pointer(context, b, signature.args[2], args[2], args[3])
        right_address = pointer(context, b, signature.args[5], args[5], args[6])
        out_address = pointer(context, b, signature.args[8], args[8], args[9])
        entry, loop, done = b.block, b.append_basic_block("k"), b.append_basic_block("k.done")
        b.branch(loop)
        b.position_at_end(loop)
        block = b.phi(_INT64)
        block.add_incoming(_INT64(0), entry)
        sums = [b.phi(FLOATS) for _ in range(n_rows * n_vectors)]
        for total in sums:
            total.add_incoming(constant(0.0), entry)
        left_here = b.gep(left_address, [b.mul(block, left_block_v)])
        right_here = b.gep(right_address, [b.mul(block, _INT64(LANES * n_vectors * LANES))])
        running: list[Any] = list(sums)
        for k in range(LANES):
            weights = [load_at(b, right_here, (k * n_vectors + v) * LANES) for v in range(n_vectors)]
            for r in range(n_rows):
                value = broadcast_at(b, left_here, r * LANES + k)
                for v in range(n_vectors):
                    at = r * n_vectors + v
                    running[at] = call_fma(b, value, weights[v], running[at])
        following = b.add(block, _INT64(1))
        block.add_incoming(following, loop)
        for total, value in zip(sums, running, strict=True):
            total.add_incoming(value, loop)
        b.cbranch(b.icmp_signed("<", following, n_blocks_v), loop, done)
        b.position_at_end(done)
        for r in range(n_rows):
            row_out = b.gep(out_address, [b.mul(out_row_v, _INT64(r))])
            for v in range(n_vectors):
                store_at(b, running[r * n_vectors + v], b.gep(row_out, [b.mul(out_vector_v, _INT64(v))]), 0)
        return context.get_dummy_value()

    i = types.intp
    return types.void(rows, vectors, left, i, i, right, i, i, out, i, i, i), emit


@intrinsic  # type: ignore[untyped-decorator]
def convolve(_typing: Any, taps: Any, x: Any, x_at: Any, x_step: Any, weight: Any, weight_at: Any, bias: Any) -> Any:
    """bias + sum over tap k of x[x_at + k * x_step] * weight k; ``taps`` is any tuple of as many items as taps."""

    def emit(context: Any, b: Any, signature: Any, args: Any) -> Any:
        x_address = pointer(context, b, signature.args[1], *args[1:3])
        weight_address = pointer(context, b, signature.args[4], *args[4:6])
        total = args[6]
        for k in range(taps.count):
            value = load_at(b, b.gep(x_address, [b.mul(args[3], _INT64(k))]), 0)
            total = call_fma(b, value, load_at(b, weight_address, k * LANES), total)
        return total

    return vector(taps, x, types.intp, types.intp, weight, types.intp, vector), emit
