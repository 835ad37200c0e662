"""The stretch on show: pan, zoom and coordinates, as pure functions over intervals."""

from __future__ import annotations

from dataclasses import dataclass

from seq2exp.errors import SettingsError
from seq2exp.figures.locus import NARROWEST_BP, visible_within
from seq2exp.genome import Gene, Interval, match_chromosome


def pan(visible: Interval, window: Interval, share: float) -> Interval:
    """``visible`` moved by ``share`` of its width, stopped at the window's edges."""
    whole = visible_within(window)
    offset = round(visible.width * share)
    offset = max(whole.start - visible.start, min(offset, whole.end - visible.end))
    return visible.shift(offset)


def zoom(visible: Interval, window: Interval, factor: float, *, around: int | None = None) -> Interval:
    """``visible`` at ``factor`` times its width around its middle or a 0-based base, inside the window."""
    whole = visible_within(window)
    width = min(max(round(visible.width * factor), NARROWEST_BP), whole.width)
    middle = (visible.start + visible.end) // 2 if around is None else around
    start = max(whole.start, min(middle - width // 2, whole.end - width))
    return Interval(visible.chrom, start, start + width)


def around_tss(gene: Gene, window: Interval, *, width_bp: int = 10_000) -> Interval:
    """The TSS in the middle of ``width_bp``, or of a fifth of a window that is shorter than 50,000 bp."""
    whole = visible_within(window)
    width = min(width_bp, max(whole.width // 5, NARROWEST_BP))
    return zoom(Interval(window.chrom, gene.tss, gene.tss + width), window, 1.0, around=gene.tss)


@dataclass(frozen=True, slots=True)
class Move:
    """One button of pan and zoom."""

    label: str
    name: str
    """Tells it from the others in a widget's key."""
    help: str
    target: Interval


def moves(gene: Gene, visible: Interval, window: Interval) -> tuple[Move, ...]:
    """The buttons beside the position box, and where each leads from ``visible``."""
    return (
        Move(":material/chevron_left:", "left", "Pan left by half", pan(visible, window, -0.5)),
        Move(":material/chevron_right:", "right", "Pan right by half", pan(visible, window, 0.5)),
        Move(":material/zoom_out:", "out", "Zoom out three times", zoom(visible, window, 3)),
        Move(":material/zoom_in:", "in", "Zoom in three times", zoom(visible, window, 1 / 3)),
        Move("TSS", "tss", "Go to the transcription start site", around_tss(gene, window)),
        Move("All", "all", "Show the whole window", visible_within(window)),
    )


def typed(text: str, window: Interval) -> Interval:
    """The stretch a visitor typed, 1-based and closed, with or without ``chr``.

    Raises SettingsError on anything that is no locus or lies outside ``window``.
    """
    wanted = Interval.parse(text)
    chrom = match_chromosome(wanted.chrom, [window.chrom])
    if chrom is None:
        raise SettingsError(f"{wanted} is on another chromosome than this gene's window {window}; search its gene")
    return visible_within(window, Interval(chrom, wanted.start, wanted.end))


def selected(x_range: tuple[float, float], window: Interval) -> Interval | None:
    """The stretch a box drawn on the figure spans, or None when the box misses the window."""
    low, high = sorted(x_range)
    start, end = round(low - 0.5), round(high - 0.5)
    whole = visible_within(window)
    if end <= start or end <= whole.start or start >= whole.end:
        return None
    return visible_within(window, Interval(window.chrom, max(start, whole.start), min(end, whole.end)))
