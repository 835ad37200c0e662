"""The compact contact store: one value per bin for every TSS of a cell type, in one HDF5 file.

``vc_counts`` holds the map's normalised counts, ``abc_kr`` the TSS row of the balanced map with its diagonal corrected;
both before gaps are filled, so NaN is what the map has nothing to say about. The file holds ``facts`` (JSON) and one
group per chromosome in ``profiles``: ``tss`` (n,), ``first_bin`` (n,) and ``values`` (n, n_bins) float64, with the
CRC-32 of the three.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

import h5py  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from seq2exp.errors import SourceError
from seq2exp.files import whole_file
from seq2exp.genome import match_chromosome
from seq2exp.sources.hic import ContactProfile

STORE_SUFFIX = ".contacts.h5"
"""What the name of every store ends in; tells it from a cooler, which is HDF5 too."""

STORE_VERSION = 1
"""The one layout this code reads; raised on an incompatible change."""

StoredMode = Literal["vc_counts", "abc_kr"]

_FORMAT = "seq2exp contact profiles"
_PROFILES = "profiles"
_ARRAYS = ("tss", "first_bin", "values")


@dataclass(frozen=True)
class StoreFacts:
    """What the values of a store are and what they were made from."""

    mode: StoredMode
    constants_name: str
    """nasser_2021, main_2023 or own."""
    constants: Mapping[str, float | str]
    """Every constant of the recipe by its name in `seq2exp.window.contact_constants.AbcConstants`."""
    resolution_bp: int
    normalisation: str
    """As asked for."""
    read_normalisation: str
    """As read: VC where KR was asked for and the map has only VC."""
    window_bp: int
    """Width of the windows whose bins are stored."""
    source_name: str
    source_size: int
    """Bytes."""
    source_sha256: str
    chrom_sizes: Mapping[str, int]
    """Length of every chromosome of the map in bp, named as in the map."""


@dataclass(frozen=True, eq=False)
class StoredChromosome:
    """The profiles of one chromosome."""

    chrom: str
    tss: NDArray[np.int64]
    """(n,) 0-based, ascending, each once."""
    first_bin: NDArray[np.int64]
    """(n,) number of each profile's first bin; negative before the chromosome's start."""
    values: NDArray[np.float64]
    """(n, n_bins) NaN where the map has nothing to say, past the chromosome's ends and past the window."""

    @property
    def crc32(self) -> int:
        """CRC-32 of the three arrays."""
        value = 0
        for name, kind in zip(_ARRAYS, ("<i8", "<i8", "<f8"), strict=True):
            value = zlib.crc32(np.ascontiguousarray(getattr(self, name), dtype=kind).tobytes(), value)
        return value


def write_store(path: Path, facts: StoreFacts, chromosomes: Iterable[StoredChromosome]) -> None:
    """The store ``path``, whole or not at all.

    The same facts and profiles give the same bytes.

    Raises
    ------
    SourceError
        A name that does not end in `STORE_SUFFIX`, a folder that cannot be written, a full disk.
    """
    require_store_name(path)
    try:
        with whole_file(path) as partial, h5py.File(partial, "w") as file:
            text = json.dumps(asdict(facts), sort_keys=True)
            file.attrs["format"], file.attrs["version"] = _FORMAT, STORE_VERSION
            file.attrs["facts_crc32"] = zlib.crc32(text.encode())
            # A data set, for an attribute may not pass 64 kB and a map may name thousands of contigs.
            file.create_dataset("facts", data=text, track_times=False)
            profiles = file.create_group(_PROFILES)
            for stored in chromosomes:
                group = profiles.create_group(stored.chrom)
                group.attrs["crc32"] = stored.crc32
                for array in _ARRAYS:
                    group.create_dataset(
                        array, data=getattr(stored, array), compression="gzip", shuffle=True, track_times=False
                    )
    except OSError as error:
        raise SourceError(f"{path}: cannot be written ({error})") from error


def require_store_name(path: Path) -> None:
    """Raise SourceError unless the name ends as a store's must."""
    if not path.name.endswith(STORE_SUFFIX):
        raise SourceError(f"{path}: the name of a contact store must end in {STORE_SUFFIX}")


def is_store(path: Path) -> bool:
    """Whether ``path`` is named as a store; the file itself is not looked at."""
    return path.name.endswith(STORE_SUFFIX)


def read_store_facts(path: Path) -> StoreFacts:
    """What the store says of itself.

    Raises
    ------
    SourceError
        Absent, foreign, damaged, half-written, or of another version.
    """
    return _facts(path, *_state(path))


def stored_sizes(path: Path) -> dict[str, int]:
    """Length in bp of every chromosome of the map the store was made from: what `contact_sizes` says of that map.

    Raises
    ------
    SourceError
        As `read_store_facts`.
    """
    return dict(read_store_facts(path).chrom_sizes)


def stored_chromosomes(path: Path) -> tuple[str, ...]:
    """Names of the chromosomes that have profiles, in alphabetical order.

    Raises
    ------
    SourceError
        As `read_store_facts`.
    """
    with _opened(path) as file:
        return tuple(_names(file))


def read_stored_chromosome(path: Path, chrom: str) -> StoredChromosome:
    """Every profile of one chromosome; its name may be written with or without ``chr``.

    Raises
    ------
    SourceError
        As `read_store_facts`; no profile on that chromosome; values that are not those written.
    """
    return _chromosome(path, *_state(path), chrom)


def read_stored_profile(path: Path, chrom: str, tss: int) -> ContactProfile:
    """The stored profile of one TSS.

    Parameters
    ----------
    path
        The store.
    chrom
        Chromosome, with or without ``chr``.
    tss
        0-based TSS base, exactly as stored.

    Raises
    ------
    SourceError
        As `read_stored_chromosome`; a TSS that is not stored (the message names the nearest that is).
    """
    stored = read_stored_chromosome(path, chrom)
    at = int(np.searchsorted(stored.tss, tss))
    if at == len(stored.tss) or stored.tss[at] != tss:
        nearest = int(stored.tss[np.argmin(np.abs(stored.tss - tss))])
        raise SourceError(
            f"{path}: no contacts of a TSS at {chrom}:{tss + 1:,}; it holds {len(stored.tss):,} TSS of {chrom}, the "
            f"nearest at {nearest + 1:,}; store this one too, or give the contact map itself"
        )
    width = read_store_facts(path).resolution_bp
    return ContactProfile(int(stored.first_bin[at]) * width, width, stored.values[at])


def _state(path: Path) -> tuple[int, int]:
    """Time of change and size: a key under which an unchanged file is read once."""
    try:
        facts = path.stat()
    except OSError as error:
        raise SourceError(f"{path}: no such contact store") from error
    return facts.st_mtime_ns, facts.st_size


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    """The store open for reading, its format and version checked; what HDF5 complains of inside becomes one line."""
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("format") != _FORMAT:
                raise SourceError(
                    f"{path}: not a contact store of seq2exp; make one with: python -m seq2exp data build"
                )
            if file.attrs.get("version") != STORE_VERSION:
                raise SourceError(
                    f"{path}: contact store of version {file.attrs.get('version')}, this program reads version "
                    f"{STORE_VERSION}; make it again with: python -m seq2exp data build"
                )
            yield file
    except (OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        if isinstance(error, SourceError):
            raise
        if not path.is_file():
            raise SourceError(f"{path}: no such contact store") from error
        raise _damaged(path, " ".join(str(error).split())[:200]) from error


def _damaged(path: Path, why: str) -> SourceError:
    return SourceError(
        f"{path}: contact store cannot be read, truncated or damaged ({why}); remove it and make it again"
    )


@lru_cache(maxsize=16)
def _facts(path: Path, modified_ns: int, size: int) -> StoreFacts:
    with _opened(path) as file:
        text = file["facts"].asstr()[()]
        if zlib.crc32(text.encode()) != file.attrs["facts_crc32"]:
            raise _damaged(path, "its facts are not those written")
        content: dict[str, Any] = json.loads(text)
        if set(content) != {field.name for field in fields(StoreFacts)} or content["mode"] not in get_args(StoredMode):
            raise _damaged(path, f"its facts are {', '.join(sorted(content))}")
        return StoreFacts(**content)


# Chromosome 1 with 1,896 TSS of 41 bins is 0.6 MB, so three whole genomes are about 20 MB.
@lru_cache(maxsize=80)
def _chromosome(path: Path, modified_ns: int, size: int, chrom: str) -> StoredChromosome:
    with _opened(path) as file:
        names = _names(file)
        name = match_chromosome(chrom, names)
        if name is None:
            raise SourceError(f"{path}: no contacts of {chrom}; it has {', '.join(names[:30])}")
        group = file[_PROFILES][name]
        tss, first_bin, values = (np.asarray(group[array][()]) for array in _ARRAYS)
        for array in (tss, first_bin, values):
            array.flags.writeable = False
        stored = StoredChromosome(name, tss, first_bin, values)
        if stored.crc32 != group.attrs["crc32"]:
            raise _damaged(path, f"the contacts of {name} are not those written")
        return stored


def _names(file: h5py.File) -> list[str]:
    return list(file[_PROFILES])
