"""One locus at a glance, as a small SVG without words: the mask's mean, what was called, and what is true."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seq2exp.figures.mask import top_over
from seq2exp.figures.pyramid import bin_width, summarise
from seq2exp.figures.style import THEMES, ThemeName
from seq2exp.genome import Interval
from seq2exp.results import FloatArray, TrueElement

WIDTH, HEIGHT = 360, 104
_CURVE, _CALLED, _TRUE = (4, 66), (72, 82), (88, 100)
"""Upper and lower edge in px of the curve, of called elements and of true ones."""
_BINS = 360
_NARROWEST_PX = 2.0


def locus_thumbnail(
    mean: FloatArray,
    window: Interval,
    *,
    threshold: float,
    centre: Interval,
    called: Sequence[Interval],
    truth: Sequence[TrueElement] = (),
    theme: ThemeName = "light",
) -> str:
    """An SVG of `WIDTH` x `HEIGHT` px that scales with its frame; it holds numbers and our own colours only.

    Parameters
    ----------
    mean
        (L,) mask mean over ``window``, 0..1; bins keep their largest value. The curve's axis ends at 0.5 where mean
        and threshold stay below it, else at 1, as in the mask's lane.
    centre
        Forced promoter, drawn as a grey band.
    truth
        Causal ones full and tall, the others hollow and half as high; none: that row stays empty.
    """
    colours = THEMES[theme]

    def x(position: int) -> float:
        return (position - window.start) / window.width * WIDTH

    def box(place: Interval, rows: tuple[int, int], fill: str, *, hollow: bool = False) -> str:
        left = x(max(place.start, window.start))
        width = max(x(min(place.end, window.end)) - left, _NARROWEST_PX)
        top, bottom = rows
        look = f'fill="none" stroke="{fill}"' if hollow else f'fill="{fill}"'
        return f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{bottom - top}" {look}/>'

    bins = summarise(mean, max_bins=_BINS)
    step = WIDTH * bin_width(len(mean), _BINS) / window.width
    top, bottom = _CURVE
    end = top_over(float(np.nanmax(mean, initial=threshold)))
    heights = bottom - (bottom - top) * np.clip(np.nan_to_num(bins.high) / end, 0, 1)
    points = " ".join(f"{min((i + 0.5) * step, WIDTH):.1f},{height:.1f}" for i, height in enumerate(heights.tolist()))
    level = bottom - (bottom - top) * min(max(threshold / end, 0.0), 1.0)
    inside = [element for element in truth if element.interval.overlaps(window)]
    half = (_TRUE[0] + 3, _TRUE[1] - 3)
    parts = [
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{colours.lane}"/>',
        box(centre, (0, HEIGHT), colours.grid),
        f'<polygon points="0,{bottom} {points} {WIDTH},{bottom}" fill="{colours.muted}" fill-opacity="0.35"/>',
        f'<polyline points="{points}" fill="none" stroke="{colours.ink}" stroke-width="1"/>',
        f'<line x1="0" x2="{WIDTH}" y1="{level:.1f}" y2="{level:.1f}" stroke="{colours.threshold}" '
        'stroke-dasharray="5 3"/>',
        *(box(place, _CALLED, colours.ink) for place in called if place.overlaps(window)),
        *(box(element.interval, half, colours.muted, hollow=True) for element in inside if not element.causal),
        *(box(element.interval, _TRUE, colours.truth) for element in inside if element.causal),
    ]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">'
    return head + "".join(parts) + "</svg>"
