"""Sections of the documentation that the scripts beside this file write: what stands between two marks of a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / "docs" / "benchmarks.md"


def put(section: str, lines: Sequence[str], page: Path = BENCHMARKS) -> None:
    """Put ``lines`` between the marks of ``section``, which are added at the page's end where they are absent."""
    begin, end = f"<!-- {section}:begin -->", f"<!-- {section}:end -->"
    text = page.read_text(encoding="utf-8")
    if begin not in text:
        text = f"{text.rstrip()}\n\n{begin}\n{end}\n"
    before, rest = text.split(begin)
    page.write_text(f"{before}{begin}\n" + "\n".join(lines).rstrip() + f"\n{end}{rest.split(end)[1]}", encoding="utf-8")
    print(page.relative_to(ROOT))
