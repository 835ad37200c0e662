"""data_manifest.yaml -> Manifest: what a data set holds, checked before any file is opened."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from seq2exp.errors import ManifestError
from seq2exp.sources.blocks import Block, checked, read_yaml

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


class Checksum(Block):
    """Digests of the file as it lies on disk; None until known."""

    md5: str | None = Field(default=None, pattern=r"^[0-9a-f]{32}$")
    """32 hexadecimal digits."""
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    """64 hexadecimal digits."""


class StoredFile(Block):
    """What every file has, whatever its format."""

    compression: Literal["none", "gzip", "bgzip"] = "none"
    """bgzip is gzip in blocks, which indexed readers need."""
    chrom_naming: Literal["chr1", "1"] = "chr1"
    """How the file itself names chromosomes."""
    assembly: str | None = None
    """None: the manifest's genome_build."""
    size_bytes: int | None = Field(default=None, ge=0)
    """Exact size; None: not known."""
    checksum: Checksum = Checksum()
    """Digests of the file."""


class FileFacts(StoredFile):
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


class Content(Block):
    """What the numbers in the file mean."""

    output_type: str | None = None
    """The portal's own wording, such as ``signal p-value``."""
    unit: str | None = None
    """What one unit of a value is."""
    resolution_bp: int | None = Field(default=None, ge=1)
    """Step or bin in bp."""
    normalisation: str | None = None
    """Contact maps: the normalisation to read, where it differs from window.contact_normalisation."""
    normalisation_index: list[int] | None = Field(default=None, min_length=2, max_length=2)
    """.hic of version 8: position and length in bytes of its index of normalisations; else streaming looks for it."""
    summary: dict[str, float | str | None] | None = None
    """Figures about the content (mean, p99, max ...), free keys."""


class Url(Block):
    """Where the file comes from."""

    primary: str | None = None
    """The portal's own address, never a signed link behind it."""
    mirrors: list[str] = Field(default_factory=list)
    """Other addresses of the same file, in order of preference."""
    size_bytes: int | None = Field(default=None, ge=0)
    """Of what the address serves, where the file on disk is made from it; else stated under `file`."""
    checksum: Checksum = Checksum()
    """Likewise."""


class Accession(Block):
    """The portal's own name for the file."""

    portal: str
    """encode, 4dn, fantom5, zenodo, huggingface, ucsc, github, geo ..."""
    file: str | None = None
    """Accession or name of the file there."""
    experiment: str | None = None
    """Accession of the experiment."""
    revision: str | None = None
    """Commit, record, release or version."""


class Source(Block):
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


class Licence(Block):
    """Terms that sources refer to by key."""

    key: str
    """As sources name it."""
    name: str
    """For people."""
    spdx: str | None = None
    """SPDX identifier; None: has none."""
    terms_url: str | None = None
    """Where the terms stand."""
    redistribution: Literal["yes", "with_attribution", "link_only", "ask"] | None = None
    """Whether copies may be passed on."""
    confidence: Literal["verified", "memory"] | None = None
    """Whether the terms were read or remembered."""


class Citation(Block):
    """A reference that sources refer to by key."""

    key: str
    """As sources name it."""
    text: str
    """Short reference."""
    doi: str | None = None
    """Without the resolver's address."""


def _published_normalisation(values: dict[str, Any]) -> str:
    """VC for counts as released, KR for maps balanced as in ABC (data-sources.md 4.4)."""
    return "KR" if values.get("contact_mode") == "abc_kr" else "VC"


class WindowFacts(Block):
    """Geometry of the model input this data set is meant for; the published values unless given."""

    width_bp: int = Field(default=200_000, ge=2, multiple_of=2)
    centre_bp: int = Field(default=2_000, ge=2, multiple_of=2)
    contact_resolution_bp: int = Field(default=5_000, ge=1)
    contact_mode: Literal["vc_counts", "abc_kr"] = "vc_counts"
    contact_normalisation: str = Field(default_factory=_published_normalisation)


class Manifest(Block):
    """A whole data set: genome build, cell types, files, and the terms they come under."""

    manifest_version: Literal[1]
    name: str = Field(min_length=1)
    title: str
    synthetic: bool = False
    genome_build: str
    chromosomes: list[str] | None = None
    """Chromosomes in use; None: all of the reference."""
    chromosome_lengths: dict[str, int] | None = None
    """In bp, named as in the reference. Where stated, a streamed reference is not asked for them when it is opened."""
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
    content = read_yaml(path, holds="manifest_version, name, sources")
    if "catalogue_version" in content:
        raise ManifestError(
            f"{path}: this is the catalogue of what exists, not a data set; make one with: python -m seq2exp data build"
        )
    return checked(Manifest, content, path)


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
