import pytest

from seq2exp.inference.checkpoints import LoadedCheckpoint, load_checkpoint_for_inference
from seq2exp.sources.dataset import Dataset, open_dataset
from seq2exp.synthetic import synthesize
from tests.random_checkpoints import write_random


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return open_dataset(synthesize(preset="tiny", out=tmp_path_factory.mktemp("data") / "tiny"))


@pytest.fixture(scope="session")
def soft(tmp_path_factory: pytest.TempPathFactory) -> LoadedCheckpoint:
    folder = write_random(tmp_path_factory.mktemp("checkpoints") / "soft-random", "soft")
    return load_checkpoint_for_inference(folder, "cpu")


@pytest.fixture(scope="session")
def hard(tmp_path_factory: pytest.TempPathFactory) -> LoadedCheckpoint:
    folder = write_random(tmp_path_factory.mktemp("checkpoints") / "hard-random", "hard")
    return load_checkpoint_for_inference(folder, "cpu")


@pytest.fixture(scope="session")
def summits(tmp_path_factory: pytest.TempPathFactory) -> LoadedCheckpoint:
    """Its mask is drawn in to the summits of DNase, and held back where they hardly meet the promoter."""
    folder = tmp_path_factory.mktemp("checkpoints") / "summits-random"
    write_random(folder, "soft", summit_bp=60, contact_half=0.5)
    return load_checkpoint_for_inference(folder, "cpu")
