"""Background bases: a Markov chain with depleted CpG in isochores, mutated repeats, runs of N."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

N_CODE = 4
_CPG_KEPT = 0.2
"""CpG stands at about a fifth of what its bases would give, as in the human genome."""
_GC_LEVELS = (0.36, 0.41, 0.47, 0.53)
"""GC of the isochore classes, light to heavy."""
_CHAIN_BP = 2048
"""Length of one chain; chains run side by side so that a long genome costs few steps."""
_ISOCHORE_CHAINS = 4
"""Neighbouring chains that share an isochore."""
_REPEAT_FAMILIES = 3
_REPEAT_BP = (120, 300)
_REPEAT_SHARE = 0.11
_REPEAT_MUTATED = 0.12


def _transitions(gc: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """(16, 4) next-base probabilities given the last two bases, at GC content ``gc``."""
    base = np.array([(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2])
    table = np.repeat(base[None, :], 16, axis=0) * rng.lognormal(0.0, 0.12, size=(16, 4))
    after_c = np.arange(16) % 4 == 1
    table[after_c, 2] *= _CPG_KEPT
    # Deamination of CpG on the other strand leaves CpA: A gains half of what G loses after C.
    table[after_c, 0] += base[2] * (1 - _CPG_KEPT) * 0.5
    result: NDArray[np.float64] = table / table.sum(axis=1, keepdims=True)
    return result


def _markov(length: int, rng: np.random.Generator, tables: NDArray[np.float64]) -> NDArray[np.uint8]:
    """(length,) codes of chains laid end to end; ``tables`` is (isochore, 16, 4) cumulative."""
    n_chains = -(-length // _CHAIN_BP)
    n_isochores = -(-n_chains // _ISOCHORE_CHAINS)
    isochore = np.repeat(rng.integers(0, len(tables), size=n_isochores), _ISOCHORE_CHAINS)[:n_chains]
    context = rng.integers(0, 16, size=n_chains)
    codes = np.empty((n_chains, min(length, _CHAIN_BP)), dtype=np.uint8)
    for step in range(codes.shape[1]):
        drawn = (rng.random(n_chains)[:, None] > tables[isochore, context, :3]).sum(axis=1)
        codes[:, step] = drawn
        context = (context % 4) * 4 + drawn
    return codes.ravel()[:length]


def _add_repeats(codes: NDArray[np.uint8], families: tuple[NDArray[np.uint8], ...], rng: np.random.Generator) -> None:
    """Writes mutated copies over about `_REPEAT_SHARE` of ``codes``, in place: the caller owns the array."""
    covered = 0
    while covered < _REPEAT_SHARE * len(codes):
        copy = families[int(rng.integers(len(families)))].copy()
        copy = copy[int(rng.integers(0, len(copy) // 3)) :]  # real copies are often cut at their 5' end
        mutated = rng.random(len(copy)) < _REPEAT_MUTATED
        copy[mutated] = rng.integers(0, 4, size=int(mutated.sum()))
        start = int(rng.integers(0, len(codes) - len(copy)))
        codes[start : start + len(copy)] = copy
        covered += len(copy)


@dataclass(frozen=True)
class Composition:
    """What every chromosome of a genome shares."""

    tables: NDArray[np.float64]
    """(isochore, 16, 4) cumulative next-base probabilities given the last two bases."""
    families: tuple[NDArray[np.uint8], ...]
    """Codes of each repeat family's ancestor."""


def draw_composition(rng: np.random.Generator) -> Composition:
    """The chain of bases and the repeat families of one genome."""
    tables = np.cumsum(np.stack([_transitions(gc, rng) for gc in _GC_LEVELS]), axis=2)
    families = tuple(_markov(int(rng.integers(*_REPEAT_BP)), rng, tables[-1:]) for _ in range(_REPEAT_FAMILIES))
    return Composition(tables, families)


def background(size: int, composition: Composition, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Bases of one chromosome before genes and elements are written into them.

    Parameters
    ----------
    size
        Length in bp; at least 1,000.
    composition
        Shared by the chromosomes of a genome.
    rng
        Every draw comes from it.

    Returns
    -------
    NDArray[np.uint8]
        (size,) codes A0 C1 G2 T3; no N yet.
    """
    codes = _markov(size, rng, composition.tables)
    _add_repeats(codes, composition.families, rng)
    return codes


def cpg_island(length: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """(length,) codes at 65 % GC with CpG as frequent as its bases give."""
    return rng.choice(4, size=length, p=(0.175, 0.325, 0.325, 0.175)).astype(np.uint8)
