"""data_manifest.yaml -> Manifest: what a data set holds, checked before any file is opened."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo

from seq2exp.errors import ManifestError

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The same rules in C, ten times as fast, where PyYAML was built with it."""

MANIFEST_NAMES = ("data_manifest.yaml", "manifest.yaml")
"""What a manifest is called when only its folder is given, in order of preference."""

MANIFEST_VERSION = 1
"""The one version this code reads; raised on an incompatible change."""

Role = Literal[
    "reference",
    "genes",
    "transcripts",
    "dnase",
    "h3k27ac",
    "contact",
    "cage",
    "blacklist",
    "include_list",
    "expression",
    "rna_features",
    "split",
    "peaks",
    "dnase_alignment",
    "crispri",
    "ccre",
    "truth",
    "oracle",
    "track",
]

SEVERAL_ALLOWED: frozenset[Role] = frozenset({"track", "truth"})
"""Roles a cell type may fill more than once; every other role names one file per cell type."""

_BUILDS = {"hg38": "GRCh38", "hg19": "GRCh37"}


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Checksum(_Block):
    """Digests of the file as it lies on disk; None until known."""

    md5: str | None = Field(default=None, pattern=r"^[0-9a-f]{32}$")
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")


class FileFacts(_Block):
    """What the file is, as bytes."""

    format: Literal[
        "fasta",
        "2bit",
        "bigWig",
        "hic",
        "cool",
        "mcool",
        "contacts",
        "hic_feat",
        "gtf",
        "bed",
        "narrowPeak",
        "tsv",
        "csv",
        "bam",
    ]
    """contacts: profiles of every TSS as `seq2exp data build` stores them; hic_feat: those of the authors' folder."""
    compression: Literal["none", "gzip", "bgzip"] = "none"
    chrom_naming: Literal["chr1", "1"] = "chr1"
    assembly: str | None = None
    """None: the manifest's genome_build."""
    size_bytes: int | None = Field(default=None, ge=0)
    checksum: Checksum = Checksum()


class Content(_Block):
    """What the numbers in the file mean."""

    output_type: str | None = None
    """The portal's own wording, such as ``signal p-value``."""
    unit: str | None = None
    resolution_bp: int | None = Field(default=None, ge=1)
    normalisation: str | None = None
    """Contact maps: the normalisation to read, where it differs from window.contact_normalisation."""
    summary: dict[str, float | str | None] | None = None
    """Figures about the content (mean, p99, max ...), free keys."""


class Url(_Block):
    """Where the file comes from."""

    primary: str | None = None
    mirrors: list[str] = Field(default_factory=list)
    size_bytes: int | None = Field(default=None, ge=0)
    """Of what the address serves, where the file on disk is made from it; else stated under `file`."""
    checksum: Checksum = Checksum()
    """Likewise."""


class Accession(_Block):
    """The portal's own name for the file."""

    portal: str
    file: str | None = None
    experiment: str | None = None
    revision: str | None = None


class Source(_Block):
    """One file and what it is for."""

    id: str = Field(min_length=1)
    title: str
    role: Role
    cell_type: str | None = None
    """None: serves every cell type."""
    local_path: str = Field(min_length=1)
    """Relative to the manifest's folder, or absolute."""
    file: FileFacts
    content: Content = Content()
    url: Url = Url()
    accession: Accession | None = None
    derived_from: list[str] = Field(default_factory=list)
    """Ids or names of what the file was made from."""
    processing: str | None = None
    """How it was made from that, in words."""
    licence: str | None = None
    """Key into `licences`."""
    citations: list[str] = Field(default_factory=list)
    """Keys into `citations`."""
    warnings: list[str] = Field(default_factory=list)
    """Short sentences to show beside anything drawn from the file."""
    notes: str | None = None


class Licence(_Block):
    """Terms that sources refer to by key."""

    key: str
    name: str
    spdx: str | None = None
    terms_url: str | None = None
    redistribution: Literal["yes", "with_attribution", "link_only", "ask"] | None = None
    confidence: Literal["verified", "memory"] | None = None


class Citation(_Block):
    """A reference that sources refer to by key."""

    key: str
    text: str
    doi: str | None = None


def _published_normalisation(values: dict[str, Any]) -> str:
    """VC for counts as released, KR for maps balanced as in ABC (data-sources.md 4.4)."""
    return "KR" if values.get("contact_mode") == "abc_kr" else "VC"


class WindowFacts(_Block):
    """Geometry of the model input this data set is meant for; the published values unless given."""

    width_bp: int = Field(default=200_000, ge=2, multiple_of=2)
    centre_bp: int = Field(default=2_000, ge=2, multiple_of=2)
    contact_resolution_bp: int = Field(default=5_000, ge=1)
    contact_mode: Literal["vc_counts", "abc_kr"] = "vc_counts"
    contact_normalisation: str = Field(default_factory=_published_normalisation)


class Manifest(_Block):
    """A whole data set: genome build, cell types, files, and the terms they come under."""

    manifest_version: Literal[1]
    name: str = Field(min_length=1)
    title: str
    synthetic: bool = False
    genome_build: str
    chromosomes: list[str] | None = None
    """Chromosomes in use; None: all of the reference."""
    window: WindowFacts = WindowFacts()
    cell_types: list[str]
    licences: list[Licence] = Field(default_factory=list)
    citations: list[Citation] = Field(default_factory=list)
    sources: list[Source]

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Manifest:
        problems = list(self._contradictions())
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _contradictions(self) -> Iterator[str]:
        for what, keys in (
            ("cell_types", self.cell_types),
            ("chromosomes", self.chromosomes or []),
            ("licences", [licence.key for licence in self.licences]),
            ("citations", [citation.key for citation in self.citations]),
            ("sources", [source.id for source in self.sources]),
        ):
            for key in sorted({key for key in keys if keys.count(key) > 1}):
                yield f"{what}: {key!r} stands there twice"
        licences = {licence.key for licence in self.licences}
        citations = {citation.key for citation in self.citations}
        filled: dict[tuple[Role, str | None], str] = {}
        for index, source in enumerate(self.sources):
            place = f"sources[{index}] ({source.id})"
            if source.cell_type is not None and source.cell_type not in self.cell_types:
                yield f"{place}: cell_type {source.cell_type!r} is not in cell_types {self.cell_types}"
            if source.licence is not None and source.licence not in licences:
                yield f"{place}: licence {source.licence!r} is not a key of licences"
            for key in source.citations:
                if key not in citations:
                    yield f"{place}: citation {key!r} is not a key of citations"
            if source.file.assembly is not None and not _same_build(source.file.assembly, self.genome_build):
                yield (
                    f"{place}: assembly {source.file.assembly} is not the genome_build {self.genome_build}; "
                    f"lift the file over first"
                )
            slot = (source.role, source.cell_type)
            if slot in filled and source.role not in SEVERAL_ALLOWED:
                yield (
                    f"{place}: {filled[slot]} is the {source.role} of {source.cell_type or 'every cell type'} already; "
                    f"keep one"
                )
            filled.setdefault(slot, source.id)


def _same_build(one: str, other: str) -> bool:
    return _BUILDS.get(one, one) == _BUILDS.get(other, other)


def load_manifest(path: Path) -> Manifest:
    """The manifest in the YAML file `path`, checked against the schema and against itself.

    Parameters
    ----------
    path
        The YAML file. The files it names need not be there: `dataset.open_dataset` looks for them.

    Returns
    -------
    Manifest
        Frozen; optional fields hold the published values.

    Raises
    ------
    ManifestError
        Absent or unreadable file, YAML that does not parse, unknown or doubled keys, wrong values, a role
        filled twice for one cell type. One line that names every problem with its place in the YAML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ManifestError(f"{path}: no such manifest") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path}: cannot be read as text ({error})") from error
    try:
        doubled = list(_doubled_keys(yaml.compose(text, Loader=_LOADER)))
        content = yaml.load(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        raise ManifestError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    if doubled:
        raise ManifestError(f"{path}: {'; '.join(doubled)}")
    if not isinstance(content, dict):
        raise ManifestError(
            f"{path}: a manifest is a mapping with manifest_version, name, sources ...; found {content!r:.40}"
        )
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        problems = "; ".join(_in_words(problem["loc"], problem) for problem in error.errors())
        raise ManifestError(f"{path}: {problems}") from error


def _doubled_keys(node: yaml.Node | None, place: str = "") -> Iterator[str]:
    """Keys written twice in one mapping, which YAML would resolve silently to the last one."""
    if isinstance(node, yaml.MappingNode):
        seen: set[Hashable] = set()
        for key, value in node.value:
            name = f"{place}.{key.value}" if place else str(key.value)
            if key.value in seen:
                yield f"{name}: written twice (line {key.start_mark.line + 1})"
            seen.add(key.value)
            yield from _doubled_keys(value, name)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _doubled_keys(value, f"{place}[{index}]")


def _in_words(location: tuple[int | str, ...], problem: Any) -> str:
    """One pydantic problem as ``sources[3].file.kolor: unknown key; known keys are ...``."""
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
    kind = problem["type"]
    if kind == "extra_forbidden":
        return f"{place}: unknown key; known keys are {', '.join(_known_keys(location[:-1]))}"
    if kind == "missing":
        return f"{place}: missing"
    if kind == "value_error":
        return str(problem["ctx"]["error"])
    if kind == "literal_error":
        return f"{place}: found {problem['input']!r}; must be {problem['ctx']['expected']}"
    return f"{place}: {problem['msg'][0].lower()}{problem['msg'][1:]}, found {problem['input']!r:.60}"


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    """Keys of the schema block at `location` of the YAML."""
    block: type[BaseModel] = Manifest
    for part in location:
        if isinstance(part, str):
            block = _block_of(block.model_fields[part])
    return list(block.model_fields)


def _block_of(field: FieldInfo) -> type[BaseModel]:
    """The schema block a field holds, alone, optional or in a list."""
    candidates: list[Any] = [field.annotation]
    while candidates:
        candidate = candidates.pop()
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
        candidates.extend(getattr(candidate, "__args__", ()))
    raise TypeError(f"{field!r} holds no schema block")


def find_manifest(path: Path) -> Path:
    """The manifest file meant by `path`: itself, or the one in that folder.

    Raises
    ------
    ManifestError
        Nothing there, or a folder without a manifest.
    """
    if path.is_file():
        return path
    if not path.is_dir():
        raise ManifestError(f"{path}: no such file or folder; give a manifest or the folder that holds one")
    for name in MANIFEST_NAMES:
        if (path / name).is_file():
            return path / name
    raise ManifestError(f"{path}: the folder holds neither {' nor '.join(MANIFEST_NAMES)}")
