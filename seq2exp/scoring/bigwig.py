"""The masks of all genes in one track: each base has the mask of the gene whose TSS is nearest to it.

Windows of neighbouring genes overlap, and a mask holds for its own gene: a mean over genes would be the mask of none.
So a gene's window is cut half-way to the TSS before and after it; of several genes at one TSS the first id counts.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pyBigWig

from seq2exp.errors import ScoringError
from seq2exp.files import whole_file
from seq2exp.genome import Gene, Interval
from seq2exp.results import FloatArray
from seq2exp.scoring.folder import ScoreFolder, writing
from seq2exp.scoring.windows import unpacked

MASK_TRACK = (
    "mask.CELL.bw: the mask as the predictor gets it (promoter centre 1, blacklist 0), rounded to 0.001; where windows "
    "overlap, each base has the mask of the gene whose TSS is nearest"
)
_BYTES_PER_BASE = 6
"""A float32 per base and its zoom levels, before compression."""


def own_stretches(genes: tuple[Gene, ...], window_bp: int, chrom_length: int) -> Iterator[tuple[Gene, Interval]]:
    """The part of each gene's window that is nearer to its TSS than to another gene's, in genome order.

    Parameters
    ----------
    genes
        Of one chromosome, by TSS and then by id; of several at one TSS the first alone has a part.
    """
    alone = [next(same) for _, same in groupby(genes, key=lambda gene: gene.tss)]
    for at, gene in enumerate(alone):
        window = gene.window(window_bp)
        first = max(window.start, 0, (alone[at - 1].tss + gene.tss) // 2 + 1 if at else 0)
        last = min(window.end, chrom_length)
        if at + 1 < len(alone):
            last = min(last, (gene.tss + alone[at + 1].tss) // 2 + 1)
        yield gene, Interval(gene.chrom, first, last)


def write_masks(folder: ScoreFolder, cell_type: str) -> None:
    """The bigWig of one cell type, written in genome order; one shard is in memory at a time.

    Raises
    ------
    ScoringError
        No room: asked before, since pyBigWig's writer says nothing of a full disk, and checked by reading it back.
    """
    path, plan = folder.mask_path(cell_type), folder.plan
    window_bp = int(plan.facts["window_bp"])
    own = {
        gene.gene_id: (gene.window(window_bp).start, place)
        for chrom, genes in groupby(plan.genes, key=lambda gene: gene.chrom)
        for gene, place in own_stretches(tuple(genes), window_bp, plan.chrom_sizes[chrom])
    }
    needed = _BYTES_PER_BASE * sum(place.width for _, place in own.values())
    free = shutil.disk_usage(folder.path).free
    if free < needed:
        raise ScoringError(
            f"{path}: needs up to {needed / 1e6:,.0f} MB, {free / 1e6:,.0f} are free; free some space, shards are kept"
        )

    covered = 0
    with writing(path), whole_file(path) as partial:
        with pyBigWig.open(str(partial), "w") as out:
            out.addHeader(list(plan.chrom_sizes.items()))
            for gene_id, mask in _masks(folder, cell_type):
                if gene_id in own:
                    start, place = own[gene_id]
                    values = mask[place.start - start : place.end - start]
                    out.addEntries(place.chrom, place.start, values=values, span=1, step=1)
                    covered += len(values)
        _check(partial, covered)


def _masks(folder: ScoreFolder, cell_type: str) -> Iterator[tuple[str, FloatArray]]:
    """Gene id and mask (L,) of every scored window of a cell type, in the plan's order."""
    for number in range(folder.plan.n_shards):
        table = folder.read_shard(number, ["gene_id", "cell_type", "mask"])
        for batch in table.to_batches(max_chunksize=1):
            row = batch.to_pylist()[0]
            if row["cell_type"] == cell_type and row["mask"] is not None:
                yield row["gene_id"], unpacked(row["mask"])


def _check(path: Path, covered: int) -> None:
    try:
        with pyBigWig.open(str(path)) as written:
            found = int(written.header()["nBasesCovered"])
    except RuntimeError:
        found = -1
    if found != covered:
        raise ScoringError(f"{path}: could not be written whole; is the disk full? shards are kept")
