"""Checks of a cell type's own DNase reads: a whole BAM, sorted and indexed, of the data set's assembly."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pysam

from seq2exp.errors import SourceError
from seq2exp.processing.add_assembly import check_chromosomes
from seq2exp.sources.alignment import bam_sizes
from seq2exp.sources.dataset import Dataset


@dataclass(frozen=True, slots=True)
class ReadsCheck:
    """What was found out about a BAM that passed."""

    facts: tuple[str, ...]
    """How many reads are mapped, where an index counts them."""
    warnings: tuple[str, ...]


def check_reads(path: Path, base: Dataset, *, what: str) -> ReadsCheck:
    """Figures and warnings of a BAM; what is not ready for MACS3 is refused.

    Parameters
    ----------
    path
        A BAM; an index (.bai or .csi) beside it is used, but not needed.
    base
        Its reference is the one to fit.
    what
        How to call the reads: ``DNase reads of MyCells``.

    Raises
    ------
    SourceError
        Truncated, unreadable, not sorted by coordinate, another assembly, no mapped read.
    """
    sizes = bam_sizes(path)
    mapped: dict[str, int]
    verbosity = pysam.set_verbosity(0)  # htslib writes to standard error beside what it raises
    try:
        with pysam.AlignmentFile(str(path), "rb") as reads:
            order = reads.header.to_dict().get("HD", {}).get("SO", "unknown")
            indexed = reads.has_index()
            if indexed:
                mapped = {row.contig: int(row.mapped) for row in reads.get_index_statistics()}
            else:
                first = next((read for read in reads.fetch(until_eof=True) if not read.is_unmapped), None)
                mapped = {} if first is None else {str(first.reference_name): 1}
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: cannot be opened as a BAM; it is truncated or damaged") from error
    finally:
        pysam.set_verbosity(verbosity)
    if order != "coordinate":
        raise SourceError(
            f"{path}: its reads are sorted by {order!r:.20}, not by coordinate: samtools sort -o sorted.bam {path.name}"
        )
    check_chromosomes(path, sizes, base.assembly, base.name)
    n_mapped = sum(count for name, count in mapped.items() if base.assembly.match(name) is not None)
    if not n_mapped:
        raise SourceError(f"{path}: {what}: no read is mapped to a chromosome of {base.name}")
    if not indexed:
        told = f"{what} have no index, so they were not counted: samtools index {path.name}; MACS3 needs none."
        return ReadsCheck((), (told,))
    older = _older(path)
    told = f"{what}: the index is older than the BAM; samtools index {path.name} makes a new one."
    return ReadsCheck((f"{n_mapped:,} mapped reads",), (told,) if older else ())


def _older(path: Path) -> bool:
    """Whether every index beside the BAM was written before it."""
    beside = [path.with_name(path.name + suffix) for suffix in (".bai", ".csi")] + [path.with_suffix(".bai")]
    times = [index.stat().st_mtime_ns for index in beside if index.is_file()]
    return bool(times) and max(times) < path.stat().st_mtime_ns
