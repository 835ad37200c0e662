"""Reading the pickle of a PyTorch file without running anything it names.

A pickle is a program: whatever callable it names is called on loading. Here the few names a Lightning
checkpoint needs stand for our own inert classes, nothing is ever imported, and any other name ends the
reading. Tensors stay on disk until asked for, so optimiser moments cost nothing.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from seq2exp.errors import CheckpointError

_STORAGE_DTYPES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}

_INERT_PACKAGES = ("omegaconf", "pytorch_lightning", "lightning", "lightning_fabric", "lightning_utilities")
"""Packages whose classes Lightning checkpoints hold; their instances become `Inert`, never the real thing."""

_INERT_NAMES = {
    ("typing", "Any"),
    ("typing", "Union"),
    ("pathlib", "PosixPath"),
    ("pathlib", "PurePosixPath"),
    ("torch", "device"),
    ("torch", "Size"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
}


class Inert:
    """Stand-in for an object of a foreign class: keeps what the pickle gave it and does nothing."""

    arguments: tuple[Any, ...]
    state: Any
    entries: dict[Any, Any]

    def __new__(cls, *arguments: Any) -> Self:
        """Set everything here: a pickle may make an object without calling its ``__init__``."""
        made = super().__new__(cls)
        made.arguments, made.state, made.entries = arguments, None, {}
        return made

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def __setitem__(self, key: Any, value: Any) -> None:
        """Keep an item of a foreign mapping, such as Lightning's AttributeDict."""
        self.entries[key] = value


@dataclass(frozen=True)
class StoredTensor:
    """Where a tensor lies in the file; `CheckpointArchive.tensor` reads it."""

    key: str
    dtype: torch.dtype
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


@dataclass(frozen=True)
class _StorageType:
    dtype: torch.dtype


@dataclass(frozen=True)
class _Storage:
    key: str
    dtype: torch.dtype


def _stored_tensor(storage: Any, offset: Any, shape: Any, stride: Any, *_: Any) -> StoredTensor:
    if not isinstance(storage, _Storage):
        raise pickle.UnpicklingError("a tensor without a storage")
    return StoredTensor(storage.key, storage.dtype, int(offset), tuple(shape), tuple(stride))


def _stored_parameter(data: Any, *_: Any) -> Any:
    return data


_OWN: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("collections", "defaultdict"): defaultdict,
    ("torch._utils", "_rebuild_tensor_v2"): _stored_tensor,
    ("torch._utils", "_rebuild_parameter"): _stored_parameter,
    # protocol 2, which torch.save uses, spells builtins the old way
    **{
        (module, kind.__name__): kind
        for module in ("builtins", "__builtin__")
        for kind in (dict, list, tuple, set, int, float, str, bool)
    },
    ("__builtin__", "long"): int,
}


class _Unpickler(pickle.Unpickler):
    """Resolves names to our own inert values and refuses every other name."""

    def find_class(self, module: str, name: str) -> Any:
        known = _OWN.get((module, name))
        if known is not None:
            return known
        if module == "torch" and name in _STORAGE_DTYPES:
            return _StorageType(_STORAGE_DTYPES[name])
        if (module, name) in _INERT_NAMES or module.split(".")[0] in _INERT_PACKAGES:
            return Inert
        raise pickle.UnpicklingError(f"it names {module}.{name}, which no Lightning checkpoint of weights needs")

    def persistent_load(self, pid: Any) -> _Storage:
        if not (isinstance(pid, tuple) and len(pid) >= 3 and pid[0] == "storage" and isinstance(pid[1], _StorageType)):
            raise pickle.UnpicklingError(f"an unknown persistent record {str(pid)[:60]}")
        return _Storage(str(pid[2]), pid[1].dtype)


class CheckpointArchive:
    """An open PyTorch zip file whose pickle was read safely; ``content`` holds `StoredTensor` for tensors."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self._path = path
        self._archive = archive
        pickles = [name for name in archive.namelist() if name.endswith("/data.pkl") and name.count("/") == 1]
        if len(pickles) != 1:
            raise CheckpointError(f"{path}: a zip file without data.pkl; not a PyTorch checkpoint")
        self._root = pickles[0].removesuffix("data.pkl")
        try:
            self.content: Any = _Unpickler(io.BytesIO(archive.read(pickles[0]))).load()
        except pickle.UnpicklingError as error:
            raise CheckpointError(f"{path}: refused, nothing was run: {error}") from error
        except (EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError, zipfile.BadZipFile) as error:
            raise CheckpointError(f"{path}: its pickle is damaged ({error}); get the file again") from error

    def tensor(self, stored: StoredTensor) -> Tensor:
        """The stored tensor, copied out of the file, contiguous."""
        try:
            raw = self._archive.read(f"{self._root}data/{stored.key}")
            flat = torch.frombuffer(bytearray(raw), dtype=stored.dtype)
            return flat.as_strided(stored.shape, stored.stride, stored.offset).clone(
                memory_format=torch.contiguous_format
            )
        except (KeyError, ValueError, RuntimeError, zipfile.BadZipFile) as error:
            raise CheckpointError(
                f"{self._path}: tensor data {stored.key} is damaged ({error}); get it again"
            ) from error


@contextmanager
def open_archive(path: Path) -> Iterator[CheckpointArchive]:
    """Open a PyTorch zip file for reading.

    Raises
    ------
    CheckpointError
        Not a zip file of PyTorch's, damaged, or naming anything a checkpoint of weights does not need.
    """
    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: no such file") from error
    except (zipfile.BadZipFile, OSError) as error:
        raise CheckpointError(
            f"{path}: not a PyTorch zip checkpoint ({error}); files of torch < 1.6 must be saved again first"
        ) from error
    with archive:
        yield CheckpointArchive(path, archive)


def plain(value: Any) -> Any:
    """``value`` with foreign mappings, OmegaConf containers and nodes (all `Inert`) as dicts, lists and values."""
    if isinstance(value, Inert):
        state = value.state
        if isinstance(state, tuple) and state and isinstance(state[0], dict):
            state = state[0]
        if isinstance(state, dict) and "_content" in state:
            return plain(state["_content"])
        if isinstance(state, dict) and "_val" in state:
            return plain(state["_val"])
        return plain(value.entries) if value.entries else None
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value
