"""Contacts as the authors published them: ``hic_feat_chrN.h5``, one vector per TSS, found through an index file.

Each vector is finished: gated, pseudocount added, 0 past the chromosome's ends; only log10(1 + x) is left to do. The
index is ours (JSON): it names the HDF5 file of every chromosome, since a source of a data set is one file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from seq2exp.errors import SourceError
from seq2exp.files import write_whole
from seq2exp.genome import match_chromosome

INDEX_SUFFIX = ".hic_feat.json"
"""What the name of every index ends in."""

INDEX_VERSION = 1
_FORMAT = "index of hic_feat files"


@dataclass(frozen=True)
class FeatFile:
    """The vectors of one chromosome."""

    path: str
    """Absolute, or relative to the index."""
    length_bp: int
    """Length of the chromosome."""
    size_bytes: int
    """Of the file when the index was made."""


@dataclass(frozen=True)
class FeatIndex:
    """What the published vectors of one cell type are and where they lie."""

    window_bp: int
    """Values per vector; the TSS is value window_bp/2."""
    resolution_bp: int
    normalisation: str
    chromosomes: Mapping[str, FeatFile]
    """By the name the keys of the files begin with."""


def is_feat_index(path: Path) -> bool:
    """Whether ``path`` is named as an index; the file itself is not looked at."""
    return path.name.endswith(INDEX_SUFFIX)


def write_feat_index(path: Path, index: FeatIndex) -> None:
    """The index, whole or not at all.

    Raises
    ------
    SourceError
        A name that does not end in `INDEX_SUFFIX`, a folder that cannot be written.
    """
    if not is_feat_index(path):
        raise SourceError(f"{path}: the name of an index of hic_feat files must end in {INDEX_SUFFIX}")
    text = json.dumps({"format": _FORMAT, "version": INDEX_VERSION, **asdict(index)}, indent=1)
    try:
        write_whole(path, text.encode())
    except OSError as error:
        raise SourceError(f"{path}: cannot be written ({error.strerror or error})") from error


def read_feat_index(path: Path) -> FeatIndex:
    """The index at ``path``.

    Raises
    ------
    SourceError
        Absent, no index, or of another version.
    """
    try:
        facts = path.stat()
    except OSError as error:
        raise SourceError(f"{path}: no such index of hic_feat files") from error
    return _index(path, facts.st_mtime_ns, facts.st_size)


def feat_sizes(path: Path) -> dict[str, int]:
    """Length in bp of every chromosome the index names: what `contact_sizes` says of a map.

    Raises
    ------
    SourceError
        As `read_feat_index`.
    """
    return {chrom: file.length_bp for chrom, file in read_feat_index(path).chromosomes.items()}


def read_feat(path: Path, chrom: str, tss: int) -> NDArray[np.float64]:
    """The published vector of one TSS.

    Parameters
    ----------
    path
        The index.
    chrom
        Chromosome, with or without ``chr``.
    tss
        0-based base the vector is centred on, as the file's key has it.

    Returns
    -------
    NDArray[np.float64]
        (window_bp,) NaN throughout where the gene failed the gate.

    Raises
    ------
    SourceError
        As `read_feat_index`; no such chromosome or TSS; a file that is absent, changed, damaged or holds a vector of
        another length.
    """
    index = read_feat_index(path)
    name = match_chromosome(chrom, index.chromosomes)
    if name is None:
        raise SourceError(f"{path}: no hic_feat file of {chrom}; it has {', '.join(list(index.chromosomes)[:30])}")
    file = index.chromosomes[name]
    place = path.parent / file.path
    if place.is_file() and place.stat().st_size != file.size_bytes:
        raise SourceError(
            f"{place}: has {place.stat().st_size:,} bytes, the index {path.name} says {file.size_bytes:,}; it changed "
            f"or is incomplete: get it again, then run: python -m seq2exp data official"
        )
    with open_feat(place) as opened:
        key = f"{name}_{tss}"
        if key not in opened:
            raise SourceError(f"{place}: no vector {key} among its {len(opened):,}; the TSS is not one of the authors'")
        vector = np.asarray(opened[key][()], dtype=np.float64)
    if vector.shape != (index.window_bp,):
        raise SourceError(f"{place}: {key} has shape {vector.shape}, the index says ({index.window_bp},)")
    return vector


@contextmanager
def open_feat(path: Path) -> Iterator[Any]:
    """A ``hic_feat_chrN.h5`` open for reading; what HDF5 complains of inside becomes one line.

    Raises
    ------
    SourceError
        Absent, foreign, truncated or damaged.
    """
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
        if isinstance(error, SourceError):
            raise
        if not path.is_file():
            raise SourceError(f"{path}: no such file") from error
        raise SourceError(
            f"{path}: cannot be read as HDF5, truncated or damaged ({' '.join(str(error).split())[:200]}); get it again"
        ) from error


def vector_length(path: Path, chrom: str) -> int:
    """Values per vector of a hic_feat file, as its first one has them.

    Raises
    ------
    SourceError
        Not readable as HDF5, no vector, keys of another chromosome, or a shape that is no vector of even length.
    """
    with open_feat(path) as file:
        key = next(iter(file), None)
        if key is None:
            raise SourceError(f"{path}: holds no vector; get it again")
        shape, kind = getattr(file[key], "shape", None), getattr(getattr(file[key], "dtype", None), "kind", None)
    if not re.fullmatch(rf"{re.escape(chrom)}_\d+", key):
        raise SourceError(f"{path}: key {key!r:.40}; those of {chrom} are written {chrom}_TSS")
    if shape is None or len(shape) != 1 or not shape[0] or shape[0] % 2 or kind != "f":
        raise SourceError(f"{path}: {key} has shape {shape}; a vector of real numbers, of even length, is expected")
    return int(shape[0])


@lru_cache(maxsize=16)
def _index(path: Path, modified_ns: int, size: int) -> FeatIndex:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.pop("format") != _FORMAT:
            raise ValueError("another format")
        if content.pop("version") != INDEX_VERSION:
            raise ValueError("another version")
        files = {str(chrom): FeatFile(**file) for chrom, file in content.pop("chromosomes").items()}
        return FeatIndex(chromosomes=files, **content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(
            f"{path}: not an index of hic_feat files of version {INDEX_VERSION} ({error}); "
            f"make it again with: python -m seq2exp data official"
        ) from error
