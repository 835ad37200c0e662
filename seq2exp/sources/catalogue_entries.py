"""The blocks of the catalogue: an upstream file, a server, a task; each field with the line that documents it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from seq2exp.sources.blocks import Block
from seq2exp.sources.manifest import Accession, Content, Role, StoredFile, Url

Sureness = Literal["verified", "derived", "inferred", "memory", "unknown"]
"""How a fact is known: read in a named public text, computed from a public file, concluded, remembered, not at all."""

Category = Literal[
    "reference",
    "annotation",
    "signal",
    "contact",
    "label",
    "feature",
    "split",
    "mask",
    "peaks",
    "alignment",
    "baseline",
    "benchmark",
    "checkpoint",
    "track",
    "archive",
    "published_folder",
]


class CatalogueFile(StoredFile):
    """What the file is as bytes, as the address serves it."""

    format: Literal[
        "fasta",
        "2bit",
        "bigWig",
        "bigBed",
        "hic",
        "gtf",
        "bed",
        "narrowPeak",
        "tsv",
        "csv",
        "bam",
        "h5",
        "xlsx",
        "zip",
        "folder",
    ]
    """folder: a repository of many files, such as those on Hugging Face."""
    coordinates: Literal["0-based half-open", "1-based closed"] | None = None
    """How positions are written in it; None: no positions, or a binary format that settles it."""
    expected_bytes: tuple[int, int] | None = Field(default=None, strict=False)
    """Least and most bytes to expect where size_bytes is not known; for planning alone, never compared."""


class CatalogueContent(Content):
    """What the numbers in the file mean, and what can be counted in it."""

    replicates: tuple[str, ...] = Field(default=(), strict=False)
    """Replicates of the experiment the file was made from."""
    lab: str | None = None
    """The laboratory that produced the data."""
    counts: dict[str, int] = Field(default_factory=dict)
    """Exact counts to check in a text file: rows (without the header), lines, bp (of a BED file), COLUMN=VALUE (rows
    that hold it) and distinct COLUMN; a column is named, or numbered from 1 in a BED file."""
    columns: tuple[str, ...] = Field(default=(), strict=False)
    """Columns a table must have, in any order."""


class Confidence(Block):
    """How sure each part of an entry is, and where that was read."""

    identity: Sureness
    """That the file is what the title says."""
    url: Sureness
    """That the address serves it."""
    checksum: Sureness = "unknown"
    """Size and digests."""
    licence: Sureness
    """The terms."""
    evidence: str
    """The public repository or text, with its commit, or the section of the design notes."""


class Repository(Block):
    """A repository on Hugging Face, fetched as a folder, or one file of it."""

    repo_id: str
    """owner/name."""
    repo_type: Literal["dataset", "model"]
    """Which of the hub's two kinds."""
    revision: str
    """Commit, tag or branch to fetch; the first download records the commit behind a branch and stays with it."""
    member: str | None = None
    """The end of the path of the one file to take; None: the whole repository."""


class CatalogueSource(Block):
    """One upstream file (or one folder of a hub) and everything known about it."""

    id: str = Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)+$")
    """Stable name in small letters with dots, such as k562.dnase.signal."""
    title: str
    """What it is, for people."""
    category: Category
    """What kind of thing it is."""
    role: Role | None = None
    """The role it, or what is built from it, fills in a data set; None: none."""
    cell_type: str | None = None
    """None: serves every cell type."""
    stands_in_for: str | None = None
    """Id of the source this is another version of, for a what-if; never taken in its place unasked."""
    accession: Accession | None = None
    """The portal's own name for it."""
    url: Url = Url()
    """Where it comes from; no primary: no public address of the single file is known."""
    repository: Repository | None = None
    """In place of url."""
    unpacked_from: str | None = None
    """In place of url: id of the archive the file lies in."""
    archive_member: str | None = None
    """With unpacked_from: the end of the file's path inside the archive."""
    file: CatalogueFile
    """What it is as bytes."""
    content: CatalogueContent = CatalogueContent()
    """What it means."""
    local_path: str = Field(min_length=1)
    """Where it comes to lie, relative to files_dir."""
    official_path: str | None = None
    """Where the loader of the published code expects it, below its data folder."""
    used_by_steps: tuple[str, ...] = Field(default=(), strict=False)
    """Steps of the processing that read it."""
    derived_from: list[str] = Field(default_factory=list)
    """Ids or names of what it was made from."""
    processing: str | None = None
    """How it was made, or what we make of it, in words."""
    licence: str
    """Key into licences."""
    citations: list[str] = Field(default_factory=list)
    """Keys into citations."""
    confidence: Confidence
    """How sure all this is."""
    last_checked: str | None = None
    """Date of the last live request by a maintainer; None: never."""
    warnings: list[str] = Field(default_factory=list)
    """Short sentences to show beside anything made from it."""
    notes: str | None = None
    """Whatever else is worth knowing."""

    @property
    def obtainable(self) -> bool:
        """Whether it can be fetched without a person's help."""
        return self.url.primary is not None or self.repository is not None or self.unpacked_from is not None


class Server(Block):
    """How a host behaves."""

    host: str
    """As in the address, without port."""
    login: Literal["none", "account"]
    """Whether an account is asked for."""
    redirects: Literal["none", "signed_temporary", "cdn", "possible"]
    """signed_temporary: to a link that expires, so always start from the address of the catalogue."""
    ranges: Literal["yes", "no", "unknown"]
    """Whether part of a file can be asked for: resume and streaming need it."""
    cors: Literal["yes", "no", "partial", "blocked_at_times", "unknown"]
    """Whether a web page of another origin may read it."""
    confidence: Sureness
    """How sure this is."""
    notes: str | None = None
    """What else a client should know."""


class Task(Block):
    """Something to do with the data, and what it needs."""

    name: str
    """As given to `data get --task`."""
    title: str
    """For people."""
    cell_types: list[str]
    """Cell types it is offered for."""
    needs: list[str]
    """Ids or groups; {cell} stands for each cell type asked for, in small letters."""
    optional: list[str] = Field(default_factory=list)
    """Likewise: of use, but fetched only by --only."""


class Group(Block):
    """Sources that serve the same purpose; one of them is enough."""

    name: str
    """As tasks name it."""
    members: list[str] = Field(min_length=1)
    """Ids in order of preference."""


class Download(Block):
    """How files are fetched."""

    retries: int = Field(default=6, ge=0)
    """Further tries of one address after a fault that may pass; bytes already here are kept."""
    jobs: int = Field(default=4, ge=1)
    """Files at once, unless --jobs says otherwise."""
    timeout_s: float = Field(default=60.0, gt=0, strict=False)
    """Seconds without a byte before a connection counts as broken."""
