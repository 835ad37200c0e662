"""What is kept on disk between visits: peaks, scores, parts of remote files, kernels; how much, and how to drop it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from seq2exp.inference.session import default_cache_dir
from seq2exp.sources.remote import remote_cache_dir


@dataclass(frozen=True, slots=True)
class Cache:
    """A folder of files that can all be made again. Only files named as this program names them are ever touched."""

    key: str
    title: str
    meaning: str
    """What is lost by emptying it."""
    folder: Path
    patterns: tuple[str, ...]
    """Globs below ``folder`` of the files this program writes."""


@dataclass(frozen=True, slots=True)
class CacheSize:
    """How much there is."""

    n_files: int
    n_bytes: int


def known_caches() -> tuple[Cache, ...]:
    """The four caches, whether or not they are there yet."""
    own = default_cache_dir()
    kernels = Path(os.environ.get("NUMBA_CACHE_DIR") or Path.home() / ".cache" / "seq2exp")
    return (
        Cache(
            "peaks",
            "MACS3 peaks",
            "MACS3 calls them anew when they are next needed, some tenths of a second each.",
            own / "peaks",
            ("*.narrowPeak",),
        ),
        Cache(
            "scores",
            "Scores of genes",
            "Genes and Gallery have no figures until python -m seq2exp score has run again.",
            own / "scores",
            ("*.parquet",),
        ),
        Cache(
            "remote",
            "Parts of remote files",
            "They are fetched anew when a streamed data set is next looked at, and not offline.",
            remote_cache_dir(),
            ("*/facts.json", "*/*/*.block"),
        ),
        Cache(
            "kernels",
            "Compiled kernels",
            "They are compiled anew at the next start, up to a minute.",
            kernels,
            ("kernels-*/**/*.nbi", "kernels-*/**/*.nbc"),
        ),
    )


def measure(cache: Cache) -> CacheSize:
    """Number and size of its files; nothing where the folder is not there."""
    sizes = [size for path in _files(cache) if (size := _size(path)) is not None]
    return CacheSize(len(sizes), sum(sizes))


def empty(cache: Cache) -> CacheSize:
    """Delete its files; what was deleted. Folders, links and files of other names stay.

    Raises
    ------
    OSError
        A file cannot be deleted; those before it are gone.
    """
    n_files = n_bytes = 0
    for path in list(_files(cache)):
        size = _size(path)
        if size is not None:
            path.unlink(missing_ok=True)
            n_files, n_bytes = n_files + 1, n_bytes + size
    return CacheSize(n_files, n_bytes)


def _files(cache: Cache) -> Iterator[Path]:
    for pattern in cache.patterns:
        for path in cache.folder.glob(pattern):
            if path.is_file() and not path.is_symlink():
                yield path


def _size(path: Path) -> int | None:
    """None where another process has deleted it meanwhile."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None
