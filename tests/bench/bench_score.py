"""Windows a second of `score`, by 1 and 2 processes, and what 18,377 genes in two cell types would take.

    python tests/bench/bench_score.py [--dataset .data/demo] [--genes 32] [--real-dir DIR] [--out FIGURES.json] [--page]

Every process has one thread. CPU time stands beside wall time: where others use the machine it is the steadier of the
two, and what it would take on a free core. The projection times one real gene of published size in two cell types,
under random weights in .data/checkpoints/random-soft and random-hard; Hi-C is not among those files (its stand-in, the
power law, is what is timed). With --page the figures go into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # before torch and its kernels are loaded

import torch
from page import ROOT, put

sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "real")]  # a checkout that is not installed; the writer of manifests

from manifest_writer import write_real_manifest  # noqa: E402

from seq2exp.inference.checkpoints import load_checkpoint_for_inference  # noqa: E402
from seq2exp.scoring.plan import ScoreSettings, make_plan  # noqa: E402
from seq2exp.scoring.windows import opened_ahead, score_gene  # noqa: E402
from seq2exp.sources.dataset import open_dataset  # noqa: E402

N_GENES, N_CELLS, SAMPLES = 18_377, 2, 8
"""Genes and cell types of the paper; samples of the verb's default."""


def scored(dataset: Path, checkpoint: str, processes: int, genes: int, out: Path) -> dict[str, Any]:
    """One run of the verb, and what its card says."""
    words = [sys.executable, "-m", "seq2exp", "score", "--dataset", dataset, "--checkpoint", checkpoint, "--out", out]
    words += ["--limit", genes, "--shard-size", 4, "--devices", processes, "--device", "cpu", "--json"]
    done = subprocess.run(list(map(str, words)), cwd=ROOT, capture_output=True, text=True, check=True)
    run = json.loads(done.stdout)
    card, made = run["card"], run["card"]["made"]
    return {
        "checkpoint": checkpoint,
        "processes": processes,
        "samples": card["samples"],
        "windows": card["n_windows"],
        "wall_s": run["seconds"],
        "windows_per_wall_s": round(card["n_windows"] / made["process_seconds"] * processes, 2),
        "windows_per_cpu_s": round(card["n_windows"] / made["cpu_seconds"], 2),
    }


def projected(folder: Path, real_dir: Path, scratch: Path) -> dict[str, Any]:
    """Seconds of one gene of published size in two cell types, without and with a drawn mask, and of all genes."""
    dataset = open_dataset(write_real_manifest(real_dir, scratch / folder.name))
    checkpoint = load_checkpoint_for_inference(folder, "cpu")
    gene = next(iter(dataset.genes))
    times = []
    for samples in (0, 0, 1):  # the first run compiles kernels and is not counted
        settings = ScoreSettings(samples=samples, names=(gene.gene_id,))
        plan = dataclasses.replace(make_plan(dataset, checkpoint, settings), cells=dataset.cell_types[:N_CELLS])
        wall, cpu = time.perf_counter(), time.process_time()
        for one, windows in opened_ahead(dataset, checkpoint, [gene], plan):
            rows = score_gene(dataset, checkpoint, one, windows, plan)
        times.append((time.perf_counter() - wall, time.process_time() - cpu))
    (wall, cpu), (wall_drawn, cpu_drawn) = times[1:]
    found = {
        "checkpoint": folder.name,
        "mode": checkpoint.config.mask_mode,
        "mask_ratio": [round(row["mask_ratio"], 3) for row in rows],
        "gene_wall_s": round(wall, 2),
        "gene_cpu_s": round(cpu, 2),
        "drawn_mask_cpu_s": round(max(cpu_drawn - cpu, 0), 2),
        "drawn_mask_wall_s": round(max(wall_drawn - wall, 0), 2),
    }
    for samples in (0, SAMPLES):
        hours = N_GENES * (found["gene_cpu_s"] + samples * found["drawn_mask_cpu_s"]) / 3600
        found[f"hours_on_one_core_{samples}_samples"] = round(hours, 1)
    return found


def page_lines(figures: dict[str, Any]) -> list[str]:
    """The figures as a section."""
    lines = [
        "## Scoring a whole data set",
        "",
        f"{figures['machine']}, one thread a process, {figures['date']}; CPU time is steadier than wall time here, "
        f"since others used the machine (load {figures['load']}).",
        "",
        "| checkpoint | processes | drawn masks | windows | wall s | windows / wall s | windows / CPU s |",
        "|---|---|---|---|---|---|---|",
    ]
    keys = ("checkpoint", "processes", "samples", "windows", "wall_s", "windows_per_wall_s", "windows_per_cpu_s")
    lines += ["| " + " | ".join(str(row[key]) for key in keys) + " |" for row in figures["demo"]]
    lines += [
        "",
        f"Projection to {N_GENES:,} genes in {N_CELLS} cell types at 200,000 bp, random weights:",
        "",
        "| mask | CPU s a gene | CPU s a drawn mask | hours on one core | hours with 8 drawn masks |",
        "|---|---|---|---|---|",
    ]
    keys = ("mode", "gene_cpu_s", "drawn_mask_cpu_s", "hours_on_one_core_0_samples", "hours_on_one_core_8_samples")
    return lines + ["| " + " | ".join(str(row[key]) for key in keys) + " |" for row in figures["projection"]]


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--dataset", type=Path, default=ROOT / ".data" / "demo")
    parser.add_argument("--genes", type=int, default=32)
    parser.add_argument("--real-dir", type=Path, default=ROOT.parent / "shared" / "real")
    parser.add_argument("--out", type=Path, help="also write the figures as JSON")
    parser.add_argument("--page", action="store_true", help="put the figures into docs/benchmarks.md")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        demo = [
            scored(chosen.dataset, name, processes, chosen.genes, scratch / f"{name}-{processes}")
            for name in ("demo-hard", "demo-soft")
            for processes in (1, 2)
        ]
        published = [ROOT / ".data" / "checkpoints" / name for name in ("random-soft", "random-hard")]
        projection = [projected(one, chosen.real_dir, scratch) for one in published if one.is_dir()]
    figures = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "torch": str(torch.__version__),
        "date": time.strftime("%Y-%m-%d"),
        "load": round(os.getloadavg()[0], 1),
        "demo": demo,
        "projection": projection,
    }
    print(json.dumps(figures, indent=1))
    if chosen.out is not None:
        chosen.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    if chosen.page:
        put("score", page_lines(figures))


if __name__ == "__main__":
    main()
