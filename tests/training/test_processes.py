"""Two processes learn what one learns from the same batches, however they are started.

Each process draws its own samples, so the signal Beta is made so sharp that a draw is nearly its mean; what is left
of the draws, and sums in another order, is the tolerance of 1e-4 (found: 1.4e-5 in the mask ratio, 7e-8 in the loss).
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seq2exp.errors import TrainingError
from seq2exp.training.cache import WindowCache
from seq2exp.training.config import read_config
from seq2exp.training.folder import RunFolder
from seq2exp.training.run import train

ROOT = Path(__file__).resolve().parents[2]
SHARP: dict[str, Any] = {"model": {"prior_scale": 1e5, "kl_weight": 1e-6}, "optimiser": {"steps": 5}}


def started(words: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=1800,
    )


@pytest.fixture(scope="module")
def alone(write_yaml: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return train(read_config(write_yaml("alone", **SHARP)), root=tmp_path_factory.mktemp("alone"), progress=False)


@pytest.mark.parametrize("starter", [pytest.param("own"), pytest.param("torchrun", marks=pytest.mark.slow)])
def test_two_processes_follow_the_curve_of_one(
    starter: str, alone: RunFolder, write_yaml: Callable[..., Path], tmp_path: Path
) -> None:
    config = write_yaml("two", **SHARP, run={"devices": 2})
    words = ["-m", "seq2exp", "train", str(config), "--out", str(tmp_path), "--json"]
    if starter == "torchrun":
        words = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *words]
    done = started(words)
    assert done.returncode == 0, done.stderr
    two = RunFolder(tmp_path / "two")
    assert json.loads(done.stdout)["checkpoint"] == str(two.checkpoint)  # said once, by the first process
    for ours, expected in zip(two.curves(), alone.curves(), strict=True):
        assert list(ours["step"]) == list(expected["step"])
        for column in {"loss", "expression", "kl", "mask_ratio", "gradient_norm", "mse", "pearson"} & set(ours):
            np.testing.assert_allclose(ours[column], expected[column], rtol=1e-4, err_msg=column)


def test_two_processes_stop_the_generator_as_one_does(write_yaml: Callable[..., Path], tmp_path: Path) -> None:
    stopping = {**SHARP, "objective": {"generator_steps": 2}}
    alone = train(read_config(write_yaml("stops", **stopping)), root=tmp_path, progress=False)
    done = started(
        ["-m", "seq2exp", "train", str(write_yaml("both", **stopping, run={"devices": 2})), "--out", str(tmp_path)]
    )
    assert done.returncode == 0, done.stderr
    both = RunFolder(tmp_path / "both")
    np.testing.assert_allclose(both.curves()[0]["expression"], alone.curves()[0]["expression"], rtol=1e-4)
    before, after = (torch.load(folder.state, weights_only=True)["objective"] for folder in (alone, both))
    for key, tensor in before.items():
        torch.testing.assert_close(after[key], tensor, rtol=1e-3, atol=1e-5)


def test_what_fails_in_one_process_ends_both_with_one_line(
    write_yaml: Callable[..., Path], cache: WindowCache, tmp_path: Path
) -> None:
    """The second process alone meets a damaged window; the first says so and neither waits for the other."""
    cells = tmp_path / "windows" / cache.folder.name
    cells.mkdir(parents=True)
    for path in cache.folder.iterdir():
        (cells / path.name).write_bytes(path.read_bytes())
    config = write_yaml("one-fails", run={"devices": 2}, data={"cache": str(cells.parent)})
    chosen = read_config(config)
    from seq2exp.training.batches import StepSampler, units

    second = StepSampler(
        units(cache, "train", group_cells=False),
        start=0,
        stop=1,
        per_batch=4,
        seed=chosen.run.seed,
        rank=1,
        processes=2,
    )
    (indices,) = second
    target = np.load(cells / "target.npy")
    target[indices[0]] += 1
    np.save(cells / "target.npy", target)
    done = started(["-m", "seq2exp", "train", str(config), "--out", str(tmp_path)])
    assert done.returncode == 2, done.stderr
    lines = [line for line in done.stderr.splitlines() if "error" in line]
    assert len(lines) == 1, done.stderr
    assert f"window {indices[0]} (" in lines[0]
    assert "is damaged" in lines[0]
    assert "Traceback" not in done.stderr


def test_a_starter_must_start_as_many_as_are_configured(
    write_yaml: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.distributed.is_torchelastic_launched", lambda: True)
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(TrainingError, match=r"run\.devices \* run\.nodes is 1, but torchrun started 4 processes"):
        train(read_config(write_yaml("four")), root=tmp_path, progress=False)
