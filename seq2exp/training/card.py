"""The model card of a run: one page of Markdown that says what was learned from what, and how well."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from seq2exp.baselines.systems import SYSTEMS
from seq2exp.errors import TrainingError
from seq2exp.processing.trained_on import FACT
from seq2exp.training.folder import BENCHMARK_FILE, CARD_FILE, RunFolder

LOWEST_MSE = "lowest validation MSE"
"""Why a checkpoint was kept, where nothing else decided."""


def write_card(folder: RunFolder) -> None:
    """Write card.md from the folder's own files; called again when more is known."""
    (folder.path / CARD_FILE).write_text(card(folder), encoding="utf-8")


def card(folder: RunFolder) -> str:
    """The card's text; every number is read from run.json and valid.csv.

    Raises
    ------
    TrainingError
        The folder's files cannot be read.
    """
    facts = folder.facts()
    _, valid = folder.curves()
    lines = [f"# {facts['name']}", "", *_summary(facts), "", "## Validation", ""]
    if valid.empty:
        lines.append("Not validated yet.")
    else:
        lines += ["| update | MSE | MAE | Pearson | Spearman | mask outside promoter |", "|---|---|---|---|---|---|"]
        every = max(1, len(valid) // 12)
        shown = sorted({*range(0, len(valid), every), int(valid["mse"].argmin()), len(valid) - 1})
        for number in shown:
            row = {name: float(valid[name].iloc[number]) for name in valid.columns}
            mark = " (kept)" if row["step"] == facts["best_step"] else ""
            scores = " | ".join(f"{row[name]:.4f}" for name in ("mse", "mae", "pearson", "spearman"))
            lines.append(f"| {int(row['step']):,}{mark} | {scores} | {_ratio(row['mask_ratio'])} |")
    return "\n".join([*lines, *_held_out(folder)]) + "\n"


def _held_out(folder: RunFolder) -> list[str]:
    """The benchmark's figures on genes that neither taught nor chose the network, if the folder holds them."""
    path = folder.path / BENCHMARK_FILE
    if not path.is_file():
        return []
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        rows, expression = found["rows"], found["expression"]
        lines = ["", f"## Held out: {found['part']} ({', '.join(found['chromosomes'])}) of {found['dataset']}", ""]
        lines.append(
            f"{found['n_genes']} genes in {' and '.join(found['cells'])}; {found['n_elements']:,} elements of which "
            f"{100 * found['element_rate']:.1f} % are causal; mask outside the promoter "
            f"{100 * found['mask_ratio_outside_promoter']:.2f} %. 95 % intervals over resampled genes."
        )
        lines += ["", "| predictor | element AUPRC | base AUPRC | covered |", "|---|---|---|---|"]
        lines += [
            f"| {row['predictor']} | {with_interval(row, 'element_auprc')} | {with_interval(row, 'base_auprc')} | "
            f"{_percent(row['covered_share'])} |"
            for row in rows
        ]
        lines += ["", "| expression | Pearson | Spearman | MSE | MAE |", "|---|---|---|---|---|"]
        sides = {"predicted": expression, "promoter only": expression["promoter_only"], "oracle": expression["oracle"]}
        lines += [
            f"| {title} | "
            + " | ".join(with_interval(side, key) for key in ("pearson", "spearman", "mse", "mae"))
            + " |"
            for title, side in sides.items()
            if side is not None
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{path}: not a result of `benchmark mask --json` ({error}); make it again") from error
    return lines


def with_interval(row: Mapping[str, Any], key: str) -> str:
    """A figure of a benchmark's row and, in brackets, its 95 % interval; a dash where there is none."""
    value, pair = row.get(key), row.get("ci95", {}).get(key)
    if value is None:
        return "-"
    return f"{value:.3f}" + ("" if pair is None else f" [{pair[0]:.3f}, {pair[1]:.3f}]")


def _ratio(value: float) -> str:
    """A mask ratio in percent; a dash for systems without a mask."""
    return "-" if math.isnan(value) else f"{100 * value:.2f} %"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _summary(facts: dict[str, Any]) -> list[str]:
    """The facts as a list."""
    minutes = facts["seconds"] / 60
    titles = {row.name: row.title for row in SYSTEMS}
    origin = "synthetic: nothing in it was measured" if facts["synthetic"] else "measured"
    kept_for = facts.get("kept_for", LOWEST_MSE)  # older folders do not say
    rows = {
        "System": titles.get(str(facts.get("system")), "Seq2Exp"),
        "Data": f"{facts['dataset']} ({origin}), hash {facts['dataset_hash']}, {' and '.join(facts['cell_types'])}",
        "Windows": f"{facts['n_train']:,} to learn from, {facts['n_valid']:,} to choose by",
        "Updates": f"{facts['step']:,} of {facts['steps']:,}, {facts['epochs']:g} epochs, random state {facts['seed']}",
        "Kept": f"update {facts['best_step']:,}, {kept_for}" if facts["best_step"] else "nothing yet",
        "Parameters": f"{facts['parameters']:,}, {facts['trainable_parameters']:,} of them trained",
        "Hardware": f"{facts['hardware']}, {minutes:.1f} minutes in {facts['starts']} start(s)",
        "Code": f"seq2exp {facts['seq2exp_version']}, revision {facts['git_revision']}, torch {facts['torch_version']}",
    }
    return [f"- {name}: {text}" for name, text in rows.items()] + _tracks(facts)


def _tracks(facts: Mapping[str, Any]) -> list[str]:
    """What the tracks held over the windows learned from; nothing where that was not measured."""
    names = {"dnase": "DNase", "h3k27ac": "H3K27ac"}
    return [
        f"- {names.get(role, role)} of {cell}, over {found['n_windows']:,} training windows: mean {found['mean']:.3g}, "
        f"99th percentile {found['p99']:.3g}, highest {found['max']:.4g}"
        for cell, roles in facts.get(FACT, {}).items()
        for role, found in roles.items()
    ]
