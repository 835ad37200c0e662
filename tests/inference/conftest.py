from pathlib import Path

import pytest
import torch

from seq2exp.inference.checkpoints import LoadedCheckpoint, load_checkpoint_for_inference
from seq2exp.model.checkpoint import build_network, save_checkpoint
from seq2exp.settings import ModelConfig, Preset
from seq2exp.sources.dataset import Dataset, open_dataset
from seq2exp.synthetic import synthesize


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return open_dataset(synthesize(preset="tiny", out=tmp_path_factory.mktemp("data") / "tiny"))


def _random_checkpoint(preset: Preset, folder: Path) -> LoadedCheckpoint:
    """Random weights, said to be so; the mask head is scaled up so that masks have structure."""
    torch.manual_seed(5)
    config = ModelConfig.preset(
        preset, window_bp=4096, centre_bp=256, d_model=16, generator_layers=1, predictor_layers=1
    )
    network = build_network(config)
    assert network.generator is not None
    with torch.no_grad():
        network.generator.mask_head.weight.mul_(8)
    save_checkpoint(folder, network, provenance={"trained": False})
    return load_checkpoint_for_inference(folder, "cpu")


@pytest.fixture(scope="session")
def soft(tmp_path_factory: pytest.TempPathFactory) -> LoadedCheckpoint:
    return _random_checkpoint("soft", tmp_path_factory.mktemp("checkpoints") / "soft-random")


@pytest.fixture(scope="session")
def hard(tmp_path_factory: pytest.TempPathFactory) -> LoadedCheckpoint:
    return _random_checkpoint("hard", tmp_path_factory.mktemp("checkpoints") / "hard-random")
