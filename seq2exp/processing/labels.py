"""Expression labels: CAGE tags around each TSS, from CTSS tables or bigWigs (data-sources.md 5.3)."""

from __future__ import annotations

import math
from array import array
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from seq2exp.errors import SettingsError, SourceError
from seq2exp.genome import Gene, match_chromosome
from seq2exp.processing.output import Progress, write_rows
from seq2exp.sources.bigwig import bigwig_sizes, read_signal
from seq2exp.sources.bigwig_summary import bigwig_total
from seq2exp.sources.tables import LABEL_SUFFIX
from seq2exp.sources.text import malformed, read_lines

LABEL_HALF_BP = 192
"""Tags are summed over [TSS - 192, TSS + 192): three 128-bp bins (data-sources.md 5.3)."""

SHALLOW_TAGS = 1_000_000
"""Fewer tags in the whole library than this are told: a gene of ten tags per million then rarely shows. Ours."""

Silent = Literal["zero", "missing"]
"""What a base means about which a bigWig says nothing. zero: no tag. missing: not measured."""


@dataclass(frozen=True, eq=False)
class CageLabels:
    """Labels of one cell type."""

    tags: pd.Series[float]
    """Index gene_id in the order given; tags of both strands in TSS +-192, not log10; NaN where not measured."""
    library_tags: float
    """Tags in the whole file."""
    silent: Silent | None
    """How silent bases of a bigWig were taken; None for CTSS."""
    notes: tuple[str, ...]
    """What a report should say about them, in sentences."""


def cage_from_ctss(path: Path, genes: Sequence[Gene], *, half_bp: int = LABEL_HALF_BP) -> CageLabels:
    """Labels from a CTSS BED: one line per base and strand, the score is the number of tags that begin there.

    Parameters
    ----------
    path
        BED6, plain or gzip, chromosomes with or without ``chr``, in any order. Scores of the minus strand may be
        written as negative numbers.
    genes
        Windows are [tss - half_bp, tss + half_bp), both strands pooled.
    half_bp
        192 for the published labels.

    Returns
    -------
    CageLabels
        NaN for genes on chromosomes without a single line: such a file was cut to fewer chromosomes.

    Raises
    ------
    SourceError
        Absent, truncated or malformed file (with the line number), a line wider than a base, a negative score on the
        plus strand, no tags, no gene on its chromosomes.
    """
    positions: dict[str, array[int]] = {}
    scores: dict[str, array[float]] = {}
    for number, line in read_lines(path):
        if not line or line.startswith(("#", "track", "browser")):
            continue
        fields = line.split("\t")
        if len(fields) < 6:
            raise malformed(
                path, number, f"found {len(fields)} columns; a CTSS BED has chrom start end name score strand"
            )
        start = _position(path, number, fields)
        score = _score(path, number, fields)
        positions.setdefault(fields[0], array("q")).append(start)
        scores.setdefault(fields[0], array("d")).append(score)
    library = float(sum(sum(found) for found in scores.values()))
    if not library:
        raise SourceError(f"{path}: no tags in it")
    tags = np.full(len(genes), np.nan)
    for chrom, at in _by_chromosome(genes, positions).items():
        order = np.argsort(np.array(positions[chrom]), kind="stable")
        places = np.array(positions[chrom])[order]
        before = np.concatenate([[0.0], np.cumsum(np.array(scores[chrom])[order])])
        tss = np.array([genes[index].tss for index in at])
        tags[at] = before[np.searchsorted(places, tss + half_bp)] - before[np.searchsorted(places, tss - half_bp)]
    return CageLabels(_series(path.name, genes, tags), library, None, _library_notes(path.name, library))


def cage_from_bigwig(
    paths: Sequence[Path],
    genes: Sequence[Gene],
    *,
    half_bp: int = LABEL_HALF_BP,
    silent: Silent | None = None,
    progress: Progress | None = None,
) -> CageLabels:
    """Labels from one bigWig of tags per base, or from two of one strand each.

    Parameters
    ----------
    paths
        One file with both strands, or two. The values of a file that is nowhere above 0 are taken as the minus strand
        written downwards.
    genes, half_bp
        As in `cage_from_ctss`.
    silent
        What silence means. None: seen from the windows. Files that write zeros are silent where nothing was measured,
        files without any zero write only bases with tags. `CageLabels.silent` and ``notes`` tell what was taken.
    progress
        Told genes done, genes in all, and the file.

    Returns
    -------
    CageLabels
        Sums over the window. With ``missing``, NaN unless every base of it on the chromosome was measured in each file.

    Raises
    ------
    SettingsError
        No file, or more than two.
    SourceError
        What `read_signal` raises; a file with values of both signs; no gene on the chromosomes of the files.
    """
    if len(paths) not in (1, 2):
        raise SettingsError(f"CAGE labels take one bigWig or one per strand, found {len(paths)}")
    found = [_read_windows(path, genes, half_bp, progress) for path in paths]
    rule: Silent = silent or ("missing" if any(windows.zeros for windows in found) else "zero")
    total = np.sum([windows.sums if rule == "zero" else windows.whole for windows in found], axis=0)
    library = sum(abs(bigwig_total(path)) for path in paths)
    why = "as asked" if silent else "zeros are written" if rule == "missing" else "no zero is written"
    names = " and ".join(path.name for path in paths)
    notes = [f"{names}: silent bases are taken as {'not measured' if rule == 'missing' else 'no tag'} ({why})"]
    downwards = [path.name for path, windows in zip(paths, found, strict=True) if windows.downwards]
    notes += [f"{name}: a strand written downwards, its values were turned" for name in downwards]
    return CageLabels(_series(names, genes, total), library, rule, (*notes, *_library_notes(names, library)))


def write_expression(path: Path, labels: Mapping[str, pd.Series[float]]) -> None:
    """The table that `seq2exp.sources.tables.read_expression` reads: one column of tags per cell type.

    Parameters
    ----------
    path
        TSV, packed where it ends in .gz; appears whole or not at all.
    labels
        Tags by cell type, index gene_id, of the same genes in the same order; NaN is written as NA.

    Raises
    ------
    SettingsError
        No cell type, or labels of other genes.
    """
    if not labels:
        raise SettingsError("a table of labels needs at least one cell type")
    index = next(iter(labels.values())).index
    for cell, found in labels.items():
        if not found.index.equals(index):
            raise SettingsError(f"{cell}: its labels are of other genes than those of {next(iter(labels))}")
    rows = zip(index, *(found.astype(float).tolist() for found in labels.values()), strict=True)
    write_rows(path, ("gene_id", *(f"{cell}{LABEL_SUFFIX}" for cell in labels)), rows)


@dataclass(frozen=True, eq=False)
class _Windows:
    """One file's sums over n windows."""

    sums: NDArray[np.float64]
    """(n,) over the measured bases, strand turned upwards; NaN on chromosomes the file lacks."""
    whole: NDArray[np.float64]
    """(n,) the same, NaN where a base of the chromosome was not measured."""
    zeros: bool
    downwards: bool


def _read_windows(path: Path, genes: Sequence[Gene], half_bp: int, progress: Progress | None) -> _Windows:
    sizes = bigwig_sizes(path)
    sums, whole = np.full(len(genes), np.nan), np.full(len(genes), np.nan)
    lowest = highest = 0.0
    zeros = False
    for at, gene in enumerate(genes):
        name = match_chromosome(gene.chrom, sizes)
        if name is None:
            continue
        values = read_signal(path, gene.window(2 * half_bp))
        measured = values[~np.isnan(values)]
        sums[at] = measured.sum(dtype=np.float64)
        if measured.size:
            lowest, highest = min(lowest, float(measured.min())), max(highest, float(measured.max()))
            zeros = zeros or bool((measured == 0).any())
        inside = min(gene.tss + half_bp, sizes[name]) - max(gene.tss - half_bp, 0)
        if measured.size == inside > 0:
            whole[at] = sums[at]
        if progress is not None and at % 1000 == 999:
            progress(at + 1, len(genes), f"tags of {path.name}")
    if lowest < 0 < highest:
        raise SourceError(f"{path}: values of both signs ({lowest:g} to {highest:g}); give one file per strand")
    sign = -1.0 if lowest < 0 else 1.0
    return _Windows(sign * sums, sign * whole, zeros, lowest < 0)


def _position(path: Path, number: int, fields: list[str]) -> int:
    if not (fields[1].isdigit() and fields[2].isdigit()) or int(fields[2]) - int(fields[1]) != 1:
        raise malformed(
            path, number, f"start {fields[1]!r:.20}, end {fields[2]!r:.20}; a CTSS is one base, end = start + 1"
        )
    return int(fields[1])


def _score(path: Path, number: int, fields: list[str]) -> float:
    try:
        score = float(fields[4])
    except ValueError:
        score = math.nan
    if fields[5] not in ("+", "-"):
        raise malformed(path, number, f"strand {fields[5]!r:.10}; must be + or -")
    if not math.isfinite(score) or (score < 0 and fields[5] == "+"):
        raise malformed(path, number, f"score {fields[4]!r:.20} on {fields[5]}; must be a number of tags")
    return abs(score)


def _by_chromosome(genes: Sequence[Gene], chroms: Collection[str]) -> dict[str, list[int]]:
    """Places of the genes in the list, by the file's own chromosome names."""
    own = {chrom: match_chromosome(chrom, chroms) for chrom in {gene.chrom for gene in genes}}
    found: dict[str, list[int]] = {}
    for at, gene in enumerate(genes):
        name = own[gene.chrom]
        if name is not None:
            found.setdefault(name, []).append(at)
    return found


def _series(name: str, genes: Sequence[Gene], tags: NDArray[np.float64]) -> pd.Series[float]:
    if np.isnan(tags).all():
        raise SourceError(
            f"{name}: no tags were measured around any of the {len(genes)} genes; is it the same assembly?"
        )
    return pd.Series(tags, index=pd.Index([gene.gene_id for gene in genes], name="gene_id"), dtype=np.float64)


def _library_notes(name: str, library: float) -> tuple[str, ...]:
    shallow = f"; fewer than {SHALLOW_TAGS:,} are few" if library < SHALLOW_TAGS else ""
    return (f"{name}: {library:,.0f} tags in all; labels are counts and grow with that number{shallow}",)
