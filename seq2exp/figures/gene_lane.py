"""The lane of gene models: thick coding and thin untranslated exons, strand arrows, names, and bases up close."""

from __future__ import annotations

import numpy as np

from seq2exp.figures.genes import GeneModel, PlacedGene, collapse, pack
from seq2exp.figures.lane import Frame, Label, Lane, PlotlyDict, boxes
from seq2exp.figures.style import LABEL_PX, MONO_FAMILY, SIZES, plain
from seq2exp.genome import Interval
from seq2exp.results import LocusView

LETTERS_BELOW_BP = 150
"""Widest stretch whose bases are drawn as letters."""

MODEL_AT, NAME_AT = 0.76, 0.3
"""Middle of the model and of the name within a row, from its top."""

ARROW_EVERY_PX = 42
"""Distance between the strand arrows of an intron."""

BASES = "ACGTN"


def gene_lane(frame: Frame, view: LocusView, *, max_rows: int = SIZES.max_gene_rows) -> Lane:
    """Gene models packed into rows; its height is set by the whole window, so it does not jump when zooming."""
    models = collapse(view.transcripts, view.gene)
    whole = pack(models, view.interval, width_px=frame.width_px, max_rows=max_rows)
    rows = pack(models, frame.visible, width_px=frame.width_px, max_rows=max_rows)
    letters = bool(view.sequence) and frame.visible.width <= LETTERS_BELOW_BP
    # Two rows at least: the letters and the lane's own three lines of text need the room.
    n_rows = max(whole.n_rows, rows.n_rows, 2)
    height_px = n_rows * SIZES.gene_row
    strip = SIZES.sequence / height_px if letters else 0.0
    deepest = n_rows / (1 - strip)
    traces: list[PlotlyDict] = []
    for placed in rows.placed:
        traces += _model(frame, placed)
    traces.append(_arrows(frame, rows.placed))
    traces.append(_names(frame, rows.placed))
    if letters:
        traces += _letters(frame, view, top=n_rows, bottom=deepest)
    notes: list[PlotlyDict] = []
    if rows.left_out:
        words = f"{rows.left_out} more gene{'s' if rows.left_out > 1 else ''}: zoom in"
        notes.append(
            {
                "x": frame.x_range[1],
                "y": 0,
                "xanchor": "right",
                "yanchor": "top",
                "text": words,
                "showarrow": False,
                "bgcolor": frame.theme.lane,
                "font": {"color": frame.theme.muted},
            }
        )
    labels = [
        Label("Genes", 1 - 10 / height_px, frame.theme.ink, bold=True),
        Label("→ + strand", 1 - 30 / height_px, frame.theme.forward),
        Label("← − strand", 1 - 48 / height_px, frame.theme.reverse),  # noqa: RUF001 - a true minus sign
    ]
    return Lane(
        name="genes",
        height_px=height_px,
        y_range=(deepest, 0.0),
        labels=tuple(labels),
        traces=tuple(traces),
        notes=tuple(notes),
    )


def _colour(frame: Frame, model: GeneModel) -> str:
    return frame.theme.forward if model.strand == "+" else frame.theme.reverse


def _model(frame: Frame, placed: PlacedGene) -> list[PlotlyDict]:
    """Intron line, untranslated exons (thin) and coding exons (thick) of one gene."""
    model, middle = placed.model, placed.row + MODEL_AT
    colour = _colour(frame, model)
    span = frame.clip(model.span)
    if span is None:
        return []
    backbone = {
        "type": "scatter",
        "mode": "lines",
        "x": [span.start + 0.5, span.end + 0.5],
        "y": [middle, middle],
        "line": {"color": colour, "width": 2 if model.target else 1.4},
        "hoverinfo": "skip",
        "showlegend": False,
    }
    parts = [backbone]
    for pieces, half in ((model.exons, 0.09), (model.cds, 0.19)):
        inside = [piece for piece in (frame.clip(p) for p in pieces) if piece is not None]
        if inside:
            parts.append(boxes(inside, base=middle - half, height=2 * half, colour=colour))
    return parts


def _arrows(frame: Frame, placed: tuple[PlacedGene, ...]) -> PlotlyDict:
    """Open arrows along every gene, pointing where it is read; on exons they are lost in the box, as meant."""
    step = ARROW_EVERY_PX * frame.visible.width / frame.width_px
    xs: list[float] = []
    ys: list[float] = []
    symbols: list[str] = []
    colours: list[str] = []
    for place in placed:
        span = frame.clip(place.model.span)
        if span is None or span.width < step / 2:
            continue
        positions = np.arange(span.start + step / 2, span.end, step)
        xs += positions.tolist()
        ys += [place.row + MODEL_AT] * len(positions)
        symbols += ["triangle-right" if place.model.strand == "+" else "triangle-left"] * len(positions)
        colours += [_colour(frame, place.model)] * len(positions)
    return {
        "type": "scatter",
        "mode": "markers",
        "x": np.array(xs, dtype=np.float64),
        "y": np.array(ys, dtype=np.float32),
        "marker": {"symbol": symbols, "color": colours, "size": 8, "line": {"width": 0}},
        "hoverinfo": "skip",
        "showlegend": False,
        "name": "strand",
    }


def _names(frame: Frame, placed: tuple[PlacedGene, ...]) -> PlotlyDict:
    """Gene names above their models; the target's is bold and in ink."""
    return {
        "type": "scatter",
        "mode": "text",
        "x": np.array([p.name_at + 0.5 for p in placed], dtype=np.float64),
        "y": np.array([p.row + NAME_AT for p in placed], dtype=np.float32),
        "text": [f"<b>{plain(p.model.label)}</b>" if p.model.target else plain(p.model.label) for p in placed],
        "textposition": "middle center",
        "textfont": {
            "size": LABEL_PX,
            "color": [frame.theme.ink if p.model.target else _colour(frame, p.model) for p in placed],
        },
        "cliponaxis": True,
        "hoverinfo": "skip",
        "showlegend": False,
        "name": "gene names",
    }


def _letters(frame: Frame, view: LocusView, *, top: float, bottom: float) -> list[PlotlyDict]:
    """The bases of the visible stretch: a tinted cell and a letter each, as large as the cell allows."""
    offset = frame.visible.start - view.interval.start
    bases = view.sequence[offset : offset + frame.visible.width]
    size = int(min(LABEL_PX + 4, max(9.0, 1.5 * frame.width_px / frame.visible.width)))
    colours = [frame.theme.bases[BASES.find(base) if base in BASES else 4] for base in bases]
    cells = [
        Interval(frame.visible.chrom, frame.visible.start + i, frame.visible.start + i + 1) for i in range(len(bases))
    ]
    tinted = boxes(
        cells,
        base=top,
        height=bottom - top,
        colour=frame.theme.grid,
        marker={"color": colours, "opacity": 0.16, "line": {"width": 0}},
    )
    letters = {
        "type": "scatter",
        "mode": "text",
        **frame.x_of_bins(1),
        "y": np.full(len(bases), (top + bottom) / 2, dtype=np.float32),
        "text": list(bases),
        "textfont": {"size": size, "family": MONO_FAMILY, "color": colours},
        "hovertemplate": "base %{text}<extra></extra>",
        "showlegend": False,
        "name": "sequence",
    }
    return [tinted, letters]
