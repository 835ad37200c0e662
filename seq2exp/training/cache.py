"""Windows of a data set, cut once into memory-mapped arrays and read from there in training."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from seq2exp.errors import TrainingError
from seq2exp.files import whole_folder, write_whole
from seq2exp.genome import Gene
from seq2exp.settings import RNA_FEATURES, SIGNALS, WindowSettings
from seq2exp.sources.dataset import Dataset
from seq2exp.window.assemble import Window, build_window

Part = Literal["train", "valid", "test"]
SignalType = Literal["float16", "float32"]
Progress = Callable[[int, int, str], None]
"""Called with windows done, windows in all, and what is being cut."""

INDEX_FILE = "windows.json"
FORMAT_VERSION = 1
_ARRAYS = ("codes", "signals", "blacklist", "rna_features", "target")


@dataclass(frozen=True, slots=True)
class CachedWindow:
    """What a window of the cache is of."""

    gene_id: str
    cell_type: str
    part: str
    checksum: int
    """CRC-32 of its arrays."""


@dataclass(frozen=True, eq=False)
class Example:
    """One gene in one cell line, as read back; arrays are the reader's own."""

    codes: NDArray[np.uint8]
    """(L,) base codes."""
    signals: NDArray[np.float32]
    """(L, 3) order SIGNALS."""
    blacklist: NDArray[np.bool_]
    """(L,)."""
    rna_features: NDArray[np.float32]
    """(9,)."""
    target: float
    """log10(1 + CAGE)."""


class WindowCache:
    """An open cache folder. Reading a window checks its checksum; nothing is loaded before it is asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        index = folder / INDEX_FILE
        try:
            content = json.loads(index.read_text(encoding="utf-8"))
            if content["format_version"] != FORMAT_VERSION:
                raise TrainingError(f"{index}: format_version {content['format_version']}; {_remedy(folder)}")
            self.facts: dict[str, Any] = dict(content["facts"])
            self.windows = tuple(CachedWindow(*row) for row in content["windows"])
            self._check()
        except TrainingError:
            raise
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TrainingError(f"{index}: not an index of cut windows ({error}); {_remedy(folder)}") from error
        self._arrays = {name: self._open(name) for name in _ARRAYS}

    def __reduce__(self) -> tuple[type[WindowCache], tuple[Path]]:
        """Worker processes are sent the folder, not the arrays."""
        return WindowCache, (self.folder,)

    def _check(self) -> None:
        """Refuse an index whose windows are of no part or cell line."""
        cells = list(self.facts["cell_types"])
        for window in self.windows:
            if window.part not in get_args(Part) or window.cell_type not in cells:
                raise ValueError(f"window of {window.gene_id} in {window.cell_type}, part {window.part}")

    def _open(self, name: str) -> NDArray[Any]:
        path = self.folder / f"{name}.npy"
        try:
            array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise TrainingError(f"{path}: cannot be read ({error}); {_remedy(self.folder)}") from error
        if len(array) != len(self.windows):
            raise TrainingError(
                f"{path}: holds {len(array)} windows, the index {len(self.windows)}; {_remedy(self.folder)}"
            )
        return array

    def __len__(self) -> int:
        return len(self.windows)

    def part(self, part: Part) -> NDArray[np.int64]:
        """Indices of the windows of ``part``, in the cache's order."""
        return np.array([i for i, window in enumerate(self.windows) if window.part == part], dtype=np.int64)

    def read(self, index: int) -> Example:
        """The window ``index``.

        Raises
        ------
        TrainingError
            Its bytes are not those that were written.
        """
        rows = [self._arrays[name][index] for name in _ARRAYS]
        window = self.windows[index]
        if _checksum(rows) != window.checksum:
            raise TrainingError(
                f"{self.folder}: window {index} ({window.gene_id} in {window.cell_type}) is damaged: its bytes are not "
                f"those that were written; {_remedy(self.folder)}"
            )
        codes, signals, packed, features, target = rows
        blacklist = np.unpackbits(packed, count=len(codes)).astype(np.bool_)
        return Example(np.array(codes), signals.astype(np.float32), blacklist, np.array(features), float(target))


def _remedy(folder: Path) -> str:
    return f"remove the folder {folder} and it is cut again"


def _checksum(rows: Sequence[NDArray[Any]]) -> int:
    value = 0
    for row in rows:
        value = zlib.crc32(np.ascontiguousarray(row).tobytes(), value)
    return value


def cut_windows(
    dataset: Dataset,
    settings: WindowSettings,
    *,
    folder: Path,
    cell_types: Sequence[str] | None = None,
    signal_type: SignalType = "float16",
    progress: Progress | None = None,
) -> WindowCache:
    """The windows of every labelled gene of ``dataset``, cut now or found in ``folder`` from an earlier call.

    Parameters
    ----------
    dataset
        Its split says which part a gene belongs to; genes without a label or a part are left out.
    settings
        Geometry of the windows.
    folder
        Caches are kept below it, one folder per data set and settings, whole or not at all.
    cell_types
        Cell lines to cut; None: all of the data set.
    signal_type
        float16 rounds a signal by at most 0.05 % (values up to 65,504); float32 keeps it, at twice the size.
    progress
        Told after every window.

    Raises
    ------
    TrainingError
        No labelled gene, a signal beyond float16, a full disk.
    """
    cells = tuple(dataset.cell_types if cell_types is None else cell_types)
    facts = {
        "dataset": dataset.name,
        "dataset_hash": dataset.hash,
        "cell_types": list(cells),
        "window_bp": settings.width_bp,
        "contact_mode": settings.contact_mode,
        "contact_resolution_bp": settings.contact_resolution_bp,
        "compat_double_padding": settings.compat_double_padding,
        "signal_type": signal_type,
        "format_version": FORMAT_VERSION,
    }
    key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]
    finished = folder / f"{dataset.name}-{key}"
    if finished.is_dir():
        return _opened(finished, facts)
    chosen = _labelled(dataset, cells)
    try:
        with whole_folder(finished) as partial:
            _write(partial, dataset, settings, chosen, signal_type, facts, progress)
    except OSError as error:
        if finished.is_dir():  # another process was first
            return _opened(finished, facts)
        raise TrainingError(
            f"{folder}: windows could not be written ({error.strerror or error}); free some space or give another "
            "cache folder; nothing half-written is left"
        ) from error
    return _opened(finished, facts)


def _opened(folder: Path, facts: dict[str, Any]) -> WindowCache:
    """The finished cache in ``folder``, which must say of itself what its name says."""
    cache = WindowCache(folder)
    if cache.facts != facts:
        differing = sorted(key for key in {*facts, *cache.facts} if facts.get(key) != cache.facts.get(key))
        raise TrainingError(
            f"{folder / INDEX_FILE}: holds windows of another data set or geometry ({', '.join(differing)} "
            f"differ); {_remedy(folder)}"
        )
    return cache


def _labelled(dataset: Dataset, cells: Sequence[str]) -> list[tuple[Gene, str, str]]:
    """Gene, cell line and part of every window to cut; the windows of a gene stand together."""
    chosen = []
    for gene in dataset.genes:
        part = dataset.fold(gene)
        if part is None:
            continue
        chosen += [(gene, cell, part) for cell in cells if dataset.observed(gene, cell) is not None]
    if not any(part == "train" for _, _, part in chosen):
        raise TrainingError(
            f"{dataset.name}: no gene has both a label and the part train in {', '.join(cells)}; "
            "training needs an expression table and a split"
        )
    return chosen


def _write(
    folder: Path,
    dataset: Dataset,
    settings: WindowSettings,
    chosen: Sequence[tuple[Gene, str, str]],
    signal_type: SignalType,
    facts: dict[str, Any],
    progress: Progress | None,
) -> None:
    n, width = len(chosen), settings.width_bp
    shapes: dict[str, tuple[str, tuple[int, ...]]] = {
        "codes": ("uint8", (n, width)),
        "signals": (signal_type, (n, width, len(SIGNALS))),
        "blacklist": ("uint8", (n, -(-width // 8))),
        "rna_features": ("float32", (n, len(RNA_FEATURES))),
        "target": ("float32", (n,)),
    }
    needed = sum(int(np.prod(shape)) * np.dtype(kind).itemsize for kind, shape in shapes.values())
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(28, f"No space left on device: {needed / 1e9:.1f} GB needed, {free / 1e9:.1f} GB free")
    arrays = {name: _new_array(folder / f"{name}.npy", kind, shape) for name, (kind, shape) in shapes.items()}
    rows: list[list[Any]] = []
    for index, (gene, cell, part) in enumerate(chosen):
        row = _row(build_window(dataset, gene, cell, settings), signal_type)
        for name, values in zip(_ARRAYS, row, strict=True):
            arrays[name][index] = values
        rows.append([gene.gene_id, cell, part, _checksum([arrays[name][index] for name in _ARRAYS])])
        if progress is not None:
            progress(index + 1, n, f"{gene.symbol} in {cell}")
    for array in arrays.values():
        array.flush()
    text = json.dumps({"format_version": FORMAT_VERSION, "facts": facts, "windows": rows})
    write_whole(folder / INDEX_FILE, text.encode())


def _new_array(path: Path, kind: str, shape: tuple[int, ...]) -> np.memmap[Any, Any]:
    """A new memory-mapped array whose place on the disk is taken now: a disk found full later kills the process."""
    array: np.memmap[Any, Any] = np.lib.format.open_memmap(path, mode="w+", dtype=kind, shape=shape)
    if hasattr(os, "posix_fallocate"):  # not on macOS
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array


def _row(window: Window, signal_type: SignalType) -> list[NDArray[Any]]:
    """The arrays of one window, in the order of `_ARRAYS`."""
    if window.observed_log10 is None:
        raise TrainingError(f"{window.gene.symbol} in {window.cell_type} has no label")
    highest = float(window.signals.max())
    if highest > np.finfo(signal_type).max:
        raise TrainingError(
            f"window of {window.gene.symbol} in {window.cell_type}: a signal of {highest:g} does not fit "
            f"{signal_type}; set data.signal_type to float32"
        )
    return [
        window.codes,
        window.signals.astype(signal_type),
        np.packbits(window.blacklist),
        window.rna_features,
        np.array(window.observed_log10, dtype=np.float32),
    ]
