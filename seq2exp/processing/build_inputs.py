"""Files of the catalogue that a build can use: on disk and as the catalogue says, or only at their address."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seq2exp.errors import ManifestError, SourceError
from seq2exp.sources.catalogue import Catalogue, CatalogueSource

_SMALL_BYTES = 64_000_000
"""Files up to here are compared with the stated md5 at every build; larger ones were when they were fetched."""


@dataclass(frozen=True)
class Found:
    """A file of the catalogue that a build can use."""

    source: CatalogueSource
    path: Path
    """Where it lies, or would lie if it is only at its address."""
    here: bool
    """False: to be read by range requests from its address."""


@dataclass(frozen=True)
class Need:
    """Something without which there is no data set."""

    ids: tuple[str, ...]
    """In order of preference."""
    why: str
    streamed: bool = False
    """Its address is enough where large files may stay on their servers."""


@dataclass(frozen=True)
class Inputs:
    """The catalogue and the folder its files lie in."""

    catalogue: Catalogue
    files_dir: Path
    remote: bool = False
    """Large files that are not on disk may be read from their address."""

    def find(self, *ids: str, streamed: bool = False) -> Found | None:
        """The first of the sources that is on disk; with ``streamed`` and `remote`, else the first with an address.

        Ids that the catalogue lacks are passed over.

        Raises
        ------
        SourceError
            The file is not the one the catalogue describes: its size or checksum differs.
        """
        known = [source for source in self.catalogue.sources if source.id in ids]
        known.sort(key=lambda source: ids.index(source.id))
        for source in known:
            path = self.files_dir / source.local_path
            if path.is_file():
                _compare(source, path)
                return Found(source, path, here=True)
        for source in known if streamed and self.remote else ():
            if source.url.primary is not None:
                return Found(source, self.files_dir / source.local_path, here=False)
        return None

    def need(self, *wanted: Need) -> list[Found]:
        """One file for each of ``wanted``, as `find` gives it.

        Raises
        ------
        ManifestError
            Some are not there; the message names all of them, what they are for and how to get them.
        SourceError
            As `find`.
        """
        found = [self.find(*need.ids, streamed=need.streamed) for need in wanted]
        lacking = [need for need, one in zip(wanted, found, strict=True) if one is None]
        if lacking:
            words = "; ".join(f"{' or '.join(need.ids)} ({need.why})" for need in lacking)
            raise ManifestError(
                f"{self.files_dir}: a data set cannot be built without {words}; get it with: "
                f"python -m seq2exp data get {' '.join(f'--only {need.ids[0]}' for need in lacking)}"
            )
        return [one for one in found if one is not None]

    def members(self, group: str, *otherwise: str) -> Sequence[str]:
        """Ids of a group of the catalogue in order of preference; ``otherwise`` where it has no such group."""
        for known in self.catalogue.groups:
            if known.name == group:
                return known.members
        return otherwise


def _compare(source: CatalogueSource, path: Path) -> None:
    """Refuse a file that is not the one the catalogue describes."""
    stated, found = source.file.size_bytes, path.stat().st_size
    remedy = f"fetch it again with: python -m seq2exp data get --only {source.id}"
    if stated is not None and stated != found:
        raise SourceError(f"{path}: has {found:,} bytes, {source.id} has {stated:,}; {remedy}")
    md5 = source.file.checksum.md5
    if md5 is not None and found <= _SMALL_BYTES:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "md5").hexdigest()
        if digest != md5:
            raise SourceError(f"{path}: md5 is {digest}, that of {source.id} is {md5}; {remedy}")
