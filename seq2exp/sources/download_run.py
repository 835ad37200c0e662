"""A plan of downloads carried out: several files at once, each written down in the ledger as it comes."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seq2exp.errors import DownloadError, Seq2ExpError
from seq2exp.sources.catalogue import Catalogue, CatalogueSource
from seq2exp.sources.catalogue_entries import Repository
from seq2exp.sources.catalogue_ledger import Recorded, read_ledger, record, record_folder
from seq2exp.sources.catalogue_measure import against_stated, measure
from seq2exp.sources.download_archive import unpack
from seq2exp.sources.download_cancel import Cancel, CancelledError
from seq2exp.sources.download_http import Manner, Report, Wanted, fetch
from seq2exp.sources.download_hub import HubFile, list_repository
from seq2exp.sources.download_plan import Plan, Step
from seq2exp.sources.wholeness import cut_off

Progress = Callable[[str, int, int | None], None]
"""Called with the id of a file, the bytes that are here and the bytes there will be (None: not known)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did."""

    done: tuple[str, ...]
    """Ids of what came, or was measured."""
    problems: tuple[str, ...]
    """One line for each source that did not come."""

    def to_dict(self) -> dict[str, Any]:
        """For --json."""
        return {"done": list(self.done), "problems": list(self.problems)}


@dataclass(frozen=True, slots=True)
class Choices:
    """How a plan is carried out."""

    jobs: int
    """Files at once."""
    manner: Manner
    accept_changed: bool = False
    """Take what upstream has now, whatever came at the first download."""
    hub_endpoint: str | None = None
    """Another hub than huggingface.co."""


def carry_out(catalogue: Catalogue, plan: Plan, choices: Choices, progress: Progress, cancel: Cancel) -> Outcome:
    """Brings everything the plan lacks; a file that fails does not keep the others from coming.

    Raises
    ------
    DownloadError
        The ledger cannot be read or written.
    CancelledError
        `cancel` was set; what came is kept and resumed by the next run.
    """
    run = _Run(plan.files_dir, choices, progress, cancel)
    members: dict[str, list[Step]] = {}
    for step in plan.to_do:
        if step.action == "unpack":
            members.setdefault(step.source.unpacked_from or "", []).append(step)
    with ThreadPoolExecutor(max_workers=choices.jobs, thread_name_prefix="download") as pool:
        waiting: list[Future[None]] = []
        for step in plan.steps:
            after = members.pop(step.source.id, [])
            if step.action == "unpack" or (step.action == "have" and not after):
                continue
            waiting.append(pool.submit(run.chain, step, after))
        problems: list[str] = []
        try:
            wait(waiting)
            for future in waiting:
                with suppress(CancelledError):
                    problems += _problem_of(future)
        except BaseException:
            cancel.set()  # leaving the block waits for the threads
            raise
    cancel.check()
    return Outcome(tuple(step.source.id for step in plan.to_do if step.source.id in run.done), tuple(problems))


def _problem_of(future: Future[None]) -> list[str]:
    """What a user should read of a thread that failed; what is no error of ours goes on."""
    try:
        future.result()
    except Seq2ExpError as error:
        return [str(error)]
    return []


class _Run:
    """One run: what its threads share."""

    def __init__(self, files_dir: Path, choices: Choices, progress: Progress, cancel: Cancel) -> None:
        self.files_dir = files_dir
        self.choices = choices
        self.progress = progress
        self.cancel = cancel
        self.ledger = read_ledger(files_dir)
        self.done: set[str] = set()
        self._slots = threading.BoundedSemaphore(choices.jobs)

    def chain(self, step: Step, after: list[Step]) -> None:
        """One source, and what is unpacked from it."""
        source = step.source
        if step.action == "measure":
            self._measure(source)
        elif source.repository is not None:
            self._repository(source, source.repository)
        elif step.action != "have":
            self._keep(source.id, self._fetch(source, self._addresses(source)))
        for member in after:
            one = member.source
            came = unpack(
                self.files_dir / source.local_path,
                one.archive_member or "",
                self._wanted(one, ()),
                lambda done, total, id=one.id: self.progress(id, done, total),  # type: ignore[misc]
                self.cancel,
            )
            self._keep(one.id, came)

    @staticmethod
    def _addresses(source: CatalogueSource) -> tuple[str, ...]:
        return (source.url.primary or "", *source.url.mirrors)

    def _wanted(self, source: CatalogueSource, addresses: tuple[str, ...], file: HubFile | None = None) -> Wanted:
        stated = source.file
        return Wanted(
            id=source.id,
            addresses=addresses,
            target=self.files_dir / source.local_path,
            file_format=stated.format,
            compression=stated.compression,
            size_bytes=stated.size_bytes if file is None else file.size_bytes,
            md5=stated.checksum.md5,
            sha256=stated.checksum.sha256 if file is None else file.sha256,
            recorded=None if self.choices.accept_changed else self.ledger.files.get(source.id),
            ledger_path=source.local_path,
        )

    def _fetch(self, source: CatalogueSource, addresses: tuple[str, ...], file: HubFile | None = None) -> Recorded:
        with self._slot():
            return fetch(
                self._wanted(source, addresses, file),
                self.choices.manner,
                lambda done, total: self.progress(source.id, done, total),
                self.cancel,
            )

    def _keep(self, id: str, came: Recorded) -> None:
        record(self.files_dir, id, came)
        self.done.add(id)

    def _measure(self, source: CatalogueSource) -> None:
        """A file that was put there by other means is compared with what is stated, and written down."""
        path = self.files_dir / source.local_path
        came = measure(path, source.local_path, lambda done, total: self.progress(source.id, done, total), self.cancel)
        problem = against_stated(source, came) or cut_off(
            path, source.file.format, source.file.compression, thorough=True
        )
        if problem is not None:
            raise DownloadError(f"{source.id}: {path}: {problem}; move it away, and the same command fetches it")
        self._keep(source.id, came)

    def _repository(self, source: CatalogueSource, repository: Repository) -> None:
        before = self.ledger.folders.get(source.id)
        revision = None if before is None or self.choices.accept_changed else before.revision
        listing = list_repository(repository, revision, endpoint=self.choices.hub_endpoint)
        if repository.member is not None:
            file = listing.files[0]
            self._keep(source.id, self._fetch(source, (file.address,), file))
            return
        record_folder(self.files_dir, source.id, listing.revision)
        kept = before.files if before is not None and before.revision == listing.revision else {}
        missing = [file for file in listing.files if not self._is_here(kept.get(file.path))]
        total = sum(file.size_bytes or 0 for file in listing.files)
        self._require_room(source, sum(file.size_bytes or 0 for file in missing))
        here = {file.path: 0 if file in missing else file.size_bytes or 0 for file in listing.files}

        def one(file: HubFile) -> None:
            def report(done: int, _: int | None) -> None:
                here[file.path] = done
                self.progress(source.id, sum(here.values()), total)

            found = self._one_of_repository(source, file, report)
            record_folder(self.files_dir, source.id, listing.revision, {file.path: found})

        with ThreadPoolExecutor(max_workers=self.choices.jobs, thread_name_prefix="repository") as pool:
            futures = [pool.submit(one, file) for file in missing]
        problems = [problem for future in futures for problem in _problem_of(future)]
        if problems:
            raise DownloadError("; ".join(problems))
        record_folder(self.files_dir, source.id, listing.revision, whole=True)
        self.done.add(source.id)

    def _is_here(self, recorded: Recorded | None) -> bool:
        if recorded is None:
            return False
        path = self.files_dir / recorded.path
        return path.is_file() and path.stat().st_size == recorded.size_bytes

    def _require_room(self, source: CatalogueSource, n_bytes: int) -> None:
        free = shutil.disk_usage(self.files_dir).free
        if free < n_bytes:
            raise DownloadError(
                f"{source.id}: {free:,} bytes are free in {self.files_dir} where {n_bytes:,} more are needed; "
                f"free the disk or give another folder"
            )

    def _one_of_repository(self, source: CatalogueSource, file: HubFile, report: Report) -> Recorded:
        local = f"{source.local_path}/{file.path}"
        wanted = Wanted(
            id=f"{source.id}/{file.path}",
            addresses=(file.address,),
            target=self.files_dir / local,
            file_format="any",
            size_bytes=file.size_bytes,
            sha256=file.sha256,
            ledger_path=local,
        )
        if file.size_bytes == 0:
            wanted.target.parent.mkdir(parents=True, exist_ok=True)
            wanted.target.write_bytes(b"")
            return measure(wanted.target, local, report, self.cancel)
        with self._slot():
            return fetch(wanted, self.choices.manner, report, self.cancel)

    @contextmanager
    def _slot(self) -> Iterator[None]:
        """One of the so many files at once, repositories and single files together."""
        while not self._slots.acquire(timeout=0.1):
            self.cancel.check()
        try:
            yield
        finally:
            self._slots.release()
