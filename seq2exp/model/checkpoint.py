"""Own checkpoints: a folder with ``model.safetensors`` (weights) and ``model.json`` (configuration, provenance).

Nothing in them is executed on loading. Names and shapes must fit the configuration exactly.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from seq2exp import __version__
from seq2exp.errors import CheckpointError, SettingsError
from seq2exp.files import whole_file, write_whole
from seq2exp.model.generator import MaskModel
from seq2exp.model.network import Seq2Exp
from seq2exp.settings import ModelConfig

WEIGHTS_FILE = "model.safetensors"
CARD_FILE = "model.json"
FORMAT_VERSION = 1
SYSTEM_KEY = "system"
"""In the card of a baseline: its name. Cards of Seq2Exp have no such key."""


@dataclass(frozen=True)
class Checkpoint:
    """A network with its weights, and where they came from."""

    network: Seq2Exp
    name: str
    hash: str
    """First 12 hex digits of the SHA-256 of weights and configuration."""
    provenance: Mapping[str, Any]
    """Training data, steps, source file ...; free-form, shown and exported. ``trained`` says whether the
    weights came out of a training run: random weights carry false and must never look like results."""

    @property
    def config(self) -> ModelConfig:
        """The network's configuration."""
        return self.network.config


@dataclass(frozen=True)
class CheckpointFacts:
    """What a checkpoint folder says about itself, read without building its network."""

    hash: str
    """As in `Checkpoint`."""
    config: ModelConfig
    provenance: Mapping[str, Any]
    mask_model_config: ModelConfig | None = None
    """Of the frozen mask model inside a retrain model."""

    @property
    def trained(self) -> bool:
        """Whether the weights came out of a training run."""
        return bool(self.provenance.get("trained"))


def build_network(config: ModelConfig, mask_model_config: ModelConfig | None = None) -> Seq2Exp:
    """A freshly initialised network; with ``mask_model_config`` a retrain model around a frozen mask model."""
    return Seq2Exp(config, mask_model=None if mask_model_config is None else MaskModel(mask_model_config))


def load_strictly(module: nn.Module, state: Mapping[str, Tensor], *, what: str) -> None:
    """Copy ``state`` into ``module``; every name and shape must fit.

    Raises
    ------
    CheckpointError
        Naming what is missing, what is over and which shapes differ.
    """
    expected = module.state_dict()
    missing = sorted(set(expected) - set(state))
    unexpected = sorted(set(state) - set(expected))
    shapes = [
        f"{name} is {tuple(state[name].shape)}, the configuration says {tuple(tensor.shape)}"
        for name, tensor in expected.items()
        if name in state and state[name].shape != tensor.shape
    ]
    problems = []
    if missing:
        problems.append(f"{len(missing)} tensors missing ({_few(missing)})")
    if unexpected:
        problems.append(f"{len(unexpected)} tensors not of this model ({_few(unexpected)})")
    if shapes:
        problems.append(f"{len(shapes)} other shapes ({_few(shapes)})")
    if problems:
        raise CheckpointError(
            f"{what}: does not fit its configuration: "
            + "; ".join(problems)
            + "; use the checkpoint's own configuration"
        )
    module.load_state_dict(dict(state), strict=True)


def save_checkpoint(folder: Path, network: Seq2Exp, *, provenance: Mapping[str, Any]) -> None:
    """Write ``network`` into ``folder`` (made if absent); the card comes last, so half a checkpoint never loads.

    Parameters
    ----------
    provenance
        JSON types; must hold ``trained`` (bool).
    """
    mask_config = None if network.mask_model is None else network.mask_model.config.to_dict()
    card = {"config": network.config.to_dict(), "mask_model_config": mask_config}
    write_checkpoint(folder, network, card, provenance=provenance)


def write_checkpoint(
    folder: Path, network: nn.Module, card: Mapping[str, Any], *, provenance: Mapping[str, Any]
) -> None:
    """Write the weights of ``network`` and ``card`` with versions and provenance, for `save_checkpoint` and its kin."""
    if not isinstance(provenance.get("trained"), bool):
        raise CheckpointError(
            f"{folder}: provenance must say whether the weights were trained: trained = true or false"
        )
    folder.mkdir(parents=True, exist_ok=True)
    whole = {
        "format_version": FORMAT_VERSION,
        "seq2exp_version": __version__,
        **card,
        "provenance": dict(provenance),
    }
    (folder / CARD_FILE).unlink(missing_ok=True)
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    with whole_file(folder / WEIGHTS_FILE) as partial:
        save_file(state, partial)
    write_whole(folder / CARD_FILE, (json.dumps(whole, indent=2) + "\n").encode())


def read_card(folder: Path) -> tuple[str, dict[str, Any]]:
    """Hash (see `Checkpoint`) and card of the checkpoint in ``folder``; its weights are hashed, not read.

    Raises
    ------
    CheckpointError
        A file is absent or unreadable, or the card is not one.
    """
    card_path, weights_path = folder / CARD_FILE, folder / WEIGHTS_FILE
    for path in (card_path, weights_path):
        if not path.is_file():
            raise CheckpointError(
                f"{folder}: {path.name} is not there; a checkpoint folder holds {WEIGHTS_FILE} and {CARD_FILE} "
                "(official .ckpt files: python -m seq2exp convert-checkpoint)"
            )
    try:
        card_bytes = card_path.read_bytes()
        facts = weights_path.stat()
        hashed = _hash_of(weights_path, facts.st_ino, facts.st_size, facts.st_mtime_ns).copy()
        hashed.update(card_bytes)
        digest = hashed.hexdigest()[:12]
    except OSError as error:
        raise CheckpointError(f"{error.filename}: cannot be read ({error.strerror})") from error
    with _card_errors(folder):
        card = json.loads(card_bytes)
        if card["format_version"] != FORMAT_VERSION:
            raise CheckpointError(
                f"{card_path}: format_version {card['format_version']}, this program reads {FORMAT_VERSION}"
            )
        return digest, {**card, "provenance": dict(card["provenance"])}


@lru_cache(maxsize=64)
def _hash_of(path: Path, inode: int, size: int, changed_ns: int) -> hashlib._Hash:
    """SHA-256 of a file until it changes: lists of checkpoints ask again and again, and weights may be large."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256")


def read_weights(folder: Path) -> dict[str, Tensor]:
    """The tensors of the checkpoint in ``folder``, on the CPU; CheckpointError where they cannot be read."""
    path = folder / WEIGHTS_FILE
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: not a readable safetensors file ({error})") from error


def checkpoint_facts(folder: Path) -> CheckpointFacts:
    """Hash, configuration and origin of the Seq2Exp checkpoint in ``folder``; its weights are hashed, not read.

    Raises
    ------
    CheckpointError
        A file is absent or unreadable, the card is not one, or it is a baseline's, which makes no mask.
    """
    digest, card = read_card(folder)
    if SYSTEM_KEY in card:
        raise CheckpointError(
            f"{folder}: holds the baseline {card[SYSTEM_KEY]}, which makes no mask of its own; "
            "choose a checkpoint of Seq2Exp"
        )
    with _card_errors(folder):
        mask_values = card["mask_model_config"]
        config = ModelConfig.from_dict(card["config"])
        mask_config = None if mask_values is None else ModelConfig.from_dict(mask_values)
    return CheckpointFacts(digest, config, card["provenance"], mask_config)


def holds_baseline(folder: Path) -> bool:
    """Whether the card in ``folder`` says that its network is a baseline; False where there is no readable card."""
    try:
        card = json.loads((folder / CARD_FILE).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(card, dict) and SYSTEM_KEY in card


@contextmanager
def _card_errors(folder: Path) -> Iterator[None]:
    """What a card lacks or holds too much of, as CheckpointError."""
    card_path = folder / CARD_FILE
    try:
        yield
    except CheckpointError:
        raise
    except SettingsError as error:
        raise CheckpointError(f"{card_path}: {error}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:  # JSON and UTF-8 errors are ValueErrors
        raise CheckpointError(f"{card_path}: not a checkpoint card ({error}); convert or save it again") from error


def load_checkpoint(folder: Path) -> Checkpoint:
    """The checkpoint in ``folder``, on the CPU, in evaluation mode.

    Raises
    ------
    CheckpointError
        Missing or malformed files, unknown configuration keys, other names or shapes.
    """
    facts = checkpoint_facts(folder)
    network = build_network(facts.config, facts.mask_model_config)
    load_strictly(network, read_weights(folder), what=str(folder / WEIGHTS_FILE))
    return Checkpoint(network.eval(), folder.name, facts.hash, facts.provenance)


def _few(items: list[str], most: int = 3) -> str:
    return ", ".join(items[:most]) + (f" and {len(items) - most} more" if len(items) > most else "")
