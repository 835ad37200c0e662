"""The model card of a run: one page of Markdown that says what was learned from what, and how well."""

from __future__ import annotations

from typing import Any

from seq2exp.training.folder import CARD_FILE, RunFolder


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
            lines.append(f"| {int(row['step']):,}{mark} | {scores} | {100 * row['mask_ratio']:.2f} % |")
    return "\n".join(lines) + "\n"


def _summary(facts: dict[str, Any]) -> list[str]:
    """The facts as a list."""
    minutes = facts["seconds"] / 60
    origin = "synthetic: nothing in it was measured" if facts["synthetic"] else "measured"
    rows = {
        "Data": f"{facts['dataset']} ({origin}), hash {facts['dataset_hash']}, {' and '.join(facts['cell_types'])}",
        "Windows": f"{facts['n_train']:,} to learn from, {facts['n_valid']:,} to choose by",
        "Updates": f"{facts['step']:,} of {facts['steps']:,}, {facts['epochs']:g} epochs, random state {facts['seed']}",
        "Kept": f"update {facts['best_step']:,}, lowest validation MSE" if facts["best_step"] else "nothing yet",
        "Parameters": f"{facts['parameters']:,}, {facts['trainable_parameters']:,} of them trained",
        "Hardware": f"{facts['hardware']}, {minutes:.1f} minutes in {facts['starts']} start(s)",
        "Code": f"seq2exp {facts['seq2exp_version']}, revision {facts['git_revision']}, torch {facts['torch_version']}",
    }
    return [f"- {name}: {text}" for name, text in rows.items()]
