"""Writes the paper's tables, as run here, and every system's attributions against truth into docs/benchmarks.md.

    python -m seq2exp benchmark table1 --dataset .data/train --length 600x4 --seeds 2,22,222
    python tests/bench/bench_tables.py .data/train 600x4 --seeds 2,22,222 --genes 30

Trains nothing: it tests the runs that are there. Attributions are those of the first random state.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from page import ROOT, put

sys.path.insert(0, str(ROOT))  # the script runs in a checkout that is not installed

from seq2exp.baselines.systems import SYSTEMS
from seq2exp.benchmark.standings import TITLES
from seq2exp.benchmark.table import percent_with_interval
from seq2exp.benchmark.tournament import Entry, entries
from seq2exp.training.config import read_length

OUT = Path(".data/tables")
RUNS = Path(".data/runs")
ATTRIBUTIONS = ("gradient x input", "in-silico deletion", "attention", "activity x contact")

HOW = (
    "Every system at the size of `configs/demo-*.yaml` (windows of 8,192 bp, width 64, 2 layers; Enformer at 2 "
    "layers of width 96 where the published one has 11 of 1,536), trained in {:,} updates of {} windows, every "
    "other length in proportion, and put to the test chromosomes with the weights of its lowest validation MSE. "
    "Seq2Exp's first stage (cheap, without a scan) is not among the windows. One core of a machine with two, both "
    "busy. The paper's orderings are by MSE; one within the deviation of its runs, or from a single run, is open."
)


def made(table: str, dataset: Path, length: str, seeds: str) -> list[str]:
    """The Markdown that the verb writes, headings one step deeper; runs that are missing are in it by name."""
    verb = [sys.executable, "-m", "seq2exp", "benchmark", table, "--dataset", str(dataset), "--no-training"]
    subprocess.run([*verb, "--length", length, "--seeds", seeds, "--out", str(OUT)], check=False, capture_output=True)
    text = (OUT / f"{table}.md").read_text(encoding="utf-8").split("\nNot in the table:")[0]
    return [f"#{line}" if line.startswith("#") else line for line in text.splitlines()]


def attributions(entry: Entry, dataset: Path, genes: int, *, again: bool) -> dict[str, Any]:
    """What the verb says of one run; kept beside the tables and taken from there unless ``again``."""
    path = OUT / f"attribution-{entry.system}.json"
    if again or not path.is_file():
        verb = [sys.executable, "-m", "seq2exp", "benchmark", "attribution", str(entry.folder.path)]
        options = ["--dataset", str(dataset), "--limit-genes", str(genes), "--json", "--out", str(path)]
        subprocess.run([*verb, *options], check=True, stdout=subprocess.DEVNULL)
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def attribution_lines(found: dict[str, dict[str, Any]]) -> list[str]:
    """Systems down, attributions across."""
    any_one = next(iter(found.values()))
    lines = [
        "### Attributions against truth",
        "",
        f"Element AUPRC, %, in brackets 95 % intervals over genes drawn anew: {any_one['n_genes']} test genes, "
        f"{any_one['n_windows']} windows, {any_one['n_elements']:,} elements of which "
        f"{100 * any_one['element_rate']:.1f} % "
        "are causal (chance). Of the first random state each.",
        "",
        "| system | " + " | ".join(ATTRIBUTIONS) + " |",
        "|" + "---|" * (len(ATTRIBUTIONS) + 1),
    ]
    for name, result in found.items():
        rows = {row["predictor"]: row for row in result["rows"]}
        cells = [percent_with_interval(rows.get(key, {}), "element_auprc") for key in ATTRIBUTIONS]
        lines.append(f"| {TITLES[name]} | " + " | ".join(cells) + " |")
    return lines


def main() -> None:
    """Test what is trained, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("dataset", type=Path, help="the data set they were trained on")
    parser.add_argument("length", help="as `benchmark table1 --length` was told it")
    parser.add_argument("--seeds", default="2,22,222")
    parser.add_argument("--genes", type=int, default=30, help="test genes whose attributions are scored")
    parser.add_argument("--again", action="store_true", help="score attributions that lie there already, too")
    chosen = parser.parse_args()
    lines = ["## The paper's systems on synthetic data", "", HOW.format(*read_length(chosen.length)), ""]
    lines += ["### Table 1: expression", "", *made("table1", chosen.dataset, chosen.length, chosen.seeds), ""]
    lines += ["### Table 2: masks", "", *made("table2", chosen.dataset, chosen.length, chosen.seeds), ""]
    wanted = entries(
        None,
        [int(seed) for seed in chosen.seeds.split(",")],
        configs=ROOT / "configs",
        recipe="demo",
        runs=RUNS,
        dataset=str(chosen.dataset),
        length=chosen.length,
    )
    first: dict[str, Entry] = {}
    for entry in wanted:
        if entry.finished:
            first.setdefault(entry.system, entry)
    order = [row.name for row in SYSTEMS if row.name in first]
    found = {name: attributions(first[name], chosen.dataset, chosen.genes, again=chosen.again) for name in order}
    put("tables", [*lines, *attribution_lines(found)])


if __name__ == "__main__":
    main()
