"""The catalogue, its state on disk and a plan in lines for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tqdm import tqdm

from seq2exp.sources.catalogue import Catalogue, CatalogueSource
from seq2exp.sources.catalogue_state import FileState
from seq2exp.sources.download_plan import Plan, Step

if TYPE_CHECKING:  # the readers it loads are no use to `data list`
    from seq2exp.sources.catalogue_check import Finding


def size(n_bytes: float | None) -> str:
    """Bytes in their largest unit of powers of ten; ? where not known."""
    if n_bytes is None:
        return "?"
    if n_bytes < 1000:
        return f"{n_bytes:.0f} B"
    number = tqdm.format_sizeof(n_bytes)
    return f"{number[:-1]} {number[-1]}B"


def span(likely: tuple[int, int] | None) -> str:
    """Least to most bytes; ? where not known."""
    if likely is None:
        return "?"
    least, most = size(likely[0]), size(likely[1])
    return f"about {least}" if least == most else f"{least} to {most}"


def listing(catalogue: Catalogue, sources: Sequence[CatalogueSource], states: Sequence[FileState]) -> Iterator[str]:
    """`data list`: id, size, state, licence and title, one line each."""
    rows = [("id", "size", "state", "licence", "title")]
    for source, state in zip(sources, states, strict=True):
        known = state.expected_bytes if state.expected_bytes is not None else state.size_bytes
        amount = span(source.file.expected_bytes) if known is None else size(known)
        shown = state.state if source.obtainable or state.state != "absent" else "no address"
        rows.append((source.id, amount, shown, _terms(catalogue, source), source.title))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    for row in rows:
        yield "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]])
    counts = Counter(state.state for state in states)
    yield "; ".join(f"{number} {state}" for state, number in sorted(counts.items()))


def explanation(catalogue: Catalogue, source: CatalogueSource, state: FileState) -> Iterator[str]:
    """`data explain`: everything known of one source."""
    file, content = source.file, source.content
    yield f"{source.id}: {source.title}"
    for warning in source.warnings:
        yield f"  WARNING: {warning}"
    yield f"  kind: {source.category}; cell type: {source.cell_type or 'every'}"
    if source.stands_in_for is not None:
        yield f"  another version of {source.stands_in_for}: for a what-if, never taken in its place unasked"
    here = "" if state.size_bytes is None else f", {size(state.size_bytes)}"
    yield f"  state: {state.state}{here} at {state.path}"
    came = state.recorded
    if came is not None:
        yield f"  came {came.when} from {came.url or 'an archive, or by hand'}: md5 {came.md5}, sha256 {came.sha256}"
    if state.problem is not None:
        yield f"  PROBLEM: {state.problem}"
    assembly = file.assembly or catalogue.genome_build
    compressed = "" if file.compression == "none" else f", {file.compression}"
    named = f", chromosomes named like {file.chrom_naming}"
    yield f"  file: {file.format}{compressed}, {assembly}{named}{f', {file.coordinates}' if file.coordinates else ''}"
    stated = [f"{file.size_bytes:,} bytes"] if file.size_bytes is not None else []
    stated += [f"md5 {file.checksum.md5}"] if file.checksum.md5 else []
    stated += [f"sha256 {file.checksum.sha256}"] if file.checksum.sha256 else []
    if file.expected_bytes is not None:
        stated.append(f"{span(file.expected_bytes)} expected")
    yield f"  stated: {', '.join(stated) or 'neither size nor checksum: the first download records them'}"
    numbers = [
        content.output_type,
        f"unit {content.unit}" if content.unit else None,
        f"resolution {content.resolution_bp:,} bp" if content.resolution_bp else None,
        f"normalisation {content.normalisation}" if content.normalisation else None,
        f"replicates {', '.join(content.replicates)}" if content.replicates else None,
        content.lab,
        *(f"{key}: {number:,}" for key, number in content.counts.items()),
    ]
    if any(numbers):
        yield f"  content: {'; '.join(part for part in numbers if part)}"
    yield from _origin(catalogue, source)
    if source.processing is not None:
        yield f"  processing: {source.processing}"
    if source.derived_from:
        yield f"  derived from: {', '.join(source.derived_from)}"
    if source.official_path is not None:
        yield f"  in the published folder: {source.official_path}"
    if source.used_by_steps:
        yield f"  used by steps: {', '.join(source.used_by_steps)}"
    tasks = [f"{task} ({level})" for task, level in catalogue.tasks_of(source)]
    yield f"  tasks: {', '.join(tasks) or 'none'}"
    terms = catalogue.licence(source.licence)
    shared = f"; redistribution: {terms.redistribution.replace('_', ' ')}" if terms.redistribution else ""
    yield f"  licence: {terms.name}{shared}"
    for key in source.citations:
        citation = catalogue.citation(key)
        yield f"  cite: {citation.text}{f', doi {citation.doi}' if citation.doi else ''}"
    sure = source.confidence
    yield (
        f"  confidence: identity {sure.identity}, address {sure.url}, size and checksum {sure.checksum}, "
        f"licence {sure.licence} ({sure.evidence})"
    )
    yield f"  last checked against the server: {source.last_checked or 'never'}"
    if source.notes is not None:
        yield f"  notes: {source.notes}"


def _origin(catalogue: Catalogue, source: CatalogueSource) -> Iterator[str]:
    accession = source.accession
    if accession is not None:
        parts = [accession.file, accession.experiment, accession.revision and f"revision {accession.revision}"]
        yield f"  accession: {accession.portal} {', '.join(part for part in parts if part)}"
    addresses = [address for address in (source.url.primary, *source.url.mirrors) if address is not None]
    if source.repository is not None:
        addresses.append(f"https://huggingface.co/{source.repository.repo_id}")
        what = f"the file ending with {source.repository.member}" if source.repository.member else "all its files"
        yield f"  from: {source.repository.repo_type} {source.repository.repo_id} on Hugging Face, {what}"
    elif source.unpacked_from is not None:
        yield f"  from: {source.archive_member} in {source.unpacked_from}"
    elif not addresses:
        yield "  from: no public address is known"
    for number, address in enumerate(addresses):
        if source.repository is None:
            yield f"  {'mirror' if number else 'from'}: {address}"
        server = catalogue.server(address)
        if server is not None:
            yield (
                f"    {server.host}: login {server.login}, redirects {server.redirects}, ranges {server.ranges}, "
                f"other web pages {server.cors} ({server.confidence})"
            )
            if server.notes is not None:
                yield f"    {server.notes}"


def planned(catalogue: Catalogue, plan: Plan) -> Iterator[str]:
    """`data get`, before anything is fetched."""
    rows = [(step.action, step.source.id, _left(step), _terms(catalogue, step.source)) for step in plan.steps]
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(3)]
    for step, row in zip(plan.steps, rows, strict=True):
        yield "  ".join(
            [*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3], step.source.title]
        )
        if step.state.problem is not None:
            yield f"    {step.state.problem}"
    least, most = plan.likely_bytes
    more = f", and {span((least, most))} of files whose size is not known exactly" if most else ""
    unknown = f", and what has no known size ({', '.join(plan.unknown)})" if plan.unknown else ""
    yield f"to come: {size(plan.known_bytes)}{more}{unknown}"
    yield f"into {plan.files_dir}, where {size(plan.free_bytes)} are free{'' if plan.fits else ': TOO LITTLE'}"


def _left(step: Step) -> str:
    if step.action == "have":
        return "here"
    if step.left_bytes is not None:
        return size(step.left_bytes)
    return span(step.likely_bytes)


def _terms(catalogue: Catalogue, source: CatalogueSource) -> str:
    terms = catalogue.licence(source.licence)
    return terms.spdx or terms.name


def findings(found: Sequence[Finding]) -> Iterator[str]:
    """`data check`: what is here, and what is wrong."""
    for finding in found:
        for problem in finding.problems:
            yield f"WRONG    {finding.id}: {problem} ({finding.path})"
        if not finding.problems and finding.state == "present":
            yield f"ok       {finding.id}: {', '.join(finding.checked)}"
        elif not finding.problems and finding.state == "partial":
            yield f"partial  {finding.id}: `data get --only {finding.id}` resumes it"
    counts = Counter(finding.state for finding in found)
    yield "; ".join(f"{number} {state}" for state, number in sorted(counts.items()))
