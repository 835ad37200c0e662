"""What a build found and made, as values, JSON and a page of Markdown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from seq2exp.processing.build_checks import Check


@dataclass(frozen=True, slots=True)
class Absent:
    """Something the data set goes without."""

    what: str
    cell_type: str | None
    ids: tuple[str, ...]
    """Ids in the catalogue that would fill it."""
    cost: str
    """What cannot be done, or how predictions differ, in a sentence."""


@dataclass(frozen=True)
class BuildReport:
    """One build of a data set."""

    name: str
    manifest: str
    """Path of the manifest."""
    dataset_hash: str
    cell_types: tuple[str, ...]
    remote: bool
    """Large files may lie at their address alone."""
    sources: Mapping[str, str]
    """Every file of the data set by the id of its source; ``url`` addresses are given where it is not on disk."""
    steps: Mapping[str, Literal["made", "kept"]]
    """kept: its input is what it was when it was made."""
    checks: tuple[Check, ...]
    absent: tuple[Absent, ...]
    tracks: Mapping[str, Mapping[str, Mapping[str, Any] | None]]
    """By cell type and role, figures over windows around genes; None: not measured, the file is not on disk."""
    features_equal: Mapping[str, Mapping[str, int]]
    """By column, of recomputed features: genes compared and genes equal; empty where the released ones are used."""
    notes: tuple[str, ...]
    """Whatever else a user should know, in sentences."""
    warnings: tuple[str, ...]
    """What the catalogue warns of in the files used."""

    @property
    def unusual(self) -> tuple[Check, ...]:
        """Figures that are not as expected."""
        return tuple(check for check in self.checks if check.verdict != "as expected")

    def to_json(self) -> str:
        """As ``report.json``."""
        return json.dumps(asdict(self), indent=1) + "\n"

    def to_markdown(self) -> str:
        """As ``report.md``."""
        lines = [f"# {self.name}", "", f"Cell types: {', '.join(self.cell_types)}. Hash {self.dataset_hash}.", ""]
        odd = self.unusual
        lines.append(
            f"{len(self.checks)} figures were checked, "
            + (f"{len(odd)} are not as expected." if odd else "all are as expected.")
        )
        if odd:
            lines += ["", "| figure | found | expected |", "|---|---|---|"]
            lines += [f"| {check.name} | {check.found} | {check.expected} |" for check in odd]
        if self.absent:
            lines += ["", "## Missing, and what that costs", ""]
            for part in self.absent:
                whose = f" of {part.cell_type}" if part.cell_type else ""
                lines.append(f"- {part.what}{whose} ({' or '.join(part.ids)}): {part.cost}")
        lines += ["", "## Tracks", ""]
        lines += _track_lines(self.tracks)
        if self.features_equal:
            lines += ["", "## Recomputed mRNA features against the released ones", ""]
            lines += ["| column | genes | equal |", "|---|---|---|"]
            lines += [
                f"| {name} | {row['genes']:,} | {100 * row['equal'] / max(row['genes'], 1):.2f} % |"
                for name, row in self.features_equal.items()
            ]
        for title, sentences in (("Notes", self.notes), ("Warnings of the catalogue", self.warnings)):
            if sentences:
                lines += ["", f"## {title}", "", *(f"- {sentence}" for sentence in sentences)]
        lines += ["", "## All figures", "", "| figure | found | expected | |", "|---|---|---|---|"]
        lines += [f"| {check.name} | {check.found} | {check.expected} | {check.verdict} |" for check in self.checks]
        lines += ["", "## Files", "", *(f"- {name}: {place}" for name, place in self.sources.items())]
        return "\n".join(lines) + "\n"


def _track_lines(tracks: Mapping[str, Mapping[str, Mapping[str, Any] | None]]) -> list[str]:
    lines = ["| track | windows | mean | median | 99 % | 99.9 % | highest | not measured |", "|" + "---|" * 8]
    for cell, roles in tracks.items():
        for role, found in roles.items():
            if found is None:
                lines.append(f"| {role} of {cell} | not on disk, not measured | | | | | | |")
                continue
            figures = " | ".join(f"{found[name]:.4g}" for name in ("mean", "p50", "p99", "p99_9", "max"))
            missing = f"{100 * found['share_missing']:.2f} %"
            lines.append(f"| {role} of {cell} | {found['n_windows']:,.0f} | {figures} | {missing} |")
    return lines if len(lines) > 2 else ["None."]
