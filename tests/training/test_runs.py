"""Runs of a few updates from beginning to end, and what they leave."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seq2exp.inference.checkpoints import load_checkpoint_for_inference
from seq2exp.inference.session import open_session
from seq2exp.model.checkpoint import build_network, load_checkpoint
from seq2exp.processing import trained_on
from seq2exp.settings import MaskSettings, ModelConfig
from seq2exp.sources.dataset import open_dataset
from seq2exp.training.batches import StepSampler, batch_at, loader
from seq2exp.training.cache import WindowCache
from seq2exp.training.config import TrainConfig
from seq2exp.training.elements import Candidates
from seq2exp.training.folder import RunFolder
from seq2exp.training.objective import Objective, objective_of, outside_ratio
from seq2exp.training.run import train

KINDS: dict[str, dict[str, Any]] = {
    "soft": {"run": {"precision": "bf16-mixed"}},
    "hard": {"model": {"preset": "hard"}},
    "hard-fixed": {"model": {"preset": "hard", "hard_gradient": "fixed"}},
    "hard-stem": {
        "model": {
            "preset": "hard", "shared_backbone": False, "generator_sees_positions": False, "stem_taps": 15,
            "hard_gradient": "every_layer", "element_channels": 4,
        },
        "objective": {"readout_weight": 0.5, "readout_reads": "mean"},
    },
    "retrain": {"model": {"external_mask": True, "top_share": 0.1}},
    "stem": {
        "model": {"stem_taps": 15, "signal_transform": "log1p", "element_channels": 4},
        "objective": {"stem_steps": 2, "track_weight": 0.2, "readout_weight": 0.5, "kl_warmup_steps": 2},
        "data": {"group_cells": True},
        "run": {"tensorboard": True},
    },
    "path": {
        "model": {"signal_transform": "log1p", "signal_channels": 4},
        "objective": {"generator_steps": 2, "path_steps": 4, "path_batch": 6},
        "data": {"group_cells": True},
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_kind_of_run_ends_in_a_checkpoint_that_predicts(
    kind: str, config: Callable[..., TrainConfig], trained: RunFolder, cache: WindowCache, tmp_path: Path
) -> None:
    mask_from = str(trained.checkpoint) if kind == "retrain" else None
    chosen = config(kind, mask_from=mask_from, **KINDS[kind])
    folder = train(chosen, root=tmp_path, progress=False)
    curve, valid = folder.curves()
    assert list(curve["step"]) == list(range(1, chosen.steps + 1))
    assert list(valid["step"]) == [chosen.steps]
    assert np.isfinite(curve["loss"]).all()
    assert curve["expression"].notna().all()
    assert curve["kl"].isna().all() == (kind == "retrain")
    assert curve["tracks"].notna().all() == (kind == "stem")
    facts = folder.facts()
    best = valid.loc[valid["mse"].idxmin()]
    assert (facts["finished"], facts["best_step"], facts["starts"]) == (True, best["step"], 1)
    assert (
        f"{facts['parameters']:,}, {facts['trainable_parameters']:,} of them trained"
        in (folder.path / "card.md").read_text()
    )
    assert bool(list(folder.path.glob("tensorboard/events*"))) == chosen.run.tensorboard

    checkpoint = load_checkpoint(folder.checkpoint)
    assert checkpoint.provenance["trained"] is True
    tracks = trained_on.read(folder.checkpoint, checkpoint.provenance)
    n_train = len(cache.part("train")) // 2
    assert tracks is not None
    assert {cell: roles["dnase"].n_windows for cell, roles in tracks.items()} == {"SynK": n_train, "SynG": n_train}
    with torch.inference_mode():
        (batch,) = loader(cache, [cache.part("valid").tolist()], workers=0)
        prediction = checkpoint.network(batch.network_input()).prediction
    mse = float((prediction - batch.target).square().mean())
    assert mse == pytest.approx(best["mse"], rel=1e-2 if chosen.run.precision == "bf16-mixed" else 1e-5)

    torch.manual_seed(chosen.run.seed)
    source = None if mask_from is None else load_checkpoint(Path(mask_from))
    untrained = build_network(chosen.model, None if source is None else source.config).state_dict()
    learned = checkpoint.network.state_dict()
    frozen = {name for name in learned if "signal_log_weights" in name or "signal_thresholds" in name}
    assert len(frozen) == 2
    for name, tensor in learned.items():
        if name in frozen:  # the six constants of the signal Beta
            torch.testing.assert_close(tensor, untrained[name], rtol=0, atol=0)
        elif source is not None and name.startswith("mask_model."):
            own = source.network.state_dict()[name.removeprefix("mask_model.")]
            torch.testing.assert_close(tensor, own, rtol=0, atol=0)
        else:
            assert not torch.equal(tensor, untrained[name]), name


def test_a_generator_that_has_stopped_stays_and_the_predictor_learns_on(
    config: Callable[..., TrainConfig], tmp_path: Path
) -> None:
    """A run of 3 updates, and one of 6 whose generator stops after 3, have one generator to the last bit."""
    states, counts = {}, {}
    for name, steps, stop in (("short", 3, 0), ("long", 6, 3)):
        chosen = config(
            name,
            model=KINDS["stem"]["model"],
            objective={**KINDS["stem"]["objective"], "generator_steps": stop},
            optimiser={"steps": steps, "start_rate": 1e-3, "rate": 1e-3, "end_rate": 1e-3},
        )
        folder = train(chosen, root=tmp_path, progress=False)
        states[name] = torch.load(folder.state, weights_only=True)["objective"]
        counts[name] = folder.facts()["trainable_parameters"]
    assert counts["long"] == counts["short"]  # all of them learned at some time
    for key, tensor in states["short"].items():
        teaches_it = key.startswith(("track_head.", "readout."))
        stays = teaches_it or key.startswith(("network.generator.", "network.inputs."))
        assert torch.equal(tensor, states["long"][key]) == stays, key
    curve, _ = folder.curves()
    assert list(curve["tracks"].isna()) == [False] * 5 + [True] * 3
    np.testing.assert_array_equal(curve["loss"][5:], curve["expression"][5:])


def test_after_the_generator_has_stopped_masks_are_those_of_evaluation(
    config: Callable[..., TrainConfig], cache: WindowCache
) -> None:
    chosen = config("stopped", model={"preset": "hard", "shared_backbone": False}, objective={"generator_steps": 1})
    assert isinstance(chosen.model, ModelConfig)
    objective = objective_of(chosen.row, build_network(chosen.model), chosen.objective, cache=cache)
    assert isinstance(objective, Objective)
    (batch,) = loader(cache, [[0, 1]], workers=0)
    drawn = [objective.train()(batch, 0).mask_ratio for _ in range(2)]
    assert drawn[0] != drawn[1]
    _, mask = objective.eval().answer(batch)
    assert objective.train()(batch, 1).mask_ratio == outside_ratio(mask, objective.network.centre)


def test_a_trained_checkpoint_opens_for_inference(trained: RunFolder, data_dir: Path, tmp_path: Path) -> None:
    checkpoint = load_checkpoint_for_inference(trained.checkpoint, "cpu")
    assert checkpoint.trained
    dataset = open_dataset(data_dir)
    gene = next(iter(dataset.genes))
    session = open_session(dataset, gene, "SynK", checkpoint=checkpoint, device="cpu", cache_dir=tmp_path)
    prediction = session.predict(MaskSettings())
    assert prediction is not None
    assert np.isfinite(prediction)


def test_a_row_is_the_mean_over_the_updates_since_the_row_before(
    config: Callable[..., TrainConfig], trained: RunFolder, tmp_path: Path
) -> None:
    every, _ = trained.curves()
    rows, _ = train(config("means", run={"log_every": 4}), root=tmp_path, progress=False).curves()
    assert list(rows["step"]) == [4, 6]
    for column in ("loss", "expression", "kl", "mask_ratio", "gradient_norm"):
        expected = [every[column][:4].mean(), every[column][4:].mean()]
        np.testing.assert_allclose(rows[column], expected, rtol=1e-12)
    assert list(rows["learning_rate"]) == [every["learning_rate"][3], every["learning_rate"][5]]
    assert rows["wait_share"].between(0, 1).all()


def test_every_epoch_sees_every_window_once_and_processes_share_each_batch() -> None:
    epoch = [batch_at(step, 10, per_batch=4, seed=5).tolist() for step in range(3)]
    assert [len(batch) for batch in epoch] == [4, 4, 2]  # the last batch stays partial, as published
    assert sorted(number for batch in epoch for number in batch) == list(range(10))
    following = [batch_at(step, 10, per_batch=4, seed=5).tolist() for step in range(3, 6)]
    assert sorted(number for batch in following for number in batch) == list(range(10))
    assert following != epoch
    chosen = tuple((number,) for number in range(10))
    options: dict[str, Any] = {"start": 0, "stop": 3, "per_batch": 4, "seed": 5}
    one = list(StepSampler(chosen, **options))
    two = [list(StepSampler(chosen, rank=rank, processes=2, **options)) for rank in (0, 1)]
    assert [sorted(a + b) for a, b in zip(*two, strict=True)] == [sorted(batch) for batch in one]


def test_worker_processes_read_the_same_batches(cache: WindowCache) -> None:
    lists = [[0, 3], [5, 1]]
    candidates = Candidates([np.array([[index, index + 9]]) for index in range(len(cache))])
    here, there = (list(loader(cache, lists, workers=workers, candidates=candidates)) for workers in (0, 1))
    for one, other in zip(here, there, strict=True):
        assert one.names == other.names
        for left, right in zip(one[:-1], other[:-1], strict=True):
            assert torch.equal(left, right)
