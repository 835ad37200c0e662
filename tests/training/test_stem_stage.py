"""The stem's stage: which of the options beside the published mask it knows."""

from collections.abc import Callable

import pytest
import torch

from seq2exp.model.checkpoint import build_network
from seq2exp.settings import ModelConfig
from seq2exp.training.batches import loader
from seq2exp.training.cache import WindowCache
from seq2exp.training.config import TrainConfig
from seq2exp.training.objective import Parts, objective_of


@pytest.fixture
def first_loss(config: Callable[..., TrainConfig], cache: WindowCache) -> Callable[..., Parts]:
    """The loss of the same windows at update 0 for a model of these options, its weights the same."""

    def loss(**options: float) -> Parts:
        chosen = config(
            model={"stem_taps": 5, "signal_transform": "log1p", **options},
            objective={"stem_steps": 2, "track_weight": 0.1},
        )
        assert isinstance(chosen.model, ModelConfig)
        torch.manual_seed(1)
        network = build_network(chosen.model)
        windows = [int(index) for index in cache.part("train")[:4]]
        parts: Parts = objective_of(chosen.row, network, chosen.objective, cache=cache)(
            next(iter(loader(cache, [windows], workers=0))), 0
        )
        return parts

    return loss


def test_what_hardly_meets_the_promoter_is_held_back(first_loss: Callable[..., Parts]) -> None:
    free, held, hardly = first_loss(), first_loss(contact_half=0.5), first_loss(contact_half=1e6)
    assert free.mask_ratio is not None
    assert held.mask_ratio is not None
    assert hardly.mask_ratio is not None
    assert hardly.mask_ratio.item() < held.mask_ratio.item() < free.mask_ratio.item()
    assert hardly.mask_ratio.item() == pytest.approx(0.01 * free.mask_ratio.item(), rel=1e-4)  # the least share
    assert held.tracks == free.tracks


def test_it_does_not_draw_in_to_summits(first_loss: Callable[..., Parts]) -> None:
    free, drawn = first_loss(), first_loss(summit_bp=50)
    assert torch.equal(free.total, drawn.total)
