"""The manifest of a data set that borrows an existing one's files and adds a cell type of its own."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from seq2exp.sources.dataset import Dataset
from seq2exp.sources.manifest import Role, Source

SHARED: frozenset[Role] = frozenset(
    {"reference", "genes", "transcripts", "blacklist", "include_list", "rna_features", "split", "ccre"}
)
"""Roles that say nothing of one cell type: what a data set of one's own cells alone borrows."""

_HEAD = """\
# Written by `python -m seq2exp data add`. Files of {base} are borrowed where they lie; moving either breaks the link.
# This file is yours to edit: titles, units and licences of your own files cannot be known here.
"""


def manifest_of(
    name: str, base: Dataset, own: Iterable[Mapping[str, Any]], *, folder: Path, keep_cells: bool
) -> dict[str, Any]:
    """The new manifest as plain types, ready for YAML.

    Parameters
    ----------
    name
        Of the cell type and of the data set.
    base
        Whose files are borrowed.
    own
        The cell type's own sources, as the schema has them.
    folder
        Where the manifest will lie; borrowed files are named from there.
    keep_cells
        Also list the base's own cell types with everything that is theirs; else only what `SHARED` names.
    """
    borrowed = [
        source
        for source in base.manifest.sources
        if keep_cells or (source.role in SHARED and source.cell_type in (None, name))
    ]
    facts = base.manifest
    licences = {source.licence for source in borrowed}
    citations = {key for source in borrowed for key in source.citations}
    title = f"{facts.title}; and {name}" if keep_cells else f"{name}, on the genes of {base.name}"
    content: dict[str, Any] = {
        "manifest_version": 1,
        "name": name,
        "title": title,
        "synthetic": facts.synthetic,
        "genome_build": facts.genome_build,
    }
    if facts.chromosomes is not None:
        content["chromosomes"] = list(facts.chromosomes)
    return content | {
        "window": facts.window.model_dump(mode="json"),
        "cell_types": [*(base.cell_types if keep_cells else ()), name],
        "licences": [_plain(entry) for entry in facts.licences if entry.key in licences],
        "citations": [_plain(entry) for entry in facts.citations if entry.key in citations],
        "sources": [*(_borrowed(source, base, folder) for source in borrowed), *own],
    }


def as_yaml(manifest: Mapping[str, Any], base: str) -> str:
    """The manifest as text, with a remark on where it comes from."""
    text = yaml.safe_dump(dict(manifest), sort_keys=False, allow_unicode=True, width=120)
    return _HEAD.format(base=" ".join(base.split())) + text


def free_id(wanted: str, taken: Sequence[str]) -> str:
    """``wanted``, or the first of ``wanted-2``, ``wanted-3`` ... that is not taken."""
    number, found = 1, wanted
    while found in taken:
        number += 1
        found = f"{wanted}-{number}"
    return found


def _borrowed(source: Source, base: Dataset, folder: Path) -> dict[str, Any]:
    """A source of the base as it stands there, its path told from the new folder."""
    entry: dict[str, Any] = _plain(source)
    if not Path(source.local_path).is_absolute():
        # Folders may be links, and `..` out of a link leads elsewhere; the file itself may be one, with its index
        # beside the link.
        here = folder.parent.resolve() / folder.name
        entry["local_path"] = os.path.relpath(base.root.resolve() / source.local_path, here)
    return entry


def _plain(block: Any) -> dict[str, Any]:
    """A block of the schema without what it leaves out."""
    kept: dict[str, Any] = block.model_dump(mode="json", exclude_defaults=True)
    return kept
