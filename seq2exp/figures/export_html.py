"""The locus figure as one HTML file that needs nothing else: no network, no server, no other file."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from seq2exp.figures.beside import Beside
from seq2exp.figures.export_figure import export_figure
from seq2exp.figures.export_words import ExportFacts, badge, caption, provenance, title
from seq2exp.figures.style import THEMES, ThemeName
from seq2exp.results import LocusView, TrueElement

_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
"""What the browser lets the file do, whatever stands in it: nothing is ever fetched."""

_FONTS = "'Source Sans 3', 'Helvetica Neue', Arial, sans-serif"


def locus_html(
    view: LocusView,
    facts: ExportFacts,
    *,
    truth: Sequence[TrueElement] | None = None,
    beside: Beside | None = None,
    theme: ThemeName = "light",
) -> str:
    """The figure of ``facts.visible`` with Plotly's own script inside, its caption and where it comes from.

    Whatever gene, cell type or file names hold is shown letter by letter.

    Raises
    ------
    SettingsError
        ``facts.visible`` is not within the window.
    """
    figure = export_figure(view, facts, truth=truth, beside=beside, theme=theme)
    figure.update_layout(dragmode="zoom")  # no server redraws what is chosen here
    drawn = figure.to_html(
        full_html=False,
        include_plotlyjs=True,
        include_mathjax=False,
        config={
            "displaylogo": False,
            "responsive": True,
            "modeBarButtonsToRemove": ["select2d", "lasso2d"],
            "toImageButtonOptions": {"format": "svg", "filename": "seq2exp-locus"},
        },
    )
    colours = THEMES[theme]
    rows = "\n".join(
        f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in provenance(view, facts, beside)
    )
    heading = escape(title(view, facts))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{heading}</title>
<style>
body {{ margin: 1.5rem auto; max-width: 1400px; padding: 0 1rem; font: 16px/1.45 {_FONTS};
  background: {colours.paper}; color: {colours.ink} }}
h1 {{ font-size: 1.35rem; margin: 0 0 .3rem }}
.badge {{ display: inline-block; border: 1px solid {colours.muted}; border-radius: .4rem; padding: .1rem .6rem }}
table {{ border-collapse: collapse; font-size: .9rem }}
th {{ text-align: left; font-weight: 600; padding: .12rem 1.2rem .12rem 0; vertical-align: top; white-space: nowrap }}
td {{ padding: .12rem 0; overflow-wrap: anywhere }}
tr {{ border-bottom: 1px solid {colours.grid} }}
</style>
</head>
<body>
<h1>{heading}</h1>
<p class="badge">{escape(badge(view))}</p>
{drawn}
<p>{escape(caption(view, facts, with_truth=truth is not None, beside=beside))}</p>
<table>
{rows}
</table>
</body>
</html>
"""
