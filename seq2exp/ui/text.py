"""Words and numbers as a page shows them; whatever a visitor or a file wrote is shown letter by letter."""

from __future__ import annotations

import math
import re

from seq2exp.results import MissingInput

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:&@/^=\"'])")

INPUT_NAMES = {
    "h3k27ac": "H3K27ac",
    "dnase": "DNase",
    "contact": "Hi-C contacts",
    "rna_features": "RNA features",
    "sequence": "sequence",
}


def plain(text: str, *, limit: int = 400) -> str:
    """``text`` as one line of Markdown that renders as exactly these letters: no link, image, HTML or emoji code.

    Longer texts are cut at ``limit`` letters with an ellipsis.
    """
    line = " ".join(text.split())
    if len(line) > limit:
        line = line[: limit - 1] + "…"
    return _MARKDOWN.sub(r"\\\1", line)


def finite(value: object) -> float | None:
    """A number read from a file; None where it is absent, no number, or not finite."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def number(value: float | None, digits: int = 2) -> str:
    """``value`` with ``digits`` decimals, or a dash where there is none."""
    return "–" if value is None or math.isnan(value) else f"{value:.{digits}f}"  # noqa: RUF001 - the dash of a table


def tags(log10_value: float) -> str:
    """CAGE tags of log10(1 + tags): whole from ten on, never below nothing."""
    value = max(10**log10_value - 1, 0.0)
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def percent(share: float | None, digits: int = 1) -> str:
    """A share 0..1 in percent, or a dash where there is none."""
    return "–" if share is None or math.isnan(share) else f"{100 * share:.{digits}f} %"  # noqa: RUF001


def duration(seconds: float | None) -> str:
    """A time span in its two largest units, or a dash."""
    if seconds is None or math.isnan(seconds):
        return "–"  # noqa: RUF001
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    if hours == 0:
        return f"{minutes} min"
    return f"{hours} h {rest} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def milliseconds(value: float | None) -> str:
    """A duration, or a dash for a stage that did not run."""
    return "–" if value is None else f"{value:,.0f} ms" if value >= 10 else f"{value:.1f} ms"  # noqa: RUF001


def missing_in_words(missing: MissingInput) -> str:
    """One absent input: which, how much of it, and what stood in."""
    name = INPUT_NAMES.get(missing.name, missing.name)
    how_much = "missing" if missing.share >= 1 else f"missing in {max(100 * missing.share, 0.1):.3g} %"
    return f"{name} {how_much}: {missing.stand_in} stood in"
