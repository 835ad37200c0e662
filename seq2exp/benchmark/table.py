"""The mask benchmark in words and an aligned table, for people."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from seq2exp.benchmark.mask import MaskBenchmark
from seq2exp.training.card import with_interval

COLUMNS: Mapping[str, str] = {
    "base_auprc": "base AUPRC %",
    "element_auprc": "element AUPRC %",
    "precision": "precision %",
    "recall": "recall %",
    "f1": "F1 %",
    "covered_share": "covered %",
}


def mask_table(found: MaskBenchmark) -> str:
    """Header, one line per predictor with 95 % intervals in percent, expression, and how bases were called."""
    result = found.to_dict()
    lines = [] if result["trained"] else ["UNTRAINED WEIGHTS: the mask's numbers mean nothing"]
    lines += [
        f"checkpoint {result['checkpoint']} {result['checkpoint_hash']} ({result['mode']}) on {result['dataset']} "
        f"{result['dataset_hash']}",
        f"part {result['part']} ({', '.join(result['chromosomes'])}): {result['n_genes']} genes x "
        f"{', '.join(result['cells'])}, {result['window_bp']:,} bp windows, outside promoter centre and blacklist",
        f"chance: base AUPRC {100 * result['base_rate']:.1f} %, element AUPRC {100 * result['element_rate']:.1f} % "
        f"of {result['n_elements']:,} elements",
        f"mask ratio outside the promoter: {100 * result['mask_ratio_outside_promoter']:.1f} %",
        "",
    ]
    rows = [[row["predictor"], *(percent_with_interval(row, key) for key in COLUMNS)] for row in result["rows"]]
    lines += aligned(["predictor", *COLUMNS.values()], rows)
    lines += ["", *_expression_lines(result["expression"]), "", "Bases called:"]
    lines += aligned(None, [[f"  {row['predictor']}", row["call_rule"]] for row in result["rows"]])
    resampling = result["bootstrap"]
    if resampling["resamples"]:
        lines.append(f"[95 % intervals: {resampling['resamples']:,} resamples of genes, seed {resampling['seed']}]")
    return "\n".join(lines)


def attribution_table(result: Mapping[str, Any]) -> str:
    """Header and one line per attribution with 95 % intervals in percent."""
    lines = [] if result["trained"] else ["UNTRAINED WEIGHTS: these numbers mean nothing"]
    lines += [
        f"{result['system']} {result['checkpoint_hash']} on {result['dataset']} {result['dataset_hash']}, part "
        f"{result['part']}: {result['n_genes']} genes, {result['n_windows']} windows",
        f"chance: element AUPRC {100 * result['element_rate']:.1f} % of {result['n_elements']:,} elements",
        "",
    ]
    keys = ("element_auprc", "base_auprc")
    rows = [[row["predictor"], *(percent_with_interval(row, key) for key in keys)] for row in result["rows"]]
    return "\n".join(lines + aligned(["attribution", *(COLUMNS[key] for key in keys)], rows))


def aligned(header: Sequence[str] | None, rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines with every column as wide as its widest cell, the first to the left."""
    everything = [*([] if header is None else [header]), *rows]
    widths = [max(len(row[column]) for row in everything) for column in range(len(everything[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in everything
    ]


def show_progress(done: int, total: int) -> None:
    """Windows done, on standard error: one moving line on a terminal, every tenth part elsewhere."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\rwindows: {done:,} of {total:,}" + ("\n" if done == total else ""))
    elif done == total or done % max(total // 10, 1) == 0:
        sys.stderr.write(f"windows: {done:,} of {total:,}\n")
    sys.stderr.flush()


def percent_with_interval(row: Mapping[str, Any], key: str) -> str:
    """As `with_interval`, in percent."""
    value, pair = row.get(key), row.get("ci95", {}).get(key)
    if value is None:
        return "-"
    return f"{100 * value:.1f}" + ("" if pair is None else f" [{100 * pair[0]:.1f}, {100 * pair[1]:.1f}]")


def _expression_lines(expression: Mapping[str, Any]) -> list[str]:
    names = ("pearson", "spearman", "mse", "mae", "pearson_of_oracle")
    sides = {"prediction": expression, **{key: expression[key] for key in ("promoter_only", "oracle")}}
    rows = [
        [title.replace("_", " "), *(with_interval(side, key) for key in names)]
        for title, side in sides.items()
        if side is not None
    ]
    header = [f"expression (n = {expression['n']})", "Pearson", "Spearman", "MSE", "MAE", "Pearson / oracle's"]
    return aligned(header, rows)
