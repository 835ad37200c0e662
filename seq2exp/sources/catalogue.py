"""data_manifest.yaml -> Catalogue: every upstream file of the real cell lines, as published, checked against itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from seq2exp.errors import ManifestError
from seq2exp.sources.blocks import Block, checked, read_yaml
from seq2exp.sources.catalogue_entries import CatalogueSource, Download, Group, Server, Task
from seq2exp.sources.manifest import Checksum, Citation, Licence

__all__ = ["CATALOGUE", "Catalogue", "CatalogueSource", "Server", "Task", "load_catalogue"]

CATALOGUE = Path(__file__).resolve().parents[2] / "data_manifest.yaml"
"""The project's own catalogue, at the root of the repository."""

CELL = "{cell}"
"""In what a task needs: stands for each cell type asked for, in small letters."""


class Catalogue(Block):
    """Everything upstream: files, terms, servers, and what each task needs."""

    catalogue_version: Literal[1]
    """1."""
    genome_build: str
    """Assembly of every file that states no other."""
    chromosomes: list[str]
    """Chromosomes in use."""
    cell_types: list[str]
    """Cell types with entries of their own."""
    files_dir: str
    """Where files come to lie, relative to the catalogue's folder; local_path is relative to it."""
    download: Download = Download()
    """How files are fetched."""
    licences: list[Licence]
    """Terms that sources refer to by key."""
    citations: list[Citation]
    """References that sources refer to by key."""
    servers: list[Server]
    """How the hosts behave."""
    tasks: list[Task]
    """What can be done, and what it needs."""
    groups: list[Group] = Field(default_factory=list)
    """Sources that stand for one another."""
    sources: list[CatalogueSource]
    """The files."""

    @cached_property
    def _by_id(self) -> dict[str, CatalogueSource]:
        return {source.id: source for source in self.sources}

    def source(self, id: str) -> CatalogueSource:
        """The source of that id.

        Raises
        ------
        ManifestError
            No such id; the message names close ones.
        """
        if id not in self._by_id:
            near = get_close_matches(id, self._by_id, n=3, cutoff=0.5)
            hint = f"; close: {', '.join(near)}" if near else ""
            raise ManifestError(f"catalogue: no source {id!r}{hint}; see: python -m seq2exp data list")
        return self._by_id[id]

    def task(self, name: str) -> Task:
        """The task of that name.

        Raises
        ------
        ManifestError
            No such task; the message lists all.
        """
        for task in self.tasks:
            if task.name == name:
                return task
        raise ManifestError(f"catalogue: no task {name!r}; tasks are {', '.join(task.name for task in self.tasks)}")

    def licence(self, key: str) -> Licence:
        """The terms of that key."""
        return next(licence for licence in self.licences if licence.key == key)

    def citation(self, key: str) -> Citation:
        """The reference of that key."""
        return next(citation for citation in self.citations if citation.key == key)

    def server(self, address: str) -> Server | None:
        """How the host of an address behaves; None where nothing is known of it."""
        host = urlsplit(address).hostname
        return next((server for server in self.servers if server.host == host), None)

    def members(self, need: str) -> tuple[CatalogueSource, ...]:
        """The sources a need of a task names, in order of preference: one, or those of a group."""
        for group in self.groups:
            if group.name == need:
                return tuple(self.source(id) for id in group.members)
        return (self.source(need),)

    def needs(self, task: str, cells: Sequence[str], *, optional: bool = False) -> tuple[str, ...]:
        """What a task needs for these cell types: ids and groups, each once, in the catalogue's order.

        Raises
        ------
        ManifestError
            No such task, or a cell type it is not offered for.
        """
        found = self.task(task)
        for cell in cells:
            if cell not in found.cell_types:
                raise ManifestError(
                    f"catalogue: task {task} is not offered for cell type {cell!r}; "
                    f"it is for {', '.join(found.cell_types)}"
                )
        wanted = found.optional if optional else found.needs
        return tuple(dict.fromkeys(one for need in wanted for one in _for_cells(need, cells)))

    def select(self, cells: Sequence[str] = (), task: str | None = None) -> tuple[CatalogueSource, ...]:
        """The sources of some cell types and those that serve every one; of a task, what it needs or can use.

        Raises
        ------
        ManifestError
            No such cell type or task.
        """
        for cell in cells:
            if cell not in self.cell_types:
                raise ManifestError(f"catalogue: no cell type {cell!r}; cell types are {', '.join(self.cell_types)}")
        found = [source for source in self.sources if not cells or source.cell_type in (None, *cells)]
        if task is not None:
            self.task(task)
            found = [source for source in found if task in dict(self.tasks_of(source))]
        return tuple(found)

    def tasks_of(self, source: CatalogueSource) -> tuple[tuple[str, Literal["required", "optional"]], ...]:
        """The tasks that use a source, alone or as one of a group, and whether they can do without."""
        found: list[tuple[str, Literal["required", "optional"]]] = []
        levels: tuple[Literal["required", "optional"], ...] = ("required", "optional")
        for task in self.tasks:
            for level in levels:
                needs = self.needs(task.name, task.cell_types, optional=level == "optional")
                if any(source in self.members(need) for need in needs):
                    found.append((task.name, level))
                    break
        return tuple(found)

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Catalogue:
        problems = list(_contradictions(self))
        if problems:
            raise ValueError("; ".join(problems))
        return self


def load_catalogue(path: Path = CATALOGUE) -> Catalogue:
    """The catalogue in the YAML file `path`, checked against the schema and against itself.

    Raises
    ------
    ManifestError
        Absent or unreadable file, a data set's manifest, unknown or doubled keys, wrong values, names that lead
        nowhere. One line that names every problem with its place in the YAML.
    """
    content = read_yaml(path, holds="catalogue_version, sources, tasks")
    if "manifest_version" in content:
        raise ManifestError(f"{path}: this is the manifest of a data set, not the catalogue of what exists")
    return checked(Catalogue, content, path)


def _for_cells(need: str, cells: Sequence[str]) -> tuple[str, ...]:
    if CELL not in need:
        return (need,)
    return tuple(need.replace(CELL, cell.lower()) for cell in cells)


def _contradictions(catalogue: Catalogue) -> Iterator[str]:
    ids = [source.id for source in catalogue.sources]
    groups = [group.name for group in catalogue.groups]
    for what, keys in (
        ("cell_types", catalogue.cell_types),
        ("chromosomes", catalogue.chromosomes),
        ("licences", [licence.key for licence in catalogue.licences]),
        ("citations", [citation.key for citation in catalogue.citations]),
        ("servers", [server.host for server in catalogue.servers]),
        ("tasks", [task.name for task in catalogue.tasks]),
        ("sources and groups", ids + groups),
        ("local_path of sources", [source.local_path for source in catalogue.sources]),
    ):
        for key in sorted({key for key in keys if keys.count(key) > 1}):
            yield f"{what}: {key!r} stands there twice"
    for group in catalogue.groups:
        for member in group.members:
            if member not in ids:
                yield f"group {group.name}: member {member!r} is not the id of a source"
    for task in catalogue.tasks:
        for cell in task.cell_types:
            if cell not in catalogue.cell_types:
                yield f"task {task.name}: cell type {cell!r} is not in cell_types {catalogue.cell_types}"
        for need in (*task.needs, *task.optional):
            for one in _for_cells(need, task.cell_types):
                if one not in ids and one not in groups:
                    yield f"task {task.name}: {one!r} is neither the id of a source nor a group"
    for index, source in enumerate(catalogue.sources):
        for problem in _wrong_with(catalogue, source, set(ids)):
            yield f"sources[{index}] ({source.id}): {problem}"


def _wrong_with(catalogue: Catalogue, source: CatalogueSource, ids: set[str]) -> Iterator[str]:
    if source.cell_type is not None and source.cell_type not in catalogue.cell_types:
        yield f"cell_type {source.cell_type!r} is not in cell_types {catalogue.cell_types}"
    if source.licence not in {licence.key for licence in catalogue.licences}:
        yield f"licence {source.licence!r} is not a key of licences"
    for key in source.citations:
        if key not in {citation.key for citation in catalogue.citations}:
            yield f"citation {key!r} is not a key of citations"
    for field in ("stands_in_for", "unpacked_from"):
        other = getattr(source, field)
        if other is not None and (other not in ids or other == source.id):
            yield f"{field} {other!r} is not the id of another source"
    origins = [source.url.primary, source.repository, source.unpacked_from]
    if sum(origin is not None for origin in origins) > 1:
        yield "url.primary, repository and unpacked_from exclude one another; keep one"
    if (source.unpacked_from is None) != (source.archive_member is None):
        yield "unpacked_from and archive_member belong together"
    whole = source.repository is not None and source.repository.member is None
    if whole != (source.file.format == "folder"):
        yield "a whole repository is of format folder, and nothing else is"
    for address in (source.url.primary, *source.url.mirrors):
        if address is not None and catalogue.server(address) is None:
            yield f"{address}: its host is not under servers"
    if source.url.size_bytes is not None or source.url.checksum != Checksum():
        yield "size and checksum belong under file, which is what the address serves"
    path = PurePosixPath(source.local_path)
    if path.is_absolute() or ".." in path.parts:
        yield f"local_path {source.local_path!r} leaves files_dir"
    span = source.file.expected_bytes
    if span is not None and (source.file.size_bytes is not None or not 0 < span[0] <= span[1]):
        yield "expected_bytes is [least, most], and only where size_bytes is not known"
