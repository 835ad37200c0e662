"""The locus figure as a file shows it: without the lanes left out on screen, with the stretches marked there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import plotly.graph_objects as go

from seq2exp.figures.beside import Beside, Box, BoxRow
from seq2exp.figures.export_words import ExportFacts
from seq2exp.figures.lane import PlotlyDict
from seq2exp.figures.locus import locus_figure
from seq2exp.figures.style import THEMES, Theme, ThemeName, with_alpha
from seq2exp.genome import Interval
from seq2exp.results import LocusView, TrueElement


def export_figure(
    view: LocusView,
    facts: ExportFacts,
    *,
    truth: Sequence[TrueElement] | None = None,
    beside: Beside | None = None,
    theme: ThemeName = "light",
    width_px: float = 760.0,
) -> go.Figure:
    """`locus_figure` of ``facts.visible`` with its marks and without the tracks of ``facts.left_out``.

    Raises
    ------
    SettingsError
        ``facts.visible`` is not within the window.
    """
    kept = tuple(track for track in view.tracks if track.name not in facts.left_out)
    shown = replace(view, tracks=kept)
    extra = beside or Beside()
    marked = [(part, name) for place, name in facts.marks if (part := place.intersect(facts.visible)) is not None]
    if marked:
        boxes = [Box(part, label=name) for part, name in marked]
        extra = replace(extra, rows=(*extra.rows, BoxRow("marks", "Marked", "muted", boxes)))
    figure = locus_figure(shown, facts.visible, truth=truth, beside=extra, theme=theme, width_px=width_px)
    for part, _ in marked:
        figure.add_shape(_band(part, THEMES[theme]))
    return figure


def _band(place: Interval, theme: Theme) -> PlotlyDict:
    return {
        "type": "rect",
        "xref": "x",
        "yref": "paper",
        "x0": place.start + 0.5,
        "x1": place.end + 0.5,
        "y0": 0,
        "y1": 1,
        "layer": "below",
        "fillcolor": with_alpha(theme.muted, 0.18),
        "line": {"width": 0},
    }
