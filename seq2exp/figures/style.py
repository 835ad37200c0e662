"""Colours, type sizes and lane heights of every figure: the design tokens, for a light and a dark page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ThemeName = Literal["light", "dark"]

FONT_FAMILY = "'Source Sans', 'Source Sans 3', 'Source Sans Pro', 'Helvetica Neue', Arial, sans-serif"
MONO_FAMILY = "'Source Code Pro', 'DejaVu Sans Mono', monospace"
LABEL_PX = 14
"""Smallest label of a figure in px, legible from the back row of a seminar at 1280 x 720."""


@dataclass(frozen=True, slots=True)
class Theme:
    """Every colour a figure uses; the hues are Okabe and Ito's, lightened where the page is dark."""

    name: ThemeName
    paper: str
    """Behind the whole figure."""
    lane: str
    """Behind one lane."""
    ink: str
    """Text, the mask, the target gene."""
    muted: str
    """Secondary text, other genes, axis ticks."""
    grid: str
    """Axis lines and lane borders."""
    dnase: str
    h3k27ac: str
    contact: str
    other: str
    """A track that is none of the three model inputs."""
    shared: str
    """An element that meets a MACS3 peak, and the reverse."""
    mask_only: str
    on_mask_only: str
    """Text on `mask_only`."""
    peak_only: str
    forced: str
    """Set by rule, never found: promoter centre and blacklist."""
    threshold: str
    forward: str
    """Genes on the + strand."""
    reverse: str
    """Genes on the - strand."""
    bases: tuple[str, str, str, str, str]
    """A, C, G, T, N."""
    hover: str
    """Behind hover text."""
    truth: str
    """A true element the gene's expression depends on."""

    def track(self, name: str) -> str:
        """The colour of the track called ``name``."""
        return {"dnase": self.dnase, "h3k27ac": self.h3k27ac, "contact": self.contact}.get(name, self.other)


LIGHT = Theme(
    name="light",
    paper="#ffffff",
    lane="#f7f8fa",
    ink="#16202c",
    muted="#55606e",
    grid="#d5dae1",
    dnase="#0072b2",
    h3k27ac="#c75000",
    contact="#a8578a",
    other="#55606e",
    shared="#009e73",
    mask_only="#e69f00",
    on_mask_only="#16202c",
    peak_only="#56b4e9",
    forced="#8a929d",
    threshold="#b3261e",
    forward="#1f5f99",
    reverse="#7a4b93",
    bases=("#00805d", "#0072b2", "#b87700", "#c04a00", "#8a929d"),
    hover="#ffffff",
    truth="#b0005a",
)
DARK = Theme(
    name="dark",
    paper="#10151c",
    lane="#171e27",
    ink="#eef2f6",
    muted="#a9b4c0",
    grid="#303a46",
    dnase="#4ba3dd",
    h3k27ac="#ef8136",
    contact="#d78fbb",
    other="#a9b4c0",
    shared="#1fc295",
    mask_only="#f0b429",
    on_mask_only="#10151c",
    peak_only="#7cc8f5",
    forced="#7d8793",
    threshold="#ff8a80",
    forward="#7db8ea",
    reverse="#c79ade",
    bases=("#1fc295", "#4ba3dd", "#f0b429", "#ef8136", "#7d8793"),
    hover="#1f2833",
    truth="#ff6fae",
)
THEMES: dict[ThemeName, Theme] = {"light": LIGHT, "dark": DARK}


@dataclass(frozen=True, slots=True)
class Layout:
    """Heights and margins in px; a figure's height depends on its locus only, never on the zoom."""

    gene_row: int = 31
    """One row of gene models with its names."""
    max_gene_rows: int = 3
    signal: int = 50
    absent: int = 26
    """A lane that only says why it is empty."""
    mask: int = 96
    calls: int = 54
    """Elements above, MACS3 peaks below."""
    truth: int = 54
    """True elements above, their classes in words below."""
    triangle: int = 110
    """The contact map."""
    row: int = 30
    """A thin row of boxes."""
    row_name: int = 12
    """More of it where boxes have names."""
    sequence: int = 20
    """Letters, inside the gene lane's height, shown below `letters_below_bp`."""
    gap: int = 6
    left: int = 148
    right: int = 14
    top: int = 46
    """Holds the legend and, below it, the flag of the TSS."""
    bottom: int = 52
    """Holds the axis and its title."""


SIZES = Layout()


def with_alpha(colour: str, alpha: float) -> str:
    """``#rrggbb`` as ``rgba(...)`` with the given opacity, 0..1."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha:g})"


def plain(text: str) -> str:
    """``text`` as Plotly shows it letter by letter: no markup, no template fields, one line."""
    escaped = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.replace("%{", "% {")
