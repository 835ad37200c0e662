"""The file of gene scores: Parquet with what it is of in its metadata, added to in one step."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import get_type_hints

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from seq2exp import __version__
from seq2exp.errors import SourceError
from seq2exp.files import whole_file
from seq2exp.sources.truth import GeneInCell

FORMAT_VERSION = 1
_METADATA = b"seq2exp"
_TYPES = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}


@dataclass(frozen=True, slots=True)
class GeneScore:
    """One gene in one cell type under the checkpoint's own settings; None: there is no such number."""

    gene_id: str
    symbol: str
    chrom: str
    tss: int
    """0-based."""
    strand: str
    cell: str
    fold: str | None
    """Part in the data set's split: train, valid or test; None where the split does not list the gene."""
    trained: bool
    """Whether the weights came out of a training run; if not, what follows from them means nothing."""
    observed_log10: float | None = None
    """log10(1 + CAGE)."""
    predicted_log10: float | None = None
    promoter_only_log10: float | None = None
    """Predicted with the mask 0 outside the promoter centre."""
    error_log10: float | None = None
    """Predicted minus observed."""
    mask_ratio_outside_promoter: float | None = None
    """Mean of the mask over the window outside the promoter centre, 0..1."""
    n_elements: int | None = None
    """Called elements, all outside the promoter centre."""
    n_peaks: int | None = None
    """MACS3 peaks in the window; None without a DNase track and without a peak file."""
    jaccard: float | None = None
    """Elements and peaks by base, outside the promoter centre: shared / in either. None where both are empty."""
    precision: float | None = None
    """Share of element bases inside a peak; None without elements."""
    recall: float | None = None
    """Share of peak bases inside an element; None without peaks."""
    n_causal_elements: int | None = None
    """True elements that this gene's expression depends on, with a base that could be called; None: unknown."""
    causal_precision: float | None = None
    """Share of called elements that hold a base of a causal one; None without called elements."""
    causal_recall: float | None = None
    """Share of causal elements that meet a called one; None without causal elements."""
    what_if: str = ""
    """What differs from how the checkpoint was trained, such as a missing track; empty = faithful."""
    problem: str = ""
    """Why the window could not be scored; such a row is tried again the next time."""

    @property
    def key(self) -> GeneInCell:
        """Gene id and cell type: no two rows of a file share them."""
        return self.gene_id, self.cell


@dataclass(frozen=True, slots=True)
class ScoredWhat:
    """The data set and checkpoint that the rows of a file are of, as its metadata say."""

    dataset: str
    dataset_hash: str
    checkpoint: str
    checkpoint_hash: str
    trained: bool
    mode: str
    threshold: float
    window_bp: int
    seq2exp_version: str = __version__
    """Of the program that wrote the rows; several versions are joined by commas."""

    def same(self, other: ScoredWhat) -> bool:
        """Whether rows of one may stand beside rows of the other."""
        return (self.dataset_hash, self.checkpoint_hash) == (other.dataset_hash, other.checkpoint_hash)

    def __str__(self) -> str:
        return f"data set {self.dataset} {self.dataset_hash} with checkpoint {self.checkpoint} {self.checkpoint_hash}"


@dataclass(frozen=True, eq=False)
class ScoreFile:
    """What a file of gene scores holds."""

    of: ScoredWhat
    table: pa.Table
    """Columns as the fields of `GeneScore`; cell types as they come, genes by chromosome name and TSS."""

    @property
    def done(self) -> frozenset[GeneInCell]:
        """Keys of the rows that hold scores: those with a problem are not among them."""
        columns = self.table.select(["gene_id", "cell", "problem"]).to_pydict()
        rows = zip(columns["gene_id"], columns["cell"], columns["problem"], strict=True)
        return frozenset((gene_id, cell) for gene_id, cell, problem in rows if not problem)


def scores_path(cache_dir: Path, dataset_hash: str, checkpoint_hash: str) -> Path:
    """Where the scores of a data set under a checkpoint are kept, so that the app finds them."""
    return cache_dir / "scores" / f"{dataset_hash}-{checkpoint_hash}.parquet"


def score_schema() -> pa.Schema:
    """A column per field of `GeneScore`; those that may be None are nullable."""
    hints = get_type_hints(GeneScore)
    columns = []
    for field in dataclasses.fields(GeneScore):
        hint = hints[field.name]
        nullable = hint not in _TYPES
        kind = next(kind for kind in _TYPES if kind is hint or kind in getattr(hint, "__args__", ()))
        columns.append(pa.field(field.name, _TYPES[kind], nullable=nullable))
    return pa.schema(columns)


def read_scores(path: Path) -> ScoreFile:
    """The rows of a score file and what they are of.

    Raises
    ------
    SourceError
        Absent, unreadable, or not a score file of this format.
    """
    try:
        table = pq.read_table(path)
    except FileNotFoundError as error:
        raise SourceError(f"{path}: no such score file; python -m seq2exp score writes it") from error
    except (OSError, pa.ArrowException) as error:
        raise SourceError(
            f"{path}: not a readable Parquet file ({_one_line(error)}); remove it or name another"
        ) from error
    try:
        facts = json.loads((table.schema.metadata or {})[_METADATA])
        version = facts.pop("format_version")
        of = ScoredWhat(**facts)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SourceError(f"{path}: Parquet, but no score file of seq2exp; remove it or name another") from error
    if version != FORMAT_VERSION or not table.schema.equals(score_schema()):
        raise SourceError(
            f"{path}: score file of format {version} by seq2exp {of.seq2exp_version}, this program reads format "
            f"{FORMAT_VERSION}; remove it or name another"
        )
    return ScoreFile(of, table)


def read_scores_of(path: Path, of: ScoredWhat) -> ScoreFile | None:
    """The rows in ``path``, which must be ``of`` the same data and weights; None where there is no file yet.

    Raises
    ------
    SourceError
        As `read_scores`; also a file of other hashes, both of which are named.
    """
    if not path.is_file():
        return None
    found = read_scores(path)
    if not found.of.same(of):
        raise SourceError(f"{path}: holds scores of {found.of}, not of {of}; name another file or remove it")
    return found


def add_scores(path: Path, of: ScoredWhat, rows: Sequence[GeneScore]) -> None:
    """Put ``rows`` into the file, in place of earlier ones of the same genes and cell types.

    The file is replaced in one step, and one process at a time does so: whoever reads it finds whole rows, and two
    runs that fill one file lose nothing of each other.

    Raises
    ------
    SourceError
        As `read_scores_of`; also a folder that cannot be written.
    """
    if not rows:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path):
            before = read_scores_of(path, of)
            with whole_file(path) as partial:
                pq.write_table(_merged(before, of, rows), partial, compression="zstd")
    except OSError as error:
        raise SourceError(f"{path}: cannot be written ({error.strerror or error}); name another file") from error


def _merged(before: ScoreFile | None, of: ScoredWhat, rows: Sequence[GeneScore]) -> pa.Table:
    schema = score_schema()
    table = pa.Table.from_pylist([dataclasses.asdict(row) for row in rows], schema=schema)
    versions = [of.seq2exp_version]
    if before is not None:
        new = {row.key for row in rows}
        keys = before.table.select(["gene_id", "cell"]).to_pydict()
        kept = [key not in new for key in zip(keys["gene_id"], keys["cell"], strict=True)]
        table = pa.concat_tables([before.table.replace_schema_metadata(None).filter(pa.array(kept, pa.bool_())), table])
        versions = before.of.seq2exp_version.split(", ") + versions
    table = table.sort_by([(name, "ascending") for name in ("cell", "chrom", "tss", "gene_id")])
    facts = dataclasses.asdict(of) | {"seq2exp_version": ", ".join(dict.fromkeys(versions))}
    return table.replace_schema_metadata({_METADATA: json.dumps({"format_version": FORMAT_VERSION, **facts})})


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Wait for the file's lock and hold it; the system lets go of it however the process ends."""
    try:
        import fcntl
    except ImportError:  # no such locks on Windows
        yield
        return
    with path.with_name(f".{path.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
