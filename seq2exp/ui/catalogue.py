"""What can be opened: data sets named on the command line, in the environment or typed, and checkpoint folders."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The project's folder, where `.data` lies."""

DATASET_VARIABLE = "SEQ2EXP_DATASET"
NO_CHECKPOINT = "No checkpoint: signals only"


def dataset_argument(arguments: Sequence[str]) -> Path | None:
    """The value of ``--dataset`` (or ``--dataset=``) among command line ``arguments``; None without one."""
    for position, argument in enumerate(arguments):
        if argument.startswith("--dataset="):
            return Path(argument.partition("=")[2])
        if argument == "--dataset" and position + 1 < len(arguments):
            return Path(arguments[position + 1])
    return None


def dataset_paths(arguments: Sequence[str], typed: Iterable[str] = (), *, root: Path | None = None) -> dict[str, Path]:
    """Every known data set by the name shown: typed ones, then argument, environment, and the tiny synthetic one.

    The name is the folder's; equal names get their parent folder in front.
    """
    from_environment = os.environ.get(DATASET_VARIABLE)
    tiny = (root or ROOT) / ".data" / "tiny" / "manifest.yaml"
    found = [
        dataset_argument(arguments),
        Path(from_environment) if from_environment else None,
        tiny if tiny.is_file() else None,
        *(Path(text) for text in typed),
    ]
    named: dict[str, Path] = {}
    for path in found:
        if path is None:
            continue
        whole = path.expanduser().absolute()
        if whole in named.values():
            continue
        folder = whole.parent if whole.suffix in (".yaml", ".yml") else whole
        name = folder.name if folder.name not in named else f"{folder.parent.name}/{folder.name}"
        while name in named:
            name += "'"
        named[name] = whole
    return named


def checkpoint_paths(*, root: Path | None = None) -> dict[str, Path | None]:
    """No checkpoint, and every folder under `.data/checkpoints` that holds weights, by the name shown."""
    weights = sorted(((root or ROOT) / ".data" / "checkpoints").glob("*/model.safetensors"))
    return {NO_CHECKPOINT: None, **{path.parent.name: path.parent for path in weights}}
