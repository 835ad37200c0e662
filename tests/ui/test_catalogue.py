from __future__ import annotations

from pathlib import Path

import pytest

from seq2exp.inference import checkpoints
from seq2exp.sources.dataset import open_dataset
from seq2exp.synthetic import synthesize
from seq2exp.ui.catalogue import (
    DATASET_VARIABLE,
    NO_CHECKPOINT,
    checkpoint_paths,
    dataset_argument,
    dataset_hash,
    dataset_paths,
    run_paths,
)


@pytest.mark.parametrize("arguments", [["--dataset", "/a/m.yaml"], ["x", "--dataset=/a/m.yaml"]])
def test_the_argument_is_found(arguments: list[str]) -> None:
    assert dataset_argument(arguments) == Path("/a/m.yaml")


@pytest.mark.parametrize("arguments", [[], ["--dataset"], ["--data", "/a"]])
def test_no_argument_is_none(arguments: list[str]) -> None:
    assert dataset_argument(arguments) is None


def test_names_are_folders_and_never_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DATASET_VARIABLE, "/b/cells/manifest.yaml")
    found = dataset_paths(["--dataset", "/a/cells/manifest.yaml"], ["/a/cells/manifest.yaml", "/c"], root=tmp_path)
    assert found == {
        "cells": Path("/a/cells/manifest.yaml"),
        "b/cells": Path("/b/cells/manifest.yaml"),
        "c": Path("/c"),
    }


def test_the_tiny_set_is_listed_once_it_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DATASET_VARIABLE, raising=False)
    assert dataset_paths([], root=tmp_path) == {}
    manifest = tmp_path / ".data" / "tiny" / "manifest.yaml"
    manifest.parent.mkdir(parents=True)
    manifest.touch()
    assert dataset_paths([], root=tmp_path) == {"tiny": manifest}


def test_checkpoints_are_folders_with_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "SHIPPED", tmp_path / "absent")
    for name in ("b", "a"):
        (tmp_path / ".data" / "checkpoints" / name).mkdir(parents=True)
        (tmp_path / ".data" / "checkpoints" / name / "model.safetensors").touch()
    (tmp_path / ".data" / "checkpoints" / "empty").mkdir()
    for name in ("a", "c"):  # where `data official --checkpoints` puts them
        (tmp_path / ".data" / "official" / "checkpoints" / name).mkdir(parents=True)
        (tmp_path / ".data" / "official" / "checkpoints" / name / "model.safetensors").touch()
    assert list(checkpoint_paths(root=tmp_path)) == [NO_CHECKPOINT, "a", "b", "official/a", "c"]


def test_checkpoints_of_the_package_come_first_and_a_run_brings_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "SHIPPED", tmp_path / "shipped")
    own, run = tmp_path / ".data" / "checkpoints" / "demo-soft", tmp_path / ".data" / "runs" / "demo-soft"
    for folder in (tmp_path / "shipped" / "demo-soft", own, run / "checkpoint", run.parent / ".half" / "checkpoint"):
        folder.mkdir(parents=True)
        (folder / "model.safetensors").touch()
        (folder / "model.json").touch()
    assert checkpoint_paths(root=tmp_path) == {
        NO_CHECKPOINT: None,
        "demo-soft": tmp_path / "shipped" / "demo-soft",
        "checkpoints/demo-soft": own,
        "runs/demo-soft": run / "checkpoint",
    }
    assert run_paths(root=tmp_path) == {"runs/demo-soft": run, "demo-soft": tmp_path / "shipped" / "demo-soft"}


def test_the_demo_data_come_before_others_and_a_folder_is_its_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(DATASET_VARIABLE, raising=False)
    for name in ("alpha", "demo", ".demo.partial"):
        (tmp_path / ".data" / name).mkdir(parents=True)
        (tmp_path / ".data" / name / "manifest.yaml").touch()
    assert list(dataset_paths([], root=tmp_path)) == ["demo", "alpha"]
    typed = str(tmp_path / ".data" / "alpha")
    assert list(dataset_paths(["--dataset", typed], root=tmp_path)) == ["alpha", "demo"]


def test_the_hash_of_the_list_is_that_of_the_opened_data_set(tmp_path: Path) -> None:
    manifest = synthesize(preset="tiny", out=tmp_path / "tiny")
    assert dataset_hash(tmp_path / "tiny") == dataset_hash(manifest) == open_dataset(manifest).hash
