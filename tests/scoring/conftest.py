"""The tiny data set, two untrained networks on it, and the folder that one process makes of each."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from seq2exp.inference.checkpoints import LoadedCheckpoint, load_checkpoint_for_inference
from seq2exp.model.network import Seq2Exp
from seq2exp.scoring.plan import ScoreSettings
from seq2exp.scoring.run import score_dataset
from seq2exp.scoring.worker import Job
from seq2exp.settings import Preset
from seq2exp.sources.dataset import Dataset, open_dataset
from seq2exp.synthetic import synthesize
from tests.random_checkpoints import write_random

SETTINGS = ScoreSettings(samples=3, bigwig=True, shard_size=5, promoter_only=True)
"""24 genes: four shards of five and one of four."""


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return open_dataset(synthesize(preset="tiny", out=tmp_path_factory.mktemp("data") / "tiny"))


@pytest.fixture(scope="session", params=["soft", "hard"])
def preset(request: pytest.FixtureRequest) -> Preset:
    chosen: Preset = request.param
    return chosen


def _far_sighted(network: Seq2Exp) -> None:
    """Scaled so that predictions hang on bases far away."""
    for name, values in network.named_parameters():
        if name.endswith("A_log"):
            values.fill_(-7)  # a memory of thousands of bases
        elif name.endswith("out_proj.weight"):
            values.mul_(8)


@pytest.fixture(scope="session")
def checkpoint_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Preset], Path]:
    made: dict[Preset, Path] = {}

    def make(preset: Preset) -> Path:
        if preset not in made:
            folder = tmp_path_factory.mktemp("checkpoints") / f"{preset}-random"
            made[preset] = write_random(folder, preset, adapt=_far_sighted, d_model=8)
        return made[preset]

    return make


@pytest.fixture(scope="session")
def job(tiny: Dataset, checkpoint_of: Callable[[Preset], Path]) -> Callable[..., Job]:
    """A job on the tiny data; keywords are score settings."""

    def make(out: Path, preset: Preset = "soft", **changes: object) -> Job:
        settings = dataclasses.replace(SETTINGS, **changes)  # type: ignore[arg-type]
        return Job(tiny.root, checkpoint_of(preset), out, settings, "cpu")

    return make


@pytest.fixture(scope="session")
def checkpoint(preset: Preset, checkpoint_of: Callable[[Preset], Path]) -> LoadedCheckpoint:
    return load_checkpoint_for_inference(checkpoint_of(preset), "cpu")


@pytest.fixture(scope="session")
def alone(preset: Preset, job: Callable[..., Job], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process makes of the data."""
    out = tmp_path_factory.mktemp("scores") / preset
    found = score_dataset(job(out, preset))
    assert (found.scored, found.card["n_problems"]) == (48, 0)
    return out


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    """Sessions that a test opens sum as the processes do, which have one thread each."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
