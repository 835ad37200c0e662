"""A folder of official Lightning checkpoints -> one converted checkpoint each; a refused one does not stop the rest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seq2exp.errors import CheckpointError
from seq2exp.model.checkpoint import save_checkpoint
from seq2exp.model.official import read_official_checkpoint


@dataclass(frozen=True, slots=True)
class Converted:
    """What became of one file."""

    source: Path
    out: Path | None
    """The folder written; None where the file was refused."""
    refused: str | None
    """Why."""


def require_all(folder: Path, converted: Sequence[Converted]) -> None:
    """Fail where a checkpoint of ``folder`` was refused; to be called once each has been told.

    Raises
    ------
    CheckpointError
        Says how many of them.
    """
    refused = sum(one.refused is not None for one in converted)
    if refused:
        raise CheckpointError(f"{folder}: {refused} of {len(converted)} checkpoints refused; see above")


def convert_official_folder(folder: Path, out: Path) -> tuple[Converted, ...]:
    """Every ``*.ckpt`` below ``folder``, converted to a folder of its name in ``out``; nothing stored in them is run.

    Raises
    ------
    CheckpointError
        No such file there, or two whose names come to the same folder.
    """
    files = sorted(folder.rglob("*.ckpt"))
    if not files:
        raise CheckpointError(f"{folder}: holds no *.ckpt file; give the folder of the fetched checkpoints")
    # A metric in a file's name (val/mse=0.2.ckpt) makes a stray folder; what is written is flat.
    targets = {
        file: out / re.sub(r"[^A-Za-z0-9._=-]+", "-", file.relative_to(folder).with_suffix("").as_posix())
        for file in files
    }
    if len(set(targets.values())) < len(files):
        raise CheckpointError(f"{folder}: two of its {len(files)} *.ckpt files come to the same name; rename one")
    found = []
    for file, target in targets.items():
        try:
            network, provenance = read_official_checkpoint(file)
            save_checkpoint(target, network, provenance=provenance)
            found.append(Converted(file, target, None))
        except CheckpointError as error:
            found.append(Converted(file, None, str(error)))
    return tuple(found)
