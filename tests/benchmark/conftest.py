from pathlib import Path

import pytest
import torch

from seq2exp.benchmark.choice import BenchmarkSettings
from seq2exp.benchmark.mask import MaskBenchmark, benchmark_mask
from seq2exp.inference.checkpoints import LoadedCheckpoint, load_checkpoint_for_inference
from seq2exp.model.checkpoint import build_network, save_checkpoint
from seq2exp.settings import ModelConfig
from seq2exp.sources.dataset import Dataset, open_dataset
from seq2exp.synthetic import synthesize


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return open_dataset(synthesize(preset="tiny", out=tmp_path_factory.mktemp("data") / "tiny"))


@pytest.fixture(scope="session")
def peak_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for the session, so that MACS3 calls the same peaks once."""
    return tmp_path_factory.mktemp("peaks")


@pytest.fixture(scope="session")
def soft_folder(tmp_path_factory: pytest.TempPathFactory, tiny: Dataset) -> Path:
    """Random weights; the mask head is scaled up so that the mask has structure."""
    torch.manual_seed(5)
    window = tiny.manifest.window
    config = ModelConfig.preset(
        "soft",
        window_bp=window.width_bp,
        centre_bp=window.centre_bp,
        d_model=8,
        generator_layers=1,
        predictor_layers=1,
    )
    network = build_network(config)
    assert network.generator is not None
    with torch.no_grad():
        network.generator.mask_head.weight.mul_(8)
    folder = tmp_path_factory.mktemp("checkpoints") / "soft-random"
    save_checkpoint(folder, network, provenance={"trained": False})
    return folder


@pytest.fixture(scope="session")
def soft(soft_folder: Path) -> LoadedCheckpoint:
    return load_checkpoint_for_inference(soft_folder, "cpu")


@pytest.fixture(scope="session")
def result(tiny: Dataset, soft: LoadedCheckpoint, peak_cache: Path) -> MaskBenchmark:
    return benchmark_mask(tiny, soft, BenchmarkSettings(resamples=200), cache_dir=peak_cache)
