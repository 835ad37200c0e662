"""A checkpoint on a device, ready to answer."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

import seq2exp
from seq2exp.errors import CheckpointError, SettingsError
from seq2exp.model.checkpoint import CARD_FILE, WEIGHTS_FILE, load_checkpoint
from seq2exp.model.network import Seq2Exp
from seq2exp.processing import trained_on
from seq2exp.processing.trained_on import ByCell
from seq2exp.settings import ModelConfig

SHIPPED = Path(seq2exp.__file__).parent / "checkpoints"
"""One folder per checkpoint that comes with the package; its name is how it is addressed."""


@dataclass(frozen=True)
class LoadedCheckpoint:
    """A network in evaluation mode on ``device``."""

    network: Seq2Exp
    name: str
    hash: str
    provenance: Mapping[str, Any]
    device: str
    trained_tracks: ByCell | None = None
    """What the tracks it learned from looked like; None: not known."""

    @property
    def config(self) -> ModelConfig:
        """The network's configuration."""
        return self.network.config

    @property
    def trained(self) -> bool:
        """Whether the weights came out of a training run; if not, their numbers mean nothing."""
        return bool(self.provenance.get("trained"))

    def on_cpu(self) -> LoadedCheckpoint:
        """The same checkpoint on the CPU; the network here is left where it is."""
        return replace(self, network=copy.deepcopy(self.network).cpu(), device="cpu")


def resolve_device(device: str) -> str:
    """``cpu`` or ``cuda`` of ``auto``, ``cpu`` or ``cuda``; an absent device is an error, not a fallback."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device not in ("cpu", "cuda"):
        raise SettingsError(f"device {device!r} is unknown; choose auto, cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise SettingsError("device cuda was asked for, but no CUDA device is there; use --device cpu or auto")
    return device


def shipped_checkpoints() -> dict[str, Path]:
    """The folders of the checkpoints that come with the package, by name."""
    if not SHIPPED.is_dir():
        return {}
    return {folder.name: folder for folder in sorted(SHIPPED.iterdir()) if (folder / CARD_FILE).is_file()}


def find_checkpoint(name_or_path: str | Path) -> Path:
    """The folder of a shipped checkpoint's name, or of a path.

    A bare word that is a shipped name means that one; a folder of the same name is ``./name``.

    Raises
    ------
    CheckpointError
        Neither; lists the shipped names.
    """
    text, shipped = str(name_or_path), shipped_checkpoints()
    if text in shipped:
        return shipped[text]
    path = Path(text)
    if not (path / CARD_FILE).is_file():
        names = f"one of the shipped names: {', '.join(shipped)}" if shipped else "a shipped name (there is none)"
        raise CheckpointError(
            f"{text}: {CARD_FILE} is not there; give a checkpoint folder ({WEIGHTS_FILE} and {CARD_FILE}) or {names} "
            "(official .ckpt files: python -m seq2exp convert-checkpoint)"
        )
    return path


def load_checkpoint_for_inference(path: Path, device: str = "auto") -> LoadedCheckpoint:
    """The checkpoint folder ``path`` on ``device``.

    Raises
    ------
    CheckpointError
        See `seq2exp.model.checkpoint.load_checkpoint`; also for models that need an external mask.
    """
    place = resolve_device(device)
    loaded = load_checkpoint(path)
    if loaded.network.generator is None:
        raise CheckpointError(
            f"{path}: has no generator of its own (peak-mask or retrain model); it makes no mask to show"
        )
    tracks = trained_on.read(path, loaded.provenance)
    return LoadedCheckpoint(loaded.network.to(place), loaded.name, loaded.hash, loaded.provenance, place, tracks)
