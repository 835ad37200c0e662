"""Scores the shipped checkpoints on the held-out chromosomes of `demo`; writes their figures and docs/benchmarks.md.

    python tests/bench/bench_mask.py .data/demo [--page-only]

Every figure is what `python -m seq2exp benchmark mask --json` says; it is kept beside the checkpoint as benchmark.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from page import put

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # the script runs in a checkout that is not installed

from seq2exp.benchmark.table import percent_with_interval  # noqa: E402
from seq2exp.inference.checkpoints import shipped_checkpoints  # noqa: E402
from seq2exp.training.card import with_interval, write_card  # noqa: E402
from seq2exp.training.folder import BENCHMARK_FILE, RunFolder  # noqa: E402

FIGURES = {
    "element_auprc": "element AUPRC",
    "base_auprc": "base AUPRC",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "covered_share": "covered",
}


def section(name: str, found: dict[str, Any]) -> list[str]:
    """One checkpoint's tables."""
    lines = [
        f"### {name}",
        "",
        f"{found['n_genes']} genes of {', '.join(found['chromosomes'])} in {' and '.join(found['cells'])}, "
        f"{found['n_elements']:,} elements of which {100 * found['element_rate']:.1f} % are causal (chance), "
        f"{100 * found['base_rate']:.1f} % of bases; mask outside the promoter "
        f"{100 * found['mask_ratio_outside_promoter']:.2f} %; data {found['dataset']} {found['dataset_hash']}, "
        f"checkpoint {found['checkpoint_hash']}.",
        "",
        "| % | " + " | ".join(FIGURES.values()) + " | mask over it |",
        "|" + "---|" * (len(FIGURES) + 2),
    ]
    for row in found["rows"]:
        over = with_interval(row, "mask_element_ratio")
        lines.append(
            f"| {row['predictor']} | " + " | ".join(percent_with_interval(row, key) for key in FIGURES) + f" | {over} |"
        )
    expression = found["expression"]
    sides = {"predicted": expression, "promoter only": expression["promoter_only"], "oracle": expression["oracle"]}
    keys = ("pearson", "spearman", "mse", "mae", "pearson_of_oracle")
    lines += [
        "",
        "| expression | Pearson | Spearman | MSE | MAE | Pearson over the oracle's |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {title} | " + " | ".join(with_interval(side, key) for key in keys) + " |"
        for title, side in sides.items()
        if side is not None
    ]
    return [*lines, ""]


def main() -> None:
    """Score unless told not to, then write cards and page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("dataset", type=Path, help="the demo data set")
    parser.add_argument("--page-only", action="store_true", help="take the figures that lie beside the checkpoints")
    chosen = parser.parse_args()
    lines = [
        "## Masks against known truth",
        "",
        "Elements and bases outside the promoter centre and the blacklist; in brackets 95 % intervals over genes drawn "
        "anew. Element AUPRC ranks all true elements of a window, of every class, by the predictor's mean over each. "
        "The last column is the mask's element AUPRC over the row's, drawn in pairs.",
        "",
    ]
    for name, folder in shipped_checkpoints().items():
        path = folder / BENCHMARK_FILE
        if not chosen.page_only:
            verb = [sys.executable, "-m", "seq2exp", "benchmark", "mask", "--dataset", str(chosen.dataset)]
            subprocess.run(
                [*verb, "--checkpoint", name, "--json", "--out", str(path)], check=True, stdout=subprocess.DEVNULL
            )
        write_card(RunFolder(folder))
        lines += section(name, json.loads(path.read_text()))
    put("mask", lines)


if __name__ == "__main__":
    main()
