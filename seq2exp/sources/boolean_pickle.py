"""A pickle of one boolean array per chromosome -> intervals, without running anything the pickle names.

A pickle is a program for a stack machine. Here a machine of our own runs the few instructions that a dictionary of
numpy arrays needs; names stand for themselves and nothing is imported or called. The array of a chromosome becomes
intervals as soon as it is complete, so one chromosome is in memory at a time, not the 3 GB of a genome.
"""

from __future__ import annotations

import pickletools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from seq2exp.errors import SourceError
from seq2exp.genome import Interval

_PIECE = 16_000_000
"""Bases looked at in one go."""

_LARGE = 1_000_000
"""Bytes longer than this are never referred to again and are not remembered."""

_NUMPY = ("numpy", "numpy.core.multiarray", "numpy._core.multiarray", "numpy.core.numeric", "numpy._core.numeric")
_NAMES = {
    *((module, name) for module in _NUMPY for name in ("ndarray", "dtype", "_reconstruct", "_frombuffer")),
    ("_codecs", "encode"),
    ("__builtin__", "bytes"),
    ("collections", "OrderedDict"),
}
_ONE_BYTE = ("b1", "bool", "?", "|b1", "u1", "i1", "uint8", "int8")
"""Types of one byte a value, as numpy spells them."""


@dataclass(frozen=True, slots=True)
class _Name:
    module: str
    name: str


@dataclass(slots=True)
class _Made:
    """What a call would have made."""

    of: _Name
    arguments: tuple[Any, ...]
    state: Any = None


@dataclass(frozen=True, slots=True)
class MarkedChromosome:
    """The marked bases of one chromosome."""

    chrom: str
    length_bp: int
    intervals: tuple[Interval, ...]
    """Runs of True, ascending."""


class _Mark:
    """Where the items of a tuple or dictionary begin on the stack."""


@dataclass
class _Machine:
    """The stack machine; every array on it has become (length, intervals without a chromosome)."""

    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def run(self, file: IO[bytes]) -> Any:
        for opcode, argument, _ in pickletools.genops(file):
            name = opcode.name
            if name == "STOP":
                return self.stack.pop()
            self._step(name, argument)
        raise ValueError("it ends early")

    def _step(self, name: str, argument: Any) -> None:
        stack = self.stack
        match name:
            case "PROTO" | "FRAME":
                pass
            case "MARK":
                stack.append(_Mark)
            case "NONE":
                stack.append(None)
            case "NEWTRUE" | "NEWFALSE":
                stack.append(name == "NEWTRUE")
            case "EMPTY_DICT" | "EMPTY_LIST":
                stack.append({} if name == "EMPTY_DICT" else [])
            case "EMPTY_TUPLE":
                stack.append(())
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                count = int(name[-1])
                stack[-count:] = [tuple(stack[-count:])]
            case "DICT":
                items = self._since_mark()
                stack.append(dict(zip(items[::2], items[1::2], strict=True)))
            case "TUPLE":
                stack.append(tuple(self._since_mark()))
            case "GLOBAL":
                stack.append(self._known(*argument.split(" ", 1)))
            case "STACK_GLOBAL":
                called, module = stack.pop(), stack.pop()
                stack.append(self._known(module, called))
            case "REDUCE":
                arguments, called = stack.pop(), stack.pop()
                stack.append(self._call(called, arguments))
            case "BUILD":
                state, made = stack.pop(), stack[-1]
                stack[-1] = self._build(made, state)
            case "SETITEM" | "SETITEMS":
                items = [stack.pop(-2), stack.pop()] if name == "SETITEM" else self._since_mark()
                stack[-1].update(zip(items[::2], items[1::2], strict=True))
            case "MEMOIZE" | "PUT" | "BINPUT" | "LONG_BINPUT":
                at = len(self.memo) if name == "MEMOIZE" else int(argument)
                self.memo[at] = None if _is_large(stack[-1]) else stack[-1]
            case "GET" | "BINGET" | "LONG_BINGET":
                stack.append(self.memo[int(argument)])
            case _ if argument is not None:  # numbers, texts and bytes, in their many lengths
                stack.append(argument)
            case _:
                raise ValueError(f"it has the instruction {name}, which a dictionary of arrays does not need")

    def _since_mark(self) -> list[Any]:
        at = len(self.stack) - 1 - self.stack[::-1].index(_Mark)
        items = self.stack[at + 1 :]
        del self.stack[at:]
        return items

    @staticmethod
    def _known(module: Any, name: Any) -> _Name:
        if (module, name) not in _NAMES:
            raise ValueError(f"it names {module}.{name}, which no boolean array needs")
        return _Name(str(module), str(name))

    def _call(self, called: Any, arguments: Any) -> Any:
        if not isinstance(called, _Name) or not isinstance(arguments, tuple):
            raise ValueError("it calls something that is no name")
        match called.name:
            case "OrderedDict":
                return {}
            case "bytes" if arguments == ():  # how protocols up to 2 write an empty one
                return b""
            case "encode":  # how protocol 2 writes bytes
                text, encoding = arguments
                return str(text).encode("latin1" if encoding in ("latin1", "latin-1") else "ascii")
            case "_frombuffer":  # how protocol 5 writes an array
                raw, kind, shape, _order = arguments
                return _as_runs(raw, kind, shape)
            case _:
                return _Made(called, arguments)

    @staticmethod
    def _build(made: Any, state: Any) -> Any:
        if not isinstance(made, _Made):
            raise ValueError("it fills in something that is no array")
        if made.of.name == "_reconstruct":
            _version, shape, kind, _fortran, raw = state
            return _as_runs(raw, kind, shape)
        return _Made(made.of, made.arguments, state)


@dataclass(frozen=True, slots=True)
class _Runs:
    length: int
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]


def _is_large(value: Any) -> bool:
    """Whether it is, or holds, the values of a whole chromosome."""
    if isinstance(value, tuple):
        return any(map(_is_large, value))
    return isinstance(value, bytes | bytearray | str) and len(value) > _LARGE


def _as_runs(raw: Any, kind: Any, shape: Any) -> _Runs:
    """Runs of True of the array those three describe."""
    spelled = kind.arguments[0] if isinstance(kind, _Made) and kind.of.name == "dtype" else None
    if spelled not in _ONE_BYTE:
        raise ValueError(f"an array of type {spelled!r:.30}; boolean arrays are expected")
    if not isinstance(raw, bytes | bytearray) or not isinstance(shape, tuple) or shape != (len(raw),):
        raise ValueError(f"an array of shape {shape!r:.40}; one value per base is expected")
    values = np.frombuffer(raw, dtype=np.uint8)
    starts: list[NDArray[np.int64]] = []
    ends: list[NDArray[np.int64]] = []
    before = False
    for at in range(0, len(values), _PIECE):
        piece = values[at : at + _PIECE]
        if piece.max(initial=0) > 1:
            raise ValueError("an array with values other than 0 and 1")
        edges = np.flatnonzero(np.diff(piece, prepend=np.uint8(before)))
        rising = piece[edges] == 1
        starts.append(edges[rising] + at)
        ends.append(edges[~rising] + at)
        before = bool(piece[-1])
    if before:
        ends.append(np.array([len(values)]))
    none = np.empty(0, dtype=np.int64)
    return _Runs(len(values), np.concatenate([none, *starts]), np.concatenate([none, *ends]))


def read_boolean_pickle(path: Path) -> Iterator[MarkedChromosome]:
    """The marked bases of every chromosome of a pickled ``{chromosome: boolean array}``, in the pickle's order.

    Parameters
    ----------
    path
        Pickle of any protocol; arrays of numpy of any version, one byte per base.

    Raises
    ------
    SourceError
        Absent or truncated; anything else than a dictionary of one-dimensional boolean arrays, named so; nothing the
        pickle names is run.
    """
    try:
        with path.open("rb") as file:
            content = _Machine().run(file)
    except FileNotFoundError as error:
        raise SourceError(f"{path}: no such file") from error
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError) as error:
        raise SourceError(f"{path}: refused as a pickle of boolean arrays, nothing was run: {error}") from error
    if not isinstance(content, dict) or not all(
        isinstance(chrom, str) and isinstance(runs, _Runs) for chrom, runs in content.items()
    ):
        raise SourceError(f"{path}: not one boolean array per chromosome; nothing was run")
    for chrom, runs in content.items():
        yield MarkedChromosome(
            chrom,
            runs.length,
            tuple(Interval(chrom, int(start), int(end)) for start, end in zip(runs.starts, runs.ends, strict=True)),
        )
