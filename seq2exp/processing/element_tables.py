"""The table of candidate elements: their reads from BAMs, or their signal from bigWigs (data-sources.md 7.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from seq2exp.errors import SourceError
from seq2exp.genome import Gene, Interval
from seq2exp.processing.activity import activity_of, promoters
from seq2exp.processing.candidates import meets, named_among
from seq2exp.processing.output import Progress, write_rows
from seq2exp.processing.reads import count_libraries, library_notes, rpm_of
from seq2exp.processing.stretches import stretches
from seq2exp.sources.alignment import Duplicates, ReadRule, artefacts_of
from seq2exp.sources.bigwig import read_signal
from seq2exp.sources.element_counts import ARTIFACT_COLUMN, PLACE_COLUMNS, VALUE_COLUMNS, Unit

_GAP_BP = 5_000
_COUNT_PREFIX = {"DNase": "dhs", "H3K27ac": "h3k27ac"}


@dataclass(frozen=True, eq=False)
class ElementTable:
    """Candidate elements with what was measured in them."""

    table: pd.DataFrame
    """chrom, start, end; DNase and H3K27ac in the columns of ``unit``; ``activity``, the square root of their product;
    ``promoter`` (1: meets TSS +-500 bp of a gene) and ``artifact`` (1: meets a known artefact of a library)."""
    unit: Unit
    notes: tuple[str, ...]
    """What a report should say about them, in sentences."""


def count_elements(
    elements: Sequence[Interval],
    genes: Sequence[Gene],
    *,
    dnase: Sequence[Path],
    h3k27ac: Sequence[Path],
    duplicates: Duplicates = "keep",
    rule: ReadRule = "overlap",
    progress: Progress | None = None,
) -> ElementTable:
    """The table of read counts from BAMs, in reads per million (mean of the libraries of a mark).

    Raises
    ------
    SourceError
        What `count_libraries` raises; two files of one mark with the same name.
    """
    marks = {"DNase": dnase, "H3K27ac": h3k27ac}
    libraries = count_libraries(marks, elements, duplicates=duplicates, rule=rule, progress=progress)
    rpm = [rpm_of(mark, libraries, elements) for mark in marks]
    artefacts = [place for library in libraries for place in artefacts_of(library.path)]
    table = _table(elements, genes, "rpm", rpm[0], rpm[1], artefacts)
    notes = list(library_notes(libraries, duplicates))
    for at, library in enumerate(libraries):
        column = f"{_COUNT_PREFIX[library.mark]}_count_{library.path.name.split('.')[0]}"
        if column in table.columns:
            raise SourceError(f"{library.path}: another library of that name was counted; give the files other names")
        table.insert(3 + at, column, library.reads.counts)
        inside = int(library.reads.counts.sum()) / library.reads.library_reads
        notes.append(f"{library.path.name}: {inside:.1%} of its reads lie in elements")
    return ElementTable(table, "rpm", tuple(notes))


def sum_elements(
    elements: Sequence[Interval], genes: Sequence[Gene], *, dnase: Path, h3k27ac: Path, progress: Progress | None = None
) -> ElementTable:
    """The table of signal sums from bigWigs: ``dhs_signal`` and ``h3k27ac_signal``, in the tracks' units, not RPM.

    Ranks elements of one cell type like reads do where the tracks are linear in reads; a p-value track is not.
    """
    sums = [signal_sums(path, elements, progress=progress) for path in (dnase, h3k27ac)]
    table = _table(elements, genes, "signal", sums[0], sums[1], [])
    note = (
        f"{dnase.name} and {h3k27ac.name}: sums of the tracks over elements in their own units; not reads per million"
    )
    return ElementTable(table, "signal", (note,))


def signal_sums(path: Path, places: Sequence[Interval], *, progress: Progress | None = None) -> NDArray[np.float64]:
    """(n,) sum of a bigWig over the measured bases of each place; 0 where it is silent, as ABC counts.

    Raises
    ------
    SourceError
        What `read_signal` raises, a chromosome the file lacks among them.
    """
    sums, done = np.zeros(len(places)), 0
    for stretch, group in stretches(places, gap_bp=_GAP_BP):
        values = np.nan_to_num(read_signal(path, stretch), nan=0.0)
        before = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
        for at in group:
            sums[at] = before[places[at].end - stretch.start] - before[places[at].start - stretch.start]
        done += len(group)
        if progress is not None:
            progress(done, len(places), f"signal of {path.name}")
    return sums


def write_elements(path: Path, elements: ElementTable) -> None:
    """The table that `seq2exp.sources.element_counts.read_elements` reads; TSV, packed where it ends in .gz."""
    table = elements.table
    write_rows(
        path, tuple(map(str, table.columns)), zip(*(table[name].tolist() for name in table.columns), strict=True)
    )


def _table(
    elements: Sequence[Interval],
    genes: Sequence[Gene],
    unit: Unit,
    dnase: NDArray[np.float64],
    h3k27ac: NDArray[np.float64],
    artefacts: Sequence[Interval],
) -> pd.DataFrame:
    places = [
        [place.chrom for place in elements],
        [place.start for place in elements],
        [place.end for place in elements],
    ]
    chroms = {place.chrom for place in elements}
    near_tss, spots = (
        [place for place in named_among(chroms, some) if place] for some in (promoters(genes), artefacts)
    )
    return pd.DataFrame(
        {
            **dict(zip(PLACE_COLUMNS, places, strict=True)),
            **dict(zip(VALUE_COLUMNS[unit], (dnase, h3k27ac), strict=True)),
            "activity": activity_of(h3k27ac, dnase),
            "promoter": meets(elements, near_tss).astype(int),
            ARTIFACT_COLUMN: meets(elements, spots).astype(int),
        }
    )
