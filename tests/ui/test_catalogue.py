from __future__ import annotations

from pathlib import Path

import pytest

from seq2exp.ui.catalogue import DATASET_VARIABLE, NO_CHECKPOINT, checkpoint_paths, dataset_argument, dataset_paths


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


def test_checkpoints_are_folders_with_weights(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / ".data" / "checkpoints" / name).mkdir(parents=True)
        (tmp_path / ".data" / "checkpoints" / name / "model.safetensors").touch()
    (tmp_path / ".data" / "checkpoints" / "empty").mkdir()
    assert list(checkpoint_paths(root=tmp_path)) == [NO_CHECKPOINT, "a", "b"]
