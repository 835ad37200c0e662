from pathlib import Path

import pytest

from seq2exp.benchmark.choice import BenchmarkSettings
from seq2exp.benchmark.mask import MaskBenchmark, benchmark_mask
from seq2exp.inference.checkpoints import LoadedCheckpoint, load_checkpoint_for_inference
from seq2exp.sources.dataset import Dataset, open_dataset
from seq2exp.synthetic import synthesize
from tests.random_checkpoints import write_random


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return open_dataset(synthesize(preset="tiny", out=tmp_path_factory.mktemp("data") / "tiny"))


@pytest.fixture(scope="session")
def peak_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for the session, so that MACS3 calls the same peaks once."""
    return tmp_path_factory.mktemp("peaks")


@pytest.fixture(scope="session")
def soft_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_random(tmp_path_factory.mktemp("checkpoints") / "soft-random", "soft", d_model=8)


@pytest.fixture(scope="session")
def soft(soft_folder: Path) -> LoadedCheckpoint:
    return load_checkpoint_for_inference(soft_folder, "cpu")


@pytest.fixture(scope="session")
def result(tiny: Dataset, soft: LoadedCheckpoint, peak_cache: Path) -> MaskBenchmark:
    return benchmark_mask(tiny, soft, BenchmarkSettings(resamples=200), cache_dir=peak_cache)
