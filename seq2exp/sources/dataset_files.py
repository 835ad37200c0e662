"""The files of a manifest: where each is, whether it is what the manifest says, and the hash that names them all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from seq2exp.errors import ManifestError, SourceError
from seq2exp.genome import Assembly
from seq2exp.sources.bigwig import bigwig_sizes
from seq2exp.sources.contact_store import stored_sizes
from seq2exp.sources.hic import contact_sizes
from seq2exp.sources.hic_feat import feat_sizes
from seq2exp.sources.manifest import Manifest, Source
from seq2exp.sources.remote import Place, RemoteFile, is_offline
from seq2exp.sources.sequence import sequence_sizes

STREAMED_FORMATS = frozenset({"bigWig", "2bit", "fasta", "hic"})
"""What is read by ranges where the file is not on disk and the data set was opened with ``remote``."""


def find_files(
    manifest_path: Path, manifest: Manifest, cache_dir: Path | None
) -> tuple[dict[str, Path], dict[str, RemoteFile]]:
    """Files on disk and, where there is a cache for them, files to stream, by source id; an error for all others."""
    on_disk: dict[str, Path] = {}
    streamed: dict[str, RemoteFile] = {}
    absent, could_stream = [], 0
    for source in manifest.sources:
        path = manifest_path.parent / source.local_path
        streams = source.file.format in STREAMED_FORMATS and source.url.primary is not None
        if path.is_file():
            on_disk[source.id] = path
        elif streams and cache_dir is not None and source.url.primary is not None:
            index = source.content.normalisation_index
            streamed[source.id] = RemoteFile(
                source.url.primary,
                cache_dir,
                stated_size=_stated_size(source),
                normalisation_index=None if index is None else (index[0], index[1]),
                offline=is_offline(),
            )
        else:
            absent.append(f"{source.id} ({path})")
            could_stream += streams
    if absent:
        hint = f", {could_stream} of which predict and app can stream (--remote)" if could_stream else ""
        raise ManifestError(
            f"{manifest_path}: {len(absent)} of {len(manifest.sources)} files are absent{hint}: {'; '.join(absent)}"
        )
    return on_disk, streamed


def _stated_size(source: Source) -> int | None:
    """Bytes of what the source's address serves, where the manifest states them."""
    return source.file.size_bytes if source.url.size_bytes is None else source.url.size_bytes


def reference_lengths(manifest: Manifest, on_disk: Path | None, streamed: RemoteFile | None) -> dict[str, int]:
    """Lengths of the reference's chromosomes: of the file itself on disk; as stated, or in use, of a streamed one."""
    stated = manifest.chromosome_lengths
    if on_disk is not None:
        found = sequence_sizes(on_disk)
        wrong = [name for name, length in (stated or {}).items() if found.get(name, length) != length]
        if wrong:
            raise SourceError(f"{on_disk}: {wrong[0]} has {found[wrong[0]]:,} bp, chromosome_lengths says otherwise")
        return found
    assert streamed is not None
    return dict(stated) if stated is not None else sequence_sizes(streamed, manifest.chromosomes)


def check_bytes(source: Source, path: Path, *, verify: bool) -> None:
    """Refuse a file of another size than stated; ``verify``: of another checksum too, which reads it whole."""
    stated, found = source.file.size_bytes, path.stat().st_size
    if stated is not None and stated != found:
        raise SourceError(
            f"{path}: has {found:,} bytes, the manifest says {stated:,}; it is another file or incomplete"
        )
    digests = {"md5": source.file.checksum.md5, "sha256": source.file.checksum.sha256} if verify else {}
    for algorithm, expected in digests.items():
        if expected is None:
            continue
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, algorithm).hexdigest()
        if digest != expected:
            raise SourceError(f"{path}: {algorithm} is {digest}, the manifest says {expected}; fetch it again")


def check_assembly(source: Source, path: Place, assembly: Assembly, reference: str) -> None:
    """Refuse a track or map whose chromosome lengths are not those of the reference."""
    if source.file.format == "bigWig":
        sizes = bigwig_sizes(path)
    elif source.file.format in ("hic", "cool", "mcool"):
        sizes = contact_sizes(path)
    elif source.file.format == "contacts" and isinstance(path, Path):
        sizes = stored_sizes(path)
    elif source.file.format == "hic_feat" and isinstance(path, Path):
        sizes = feat_sizes(path)
    else:
        return
    shared = {chrom: assembly.match(chrom) for chrom in sizes}
    if not any(shared.values()):
        raise SourceError(
            f"{path}: none of its chromosomes ({', '.join(list(sizes)[:10])}) is in {reference} "
            f"({', '.join(list(assembly.chrom_sizes)[:10])})"
        )
    for chrom, length in sizes.items():
        own = shared[chrom]
        if own is not None and assembly.chrom_sizes[own] != length:
            raise SourceError(
                f"{path}: {chrom} has {length:,} bp here and {assembly.chrom_sizes[own]:,} bp in {reference}; "
                f"the file is of another assembly than {assembly.name}"
            )


def hash_files(manifest: bytes, places: Iterable[Place]) -> str:
    """12 hex digits of a manifest's bytes and its files' sizes, in the manifest's order: `Dataset.hash`.

    A streamed file goes in by its address and the size stated for it: no server is asked.
    """
    digest = hashlib.sha256(manifest)
    for place in places:
        state = f"{place} {place.stated_size}" if isinstance(place, RemoteFile) else f"{place.stat().st_size}"
        digest.update(f"|{state}".encode())
    return digest.hexdigest()[:12]
