"""The verbs `data peaks` and `data elements`: peaks and candidate elements of a cell type over a whole data set."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from seq2exp.cli_benchmark import print_json
from seq2exp.cli_data import data
from seq2exp.errors import SettingsError
from seq2exp.genome import Interval

if TYPE_CHECKING:
    from seq2exp.sources.dataset import Dataset
    from seq2exp.sources.manifest import Role

DataSet = Annotated[Path, typer.Option(help="Manifest, or the folder that holds it.")]
Cell = Annotated[str, typer.Option(help="Cell type of the data set.")]
GenomeSize = Annotated[str, typer.Option(help="MACS3's -g for reads: hs, or a number of bp.")]
AsJson = Annotated[bool, typer.Option("--json", help="Report as JSON; shares lie in 0..1.")]


@data.command("peaks")
def call_peaks(
    dataset: DataSet,
    cell: Cell,
    out: Annotated[Path, typer.Argument(metavar="OUT.narrowPeak", help="File to write.")],
    bam: Annotated[Path | None, typer.Option(help="DNase reads; default: the data set's DNase track.")] = None,
    options: Annotated[
        Literal["mask", "abc", "cut_sites"],
        typer.Option(
            help="How reads are called: as we would for a mask, as ABC does, or as MACS3's manual treats cuts."
        ),
    ] = "mask",
    target_share: Annotated[
        float | None, typer.Option(help="Share of all windows to cover, 0..1: chooses the cut-off. Published: 0.1361.")
    ] = None,
    cutoff: Annotated[float | None, typer.Option(help="Of the track, in its own unit; default: 0.5.")] = None,
    genome_size: GenomeSize = "hs",
    as_json: AsJson = False,
) -> None:
    """Call peaks in the windows of all genes with MACS3, one cut-off for all of them.

    Example: python -m seq2exp data peaks --dataset .data/tiny --cell SynK --target-share 0.1361 SynK.narrowPeak
    """
    from seq2exp.processing.peak_files import peaks_from_bam, peaks_from_bigwig  # imported late: loads pandas
    from seq2exp.sources.dataset import open_dataset

    opened = open_dataset(dataset)
    windows = [gene.window(opened.manifest.window.width_bp) for gene in opened.genes]
    if bam is None:
        track = _track(opened, "dnase", cell)
        found = peaks_from_bigwig(track, windows, out, cutoff=cutoff, target_share=target_share, progress=_tell)
    elif cutoff is not None:
        raise SettingsError("--cutoff is of a track; with --bam give --target-share or neither")
    else:
        found = peaks_from_bam(bam, windows, out, options=options, genome_size=genome_size, target_share=target_share)
    facts = dataclasses.asdict(found)
    cut = "as called" if found.cutoff is None else f"cut-off {found.cutoff:.4g}"
    _report(facts, as_json, f"{found.n_peaks:,} peaks, {cut}, over {100 * found.share:.2f} % of the windows")


@data.command("elements")
def cut_elements(
    dataset: DataSet,
    cell: Cell,
    out: Annotated[Path, typer.Argument(metavar="OUT.tsv.gz", help="Table to write.")],
    dnase_bam: Annotated[
        list[Path] | None, typer.Option(help="DNase reads, repeatable; default: the data set's tracks.")
    ] = None,
    h3k27ac_bam: Annotated[list[Path] | None, typer.Option(help="H3K27ac reads, repeatable.")] = None,
    peaks: Annotated[Path | None, typer.Option(help="narrowPeak with summits; default: MACS3 is run.")] = None,
    genome_size: GenomeSize = "hs",
    as_json: AsJson = False,
) -> None:
    """Cut candidate elements as ABC does, with both marks counted over each: reads per million, or sums of the tracks.

    Example: python -m seq2exp data elements --dataset .data/tiny --cell SynK elements.tsv.gz
    """
    from seq2exp.processing.element_files import (
        elements_from_bams,
        elements_from_bigwigs,
    )  # imported late: loads pandas
    from seq2exp.sources.dataset import open_dataset

    opened = open_dataset(dataset)
    sizes, genes = opened.assembly.chrom_sizes, list(opened.genes)
    blacklist = [part for chrom, size in sizes.items() for part in opened.blacklist(Interval(chrom, 0, size))]
    if dnase_bam and h3k27ac_bam:
        found = elements_from_bams(
            out, genes, sizes, dnase=dnase_bam, h3k27ac=h3k27ac_bam, blacklist=blacklist, peaks=peaks,
            genome_size=genome_size, progress=_tell,
        )  # fmt: skip
    elif dnase_bam or h3k27ac_bam:
        raise SettingsError("reads of both marks are needed: give --dnase-bam and --h3k27ac-bam, or neither")
    else:
        dnase, h3k27ac = _track(opened, "dnase", cell), _track(opened, "h3k27ac", cell)
        found = elements_from_bigwigs(
            out, genes, sizes, dnase=dnase, h3k27ac=h3k27ac, blacklist=blacklist, peaks=peaks, progress=_tell
        )
    counts = f"{found.n_elements:,} elements of {found.n_peaks:,} peaks, {found.n_promoters:,} at promoters"
    _report(dataclasses.asdict(found), as_json, f"{counts}, unit {found.unit}")


def _track(dataset: Dataset, role: Role, cell: str) -> Path:
    path = dataset.path(role, cell)
    if path is None:
        raise SettingsError(f"{dataset.name}: {cell} has no {role} track; give reads instead")
    return path


def _tell(done: int, total: int, what: str) -> None:
    sys.stderr.write(f"{what}: {done:,} of {total:,}\n")


def _report(facts: dict[str, Any], as_json: bool, words: str) -> None:
    facts["path"] = str(facts["path"])
    if as_json:
        print_json(facts)
        return
    typer.echo(f"{facts['path']}: {words}")
    notes: Sequence[str] = facts["notes"]
    for note in notes:
        typer.echo(f"note: {note}")
