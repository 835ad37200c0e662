"""A folder of fetched official checkpoints: each converted under its own name, a bad one named and the rest done."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from seq2exp.errors import CheckpointError
from seq2exp.model.checkpoint import load_checkpoint
from seq2exp.model.official_folder import convert_official_folder
from tests.model.test_official import FLAGS


def _write(path: Path, state: dict[str, torch.Tensor]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"state_dict": state, "hyper_parameters": {"model": {"config": FLAGS}}}, path)


def test_each_file_is_converted_and_a_bad_one_named(official_state: Callable[..., Any], tmp_path: Path) -> None:
    fetched, out = tmp_path / "fetched", tmp_path / "out"
    _write(fetched / "K562.ckpt", official_state("soft"))
    _write(fetched / "run" / "val" / "mse=0.2.ckpt", official_state("soft", seed=1))
    (fetched / "broken.ckpt").write_bytes(b"<html>not found</html>")
    found = {one.source.name: one for one in convert_official_folder(fetched, out)}
    assert found["K562.ckpt"].out == out / "K562"
    assert found["mse=0.2.ckpt"].out == out / "run-val-mse=0.2"
    refused = found["broken.ckpt"].refused
    assert found["broken.ckpt"].out is None
    assert refused is not None
    assert "broken.ckpt" in refused
    weights = []
    for name in ("K562.ckpt", "mse=0.2.ckpt"):
        folder = found[name].out
        assert folder is not None
        assert json.loads((folder / "model.json").read_text())
        weights.append(next(iter(load_checkpoint(folder).network.parameters())).detach().clone())
    assert not torch.equal(*weights)


def test_a_folder_without_checkpoints_says_so(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"holds no \*\.ckpt file"):
        convert_official_folder(tmp_path, tmp_path / "out")
