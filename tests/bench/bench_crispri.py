"""Runs the CRISPRi benchmark on the K562 table and on `demo`, and writes the figures into docs/crispri.md.

    python tests/bench/bench_crispri.py ../shared/real .data/demo

The first folder holds ``crispr/`` and ``k562_elements/``, the second is the synthetic data set.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from page import ROOT, put

sys.path.insert(0, str(ROOT))  # the script runs in a checkout that is not installed

from seq2exp.benchmark.crispri import CrispriBenchmark, CrispriSettings, benchmark_crispri
from seq2exp.benchmark.crispri_abc import FULCO_2019, AbcChoices, abc_scores
from seq2exp.benchmark.crispri_curve import figures, precision_recall
from seq2exp.benchmark.crispri_table import COLUMNS, fault_line
from seq2exp.inference.checkpoints import find_checkpoint, load_checkpoint_for_inference
from seq2exp.sources.crispri import read_pairs
from seq2exp.sources.dataset import open_dataset
from seq2exp.sources.element_counts import ELEMENTS_FILE, GENES_FILE, read_elements
from seq2exp.sources.tables import read_gene_table
from seq2exp.training.card import with_interval
from seq2exp.window.contacts import NASSER_2021

PAGE = ROOT / "docs" / "crispri.md"
TABLE = "EPCrisprBenchmark_combined_data.training_K562.GRCh38.tsv.gz"
CHOICES = {
    "as the current code does it (main 2023)": AbcChoices(),
    "constants of Nasser 2021 (gamma 0.87)": AbcChoices(NASSER_2021),
    "constants of Fulco 2019 (gamma 1)": AbcChoices(FULCO_2019),
    "TSS of the gene table, where it has the gene": AbcChoices(tss="gene table"),
    "TSS of the faulty column startTSS": AbcChoices(tss="startTSS"),
    "activity: DNase alone": AbcChoices(activity="dnase"),
    "activity: H3K27ac alone": AbcChoices(activity="h3k27ac"),
    "several candidates in one tested element: largest score": AbcChoices(several="max"),
    "several candidates in one tested element: mean score": AbcChoices(several="mean"),
    "elements within 1 Mb instead of 5 Mb": AbcChoices(reach_bp=1_000_000),
    "an element in the gene's own promoter keeps its share": AbcChoices(own_promoter=False),
    "activity x contact, not divided by the sum": AbcChoices(share=False),
}
"""One choice changed at a time."""


def rows_table(found: CrispriBenchmark) -> list[str]:
    """All rows with intervals, as a table of the page."""
    lines = [
        "| pairs | predictor | n | regulated | scored | " + " | ".join(COLUMNS.values()) + " |",
        "|---|---|" + "---|" * 6,
    ]
    for row in found.to_dict()["rows"]:
        lines.append(
            f"| {row['stratum'].replace('<', '&lt;')} | {row['predictor']} | {row['pairs']:,} | {row['positives']:,} | "
            f"{row['scored']:,} | " + " | ".join(with_interval(row, key) for key in COLUMNS) + " |"
        )
    return [*lines, ""]


def choices_table(real: Path) -> list[str]:
    """ABC with one choice changed at a time, over all pairs; unscored ones count as 0."""
    pairs = read_pairs(real / "crispr" / TABLE).pairs
    elements = read_elements(real / "k562_elements" / ELEMENTS_FILE)
    tss = {gene.gene_id: gene.tss for gene in read_gene_table(real / "k562_elements" / GENES_FILE)}
    labels = np.array([pair.regulated for pair in pairs])
    lines = ["| ABC on all pairs | " + " | ".join(COLUMNS.values()) + " |", "|---|---|---|---|"]
    for name, choices in CHOICES.items():
        scores = abc_scores(pairs, elements, choices, gene_tss=tss)
        lines.append(_line(name, np.nan_to_num(scores), labels))
        if choices == AbcChoices():
            met = ~np.isnan(scores)
            lines.append(
                _line(
                    f"the same, the {int((~met).sum()):,} pairs without a candidate left out", scores[met], labels[met]
                )
            )
    return [*lines, ""]


def _line(name: str, scores: np.ndarray, labels: np.ndarray) -> str:
    found = figures(precision_recall(scores, labels))
    return f"| {name} | " + " | ".join(f"{found[key]:.3f}" for key in COLUMNS) + " |"


def main() -> None:
    """Both runs, then the page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("real", type=Path, help="folder with crispr/ and k562_elements/")
    parser.add_argument("demo", type=Path, help="the synthetic data set")
    chosen = parser.parse_args()
    predictors = ("distance", "abc")
    k562 = benchmark_crispri(
        chosen.real / "crispr" / TABLE, CrispriSettings(predictors), elements=chosen.real / "k562_elements"
    )
    put("k562", [fault_line(k562.facts["faults"]) + ".", "", *rows_table(k562)], PAGE)
    put("choices", choices_table(chosen.real), PAGE)
    dataset = open_dataset(chosen.demo)
    lines: list[str] = []
    for name in ("demo-hard", "demo-soft"):
        found = benchmark_crispri(
            chosen.demo / "crispri.tsv.gz",
            CrispriSettings(part="test", bins_bp=(1000, 2000)),
            dataset=dataset,
            checkpoint=load_checkpoint_for_inference(find_checkpoint(name), "cpu"),
        )
        facts = found.facts
        lines += [
            f"{name} {facts['checkpoint_hash']} on {facts['dataset']} {facts['dataset_hash']}: "
            f"{facts['n_pairs']:,} pairs of {facts['n_genes']:,} test genes in {' and '.join(facts['cells'])}, "
            f"{facts['n_positives']:,} regulated.",
            "",
            *rows_table(CrispriBenchmark(facts, tuple(row for row in found.rows if row.kind in ("all", "distance")))),
        ]
    put("demo", lines, PAGE)


if __name__ == "__main__":
    main()
