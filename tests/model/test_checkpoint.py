import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from seq2exp.errors import CheckpointError
from seq2exp.model.checkpoint import build_network, load_checkpoint, save_checkpoint
from seq2exp.settings import ModelConfig, Preset

TINY = {"window_bp": 64, "centre_bp": 8, "d_model": 8, "generator_layers": 1, "predictor_layers": 1}
UNTRAINED = {"trained": False}


@pytest.mark.parametrize("preset", ["soft", "hard"])
def test_round_trip(preset: Preset, tmp_path: Path) -> None:
    network = build_network(ModelConfig.preset(preset, **TINY))
    save_checkpoint(tmp_path / "it", network, provenance={"trained": False, "note": "random"})
    loaded = load_checkpoint(tmp_path / "it")
    assert loaded.config == network.config
    assert loaded.name == "it"
    assert loaded.provenance["note"] == "random"
    assert not loaded.network.training
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, loaded.network.state_dict()[name])
    assert load_checkpoint(tmp_path / "it").hash == loaded.hash


def test_retrain_round_trip_keeps_the_mask_model_frozen(tmp_path: Path) -> None:
    soft = ModelConfig.preset("soft", **TINY)
    network = build_network(ModelConfig.preset("soft", **TINY, external_mask=True), soft)
    save_checkpoint(tmp_path, network, provenance=UNTRAINED)
    loaded = load_checkpoint(tmp_path).network
    assert loaded.mask_model is not None
    assert not any(parameter.requires_grad for parameter in loaded.mask_model.parameters())


def test_random_weights_must_say_so(tmp_path: Path) -> None:
    network = build_network(ModelConfig.preset("soft", **TINY))
    with pytest.raises(CheckpointError, match="trained = true or false"):
        save_checkpoint(tmp_path, network, provenance={})


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save_checkpoint(tmp_path / "c", build_network(ModelConfig.preset("soft", **TINY)), provenance=UNTRAINED)
    return tmp_path / "c"


def test_other_shapes_are_named(saved: Path) -> None:
    card = json.loads((saved / "model.json").read_text())
    card["config"]["d_model"] = 16
    (saved / "model.json").write_text(json.dumps(card))
    with pytest.raises(CheckpointError, match=r"other shapes \(inputs.sequence.weight is \(8, 4\)"):
        load_checkpoint(saved)


def test_missing_and_unexpected_tensors_are_named(saved: Path) -> None:
    state = load_file(saved / "model.safetensors")
    state["stranger"] = state.pop("generator.mask_head.bias")
    save_file(state, saved / "model.safetensors")
    with pytest.raises(
        CheckpointError, match=r"1 tensors missing \(generator.mask_head.bias\).*not of this model \(stranger\)"
    ):
        load_checkpoint(saved)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("model.json", b"{", "not a checkpoint card"),
        ("model.json", b"[]", "not a checkpoint card"),
        (
            "model.json",
            b'{"format_version": 9, "config": {}, "mask_model_config": null, "provenance": {}}',
            "format_version 9",
        ),
        (
            "model.json",
            b'{"format_version": 1, "config": {"colour": 1}, "mask_model_config": null, "provenance": {}}',
            "unknown keys colour",
        ),
        ("model.safetensors", b"\x80\x04garbage", "not a readable safetensors file"),
        ("model.safetensors", b"", "not a readable safetensors file"),
    ],
)
def test_damaged_files(saved: Path, name: str, content: bytes, words: str) -> None:
    (saved / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=words):
        load_checkpoint(saved)


def test_absent_files(saved: Path) -> None:
    (saved / "model.json").unlink()
    with pytest.raises(CheckpointError, match=r"model.json is not there.*convert-checkpoint"):
        load_checkpoint(saved)
