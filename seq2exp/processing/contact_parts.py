"""Finished chromosomes of a contact store that is being made, kept beside it for a run that goes on."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seq2exp.errors import SourceError
from seq2exp.files import remove_partials, whole_file
from seq2exp.sources.contact_store import STORE_VERSION, StoredChromosome, StoreFacts

_KEY_FILE = "key.txt"
_ARRAYS = ("tss", "first_bin", "values")


def key_of(facts: StoreFacts, places: Mapping[str, NDArray[np.int64]]) -> str:
    """What the parts must have been made from to be of use: facts, layout and every TSS, as a SHA-256."""
    digest = hashlib.sha256(json.dumps([STORE_VERSION, asdict(facts)], sort_keys=True).encode())
    for chrom, tss in places.items():
        digest.update(chrom.encode() + b"|" + np.ascontiguousarray(tss, dtype="<i8").tobytes())
    return digest.hexdigest()


class Parts:
    """The folder ``<out>.parts``; parts of another key are removed when it is opened."""

    def __init__(self, out: Path, key: str) -> None:
        self.folder = out.with_name(f"{out.name}.parts")
        marker = self.folder / _KEY_FILE
        try:
            if self.folder.exists() and not (marker.is_file() and marker.read_text(encoding="ascii") == key):
                self.remove()
            self.folder.mkdir(parents=True, exist_ok=True)
            marker.write_text(key, encoding="ascii")
        except OSError as error:
            raise SourceError(f"{self.folder}: cannot be written ({error.strerror or error})") from error

    def holds(self, chrom: str) -> bool:
        """Whether the chromosome is finished and its file whole; a damaged one is made again."""
        try:
            self.read(chrom)
        except SourceError:
            return False
        return True

    def read(self, chrom: str) -> StoredChromosome:
        """The finished chromosome.

        Raises
        ------
        SourceError
            Absent or damaged.
        """
        path = self._path(chrom)
        try:
            # numpy leaves a file it cannot read open, so the opening is ours.
            with path.open("rb") as file, np.load(file, allow_pickle=False) as held:
                stored = StoredChromosome(chrom, *(held[name] for name in _ARRAYS))
                if int(held["crc32"]) == stored.crc32:
                    return stored
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise SourceError(f"{path}: cannot be read ({error}); run again and it is made anew") from error
        raise SourceError(f"{path}: its contacts are not those written; run again and it is made anew")

    def keep(self, stored: StoredChromosome) -> None:
        """Write one finished chromosome, whole or not at all."""
        path = self._path(stored.chrom)
        try:
            with whole_file(path) as partial, partial.open("wb") as file:
                np.savez(file, crc32=np.uint32(stored.crc32), **{name: getattr(stored, name) for name in _ARRAYS})
        except OSError as error:
            raise SourceError(f"{path}: cannot be written ({error.strerror or error})") from error

    def remove(self) -> None:
        """Take the folder away with what this class puts into it, and nothing else."""
        remove_partials(self.folder)
        for pattern in ("*.npz", _KEY_FILE):
            for path in self.folder.glob(pattern):
                path.unlink(missing_ok=True)
        try:
            self.folder.rmdir()
        except OSError as error:
            raise SourceError(
                f"{self.folder}: holds files that are no parts of a contact store; move them or the folder away"
            ) from error

    def _path(self, chrom: str) -> Path:
        # A chromosome's name comes from the map; a digest of it is always a file name.
        return self.folder / f"{hashlib.sha256(chrom.encode()).hexdigest()[:16]}.npz"
