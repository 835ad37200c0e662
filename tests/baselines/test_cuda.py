"""Baselines on CUDA: as on the CPU at small size, and one update of the published network in its own precision."""

import pytest
import torch
from torch import Tensor

from seq2exp.baselines.systems import BASELINES, predict, system
from seq2exp.model.network import NetworkInput, Seq2Exp

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("name", [name for name in BASELINES if name != "macs3"])
def test_an_update_at_published_size(name: str) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    row, config = system(name), system(name).published
    torch.manual_seed(0)
    network = row.build(config).cuda().train()
    half = torch.float16 if row.recipe.get("precision") == "16-mixed" else torch.bfloat16
    given = [tensor.cuda() for tensor in _window(config.window_bp)]
    with torch.autocast("cuda", half):
        prediction = predict(row, network, *given)
    (1024 * torch.nn.functional.smooth_l1_loss(prediction, torch.ones_like(prediction))).backward()
    assert prediction.isfinite().all()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    network.eval()
    with torch.inference_mode():
        there = predict(row, network, *given)
        here = predict(row, network.cpu(), *(tensor.cpu() for tensor in given))
    torch.testing.assert_close(there.cpu(), here, rtol=1e-2, atol=1e-2)


def test_the_network_behind_peaks_at_published_size() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    row = system("macs3")
    network = row.build(row.published).cuda().train()
    assert isinstance(network, Seq2Exp)
    sequence, signals, rna, _ = (tensor.cuda() for tensor in _window(row.published.window_bp))
    mask = (torch.rand(sequence.shape[:2], device="cuda") < 0.1).float()
    with torch.autocast("cuda", torch.bfloat16):
        prediction = network(NetworkInput(sequence, signals, rna, external_mask=mask)).prediction
    prediction.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def _window(length: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    draw = torch.Generator().manual_seed(0)
    sequence = torch.nn.functional.one_hot(torch.randint(0, 5, (1, length), generator=draw), 5)[..., :4].float()
    starts = torch.randint(0, length - 1_000, (1, 80), generator=draw)
    elements = torch.stack([starts, starts + 600], dim=-1)
    return sequence, torch.rand(1, length, 3, generator=draw), torch.rand(1, 9, generator=draw), elements
