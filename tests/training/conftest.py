"""The tiny data set, its windows cut once, and runs of a tiny network on them."""

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from seq2exp.sources.dataset import open_dataset
from seq2exp.synthetic import synthesize
from seq2exp.training.cache import WindowCache, cut_windows
from seq2exp.training.config import TrainConfig, read_config
from seq2exp.training.folder import RunFolder
from seq2exp.training.run import train
from seq2exp.window.assemble import window_settings

Write = Callable[..., Path]
"""Writes a configuration; keywords are sections whose keys are added to or replace the tiny ones."""

TINY_MODEL = {
    "preset": "soft", "window_bp": 4096, "centre_bp": 256, "d_model": 8,
    "generator_layers": 1, "predictor_layers": 1,
}  # fmt: skip


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthesize(preset="tiny", out=tmp_path_factory.mktemp("data") / "tiny").parent


@pytest.fixture(scope="session")
def cache(data_dir: Path) -> WindowCache:
    dataset = open_dataset(data_dir)
    return cut_windows(dataset, window_settings(dataset), folder=data_dir.parent / "windows")


@pytest.fixture(scope="session")
def write_yaml(data_dir: Path, cache: WindowCache, tmp_path_factory: pytest.TempPathFactory) -> Write:
    def write(name: str = "run", *, mask_from: str | None = None, **sections: Mapping[str, Any]) -> Path:
        content: dict[str, Any] = {
            "name": name,
            "data": {"dataset": str(data_dir), "cache": str(cache.folder.parent)},
            "model": copy.deepcopy(TINY_MODEL),
            "optimiser": {"batch": 4, "steps": 6, "warmup_steps": 2},
            "run": {"precision": "32-true", "accelerator": "cpu", "threads": 1, "log_every": 1},
            "mask_from": mask_from,
        }
        for section, values in sections.items():
            content[section] = {**content.get(section, {}), **values}
        path = tmp_path_factory.mktemp("config") / "config.yaml"
        path.write_text(yaml.safe_dump(content))
        return path

    return write


@pytest.fixture(scope="session")
def config(write_yaml: Write) -> Callable[..., TrainConfig]:
    return lambda *words, **sections: read_config(write_yaml(*words, **sections))


@pytest.fixture(scope="session")
def trained(config: Callable[..., TrainConfig], tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A finished soft run of six updates, a row of train.csv for each."""
    return train(config("trained"), root=tmp_path_factory.mktemp("runs"), progress=False)


@pytest.fixture(autouse=True)
def _own_threads() -> object:
    """A run sets the number of threads of its process; tests after it get theirs back."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)
