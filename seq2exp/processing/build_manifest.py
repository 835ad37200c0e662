"""The manifest of a built data set: blocks of its sources, and the file that is written last."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from seq2exp.files import whole_file
from seq2exp.processing.build_inputs import Found
from seq2exp.processing.build_steps import MANIFEST_FILE
from seq2exp.sources.catalogue import Catalogue, CatalogueSource
from seq2exp.sources.manifest import (
    Checksum,
    Content,
    FileFacts,
    Manifest,
    Role,
    Source,
    Url,
    WindowFacts,
)

FORMATS = frozenset(get_args(FileFacts.model_fields["format"].annotation))
"""Formats a data set can hold; the catalogue knows more."""

_HEAD = """\
# Written by `python -m seq2exp data build`, and written anew by it: put changes into its options, or build elsewhere.
"""


def upstream_source(
    found: Found,
    role: Role,
    out: Path,
    *,
    cell_type: str | None = None,
    summary: Mapping[str, Any] | None = None,
    normalisation: str | None = None,
) -> Source:
    """The block of a file taken as it was published, where it lies or by its address."""
    source = found.source
    stated = {name: getattr(source.content, name) for name in Content.model_fields}
    stated |= {} if summary is None else {"summary": dict(summary)}
    stated |= {} if normalisation is None else {"normalisation": normalisation}
    return Source(
        id=source.id,
        title=source.title,
        role=role,
        cell_type=cell_type,
        local_path=os.path.relpath(found.path, out),
        file=FileFacts(
            format=source.file.format,  # type: ignore[arg-type]  # checked by pydantic; the caller offers FORMATS alone
            compression=source.file.compression,
            chrom_naming=source.file.chrom_naming,
            assembly=source.file.assembly,
            size_bytes=found.path.stat().st_size if found.here else source.file.size_bytes,
            checksum=Checksum(md5=source.file.checksum.md5, sha256=source.file.checksum.sha256),
        ),
        content=Content(**stated),
        url=Url(primary=source.url.primary, mirrors=list(source.url.mirrors)),
        accession=source.accession,
        derived_from=list(source.derived_from),
        processing=source.processing,
        licence=source.licence,
        citations=list(source.citations),
        warnings=list(source.warnings),
        notes=source.notes,
    )


def derived_source(
    made_from: Sequence[CatalogueSource],
    *,
    id: str,
    title: str,
    role: Role,
    path: str,
    file_format: str,
    out: Path,
    sha256: str,
    processing: str,
    content: Content,
    cell_type: str | None = None,
    compression: Literal["none", "bgzip"] = "none",
) -> Source:
    """The block of a file the build wrote into ``out``; terms and warnings are those of what it came from."""
    return Source(
        id=id,
        title=title,
        role=role,
        cell_type=cell_type,
        local_path=path,
        file=FileFacts(
            format=file_format,  # type: ignore[arg-type]  # checked by pydantic
            compression=compression,
            size_bytes=(out / path).stat().st_size,
            checksum=Checksum(sha256=sha256),
        ),
        content=content,
        derived_from=[source.id for source in made_from],
        processing=processing,
        licence=next((source.licence for source in made_from), None),
        citations=list(dict.fromkeys(key for source in made_from for key in source.citations)),
        warnings=list(dict.fromkeys(words for source in made_from for words in source.warnings)),
    )


def assemble(
    catalogue: Catalogue,
    sources: Iterable[Source],
    *,
    name: str,
    title: str,
    cells: Sequence[str],
    chromosomes: Sequence[str],
    lengths: Mapping[str, int] | None,
    window: WindowFacts,
) -> Manifest:
    """The whole manifest, checked against its schema."""
    blocks = list(sources)
    licences = {block.licence for block in blocks}
    citations = {key for block in blocks for key in block.citations}
    return Manifest(
        manifest_version=1,
        name=name,
        title=title,
        genome_build=catalogue.genome_build,
        chromosomes=list(chromosomes),
        chromosome_lengths=None if lengths is None else dict(lengths),
        window=window,
        cell_types=list(cells),
        licences=[licence for licence in catalogue.licences if licence.key in licences],
        citations=[citation for citation in catalogue.citations if citation.key in citations],
        sources=blocks,
    )


def written(manifest: Manifest) -> bytes:
    """The manifest as YAML: the same values give the same bytes."""
    content = manifest.model_dump(mode="json", exclude_none=True)
    for block in content["sources"]:
        block["file"] = {key: value for key, value in block["file"].items() if value != {}}
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)
    return (_HEAD + text).encode()


@contextmanager
def draft(out: Path, content: bytes) -> Iterator[Path]:
    """The manifest's bytes to open and check; the manifest of ``out`` once the block ends well, else gone.

    A manifest of the same bytes that stands already is itself the draft, and stays as it is.
    """
    manifest = out / MANIFEST_FILE
    if manifest.is_file() and manifest.read_bytes() == content:
        yield manifest
    else:
        with whole_file(manifest) as partial:
            partial.write_bytes(content)
            yield partial
