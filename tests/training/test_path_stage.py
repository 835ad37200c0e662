"""The last stage, in which the signal path alone learns, from masks that stay as they are."""

import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from seq2exp.errors import TrainingError
from seq2exp.model.checkpoint import load_checkpoint
from seq2exp.model.network import Seq2Exp
from seq2exp.model.signal_path import let_through
from seq2exp.settings import ModelConfig
from seq2exp.training.batches import loader, units
from seq2exp.training.cache import WindowCache
from seq2exp.training.config import TrainConfig, read_config
from seq2exp.training.folder import RunFolder
from seq2exp.training.passed import pass_windows, path_batches
from seq2exp.training.processes import StopRequest
from seq2exp.training.run import train

ROOT = Path(__file__).resolve().parents[2]
# Updates 0 and 1 teach everything, 2 to 4 the predictor, 5 to 9 the signal path.
STAGED: dict[str, Any] = {
    "model": {"signal_transform": "log1p", "signal_channels": 4, "element_channels": 2},
    "objective": {"generator_steps": 2, "path_steps": 5, "path_batch": 6},
    "data": {"group_cells": True},
    "optimiser": {"steps": 5, "start_rate": 1e-3, "rate": 1e-3, "end_rate": 1e-3},
    "run": {"save_every": 1},
}
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def whole(config: Callable[..., TrainConfig], tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return train(config("staged", **STAGED), root=tmp_path_factory.mktemp("staged"), progress=False)


def _state(folder: RunFolder) -> dict[str, Tensor]:
    state: dict[str, Tensor] = torch.load(folder.state, weights_only=True)["objective"]
    return state


def _until(stop_at: int, done: int, chosen: TrainConfig, root: Path) -> RunFolder:
    """The run as it stands after update ``stop_at``, gone on with after ``done``."""
    asked = iter([False] * (stop_at - done) + [True])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StopRequest, "asked", property(lambda _: next(asked), lambda _, value: None), raising=False)
        with pytest.raises(TrainingError, match=f"stopped at update {stop_at}"):
            train(chosen, root=root, progress=False)
    return RunFolder(root / chosen.name)


def test_each_stage_teaches_its_own_part(config: Callable[..., TrainConfig], tmp_path: Path) -> None:
    """The run is stopped at the borders of its stages; what differs from one border to the next has learned."""
    chosen = config("staged", **STAGED)
    states: list[dict[str, Tensor]] = []
    for done, stop_at in ((0, 2), (2, 5)):
        states.append(_state(_until(stop_at, done, chosen, tmp_path)))
    states.append(_state(train(chosen, root=tmp_path, progress=False)))
    parts = {
        "generator": ("network.generator.", "network.inputs."),
        "path": ("network.signal_path.",),
        "backbone": ("network.predictor.", "network.elements."),
        "head": ("network.head.",),
    }
    moved = [
        {
            part
            for part, begins in parts.items()
            for key in a
            if key.startswith(begins) and not torch.equal(a[key], b[key])
        }
        for a, b in itertools.pairwise(states)
    ]
    assert moved == [{"backbone", "head"}, {"path"}]
    assert [float(state["network.signal_path.share"]) for state in states] == [0, 0, 0.5]


def test_stopped_in_any_stage_it_goes_on_to_the_same_numbers(
    whole: RunFolder, config: Callable[..., TrainConfig], tmp_path: Path
) -> None:
    chosen = config("staged", **STAGED)
    for done, stop_at in ((0, 1), (1, 4), (4, 8)):
        _until(stop_at, done, chosen, tmp_path)
    again = train(chosen, root=tmp_path, progress=False)
    left, right = _state(again), _state(whole)
    assert left.keys() == right.keys()
    assert all(torch.equal(left[key], right[key]) for key in left)
    for ours, theirs in zip(again.curves(), whole.curves(), strict=True):
        for column in {"loss", "expression", "mse"} & set(ours):
            np.testing.assert_array_equal(ours[column], theirs[column])


def test_what_is_kept_answers_with_both_readers(
    config: Callable[..., TrainConfig], cache: WindowCache, tmp_path: Path
) -> None:
    """Even where the backbone alone had the lower validation MSE: a rate that spoils the path makes sure of it."""
    spoiled = {**STAGED, "objective": {"path_steps": 5, "path_batch": 6, "path_rate": 3.0}, "run": {"valid_every": 5}}
    folder = train(config("spoiled", **spoiled), root=tmp_path, progress=False)
    valid, facts = folder.curves()[1], folder.facts()
    assert list(valid["step"]) == [5, 10]
    assert valid["mse"][0] < valid["mse"][1]
    assert (facts["best_step"], facts["kept_for"]) == (10, "with its signal path")
    assert "- Kept: update 10, with its signal path" in (folder.path / "card.md").read_text()
    per_epoch = len(cache.part("train"))
    assert facts["epochs"] == pytest.approx(5 / np.ceil(per_epoch / 4) + 5 / np.ceil(per_epoch / 6), abs=1e-3)
    path = load_checkpoint(folder.checkpoint).network.signal_path
    assert path is not None
    assert float(path.share) == 0.5


def test_numbers_that_are_not_finite_name_the_rate_of_the_stage(
    config: Callable[..., TrainConfig], tmp_path: Path
) -> None:
    wild = {**STAGED, "objective": {"path_steps": 5, "path_batch": 6, "path_rate": 1e30}}
    with pytest.raises(TrainingError, match=r"at update \d+ .* SYN.*, or lower objective.path_rate"):
        train(config("wild", **wild), root=tmp_path, progress=False)


def test_two_processes_learn_what_one_learns(write_yaml: Callable[..., Path], tmp_path: Path) -> None:
    """With a signal Beta so sharp that a draw is nearly its mean; see test_processes.py."""
    objective = {"path_steps": 5, "path_batch": 6}  # no other part learns alone
    sharp = {**STAGED, "objective": objective, "model": {**STAGED["model"], "prior_scale": 1e5, "kl_weight": 1e-6}}
    alone = train(read_config(write_yaml("one", **sharp)), root=tmp_path, progress=False)
    both = write_yaml("both", **{**sharp, "run": {**STAGED["run"], "devices": 2}})
    done = subprocess.run(
        [sys.executable, "-m", "seq2exp", "train", str(both), "--out", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    curve = RunFolder(tmp_path / "both").curves()[0]
    np.testing.assert_allclose(curve["loss"], alone.curves()[0]["loss"], rtol=1e-4)
    one, two = _state(alone), _state(RunFolder(tmp_path / "both"))
    for key, tensor in one.items():
        torch.testing.assert_close(two[key], tensor, rtol=1e-3, atol=1e-5)


def test_what_it_reads_is_what_masks_of_evaluation_let_through(
    config: Callable[..., TrainConfig], cache: WindowCache
) -> None:
    chosen = config("staged", **STAGED)
    assert isinstance(chosen.model, ModelConfig)
    torch.manual_seed(0)
    network = Seq2Exp(chosen.model).train()
    genes = units(cache, "train", group_cells=True)[:6]
    windows = pass_windows(
        network, cache, genes, device=CPU, autocast=torch.autocast("cpu", enabled=False), progress=False
    )
    assert network.training
    network.eval()
    (batch,) = loader(cache, [[index for gene in genes for index in gene]], workers=0)
    with torch.no_grad():
        given = batch.network_input()
        expected = let_through(chosen.model, given.signals, network(given).mask)
    assert windows.names == batch.names
    for found, wanted in zip(windows.passed, expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)
    assert torch.equal(windows.target, batch.target)
    assert torch.equal(windows.rna_features, batch.rna_features)

    order = {"per_batch": 4, "seed": 5, "device": CPU}
    one = list(path_batches(windows, range(3), rank=0, processes=1, **order))  # type: ignore[arg-type]
    assert sorted(name for each in one for name in each.names) == sorted(batch.names)
    place = batch.names.index(one[1].names[2])
    assert torch.equal(one[1].passed.signals[2], windows.passed.signals[place])
    assert torch.equal(one[1].target[2], batch.target[place])
    halves = [next(path_batches(windows, range(1), rank=rank, processes=2, **order)) for rank in (0, 1)]  # type: ignore[arg-type]
    assert sorted(halves[0].names + halves[1].names) == sorted(one[0].names)


def test_the_rate_of_each_stage(config: Callable[..., TrainConfig]) -> None:
    chosen = config(
        "rates",
        model=STAGED["model"],
        objective={"path_steps": 20, "path_rate": 0.01},
        optimiser={"steps": 8, "warmup_steps": 4, "start_rate": 1e-4, "rate": 9e-4, "end_rate": 1e-5},
    )
    rates = [chosen.rate_at(step) for step in range(chosen.steps)]
    assert (chosen.steps, chosen.path_stage) == (28, range(8, 28))
    np.testing.assert_allclose(rates[:5], [1e-4, 3e-4, 5e-4, 7e-4, 9e-4])
    np.testing.assert_allclose(rates[8:11], [5e-4, 0.00525, 0.01])  # from a twentieth on, in a tenth of the stage
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 1e-4 < rates[-1] < 2e-4  # towards a hundredth


@pytest.mark.parametrize(
    ("model", "objective", "message"),
    [
        ({"signal_channels": 4}, {}, r"signal_channels \(4\) and objective.path_steps \(0\) go together"),
        ({}, {"path_steps": 3}, r"signal_channels \(0\) and objective.path_steps \(3\) go"),
        ({"signal_channels": 4}, {"path_steps": -3}, "path_steps must not be negative"),
        (
            {"signal_channels": 4},
            {"path_steps": 3, "path_batch": 0},
            "path_batch at least 1",
        ),
        ({"signal_channels": 4}, {"path_steps": 3, "path_rate": 0.0}, "path_rate positive"),
    ],
)
def test_what_cannot_be_is_named(
    config: Callable[..., TrainConfig], model: dict[str, Any], objective: dict[str, Any], message: str
) -> None:
    with pytest.raises(TrainingError, match=message):
        config("wrong", model=model, objective=objective)


def test_a_batch_that_processes_cannot_share_is_named(config: Callable[..., TrainConfig]) -> None:
    with pytest.raises(TrainingError, match="path_batch 5 does not divide among 2 processes"):
        config("wrong", **{**STAGED, "objective": {**STAGED["objective"], "path_batch": 5}, "run": {"devices": 2}})
