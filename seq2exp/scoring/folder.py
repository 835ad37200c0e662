"""The folder that scoring fills: plan, shards with their claims, merged files; nothing half-written bears its name."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from seq2exp.errors import ScoringError
from seq2exp.files import remove_partials, whole_file, write_whole
from seq2exp.scoring.plan import Plan, differences
from seq2exp.scoring.windows import shard_schema

PLAN_FILE, CARD_FILE, SCORES_FILE, ELEMENTS_FILE, SHARDS = (
    "plan.json",
    "card.json",
    "scores.parquet",
    "elements.bed",
    "shards",
)
METADATA, MADE = b"seq2exp", b"seq2exp_made"
"""Keys of a shard's metadata: the plan's facts, which must be equal; and who made it in what time, which need not."""


@dataclass(frozen=True)
class ScoreFolder:
    """Paths and states of one folder; made by `open_folder`."""

    path: Path
    plan: Plan

    def shard_path(self, number: int) -> Path:
        """Where a finished shard lies."""
        return self.path / SHARDS / f"{number:05d}.parquet"

    @property
    def card(self) -> Path:
        """Written last: where it is, everything is."""
        return self.path / CARD_FILE

    def mask_path(self, cell_type: str) -> Path:
        """The bigWig of a cell type's masks."""
        safe = "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in cell_type)
        return self.path / f"mask.{safe}.bw"

    @property
    def results(self) -> tuple[Path, ...]:
        """The merged files."""
        tracks = [self.mask_path(cell) for cell in self.plan.cells] if self.plan.settings.bigwig else []
        return (self.path / SCORES_FILE, self.path / ELEMENTS_FILE, *tracks)

    @property
    def complete(self) -> bool:
        """Whether everything is scored and merged."""
        return self.card.is_file() and all(path.is_file() for path in self.results)

    def missing(self) -> list[int]:
        """Numbers of the shards that are not there."""
        return [number for number in range(self.plan.n_shards) if not self.shard_path(number).is_file()]

    def finished(self, number: int) -> bool:
        """Whether a shard is there and of this plan.

        Raises
        ------
        ScoringError
            It is of another plan, or damaged.
        """
        path = self.shard_path(number)
        if not path.is_file():
            return False
        try:
            metadata = pq.read_schema(path).metadata or {}
            header = json.loads(metadata[METADATA])
        except (OSError, pa.ArrowException, KeyError, ValueError) as error:
            raise ScoringError(f"{path}: no shard of scores; remove it and it is scored again") from error
        differing = differences(header, {**self.plan.facts, "shard": number})
        if differing:
            raise ScoringError(f"{path}: of another run ({differing}); give another --out or remove it")
        return True

    def write_shard(self, number: int, rows: Sequence[Mapping[str, Any]], made: Mapping[str, Any]) -> None:
        """Put a finished shard in its place, in one step.

        Raises
        ------
        ScoringError
            No room, no permission.
        """
        facts = json.dumps({**self.plan.facts, "shard": number})
        schema = shard_schema().with_metadata({METADATA: facts, MADE: json.dumps(made)})
        table = pa.Table.from_pylist(list(rows), schema=schema)
        path = self.shard_path(number)
        with writing(path), whole_file(path) as partial:
            pq.write_table(table, partial, compression="zstd")

    def read_shard(self, number: int, columns: Sequence[str]) -> pa.Table:
        """The named columns of a shard.

        Raises
        ------
        ScoringError
            It cannot be read.
        """
        path = self.shard_path(number)
        try:
            return pq.ParquetFile(path).read(columns=list(columns))
        except (OSError, pa.ArrowException) as error:
            reason = " ".join(str(error).split())[:200]
            raise ScoringError(f"{path}: cannot be read ({reason}); remove it and it is scored again") from error

    @contextmanager
    def claimed(self, number: int) -> Iterator[bool]:
        """Hold a shard for this process; False: a living process holds it. The system lets go of a dead one's."""
        path = self.shard_path(number).with_suffix(".lock")
        with _opened(path) as file:
            free = _lock(file, wait=False)
            if free:
                with writing(path):
                    file.truncate(0)
                    file.write(f"{os.getpid()}\n")  # whose it is, for people
                    file.flush()
                    remove_partials(path.parent, f"{number:05d}.")
            yield free

    @contextmanager
    def merging(self) -> Iterator[None]:
        """Wait for another process that merges this folder."""
        with _opened(self.path / ".merge.lock") as file:
            _lock(file, wait=True)
            yield

    def tidy(self) -> None:
        """Remove the claims; only when nothing is left to score."""
        for path in (self.path / SHARDS).glob("*.lock"):
            path.unlink(missing_ok=True)


def open_folder(out: Path, plan: Plan) -> ScoreFolder:
    """The folder ``out``, made if absent, which holds nothing or an earlier start of the same plan.

    Raises
    ------
    ScoringError
        It is a file, holds other files or another plan, or cannot be written.
    """
    if out.exists() and not out.is_dir():
        raise ScoringError(f"{out}: is a file; scores go into a folder, give another --out")
    folder, path = ScoreFolder(out, plan), out / PLAN_FILE
    if path.is_file():
        _require_same(path, plan)
        with writing(out):
            (out / SHARDS).mkdir(exist_ok=True)
        return folder
    if out.is_dir() and (others := sorted(p.name for p in out.iterdir() if not p.name.startswith("."))):
        if path.is_file():  # another process of this run was quicker
            return open_folder(out, plan)
        raise ScoringError(
            f"{out}: holds {', '.join(others[:3])} and no {PLAN_FILE}; give an empty or another folder as --out"
        )
    text = json.dumps(dict(plan.facts), indent=1) + "\n"
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
    with writing(path):
        write_whole(path, text.encode())
    return open_folder(out, plan)


def _require_same(path: Path, plan: Plan) -> None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        differing = differences(found, plan.facts)
    except (OSError, ValueError, AttributeError) as error:
        raise ScoringError(f"{path}: not a plan of scores ({error}); give another --out") from error
    if differing:
        raise ScoringError(f"{path}: the folder holds scores of another run ({differing}); give another --out")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """The system's refusals as ScoringError."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or " ".join(str(error).split())[:200]
        raise ScoringError(
            f"{path}: cannot be written ({reason}); free some space or give another --out; finished shards are kept"
        ) from error


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    with writing(path):
        file = path.open("a+")
    try:
        yield file
    finally:
        file.close()


def _lock(file: IO[str], *, wait: bool) -> bool:
    """Whether the lock of ``file`` is now this process's; always where system or disk have no such locks.

    Without them two processes may make the same shard: time is lost, the result is the same.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # some network disks
        return True
    return True
