"""What cannot be trained on, or not any further, is said in one line."""

import errno
import json
import os
import shutil
from collections import namedtuple
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from seq2exp.errors import SettingsError, TrainingError
from seq2exp.files import write_whole
from seq2exp.model.checkpoint import build_network, save_checkpoint
from seq2exp.sources.dataset import open_dataset
from seq2exp.training import cache as cache_room
from seq2exp.training.batches import batch_at
from seq2exp.training.cache import Example, WindowCache
from seq2exp.training.config import TrainConfig
from seq2exp.training.folder import Curves, RunFolder
from seq2exp.training.run import train
from seq2exp.window.assemble import build_window, window_settings

Config = Callable[..., TrainConfig]
FULL = OSError(errno.ENOSPC, "No space left on device")


def refused(config: TrainConfig, root: Path, message: str) -> str:
    with pytest.raises((TrainingError, SettingsError), match=message) as caught:
        train(config, root=root, progress=False)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# -- numbers that are not finite


@pytest.mark.parametrize("poison", [np.nan, np.inf])
def test_a_loss_that_is_not_finite_names_update_and_windows(
    poison: float, config: Config, cache: WindowCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = WindowCache.read
    chosen = config("poisoned", data={"group_cells": False})
    step = 2
    units = cache.part("train")
    index = int(units[batch_at(step, len(units), per_batch=4, seed=chosen.run.seed)[0]])

    def poisoned(self: WindowCache, number: int) -> Example:
        example = read(self, number)
        return replace(example, signals=example.signals + np.float32(poison)) if number == index else example

    monkeypatch.setattr(WindowCache, "read", poisoned)
    found = refused(chosen, tmp_path, rf"the loss is (nan|inf) at update {step + 1} \(loss ")
    window = cache.windows[index]
    assert f"{window.gene_id} in {window.cell_type}" in found
    assert list(RunFolder(tmp_path / "poisoned").curves()[0]["step"]) == [1, 2]


def test_a_rate_that_is_too_high_stops_the_run(config: Config, tmp_path: Path) -> None:
    rates = {"start_rate": 1e30, "rate": 1e30, "end_rate": 1e30}
    refused(config("fast", optimiser=rates), tmp_path, r"at update 2 .* lower optimiser\.rate")


def test_a_validation_that_is_not_finite_names_windows(
    config: Config, cache: WindowCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, index = WindowCache.read, int(cache.part("valid")[-1])

    def poisoned(self: WindowCache, number: int) -> Example:
        example = read(self, number)
        return replace(example, rna_features=example.rna_features * np.float32(np.nan)) if number == index else example

    monkeypatch.setattr(WindowCache, "read", poisoned)
    window = cache.windows[index]
    refused(config("valid"), tmp_path, rf"1 of 14 validation windows .* update 6, the first {window.gene_id} in")


# -- the cache


@pytest.fixture
def own_cache(cache: WindowCache, tmp_path: Path) -> Path:
    return Path(shutil.copytree(cache.folder, tmp_path / "windows" / cache.folder.name))


def test_a_flipped_byte_is_found(own_cache: Path, config: Config, tmp_path: Path) -> None:
    path = own_cache / "signals.npy"
    content = bytearray(path.read_bytes())
    content[len(content) // 100] ^= 1  # in the first window, which is one to learn from
    path.write_bytes(content)
    chosen = config("flipped", data={"cache": str(own_cache.parent)})
    refused(chosen, tmp_path, rf"window 0 \(.*\) is damaged: .*; remove the folder {own_cache} and it is cut again")


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("codes.npy", lambda content: content[: len(content) // 2], r"codes\.npy: cannot be read"),
        ("codes.npy", lambda _: b"", r"codes\.npy: cannot be read"),
        ("windows.json", lambda _: b'{"windows": 5}', r"windows\.json: not an index of cut windows"),
        ("windows.json", lambda _: b"[1, 2", r"windows\.json: not an index of cut windows"),
        ("windows.json", lambda text: text.replace(b'"train"', b'"trbin"', 1), "part trbin"),
        ("windows.json", lambda text: text.replace(b'"format_version": 1', b'"format_version": 9'), "format_version 9"),
        (
            "windows.json",
            lambda text: text.replace(b'"window_bp": 4096', b'"window_bp": 8192'),
            r"\(window_bp differ\)",
        ),
    ],
)
def test_a_damaged_or_foreign_file_is_named(
    name: str, change: Callable[[bytes], bytes], message: str, own_cache: Path, config: Config, tmp_path: Path
) -> None:
    path = own_cache / name
    path.write_bytes(change(path.read_bytes()))
    refused(config("damaged", data={"cache": str(own_cache.parent)}), tmp_path, f"{message}.* and it is cut again")


# -- the disk


def test_a_disk_without_room_is_refused_before_anything_is_written(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9 - 1000, 1000))
    refused(config("full"), tmp_path, r"saved states and checkpoint take up to 0\.00 GB, free are 0\.00; free some")
    other = config("full", data={"cache": str(tmp_path / "windows")})
    refused(other, tmp_path / "other", "windows could not be written .* GB needed, .*nothing half-written is left")
    assert list((tmp_path / "windows").iterdir()) == []


def test_a_disk_that_fills_while_windows_are_cut(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise FULL

    monkeypatch.setattr(os, "posix_fallocate", full)
    chosen = config("full", data={"cache": str(tmp_path / "windows")})
    refused(chosen, tmp_path, r"windows could not be written \(No space left on device\)")
    assert list((tmp_path / "windows").iterdir()) == []


@pytest.mark.parametrize("place", ["state", "curves", "checkpoint"])
def test_a_disk_that_fills_in_training_costs_nothing_that_was_saved(
    place: str, config: Config, trained: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = config("trained", run={"save_every": 2, "log_every": 1})
    calls = iter([False] * 2 + [True])
    row = Curves.train

    def full_state(path: Path, content: memoryview) -> None:
        if next(calls):
            raise FULL
        write_whole(path, content)

    def full_curves(self: Curves, values: Any) -> None:
        if values["step"] == 5:
            raise FULL
        row(self, values)

    def full_checkpoint(*_: object, **__: object) -> None:
        raise FULL

    if place == "state":
        monkeypatch.setattr("seq2exp.training.loop.write_whole", full_state)
    elif place == "curves":
        monkeypatch.setattr(Curves, "train", full_curves)
    else:
        monkeypatch.setattr("seq2exp.training.loop.save_system", full_checkpoint)
    refused(chosen, tmp_path, r"writing failed at update [56] \(No space left on device\); free some space")
    monkeypatch.undo()
    left = tmp_path / "trained" / ".last.ckpt.0.partial"  # of a run that was killed while it saved
    left.write_bytes(b"half")
    folder = train(chosen, root=tmp_path, progress=False)
    assert not left.exists()
    for ours, theirs in zip(folder.curves(), trained.curves(), strict=True):
        assert list(ours["step"]) == list(theirs["step"])
        for column in ("loss", "mse"):
            if column in ours:
                assert list(ours[column]) == list(theirs[column])


# -- the data set


def changed_data(data_dir: Path, folder: Path, **tables: Callable[[str], str]) -> dict[str, str]:
    """A copy of the tiny data set with some files rewritten, and where its windows go."""
    shutil.copytree(data_dir, folder / "tiny")
    for stem, change in tables.items():
        (path,) = (folder / "tiny").glob(f"{stem}.*")
        path.write_text(change(path.read_text()))
    return {"dataset": str(folder / "tiny"), "cache": str(folder / "windows")}


def without(role: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        manifest = yaml.safe_load(text)
        manifest["sources"] = [source for source in manifest["sources"] if source["role"] != role]
        return yaml.safe_dump(manifest)

    return change


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"split": lambda text: text.replace("valid", "test")}, "no labelled gene in the part valid"),
        ({"split": lambda text: text.replace("train", "test")}, "no gene has both a label and the part train"),
        ({"manifest": without("expression")}, "no gene has both a label and the part train in SynK, SynG; .* table"),
    ],
)
def test_data_that_cannot_be_learned_from(
    tables: dict[str, Any],
    message: str,
    config: Config,
    data_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    window = build_window(
        dataset := open_dataset(data_dir), next(iter(dataset.genes)), "SynK", window_settings(dataset)
    )
    monkeypatch.setattr(cache_room, "build_window", lambda *_: window)  # which windows, not what is in them
    refused(config("unlabelled", data=changed_data(data_dir, tmp_path, **tables)), tmp_path, message)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"model": {"window_bp": 8192}}, "the model has windows of 8,192 bp .* synthetic-tiny.* of 4,096 and 256"),
        ({"data": {"cell_types": ["SynZ"]}}, "has no cell line SynZ; it has SynK, SynG"),
        ({"data": {"group_cells": True}, "optimiser": {"batch": 5}}, "batch 5 does not divide into 2 cell lines"),
        ({"data": {"dataset": "nowhere"}}, "nowhere"),
        ({"run": {"devices": 2, "nodes": 1}, "optimiser": {"batch": 5}}, "batch 5 does not divide among 2 processes"),
    ],
)
def test_data_and_model_must_fit(sections: dict[str, Any], message: str, config: Config, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=message) as caught:
        train(config("unfit", **sections), root=tmp_path, progress=False)
    assert type(caught.value).__module__ == "seq2exp.errors"
    assert "\n" not in str(caught.value)


def test_a_mask_comes_from_trained_weights(config: Config, tmp_path: Path) -> None:
    retrain: dict[str, Any] = {"model": {"external_mask": True}}
    refused(config("retrain", mask_from=str(tmp_path / "none"), **retrain), tmp_path, "mask_from: .*is not there")
    save_checkpoint(tmp_path / "random", build_network(config("soft").model), provenance={"trained": False})
    refused(config("retrain2", mask_from=str(tmp_path / "random"), **retrain), tmp_path, "its weights are untrained")


def test_a_folder_that_cannot_be_written_is_refused(config: Config, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused(config("run"), tmp_path / "file", "cannot be written .*; give another --out")


def test_facts_that_are_no_json_are_named(trained: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(TrainingError, match=r"run\.json: cannot be read"):
        RunFolder(tmp_path).facts()
    (tmp_path / "train.csv").write_text("step,loss\n1,2\n")
    with pytest.raises(TrainingError, match=r"train\.csv: not a table of this program"):
        RunFolder(tmp_path).curves()
    assert json.loads((trained.path / "run.json").read_text()) == trained.facts()
