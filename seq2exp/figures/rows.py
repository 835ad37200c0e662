"""Thin rows of boxes below elements and peaks: screened stretches, registry elements, a visitor's own intervals."""

from __future__ import annotations

from collections.abc import Sequence

from seq2exp.figures.beside import Box, BoxRow
from seq2exp.figures.lane import Frame, Label, Lane, PlotlyDict, answering, boxes, text_in_lane
from seq2exp.figures.names import Name, names
from seq2exp.figures.style import SIZES, Theme, plain
from seq2exp.figures.tracks import for_margin

HOLLOW = (0.5, 0.35)
SOLID = (0.5, 0.45)
"""Lower edge and height of boxes in shares of the lane: hollow ones are lower, told apart without colour."""
NAME_AT = 0.22


def row_lane(frame: Frame, row: BoxRow) -> Lane:
    """Boxes of the stretch on show with their names below, wherever they fit; says so where there is none."""
    shown = [box for box in row.boxes if box.interval.overlaps(frame.visible)]
    tint = _colour(frame.theme, row.colour)
    labelled = any(box.label for box in row.boxes)
    wanted = (Name(box.label, box.interval, frame.theme.ink, first=box.strong) for box in shown if box.label)
    traces = [
        _boxes(
            [box for box in shown if box.strong == strong and (box.colour or row.colour) == colour], frame, row, colour
        )
        for strong in (False, True)
        for colour in dict.fromkeys(box.colour or row.colour for box in shown)
    ]
    return Lane(
        name=row.name,
        height_px=SIZES.row + (SIZES.row_name if labelled else 0),
        y_range=(0.0, 1.0),
        labels=(Label(for_margin(row.title), 0.6, tint, bold=True),),
        traces=(*(trace for trace in traces if len(trace["x"])), names(frame, wanted, NAME_AT)),
        notes=() if shown else (text_in_lane(frame, "none in this stretch", 0.5),),
    )


def _boxes(shown: Sequence[Box], frame: Frame, row: BoxRow, colour: str) -> PlotlyDict:
    """Boxes of one look, which answer to the pointer."""
    tint = _colour(frame.theme, colour)
    strong = bool(shown) and shown[0].strong
    base, height = SOLID if strong else HOLLOW
    look = {} if strong else {"marker": {"color": "rgba(0,0,0,0)", "line": {"color": tint, "width": 1.5}}}
    box = boxes([one.interval for one in shown], base=base, height=height, colour=tint, **look)
    return answering(box, f"{plain(row.title)} %{{customdata[0]}}", [[plain(one.told or one.label)] for one in shown])


def _colour(theme: Theme, name: str) -> str:
    """The theme's colour of that name; a name that is none of them is the colour of other tracks."""
    found = getattr(theme, name, None)
    return found if isinstance(found, str) and found.startswith("#") else theme.other
