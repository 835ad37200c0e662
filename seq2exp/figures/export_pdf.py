"""The locus figure on paper: one PDF page with letters as letters, its badge, caption and where it comes from."""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from html import escape
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.figure import Figure

from seq2exp.figures.beside import Beside
from seq2exp.figures.export_draw import Scene
from seq2exp.figures.export_figure import export_figure
from seq2exp.figures.export_text import PX_PER_PT, drawable, wrap
from seq2exp.figures.export_words import ExportFacts, badge, caption, provenance, title
from seq2exp.figures.style import LIGHT, SIZES
from seq2exp.results import LocusView, TrueElement

PLOT_PX = 860
"""Width of the plotting area on paper."""
_EDGE, _TITLE_PX, _BADGE_PX, _SMALL_PX, _LINE_PX, _NAME_PX = 24, 19.0, 15.0, 11.0, 15.0, 190
_FONTS_IN_PDF: dict[Any, Any] = {"pdf.fonttype": 42, "pdf.use14corefonts": False, "text.usetex": False}
"""TrueType inside the file: letters stay letters, to be searched, copied and edited."""
_RC_LOCK = threading.Lock()
"""matplotlib's options belong to the process, and downloads are made in threads of their own."""


def locus_pdf(
    view: LocusView,
    facts: ExportFacts,
    *,
    truth: Sequence[TrueElement] | None = None,
    beside: Beside | None = None,
    compress: bool = True,
) -> bytes:
    """One page: the figure as on screen in the light theme, above its caption and provenance.

    The same view and facts give the same bytes. Names are drawn letter by letter; a letter the font lacks is drawn as
    a question mark in a diamond.

    Parameters
    ----------
    compress
        False leaves the page's content readable as text.

    Raises
    ------
    SettingsError
        ``facts.visible`` is not within the window.
    """
    figure = export_figure(view, facts, truth=truth, beside=beside, theme="light", width_px=PLOT_PX)
    data, layout = [trace.to_plotly_json() for trace in figure.data], figure.layout.to_plotly_json()
    width = PLOT_PX + SIZES.left + SIZES.right + 2 * _EDGE
    lines = _small_print(view, facts, width - 2 * _EDGE, with_truth=truth is not None, beside=beside)
    below = _LINE_PX * len(lines) + _EDGE
    height = below + layout["height"] + 3 * _TITLE_PX + _EDGE
    inches = 72 * PX_PER_PT
    with _RC_LOCK, mpl.rc_context({**_FONTS_IN_PDF, "pdf.compression": 6 if compress else 0}):
        page = Figure(figsize=(width / inches, height / inches), facecolor=LIGHT.paper)
        FigureCanvasPdf(page)
        axes = page.add_axes((0, 0, 1, 1))
        axes.set_xlim(-_EDGE, width - _EDGE)
        axes.set_ylim(0, height)
        axes.set_axis_off()
        scene = Scene(axes, layout, bottom=below, width=width - 2 * _EDGE)
        scene.draw(data)
        _head(scene, view, facts, top=height - _EDGE, right=width - 2 * _EDGE)
        for number, parts in enumerate(lines):
            for x, text in parts:
                scene.write(
                    text, x, below - _LINE_PX * (number + 0.5), colour=LIGHT.ink, size_px=_SMALL_PX, across="left"
                )
        file = io.BytesIO()
        about = {"Title": drawable(title(view, facts)), "Creator": "Seq2Exp Explorer", "CreationDate": None}
        page.savefig(file, format="pdf", metadata=about)
    return file.getvalue()


def _small_print(
    view: LocusView, facts: ExportFacts, width: float, *, with_truth: bool, beside: Beside | None
) -> list[tuple[tuple[float, str], ...]]:
    """Lines below the figure: where each piece begins, in px, and its marked text."""
    lines: list[tuple[tuple[float, str], ...]] = [
        ((0.0, escape(line)),)
        for line in wrap(caption(view, facts, with_truth=with_truth, beside=beside), _SMALL_PX, width)
    ]
    lines.append(())
    for name, value in provenance(view, facts, beside):
        first, *more = wrap(value, _SMALL_PX, width - _NAME_PX) or [""]
        names = wrap(name, _SMALL_PX, _NAME_PX - 8)
        lines.append(((0.0, f"<b>{escape(names[0])}</b>"), (_NAME_PX, escape(first))))
        for number, line in enumerate(more + [""] * (len(names) - 1 - len(more))):
            left = names[number + 1] if number + 1 < len(names) else ""
            lines.append(((0.0, f"<b>{escape(left)}</b>"), (_NAME_PX, escape(line))))
    return lines


def _head(scene: Scene, view: LocusView, facts: ExportFacts, *, top: float, right: float) -> None:
    """Title and badge."""
    colour = LIGHT.ink if view.mask.faithful and view.provenance.get("trained") == "yes" else LIGHT.threshold
    scene.write(f"<b>{escape(title(view, facts))}</b>", 0, top, colour=LIGHT.ink, size_px=_TITLE_PX, across="left")
    words = f"<b>{escape(badge(view))}</b>"
    scene.write(words, 0, top - 1.5 * _TITLE_PX, colour=colour, size_px=_BADGE_PX, across="left")
    scene.write(escape(facts.made_on), right, top, colour=LIGHT.muted, size_px=_SMALL_PX, across="right")
