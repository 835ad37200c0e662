"""How much the shipped recipes' figures vary between random states: every finished run of each, put to held-out genes.

    python -m seq2exp train configs/demo-hard-large.yaml --seed 22
    python tests/bench/bench_states.py demo-hard-large demo-soft-large [--page]

Runs are found by name below .data/runs, with and without the -seedN that `train --seed` adds. Masks are scored by
`benchmark mask`, on the test chromosomes of `demo` and on two whole `demo` assemblies from other seeds, the prediction
on four; what the verb said is kept in .data/states and taken from there. With --page the table goes into
docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench_fresh import further_answers, further_genome
from page import ROOT, put

from seq2exp import metrics
from seq2exp.model.checkpoint import checkpoint_facts, load_checkpoint
from seq2exp.training.folder import RunFolder

DATA, OUT = ROOT / ".data", ROOT / ".data" / "states"
MASK_SEEDS, PREDICTION_SEEDS = (105, 106), (105, 106, 107, 108)
COLUMNS = {
    "element": "element AUPRC",
    "base": "base AUPRC",
    "f1": "F1",
    "outside": "mask outside the promoter, %",
    "deletion": "element AUPRC of deletion effects",
    "pearson": "Pearson over the oracle's",
    "further_element": "further genomes: element AUPRC",
    "further_base": "further genomes: base AUPRC",
    "further_pearson": "further genomes: Pearson over the oracle's",
}
HOW = (
    "The same two files from several random states (`train --seed`), nothing else changed, each run to its end. "
    "*Further genomes* are `demo` assemblies from other seeds, all their genes: the masks on seeds {} (mean of the "
    "two), the prediction on seeds {} together. SD: of the sample."
)


def runs_of(name: str) -> dict[int, RunFolder]:
    """Finished runs of one recipe by random state."""
    found = {}
    for path in sorted((DATA / "runs").glob(f"{name}*")):
        if path.name != name and not path.name.startswith(f"{name}-seed"):
            continue
        folder = RunFolder(path)
        facts = folder.facts()
        if facts.get("finished"):
            found[int(facts["seed"])] = folder
    return found


def scored(run: RunFolder, dataset: Path, *options: str) -> dict[str, Any]:
    """What `benchmark mask` says of a run's checkpoint; from an earlier call where that was of the same weights."""
    kept = OUT / run.path.name / f"{dataset.name}.json"
    if kept.is_file():
        known: dict[str, Any] = json.loads(kept.read_text())
        if known["checkpoint_hash"] == checkpoint_facts(run.checkpoint).hash:
            return known
    kept.parent.mkdir(parents=True, exist_ok=True)
    verb = [sys.executable, "-m", "seq2exp", "benchmark", "mask", "--dataset", str(dataset), *options]
    told = [*verb, "--checkpoint", str(run.checkpoint), "--json", "--out", str(kept)]
    subprocess.run(told, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    found: dict[str, Any] = json.loads(kept.read_text())
    return found


def figures(run: RunFolder) -> dict[str, float]:
    """One row: COLUMNS of one run but for the last."""
    test = scored(run, DATA / "demo")
    rows = {row["predictor"]: row for row in test["rows"]}
    further = [
        scored(run, further_genome(seed, DATA / "fresh"), "--part", "all", "--skip-deletions", "--bootstrap", "0")
        for seed in MASK_SEEDS
    ]
    masks = [next(row for row in found["rows"] if row["predictor"] == "mask") for found in further]
    return {
        "element": rows["mask"]["element_auprc"],
        "base": rows["mask"]["base_auprc"],
        "f1": rows["mask"]["f1"],
        "outside": 100 * test["mask_ratio_outside_promoter"],
        "deletion": rows["deletion"]["element_auprc"],
        "pearson": test["expression"]["pearson_of_oracle"],
        "further_element": statistics.mean(mask["element_auprc"] for mask in masks),
        "further_base": statistics.mean(mask["base_auprc"] for mask in masks),
    }


def further_correlations(runs: Sequence[RunFolder]) -> tuple[list[float], int]:
    """Pearson over the oracle's on further genomes of every run, and the number of windows it is over."""
    networks = {run.path.name: load_checkpoint(run.checkpoint).network.eval() for run in runs}
    answers, observed, _ = further_answers(networks, PREDICTION_SEEDS, DATA / "fresh")
    oracle = metrics.pearson(answers["oracle"], observed)
    return [metrics.pearson(answers[run.path.name], observed) / oracle for run in runs], len(observed)


def cell(key: str, values: Sequence[float]) -> str:
    """One figure, or the mean and deviation of several."""
    digits = 1 if key == "outside" else 3
    mean = f"{statistics.mean(values):.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.{digits}f}"


def main() -> None:
    """Print the table; with --page put it into the page too."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("recipes", nargs="+", help="names of runs without -seedN")
    parser.add_argument("--page", action="store_true")
    options = parser.parse_args()
    runs = {(name, state): run for name in options.recipes for state, run in sorted(runs_of(name).items())}
    if not runs:
        raise SystemExit(f"{DATA / 'runs'}: no finished run of {', '.join(options.recipes)}")
    correlations, n_windows = further_correlations(list(runs.values()))
    found = {
        key: {**figures(run), "further_pearson": correlation}
        for (key, run), correlation in zip(runs.items(), correlations, strict=True)
    }
    lines = [
        "## From other random states",
        "",
        HOW.format(" and ".join(map(str, MASK_SEEDS)), f"{PREDICTION_SEEDS[0]} to {PREDICTION_SEEDS[-1]}")
        + f" {n_windows:,} windows.",
        "",
        "| recipe | state | " + " | ".join(COLUMNS.values()) + " |",
        "|" + "---|" * (2 + len(COLUMNS)),
    ]
    for name in options.recipes:
        states = [state for recipe, state in runs if recipe == name]
        for state in states:
            cells = (cell(key, [found[name, state][key]]) for key in COLUMNS)
            lines.append(f"| {name} | {state} | " + " | ".join(cells) + " |")
        if len(states) > 1:
            cells = (cell(key, [found[name, state][key] for state in states]) for key in COLUMNS)
            lines.append(f"| {name} | mean ± SD of {len(states)} | " + " | ".join(cells) + " |")
    print("\n".join(lines))
    if options.page:
        put("states", lines)


if __name__ == "__main__":
    main()
