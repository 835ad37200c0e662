"""Checkpoints of every system of the paper: folders as of Seq2Exp, with a baseline named in the card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from seq2exp.baselines.systems import OWN, System, SystemConfig, row_of, system
from seq2exp.errors import CheckpointError, SettingsError
from seq2exp.model.checkpoint import (
    CARD_FILE,
    SYSTEM_KEY,
    WEIGHTS_FILE,
    load_checkpoint,
    load_strictly,
    read_card,
    read_weights,
    save_checkpoint,
    write_checkpoint,
)
from seq2exp.model.network import Seq2Exp


@dataclass(frozen=True)
class SystemCheckpoint:
    """A trained system, in evaluation mode on the CPU."""

    row: System
    network: nn.Module
    config: SystemConfig
    name: str
    """Of its folder."""
    hash: str
    """First 12 hex digits of the SHA-256 of weights and card."""
    provenance: Mapping[str, Any]
    """Of systems that read peaks, ``peaks`` says how they were called."""

    @property
    def trained(self) -> bool:
        """Whether the weights came out of a training run."""
        return bool(self.provenance.get("trained"))


def save_system(
    folder: Path, row: System, network: nn.Module, config: SystemConfig, *, provenance: Mapping[str, Any]
) -> None:
    """Write ``network`` into ``folder``; a baseline's card says so, and pages that need a mask refuse it.

    Parameters
    ----------
    provenance
        JSON types; must hold ``trained`` (bool).
    """
    if row.own and isinstance(network, Seq2Exp):
        save_checkpoint(folder, network, provenance=provenance)
    else:
        write_checkpoint(folder, network, {SYSTEM_KEY: row.name, "config": config.to_dict()}, provenance=provenance)


def load_system(folder: Path) -> SystemCheckpoint:
    """The checkpoint in ``folder``, whichever system it is of.

    Raises
    ------
    CheckpointError
        Missing or malformed files, an unknown system, unknown configuration keys, other names or shapes.
    """
    digest, card = read_card(folder)
    if SYSTEM_KEY not in card:
        own = load_checkpoint(folder)
        row = row_of(OWN, own.config, retrain=own.network.mask_model is not None)
        return SystemCheckpoint(row, own.network, own.config, own.name, own.hash, own.provenance)
    try:
        row = system(str(card[SYSTEM_KEY]))
        config = type(row.published).from_dict(card["config"])
    except (SettingsError, KeyError, TypeError) as error:
        raise CheckpointError(f"{folder / CARD_FILE}: not the card of a baseline ({error})") from error
    network = row.build(config)
    load_strictly(network, read_weights(folder), what=str(folder / WEIGHTS_FILE))
    return SystemCheckpoint(row, network.eval(), config, folder.name, digest, card["provenance"])
