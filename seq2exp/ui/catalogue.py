"""What can be opened: data sets, checkpoints and training runs that are there, by the name shown."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml

from seq2exp.inference.checkpoints import shipped_checkpoints
from seq2exp.model.checkpoint import holds_baseline
from seq2exp.sources.dataset_files import hash_files
from seq2exp.sources.manifest import find_manifest

ROOT = Path(__file__).resolve().parents[2]
"""The project's folder, where `.data` lies."""

DATASET_VARIABLE = "SEQ2EXP_DATASET"
NO_CHECKPOINT = "No checkpoint: signals only"
_WHOLE = "[!.]*"
"""Folders whose name begins with a dot are half written."""
FIRST_DATASET = "demo"
"""What is opened where nothing else is asked for."""


def dataset_argument(arguments: Sequence[str]) -> Path | None:
    """The value of ``--dataset`` (or ``--dataset=``) among command line ``arguments``; None without one."""
    for position, argument in enumerate(arguments):
        if argument.startswith("--dataset="):
            return Path(argument.partition("=")[2])
        if argument == "--dataset" and position + 1 < len(arguments):
            return Path(arguments[position + 1])
    return None


def dataset_paths(arguments: Sequence[str], typed: Iterable[str] = (), *, root: Path | None = None) -> dict[str, Path]:
    """Every known data set by the name shown: argument, environment, those in `.data` (demo first), typed ones.

    The name is the folder's; equal names get their parent folder in front.
    """
    from_environment = os.environ.get(DATASET_VARIABLE)
    there = ((root or ROOT) / ".data").glob(f"{_WHOLE}/manifest.yaml")
    found = [
        dataset_argument(arguments),
        Path(from_environment) if from_environment else None,
        *sorted(there, key=lambda path: (path.parent.name != FIRST_DATASET, path.parent.name)),
        *(Path(text) for text in typed),
    ]
    named: dict[str, Path] = {}
    for path in found:
        if path is None:
            continue
        whole = path.expanduser().absolute()
        if whole.is_dir() and (whole / "manifest.yaml").is_file():
            whole = find_manifest(whole)
        if whole not in named.values():
            _add(named, whole.parent if whole.suffix in (".yaml", ".yml") else whole, whole)
    return named


def dataset_hash(path: Path) -> str:
    """The hash that `open_dataset` gives the data set at ``path``, from its manifest and file sizes alone.

    Raises
    ------
    ManifestError, OSError, ValueError, KeyError, TypeError
        It cannot be opened; what is wrong is told by `open_dataset`.
    """
    manifest = find_manifest(path).absolute()
    content = manifest.read_bytes()
    # The compiled reader: this runs for every data set there is, whenever a page is opened.
    sources = yaml.load(content, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))["sources"]
    return hash_files(content, (manifest.parent / source["local_path"] for source in sources))


def checkpoint_paths(*, root: Path | None = None) -> dict[str, Path | None]:
    """No checkpoint, the shipped ones, those in `.data/checkpoints` and beside data sets, and those of runs, by name.

    Baselines make no mask and are left out.
    """
    data = (root or ROOT) / ".data"
    named: dict[str, Path] = dict(shipped_checkpoints())
    found = [(path, path) for path in sorted((data / "checkpoints").glob(_WHOLE))]
    found += [(path.parents[1] / path.name, path) for path in sorted(data.glob(f"{_WHOLE}/checkpoints/{_WHOLE}"))]
    found += [(path.parent, path) for path in sorted((data / "runs").glob(f"{_WHOLE}/checkpoint"))]
    for named_by, path in found:
        if (path / "model.safetensors").is_file() and not holds_baseline(path):
            _add(named, named_by, path)
    return {NO_CHECKPOINT: None, **named}


def run_paths(*, root: Path | None = None) -> dict[str, Path]:
    """Folders of training runs by name: those in `.data/runs`, the latest first, then those of shipped checkpoints."""
    shipped = shipped_checkpoints()
    runs = [path for path in ((root or ROOT) / ".data" / "runs").glob(_WHOLE) if path.is_dir()]
    named = dict(shipped)
    for folder in sorted(runs, key=_changed, reverse=True):
        _add(named, folder, folder)
    return {name: folder for name, folder in named.items() if name not in shipped} | shipped


def place_in_words(path: Path) -> str:
    """``path`` from the project's folder on where it lies in it, else whole."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def _changed(folder: Path) -> float:
    return max((path.stat().st_mtime for path in folder.glob("*.csv")), default=0.0)


def _add(named: dict[str, Path], folder: Path, path: Path) -> None:
    """Put ``path`` under the folder's name, with its parent in front where that name is taken."""
    name = folder.name if folder.name not in named else f"{folder.parent.name}/{folder.name}"
    while name in named:
        name += "'"
    named[name] = path
