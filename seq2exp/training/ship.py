"""A finished run packed into one small folder: weights, configuration, facts, curves, held-out figures, model card."""

from __future__ import annotations

import shutil
from pathlib import Path

from seq2exp.errors import TrainingError
from seq2exp.model.checkpoint import CARD_FILE as MODEL_FILE
from seq2exp.model.checkpoint import WEIGHTS_FILE
from seq2exp.training.card import write_card
from seq2exp.training.folder import (
    BENCHMARK_FILE,
    CONFIG_FILE,
    FACTS_FILE,
    TRAIN_FILE,
    VALID_FILE,
    RunFolder,
)

_MOST_ROWS = 400
"""Rows of train.csv that are kept: enough to draw the curve."""


def ship(run: RunFolder, out: Path, *, benchmark: Path | None = None) -> RunFolder:
    """Pack ``run`` into ``out``.

    Parameters
    ----------
    run
        A finished run.
    out
        Made if absent; files of an earlier packing are replaced.
    benchmark
        What ``benchmark mask --json`` wrote about the run's checkpoint.

    Returns
    -------
    RunFolder
        ``out``, which is a run folder whose checkpoint lies in it directly.

    Raises
    ------
    TrainingError
        The run is not finished, or something cannot be read.
    """
    if not run.facts().get("finished"):
        raise TrainingError(f"{run.path}: the run is not finished; train it to its end before packing it")
    packed = RunFolder(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in (WEIGHTS_FILE, MODEL_FILE):
            shutil.copyfile(run.checkpoint / name, out / name)
        for name in (CONFIG_FILE, FACTS_FILE, VALID_FILE):
            shutil.copyfile(run.path / name, out / name)
        if benchmark is not None:
            shutil.copyfile(benchmark, out / BENCHMARK_FILE)
        train, _ = run.curves()
        every = -(-len(train) // _MOST_ROWS)
        train.iloc[:: max(every, 1)].to_csv(out / TRAIN_FILE, index=False, float_format="%.6g")
    except OSError as error:
        raise TrainingError(f"{out}: could not be written ({error})") from error
    write_card(packed)
    return packed
