"""Writes the files the Leaderboard reads, small, with numbers that can be checked by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd


def run_row(system: str, seed: int, cell: str, mse: float, **more: Any) -> dict[str, Any]:
    """One row of ``table1.parquet``."""
    return {
        "system": system, "seed": seed, "cell_type": cell, "n": 3, "mse": mse, "mae": mse / 2, "pearson": 0.9,
        "spearman": 0.8, "mask_ratio": math.nan, "mask_ratio_total": math.nan, "parameters": 10, "minutes": 1.0,
        "steps": 5, "windows": 20, "hardware": "a CPU", "dataset": "made", "dataset_hash": "a" * 12,
        "synthetic": True, **more,
    }  # fmt: skip


def write_table(folder: Path, rows: list[dict[str, Any]], table: str = "table1") -> Path:
    """``<table>.parquet`` in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{table}.parquet"
    pd.DataFrame(rows).to_parquet(path, index=False)
    return path


def crispri_row(predictor: str, value: float, *, stratum: str = "all pairs", pairs: int = 20) -> dict[str, Any]:
    """One row of a CRISPRi benchmark."""
    figures = dict.fromkeys(("auprc", "average_precision", "precision_at_70_recall"), value)
    ci95 = {key: [value - 0.1, value + 0.1] for key in figures}
    return {
        "predictor": predictor, "kind": "all" if stratum == "all pairs" else "distance", "stratum": stratum,
        "pairs": pairs, "positives": 5, "scored": pairs, **figures, "ci95": ci95,
        "curve": [[0.2, 1.0], [0.8, 0.6], [1.0, 0.25]],
    }  # fmt: skip


def write_crispri(path: Path, rows: list[dict[str, Any]], **more: Any) -> Path:
    """A file as ``benchmark crispri --out`` leaves it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    facts = {
        "pairs_file": "pairs.tsv.gz",
        "cells": ["K562"],
        "n_pairs": 20,
        "n_genes": 4,
        "part": "all",
        "trained": None,
    }
    path.write_text(json.dumps({**facts, "rows": rows, **more}))
    return path


def write_mask_benchmark(folder: Path, value: float, **more: Any) -> None:
    """``benchmark.json`` in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {"predictor": name, "element_auprc": share, "ci95": {"element_auprc": [share - 0.1, share + 0.1]}}
        for name, share in (("mask", value), ("DNase", 0.3))
    ]
    facts = {
        "dataset": "made", "dataset_hash": "a" * 12, "part": "test", "cells": ["SynK"], "checkpoint_hash": "c" * 12,
        "trained": True, "n_genes": 9, "element_rate": 0.2,
    }  # fmt: skip
    (folder / "benchmark.json").write_text(json.dumps({**facts, "rows": rows, **more}))
