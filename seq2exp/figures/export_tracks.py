"""Every per-base value of a window as a table: what the lanes of the figure were drawn from."""

from __future__ import annotations

import gzip
from typing import Literal

import numpy as np
import pandas as pd

from seq2exp.figures.export_words import ExportFacts, comment_lines, one_line
from seq2exp.figures.locus import visible_within
from seq2exp.figures.pyramid import summarise
from seq2exp.genome import Interval
from seq2exp.results import BoolArray, FloatArray, LocusView

TableFormat = Literal["tsv", "csv"]
SEPARATORS: dict[TableFormat, str] = {"tsv": "\t", "csv": ","}


def tracks_table(view: LocusView, stretch: Interval | None = None, *, max_rows: int | None = None) -> pd.DataFrame:
    """One row per base, or per bin where ``max_rows`` would be passed.

    Parameters
    ----------
    stretch
        What to tell; None: the window from base 1 of its chromosome on.
    max_rows
        None: every base has its row.

    Returns
    -------
    pd.DataFrame
        ``chrom``, ``start``, ``end`` (1-based, both included), each track in its own unit, ``mask_mean``, ``mask_sd``
        and ``mask`` (what the predictor got): means over the row's measured bases, NaN where there is none. Then the
        share of the row's bases in a called element, in a MACS3 peak, forced on and forced off, 0..1. A track the cell
        type does not have is NaN throughout.

    Raises
    ------
    SettingsError
        ``stretch`` is not within the window.
    """
    shown = visible_within(view.interval, stretch)
    cut = slice(shown.start - view.interval.start, shown.end - view.interval.start)
    limit = shown.width if max_rows is None else max_rows
    columns: dict[str, FloatArray] = {}
    for track in view.tracks:
        values = track.values if track.available else np.full(view.interval.width, np.nan, dtype=np.float32)
        columns[one_line(track.name)] = values
    mask = view.mask
    columns |= {"mask_mean": mask.mean, "mask_sd": mask.sd, "mask": mask.mask}
    columns |= {
        "in_element": _covered(view, [element.interval for element in mask.elements]),
        "in_peak": _covered(view, [peak.interval for peak in view.peaks]),
        "forced_on": mask.forced_on.astype(np.float32),
        "forced_off": mask.forced_off.astype(np.float32),
    }
    binned = {name: summarise(values[cut], max_bins=limit) for name, values in columns.items()}
    bin_bp = next(iter(binned.values())).bin_bp
    starts = np.arange(shown.start, shown.end, bin_bp)
    return pd.DataFrame(
        {
            "chrom": shown.chrom,
            "start": starts + 1,
            "end": np.minimum(starts + bin_bp, shown.end),
            **{name: bins.mean for name, bins in binned.items()},
        }
    )


def tracks_file(
    view: LocusView,
    facts: ExportFacts,
    *,
    table_format: TableFormat = "tsv",
    stretch: Interval | None = None,
    max_rows: int | None = None,
) -> bytes:
    """`tracks_table` as gzipped text under ``#`` lines that say where it comes from; NaN is an empty field.

    The same view and facts give the same bytes. Raises SettingsError as `tracks_table`.
    """
    table = tracks_table(view, stretch, max_rows=max_rows)
    bin_bp = int(table["end"].iloc[0] - table["start"].iloc[0] + 1)
    units = [f"# unit of {one_line(track.name)}: {one_line(track.unit) or 'none stated'}" for track in view.tracks]
    head = [
        *comment_lines(view, facts),
        *units,
        "# start and end: 1-based, both included; "
        + ("one row per base" if bin_bp == 1 else f"one row per {bin_bp} bp, means over its measured bases"),
        "# an empty field was not measured, which is not zero",
    ]
    body = table.to_csv(index=False, sep=SEPARATORS[table_format], lineterminator="\n")
    return gzip.compress(("\n".join(head) + "\n" + body).encode(), compresslevel=6, mtime=0)


def _covered(view: LocusView, places: list[Interval]) -> FloatArray:
    """(L,) 1 where one of ``places`` covers the window, else 0."""
    inside: BoolArray = np.zeros(view.interval.width, dtype=bool)
    for place in places:
        part = place.intersect(view.interval)
        if part is not None:
            inside[part.start - view.interval.start : part.end - view.interval.start] = True
    return inside.astype(np.float32)
