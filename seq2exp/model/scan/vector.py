"""Explicit SIMD for Numba kernels: a float32 vector type, its arithmetic, and exp2, softplus, sigmoid on it.

Why not leave it to the compiler's vectoriser: the states of a scan have to stay in registers over the whole
sequence, and exp has to be the same short polynomial on every machine. LLVM lowers the vectors to what the processor
has. Arrays are addressed as flat memory, ``(array, offset in elements)``; nothing is bounds-checked.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import llvmlite.binding as llvm
import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.datamodel.models import PrimitiveModel
from numba.extending import intrinsic, register_model

_FEATURES = llvm.get_host_cpu_features()
LANES: int = 16 if _FEATURES.get("avx512f") else 8 if _FEATURES.get("avx2") else 4
"""Channels per vector: what one register of this processor holds."""

FLOATS = ir.VectorType(ir.FloatType(), LANES)
_INTS = ir.VectorType(ir.IntType(32), LANES)
_INT64 = ir.IntType(64)
Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """``function`` as a kernel that releases the GIL, cached on disk where a folder is writable.

    The cache folder is named for a hash of this package's sources: Numba itself notices changes of a kernel's own
    file only, and would run stale code after a change of the primitives here.
    """
    kernel = numba.njit(nogil=True, error_model="numpy")(function)
    base = os.environ.get("NUMBA_CACHE_DIR") or Path.home() / ".cache" / "seq2exp"
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(Path(base) / f"kernels-{_sources_hash()}")
    try:
        kernel.enable_caching()
    except (RuntimeError, OSError):  # no writable folder: compiled once per process, a few seconds
        pass
    finally:
        numba.config.CACHE_DIR = before
    compiled_function: Function = kernel
    return compiled_function


def _sources_hash() -> str:
    """Short hash of the Python files beside this one."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


class Vector(types.Type):
    """Numba's type of LANES float32 values in one register."""

    def __init__(self) -> None:
        super().__init__(name=f"float32x{LANES}")


vector = Vector()


@register_model(Vector)
class _VectorModel(PrimitiveModel):
    """In memory and in registers: an LLVM vector."""

    def __init__(self, manager: Any, front: Any) -> None:
        super().__init__(manager, front, FLOATS)


def _fit(function: Callable[[Any], Any], low: float, high: float, degree: int) -> list[float]:
    """Coefficients, lowest power first, of the Chebyshev interpolant of ``function`` on [low, high]."""
    series = np.polynomial.Chebyshev.interpolate(function, degree, domain=[low, high])
    return [float(c) for c in series.convert(kind=np.polynomial.Polynomial).coef]


# Degrees: the lowest whose error is below float32's own, 1e-7 relative.
# exp2 is exactly 1 at 0: a slow state multiplies thousands of factors close to 1, whose common error would add up.
_EXP2 = [1.0, *_fit(lambda f: np.expm1((f + 1e-30) * np.log(2)) / (f + 1e-30), -0.5, 0.5, 4)]
_LOG1P = _fit(lambda w: np.log1p(w + 1e-30) / (w + 1e-30), 0.0, 1.0, 9)
_ROUND = 1.5 * 2**23
"""Adding it leaves the nearest integer of a small float in the low bits of the sum."""
_SMALLEST = -120
"""Exponents are clamped here, so that no result is subnormal (slow on most processors)."""
_STEEPEST = 80.0
"""Sigmoids are constant beyond: 1.8e-35 from 0 or 1."""
LOG2E = 1.4426950408889634


def constant(value: float) -> ir.Constant:
    """``value`` in every lane."""
    return ir.Constant(FLOATS, [float(np.float32(value))] * LANES)


def call_fma(b: ir.IRBuilder, x: Any, y: Any, add: Any) -> Any:
    """Fused x * y + add, rounded once."""
    name = f"llvm.fma.v{LANES}f32"
    return b.call(cgutils.get_or_insert_function(b.module, ir.FunctionType(FLOATS, [FLOATS] * 3), name), [x, y, add])


def spread(b: ir.IRBuilder, scalar: Any) -> Any:
    """``scalar`` in every lane."""
    undefined = ir.Constant(FLOATS, ir.Undefined)
    filled = b.insert_element(undefined, scalar, ir.IntType(32)(0))
    return b.shuffle_vector(filled, undefined, ir.Constant(_INTS, [0] * LANES))


def exp2_products(b: ir.IRBuilder, pairs: list[tuple[Any, Any]]) -> list[Any]:
    """Powers 2^(x*y) of each pair, relative error 2e-7.

    The pairs advance together, operation by operation: one alone is a chain of ten dependent operations, and a
    processor looks ahead no further than a few such chains. Needs x*y <= 120; far below -120 the
    result is 2^-120.5, as good as zero.
    """
    magic = constant(_ROUND)
    rounded = [call_fma(b, x, y, magic) for x, y in pairs]
    rounded = [_select(b, ">", r, constant(_ROUND + _SMALLEST)) for r in rounded]
    fraction = [b.fsub(magic, r) for r in rounded]
    fraction = [call_fma(b, x, y, f) for (x, y), f in zip(pairs, fraction, strict=True)]
    # Below the clamp it would be far outside the polynomial's interval, near whose root the exponent wraps around.
    fraction = [_select(b, ">", f, constant(-0.5)) for f in fraction]
    power = [constant(_EXP2[-1])] * len(pairs)
    for c in _EXP2[-2::-1]:
        power = [call_fma(b, p, f, constant(c)) for p, f in zip(power, fraction, strict=True)]
    shift = [b.shl(b.bitcast(r, _INTS), ir.Constant(_INTS, [23] * LANES)) for r in rounded]
    return [b.bitcast(b.add(b.bitcast(p, _INTS), s), FLOATS) for p, s in zip(power, shift, strict=True)]


def _select(b: ir.IRBuilder, order: str, x: Any, limit: Any) -> Any:
    """``x`` where it is ``order`` limit, else the limit; NaN stays NaN (compared unordered)."""
    return b.select(b.fcmp_unordered(order, x, limit), x, limit)


def _sigmoid(b: ir.IRBuilder, xs: list[Any]) -> list[Any]:
    """Logistic 1 / (1 + exp(-x)) of each; the reciprocal by three Newton steps, cheaper than a vector division."""
    one = constant(1.0)
    xs = [_select(b, "<", _select(b, ">", x, constant(-_STEEPEST)), constant(_STEEPEST)) for x in xs]
    divisors = [b.fadd(one, e) for e in exp2_products(b, [(x, constant(-LOG2E)) for x in xs])]
    first = ir.Constant(_INTS, [0x7EF311C7] * LANES)  # minus the bits of d: 1 / d to 12 %
    guesses = [b.bitcast(b.sub(first, b.bitcast(d, _INTS)), FLOATS) for d in divisors]
    negatives = [b.fneg(d) for d in divisors]
    for _ in range(3):  # relative error 0.12 -> 1.5e-2 -> 2.1e-4 -> 5e-8
        errors = [call_fma(b, n, g, one) for n, g in zip(negatives, guesses, strict=True)]
        guesses = [call_fma(b, g, e, g) for g, e in zip(guesses, errors, strict=True)]
    return guesses


def _silu(b: ir.IRBuilder, xs: list[Any]) -> list[Any]:
    """Products x * sigmoid(x)."""
    return [b.fmul(x, s) for x, s in zip(xs, _sigmoid(b, xs), strict=True)]


def _softplus(b: ir.IRBuilder, xs: list[Any]) -> list[Any]:
    """Natural log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)), exact in relative terms for very negative x too."""
    magnitudes = [b.select(b.fcmp_ordered("<", x, constant(0.0)), b.fneg(x), x) for x in xs]
    ws = exp2_products(b, [(m, constant(-LOG2E)) for m in magnitudes])
    series = [constant(_LOG1P[-1])] * len(xs)
    for c in _LOG1P[-2::-1]:
        series = [call_fma(b, s, w, constant(c)) for s, w in zip(series, ws, strict=True)]
    bases = [_select(b, ">", x, constant(0.0)) for x in xs]
    return [call_fma(b, s, w, base) for s, w, base in zip(series, ws, bases, strict=True)]


def primitive(define: Callable[..., Any]) -> Callable[..., Any]:
    """A function for kernels whose machine code ``define`` emits; its first argument, Numba's, is not passed."""
    function: Callable[..., Any] = intrinsic(define)
    return function


def primitive_of_literals(define: Callable[..., Any]) -> Callable[..., Any]:
    """As `primitive`; ``define`` sees the values of literal arguments."""
    function: Callable[..., Any] = intrinsic(prefer_literal=True)(define)
    return function


# -- primitives for kernels -------------------------------------------------------------------------------------------


def pointer(context: Any, b: ir.IRBuilder, array_type: Any, array: Any, offset: Any) -> Any:
    """Address of element ``offset`` of an array taken as flat memory."""
    return b.gep(cgutils.create_struct_proxy(array_type)(context, b, value=array).data, [offset])


def load_at(b: ir.IRBuilder, address: Any, index: int) -> Any:
    """The vector ``index`` elements after ``address``."""
    return b.load(b.bitcast(b.gep(address, [_INT64(index)]), FLOATS.as_pointer()), align=4)


def store_at(b: ir.IRBuilder, value: Any, address: Any, index: int) -> None:
    """Write the vector ``index`` elements after ``address``."""
    b.store(value, b.bitcast(b.gep(address, [_INT64(index)]), FLOATS.as_pointer()), align=4)


def broadcast_at(b: ir.IRBuilder, address: Any, index: int) -> Any:
    """The one element ``index`` after ``address``, in every lane."""
    return spread(b, b.load(b.gep(address, [_INT64(index)])))


@primitive
def load(_typing: Any, array: Any, offset: Any) -> Any:
    """Vector at ``array[offset:offset + LANES]``."""

    def emit(context: Any, b: Any, signature: Any, args: Any) -> Any:
        return load_at(b, pointer(context, b, signature.args[0], *args), 0)

    return vector(array, types.intp), emit


@primitive
def store(_typing: Any, array: Any, offset: Any, value: Any) -> Any:
    """Write ``value`` to ``array[offset:offset + LANES]``."""

    def emit(context: Any, b: Any, signature: Any, args: Any) -> Any:
        store_at(b, args[2], pointer(context, b, signature.args[0], *args[:2]), 0)
        return context.get_dummy_value()

    return types.void(array, types.intp, vector), emit


@primitive
def broadcast(_typing: Any, array: Any, offset: Any) -> Any:
    """``array[offset]`` in every lane."""

    def emit(context: Any, b: Any, signature: Any, args: Any) -> Any:
        return broadcast_at(b, pointer(context, b, signature.args[0], *args), 0)

    return vector(array, types.intp), emit


@primitive
def zero(_typing: Any) -> Any:
    """The zero vector."""
    return vector(), lambda _context, _b, _signature, _args: constant(0.0)


@primitive
def constant_vector(_typing: Any, value: Any) -> Any:
    """A float, rounded to float32, in every lane."""

    def emit(_context: Any, b: Any, _signature: Any, args: Any) -> Any:
        return spread(b, args[0] if value == types.float32 else b.fptrunc(args[0], ir.FloatType()))

    return vector(value if value == types.float32 else types.float64), emit


def _elementwise(arity: int, emit: Callable[..., Any]) -> Callable[..., Any]:
    """An intrinsic of ``arity`` vectors whose code is ``emit(builder, *vectors)``."""

    def code(_context: Any, b: Any, _signature: Any, args: Any) -> Any:
        return emit(b, *args)

    if arity == 1:
        return primitive(lambda _typing, x: (vector(vector), code))
    if arity == 2:
        return primitive(lambda _typing, x, y: (vector(vector, vector), code))
    return primitive(lambda _typing, x, y, z: (vector(vector, vector, vector), code))


add = _elementwise(2, lambda b, x, y: b.fadd(x, y))
multiply = _elementwise(2, lambda b, x, y: b.fmul(x, y))
fma = _elementwise(3, call_fma)
sigmoid = _elementwise(1, lambda b, x: _sigmoid(b, [x])[0])


def _in_place(count: int, emit: Callable[..., list[Any]]) -> Callable[..., Any]:
    """A primitive (array, offset) that replaces ``count`` vectors in a row by ``emit`` of them."""

    def define(_typing: Any, array: Any, _offset: Any) -> Any:
        def code(context: Any, b: Any, signature: Any, args: Any) -> Any:
            address = pointer(context, b, signature.args[0], *args)
            results = emit(b, [load_at(b, address, v * LANES) for v in range(count)])
            for v, result in enumerate(results):
                store_at(b, result, address, v * LANES)
            return context.get_dummy_value()

        return types.void(array, types.intp), code

    return primitive(define)


_silu_of_four, _silu_of_one = _in_place(4, _silu), _in_place(1, _silu)
_softplus_of_four, _softplus_of_one = _in_place(4, _softplus), _in_place(1, _softplus)


@compiled
def silu_in_place(array: Any, at: int, count: int) -> None:
    """SiLU of ``count`` vectors of ``array`` from ``at`` on, four at a time."""
    for i in range(0, count - 3, 4):
        _silu_of_four(array, at + i * LANES)
    for i in range(count - count % 4, count):
        _silu_of_one(array, at + i * LANES)


@compiled
def softplus_in_place(array: Any, at: int, count: int) -> None:
    """Softplus of ``count`` vectors of ``array`` from ``at`` on, four at a time."""
    for i in range(0, count - 3, 4):
        _softplus_of_four(array, at + i * LANES)
    for i in range(count - count % 4, count):
        _softplus_of_one(array, at + i * LANES)


_X86 = llvm.get_process_triple().split("-")[0] in ("x86_64", "i686")
_FLUSH = 0x8040
"""Bits of the x86 control register MXCSR: subnormal results and inputs become zero."""


@primitive
def _swap_rounding(_typing: Any, value: Any) -> Any:
    """The control register as it was; ``value`` is ORed in if positive, written if negative (its complement)."""

    def emit(_context: Any, b: Any, _signature: Any, args: Any) -> Any:
        int32, nothing = ir.IntType(32), ir.VoidType()
        if not _X86:
            return int32(0)
        function = ir.FunctionType(nothing, [ir.IntType(8).as_pointer()])
        place = cgutils.alloca_once(b, int32)
        address = b.bitcast(place, ir.IntType(8).as_pointer())
        b.call(cgutils.get_or_insert_function(b.module, function, "llvm.x86.sse.stmxcsr"), [address])
        before = b.load(place)
        wanted = b.select(b.icmp_signed("<", args[0], int32(0)), b.not_(args[0]), b.or_(before, args[0]))
        b.store(wanted, place)
        b.call(cgutils.get_or_insert_function(b.module, function, "llvm.x86.sse.ldmxcsr"), [address])
        return before

    return types.int32(types.int32), emit


@compiled
def flush_subnormals() -> Any:
    """Make this thread treat subnormal numbers as zero; returns what `restore_subnormals` needs.

    Gradients and states that fade away pass through subnormal numbers, each many times slower than others.
    """
    return _swap_rounding(np.int32(_FLUSH))


@compiled
def restore_subnormals(before: Any) -> None:
    """Undo `flush_subnormals`."""
    _swap_rounding(np.int32(~before))
