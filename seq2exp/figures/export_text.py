"""Plotly's little markup as runs of letters for matplotlib, each with its weight and colour, and how wide they are."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ft2font import LoadFlags

FAMILY = "DejaVu Sans"
"""Comes with matplotlib, so a PDF looks the same everywhere; it has the arrows and boxes of the legend."""
MONO = "DejaVu Sans Mono"
PX_PER_PT = 4 / 3
"""CSS pixels, in which figures are laid out, per point."""

_MEASURED_AT = 100.0
"""Type size in px at which letters are measured."""
_TAG = re.compile(r"(<br>|<b>|</b>|<span style=\"color:#[0-9a-fA-F]{6}\">|</span>)")


@dataclass(frozen=True, slots=True)
class Run:
    """Letters of one look."""

    text: str
    bold: bool = False
    colour: str | None = None
    """``#rrggbb``; None: the surrounding colour."""


def runs_of(marked: str) -> tuple[tuple[Run, ...], ...]:
    """Lines of runs of a text as our figures mark it: ``<b>``, ``<br>``, coloured ``<span>`` and entities.

    Anything else between angle brackets is text and stays.
    """
    lines: list[list[Run]] = [[]]
    bold = False
    colours: list[str] = []
    for part in _TAG.split(marked):
        if part == "<br>":
            lines.append([])
        elif part in ("<b>", "</b>"):
            bold = part == "<b>"
        elif part.startswith("<span style="):
            colours.append(part[19:26])
        elif part == "</span>" and colours:
            colours.pop()
        elif part:
            lines[-1].append(Run(drawable(html.unescape(part)), bold, colours[-1] if colours else None))
    return tuple(tuple(line) for line in lines)


def drawable(text: str) -> str:
    """``text`` with letters the font lacks replaced by a question mark in a diamond, and no control characters."""
    return "".join(
        letter if has_glyph(letter) else "\N{REPLACEMENT CHARACTER}"
        for letter in text
        if letter.isprintable() or letter == "\u00a0"
    )


@cache
def _glyphs() -> frozenset[int]:
    font = get_font(findfont(FontProperties(family=FAMILY)))
    return frozenset(font.get_charmap())


def has_glyph(letter: str) -> bool:
    """Whether the font can draw ``letter``."""
    return ord(letter) in _glyphs()


def width_px(runs: Sequence[Run], size_px: float, *, family: str = FAMILY) -> float:
    """Width in px of runs set in one line at ``size_px``, kerning left aside."""
    return size_px * sum(_advance(letter, run.bold, family) for run in runs for letter in run.text)


@cache
def _advance(letter: str, bold: bool, family: str) -> float:  # noqa: FBT001 - a key of the cache
    """How far a letter moves the pen, in units of the type size."""
    font = get_font(findfont(FontProperties(family=family, weight="bold" if bold else "normal")))
    font.set_size(_MEASURED_AT, 72)
    return float(font.load_char(ord(letter), flags=LoadFlags.NO_HINTING).linearHoriAdvance) / 65_536 / _MEASURED_AT


def wrap(text: str, size_px: float, most_px: float) -> list[str]:
    """``text`` in lines no wider than ``most_px``; words longer than a line are cut where it ends."""
    lines: list[str] = []
    line = ""
    for word in drawable(text).split(" "):
        longer = f"{line} {word}" if line else word
        if width_px((Run(longer),), size_px) <= most_px:
            line = longer
            continue
        if line:
            lines.append(line)
        while word and width_px((Run(word),), size_px) > most_px:
            fits = max(n for n in range(1, len(word) + 1) if n == 1 or width_px((Run(word[:n]),), size_px) <= most_px)
            lines.append(word[:fits])
            word = word[fits:]
        line = word
    return [*lines, line] if line else lines
