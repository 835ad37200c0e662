"""Unrolled pieces of kernels: one time step of a scan, and one tile of a matrix product, all in registers.

The state of LANES channels is a tuple of N vectors; the tuple's type carries N into the generated code.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.types.containers import Tuple, UniTuple

from seq2exp.model.scan.vector import (
    FLOATS,
    LANES,
    broadcast_at,
    call_fma,
    constant,
    exp2_products,
    load_at,
    pointer,
    primitive,
    primitive_of_literals,
    store_at,
    vector,
)

_GROUP = 4
"""States advanced together (see exp2_products); 4 was best of 1, 2, 4, 8 on AVX-512, and needs no spills at N = 16."""
_UNROLL = 4
"""Steps of k per turn of a matrix product's inner loop; divides LANES."""
_INT64 = ir.IntType(64)


@primitive
def load_state(_typing: Any, like: Any, array: Any, offset: Any) -> Any:
    """N vectors from ``array`` at ``offset``, one after the other; ``like`` is any tuple of N items."""

    def emit(context: Any, b: Any, signature: Any, args: Any) -> Any:
        address = pointer(context, b, signature.args[1], *args[1:])
        return cgutils.pack_array(b, [load_at(b, address, n * LANES) for n in range(like.count)], FLOATS)

    return UniTuple(vector, like.count)(like, array, types.intp), emit


@primitive
def store_state(_typing: Any, state: Any, array: Any, offset: Any) -> Any:
    """Write the N vectors of ``state`` to ``array`` at ``offset``."""

    def emit(context: Any, b: Any, signature: Any, args: Any) -> Any:
        address = pointer(context, b, signature.args[1], *args[1:])
        for n in range(state.count):
            store_at(b, b.extract_value(args[0], n), address, n * LANES)
        return context.get_dummy_value()

    return types.void(state, array, types.intp), emit


@primitive
def scan_step(
    _typing: Any, state: Any, delta: Any, drive: Any, a: Any, a_at: Any, b_row: Any, b_at: Any, c_row: Any, c_at: Any
) -> Any:
    """Pair (state, y) after one position.

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
    return Tuple((state, vector))(*arguments), emit


@primitive_of_literals
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
        piece = b.phi(_INT64)  # _UNROLL values of k; as many pieces as fill LANES make a block
        piece.add_incoming(_INT64(0), entry)
        sums = [b.phi(FLOATS) for _ in range(n_rows * n_vectors)]
        for total in sums:
            total.add_incoming(constant(0.0), entry)
        per_block = _INT64(LANES // _UNROLL)
        left_here = b.gep(left_address, [b.mul(b.udiv(piece, per_block), left_block_v)])
        left_here = b.gep(left_here, [b.mul(b.urem(piece, per_block), _INT64(_UNROLL))])
        right_here = b.gep(right_address, [b.mul(piece, _INT64(_UNROLL * n_vectors * LANES))])
        running: list[Any] = list(sums)
        for k in range(_UNROLL):
            weights = [load_at(b, right_here, (k * n_vectors + v) * LANES) for v in range(n_vectors)]
            for r in range(n_rows):
                value = broadcast_at(b, left_here, r * LANES + k)
                for v in range(n_vectors):
                    at = r * n_vectors + v
                    running[at] = call_fma(b, value, weights[v], running[at])
        following = b.add(piece, _INT64(1))
        piece.add_incoming(following, loop)
        for total, value in zip(sums, running, strict=True):
            total.add_incoming(value, loop)
        b.cbranch(b.icmp_signed("<", following, b.mul(n_blocks_v, per_block)), loop, done)
        b.position_at_end(done)
        for r in range(n_rows):
            row_out = b.gep(out_address, [b.mul(out_row_v, _INT64(r))])
            for v in range(n_vectors):
                store_at(b, running[r * n_vectors + v], b.gep(row_out, [b.mul(out_vector_v, _INT64(v))]), 0)
        return context.get_dummy_value()

    i = types.intp
    return types.void(rows, vectors, left, i, i, right, i, i, out, i, i, i), emit


@primitive
def convolve(_typing: Any, taps: Any, x: Any, x_at: Any, x_step: Any, weight: Any, weight_at: Any, bias: Any) -> Any:
    """Vector bias + sum over tap k of x[x_at + k * x_step] * weight k; ``taps`` is any tuple with an item per tap."""

    def emit(context: Any, b: Any, signature: Any, args: Any) -> Any:
        x_address = pointer(context, b, signature.args[1], *args[1:3])
        weight_address = pointer(context, b, signature.args[4], *args[4:6])
        total = args[6]
        for k in range(taps.count):
            value = load_at(b, b.gep(x_address, [b.mul(args[3], _INT64(k))]), 0)
            total = call_fma(b, value, load_at(b, weight_address, k * LANES), total)
        return total

    return vector(taps, x, types.intp, types.intp, weight, types.intp, vector), emit


@primitive
def recorded_step(
    _typing: Any,
    state: Any,
    delta: Any,
    drive: Any,
    a: Any,
    a_at: Any,
    rows: Any,
    b_at: Any,
    c_at: Any,
    states: Any,
    states_at: Any,
    decays: Any,
    decays_at: Any,
) -> Any:
    """As `scan_step`, and writes the new state and the decay factors to ``states`` and ``decays``.

    B_n and C_n are scalars of ``rows`` at ``b_at`` and ``c_at``.
    """

    def emit(context: Any, b: Any, signature: Any, args: Any) -> Any:
        old, delta_v, drive_v = args[:3]
        a_address = pointer(context, b, signature.args[3], *args[3:5])
        b_address = pointer(context, b, signature.args[5], args[5], args[6])
        c_address = pointer(context, b, signature.args[5], args[5], args[7])
        h_address = pointer(context, b, signature.args[8], *args[8:10])
        decay_address = pointer(context, b, signature.args[10], *args[10:12])
        new: list[Any] = []
        sums: list[Any] = [constant(0.0)] * 2
        for first in range(0, state.count, _GROUP):
            group = range(first, min(first + _GROUP, state.count))
            decay = exp2_products(b, [(delta_v, load_at(b, a_address, n * LANES)) for n in group])
            for n, decay_n in zip(group, decay, strict=True):
                inflow = b.fmul(drive_v, broadcast_at(b, b_address, n))
                h = call_fma(b, decay_n, b.extract_value(old, n), inflow)
                new.append(h)
                sums[n % 2] = call_fma(b, h, broadcast_at(b, c_address, n), sums[n % 2])
                store_at(b, h, h_address, n * LANES)
                store_at(b, decay_n, decay_address, n * LANES)
        packed = cgutils.pack_array(b, new, FLOATS)
        return context.make_tuple(b, signature.return_type, [packed, b.fadd(*sums)])

    i = types.intp
    return Tuple((state, vector))(state, vector, vector, a, i, rows, i, i, states, i, decays, i), emit


@primitive
def backward_step(
    _typing: Any,
    grad: Any,
    grad_y: Any,
    delta: Any,
    drive: Any,
    a: Any,
    a_at: Any,
    rows: Any,
    b_at: Any,
    c_at: Any,
    states: Any,
    decays: Any,
    at: Any,
    sums_bc: Any,
    sums_at: Any,
    sums_a: Any,
    sums_a_at: Any,
) -> Any:
    """Triple (grad, grad_drive, grad_rate) one position back.

    ``grad`` is dL/dh through later positions; ``states`` at ``at`` holds h before this position and, N vectors
    further, h after it; ``decays`` at ``at`` this position's factors. Adds dL/dB_n and dL/dC_n per lane to
    ``sums_bc`` (B's N vectors, then C's) and delta * dL/d(log decay)_n to ``sums_a``. ``grad_drive`` is
    dL/d(delta x); ``grad_rate`` is sum_n dL/d(log decay)_n a_n.
    """
    n_state = grad.count

    def emit(context: Any, b: Any, signature: Any, args: Any) -> Any:
        later, grad_y_v, delta_v, drive_v = args[:4]
        a_address = pointer(context, b, signature.args[4], *args[4:6])
        b_address = pointer(context, b, signature.args[6], args[6], args[7])
        c_address = pointer(context, b, signature.args[6], args[6], args[8])
        before = pointer(context, b, signature.args[9], args[9], args[11])
        decay_address = pointer(context, b, signature.args[10], args[10], args[11])
        bc_address = pointer(context, b, signature.args[12], *args[12:14])
        sum_address = pointer(context, b, signature.args[14], *args[14:16])

        def accumulate(x: Any, y: Any, address: Any, index: int) -> None:
            store_at(b, call_fma(b, x, y, load_at(b, address, index)), address, index)

        earlier: list[Any] = []
        drives: list[Any] = [constant(0.0)] * 2
        rates: list[Any] = [constant(0.0)] * 2
        for n in range(n_state):
            here = n * LANES
            total = call_fma(b, grad_y_v, broadcast_at(b, c_address, n), b.extract_value(later, n))
            accumulate(total, drive_v, bc_address, here)
            accumulate(grad_y_v, load_at(b, before, (n_state + n) * LANES), bc_address, (n_state + n) * LANES)
            drives[n % 2] = call_fma(b, total, broadcast_at(b, b_address, n), drives[n % 2])
            through = b.fmul(total, load_at(b, decay_address, here))
            earlier.append(through)
            rate = b.fmul(through, load_at(b, before, here))  # dL/d(log decay)
            accumulate(rate, delta_v, sum_address, here)
            rates[n % 2] = call_fma(b, rate, load_at(b, a_address, here), rates[n % 2])
        packed = cgutils.pack_array(b, earlier, FLOATS)
        return context.make_tuple(b, signature.return_type, [packed, b.fadd(*drives), b.fadd(*rates)])

    i = types.intp
    arguments = (grad, *(vector,) * 3, a, i, rows, i, i, states, decays, i, sums_bc, i, sums_a, i)
    return Tuple((grad, vector, vector))(*arguments), emit


@primitive
def lane_sum(_typing: Any, _value: Any) -> Any:
    """Sum of the lanes of a vector."""

    def emit(_context: Any, b: Any, _signature: Any, args: Any) -> Any:
        value, width = args[0], LANES
        undefined = ir.Constant(FLOATS, ir.Undefined)
        while width > 1:  # fold halves
            width //= 2
            order = [(lane + width) % LANES for lane in range(LANES)]
            folded = b.shuffle_vector(value, undefined, ir.Constant(ir.VectorType(ir.IntType(32), LANES), order))
            value = b.fadd(value, folded)
        return b.extract_element(value, ir.IntType(32)(0))

    return types.float32(vector), emit
