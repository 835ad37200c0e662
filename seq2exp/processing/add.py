"""A user's own cell type: its files checked and measured, what is missing explained, and a data set written of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from seq2exp.errors import SettingsError, SourceError
from seq2exp.files import whole_folder, writable
from seq2exp.genome import Gene, match_chromosome
from seq2exp.processing.add_check import CheckedFile, check_file
from seq2exp.processing.add_format import OPTIONS, CellRole
from seq2exp.processing.add_manifest import as_yaml, free_id, manifest_of
from seq2exp.processing.add_tracks import sample_windows
from seq2exp.processing.add_words import TITLES, AbsentInput, absent_inputs, standing
from seq2exp.processing.output import whole_text
from seq2exp.results import MissingInput
from seq2exp.sources.dataset import Dataset, open_dataset
from seq2exp.sources.tables import ACTIVITY_PREFIX, read_rna_features
from seq2exp.window.assemble import build_window, window_settings

MANIFEST_NAME = "manifest.yaml"
LABELS_NAME = "expression.tsv"
DEFAULT_BASE = "hg38"
"""The data set that `data build` makes."""

RESERVED = frozenset({"checkpoints", "hg38", "real", "runs", "tables", "windows"})
"""Folders of `.data` that hold something else."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")


@dataclass(frozen=True)
class CellPlan:
    """Everything known before anything is written."""

    name: str
    base: Dataset
    keep_cells: bool
    folder: Path
    files: tuple[CheckedFile, ...]
    absent: tuple[AbsentInput, ...]
    standing: str
    """How far a prediction goes."""

    @property
    def problems(self) -> tuple[str, ...]:
        """Why the cell type cannot be added as it is; empty: it can."""
        return tuple(file.problem for file in self.files if file.problem)

    @property
    def manifest_path(self) -> Path:
        """Where the manifest will lie."""
        return self.folder / MANIFEST_NAME

    def to_dict(self) -> dict[str, Any]:
        """Plain types for `--json`; shares lie in 0..1."""
        return {
            "name": self.name,
            "base": {"name": self.base.name, "hash": self.base.hash, "assembly": self.base.assembly.name},
            "cell_types": [*(self.base.cell_types if self.keep_cells else ()), self.name],
            "manifest": str(self.manifest_path),
            "files": [file.to_dict() for file in self.files],
            "missing": [asdict(absent) for absent in self.absent],
            "standing": self.standing,
            "problems": list(self.problems),
        }


@dataclass(frozen=True, slots=True)
class AddedCell:
    """What was written."""

    manifest: Path
    hash: str
    gene: str
    """A gene whose window was made, as a proof."""
    missing: tuple[MissingInput, ...]
    """What that window goes without."""


def plan_cell(
    name: str,
    files: Mapping[CellRole, Path],
    base: Path,
    *,
    keep_cells: bool,
    data_dir: Path,
    remote: bool = False,
    say: Callable[[str], None] = lambda words: None,
) -> CellPlan:
    """Check and measure every file of a cell type; nothing is written.

    Parameters
    ----------
    name
        Of the cell type, its data set and its folder: letters, digits and ``. _ + -``.
    files
        By role; DNase or H3K27ac must be among them.
    base
        Data set whose reference, genes, features, split and blacklist are borrowed.
    keep_cells
        The new data set lists the base's own cell types too.
    data_dir
        The folder in which the new data set's folder is made.
    remote
        What of the base is not on disk is read from its servers.
    say
        Told what is being looked at.

    Returns
    -------
    CellPlan
        With a problem for each file that cannot be taken, so that all are told at once.

    Raises
    ------
    SettingsError
        An unsafe or taken name, neither DNase nor H3K27ac, one file for two roles.
    ManifestError, SourceError
        The base cannot be opened.
    """
    folder = data_dir.absolute() / _checked_name(name)
    if folder.exists():
        raise SettingsError(f"{folder}: is there already; choose another name or remove that folder")
    _check_roles(files)
    opened = open_dataset(base, remote=remote)
    taken = [cell for cell in opened.cell_types if cell.lower() == name.lower()]
    if taken:
        raise SettingsError(
            f"{opened.name} has a cell type {taken[0]} already; choose another name, such as {name}-own"
        )
    windows = sample_windows(opened)
    checked = []
    for role in TITLES:
        if role in files:
            say(f"{TITLES[role]}: {files[role].name}")
            checked.append(check_file(role, files[role].expanduser().absolute(), name, opened, windows))
    given = {file.role for file in checked}
    activity = _has_activity(opened, name)
    return CellPlan(
        name=name,
        base=opened,
        keep_cells=keep_cells,
        folder=folder,
        files=tuple(checked),
        absent=absent_inputs(given, activity=activity),
        standing=standing(given, activity=activity),
    )


def write_cell(plan: CellPlan) -> AddedCell:
    """Write the data set of ``plan``, whole or not at all, once it has opened and given a window.

    Raises
    ------
    SourceError
        A file has a problem.
    SettingsError
        The folder is there by now, or cannot be written.
    """
    if plan.problems:
        raise SourceError(f"{plan.name}: nothing is written: {'; '.join(plan.problems)}")
    if plan.folder.exists():
        raise SettingsError(f"{plan.folder}: is there already; choose another name or remove that folder")
    with writable(plan.folder), whole_folder(plan.folder) as partial:
        labels = next((file.labels for file in plan.files if file.labels is not None), None)
        if labels is not None:
            labels.write(partial / LABELS_NAME, plan.name)
        manifest = manifest_of(plan.name, plan.base, _own_sources(plan), folder=plan.folder, keep_cells=plan.keep_cells)
        with whole_text(partial / MANIFEST_NAME) as text:
            text.write(as_yaml(manifest, plan.base.name))
        # Beside its final place, so that relative paths lead where they will.
        opened = open_dataset(partial, remote=bool(plan.base.streamed))
        gene = _readable_gene(plan, opened)
        window = build_window(opened, gene, plan.name, window_settings(opened))
    return AddedCell(plan.manifest_path, opened.hash, gene.symbol or gene.gene_id, window.missing)


def default_base(data_dir: Path) -> Path:
    """The data set to borrow from where none is named: what `data build` makes.

    Raises
    ------
    SettingsError
        It is not there.
    """
    path = data_dir / DEFAULT_BASE / MANIFEST_NAME
    if path.is_file():
        return path
    there = sorted(found.parent.name for found in data_dir.glob(f"[!.]*/{MANIFEST_NAME}"))
    raise SettingsError(
        f"{path} is not there to borrow genome and genes from: make it with `data build`, or name a data set with "
        f"--base or --to" + (f"; {data_dir} holds {', '.join(there[:8])}" if there else "")
    )


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name) or name.endswith(".") or ".." in name:
        raise SettingsError(
            f"{name!r:.80} cannot name a cell type: begin with a letter or digit, then letters, digits and . _ + -; "
            "64 at most"
        )
    if name.lower() in RESERVED:
        raise SettingsError(f"{name!r} names a folder of the program's own; choose another name, such as {name}-own")
    return name


def _check_roles(files: Mapping[CellRole, Path]) -> None:
    if not {"dnase", "h3k27ac"} & set(files):
        raise SettingsError("give a DNase or an H3K27ac bigWig (--dnase, --h3k27ac); the mask needs one signal")
    seen: dict[Path, CellRole] = {}
    for role, path in files.items():
        whole = path.expanduser().resolve()
        if whole in seen:
            raise SettingsError(
                f"{path}: is given as {OPTIONS[seen[whole]]} and as {OPTIONS[role]}; a file has one role"
            )
        seen[whole] = role


def _readable_gene(plan: CellPlan, opened: Dataset) -> Gene:
    """The first gene on a chromosome that every input has."""
    absent = {chrom for file in plan.files for chrom in file.absent_chromosomes}
    gene = next((gene for gene in opened.genes if match_chromosome(gene.chrom, absent) is None), None)
    if gene is None:
        raise SourceError(f"{plan.name}: no gene lies on a chromosome that all its files have")
    return gene


def _has_activity(base: Dataset, name: str) -> bool:
    path = base.path("rna_features")
    return path is not None and f"{ACTIVITY_PREFIX}{name}" in read_rna_features(path).columns


def _own_sources(plan: CellPlan) -> list[dict[str, Any]]:
    taken = [source.id for source in plan.base.manifest.sources]
    entries: list[dict[str, Any]] = []
    for file in plan.files:
        content: dict[str, Any] = {}
        if file.statistics is not None:
            content["summary"] = file.statistics.summary()
        if file.normalisation is not None:
            content["normalisation"] = file.normalisation
        entries.append(
            {
                "id": free_id(f"{plan.name.lower()}.{file.role}", taken),
                "title": file.what,
                "role": file.role,
                "cell_type": plan.name,
                "local_path": str(file.path),
                "file": {"format": file.format, "compression": file.compression, "size_bytes": file.size_bytes},
                "content": content,
                "warnings": list(file.warnings),
            }
        )
        if file.labels is not None:
            entries.append(
                {
                    "id": free_id(f"{plan.name.lower()}.expression", taken),
                    "title": f"Labels of {plan.name}",
                    "role": "expression",
                    "cell_type": plan.name,
                    "local_path": LABELS_NAME,
                    "file": {"format": "tsv"},
                    "derived_from": [entries[-1]["id"]],
                    "processing": "CAGE within TSS +- 192 bp, summed",
                }
            )
    return entries
