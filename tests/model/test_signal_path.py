"""What signals tell through the mask, past the backbone (ModelConfig.signal_channels)."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seq2exp.errors import SettingsError
from seq2exp.model.network import NetworkInput, Seq2Exp
from seq2exp.model.signal_path import SITE_BP, SignalPath, let_through
from seq2exp.settings import ModelConfig, Preset
from tests.model.test_network import _batch, _take

BIN, N_BINS = 32, 16
SMALL = {
    "window_bp": 512, "centre_bp": 64, "d_model": 16, "generator_layers": 2, "predictor_layers": 2,
    "signal_channels": 3, "signal_transform": "log1p",
}  # fmt: skip
CENTRE_BINS = range(7, 9)


def _config(preset: Preset, **changes: object) -> ModelConfig:
    return ModelConfig.preset(preset, **{**SMALL, **changes})


def _network(preset: Preset, **changes: object) -> tuple[Seq2Exp, SignalPath]:
    """A network whose signal path answers, as one that has learned does."""
    torch.manual_seed(3)
    network = Seq2Exp(_config(preset, **changes)).eval()
    assert network.signal_path is not None
    network.signal_path.speak()
    last = network.signal_path.gene[-1]
    assert isinstance(last, nn.Linear)
    nn.init.normal_(last.weight)
    return network, network.signal_path


def _plain(path: SignalPath, signals: Tensor, mask: Tensor, rna_features: Tensor) -> float:
    """The signal path of one gene by definition: base by base and bin by bin."""
    bins, kept_bp = [], []
    for number in range(N_BINS):
        seen, share = torch.zeros(3), 0.0
        for base in range(number * BIN, (number + 1) * BIN):
            seen += mask[base] * torch.log(1 + signals[base])
            share += float(mask[base]) / BIN
        seen = seen / (BIN * share) if share else torch.zeros(3)
        bins.append(torch.cat([seen, torch.tensor([math.log(share + 1e-3)])]))
        kept_bp.append(BIN * share)
    around, _, of_each, _, to_kinds = path.site
    assert isinstance(around, nn.Conv1d)
    assert isinstance(of_each, nn.Conv1d)
    assert isinstance(to_kinds, nn.Conv1d)
    half = around.kernel_size[0] // 2
    sums = torch.zeros(3)
    for number in set(range(N_BINS)) - set(CENTRE_BINS):
        found = around.bias.clone() if around.bias is not None else torch.zeros(1)
        for place in range(max(number - half, 0), min(number + half + 1, N_BINS)):
            found = found + around.weight[:, :, place - number + half] @ bins[place]
        hidden = F.gelu(F.linear(F.gelu(found), of_each.weight[..., 0], of_each.bias))
        kinds = F.linear(hidden, to_kinds.weight[..., 0], to_kinds.bias)
        sums += kept_bp[number] * torch.log(1 + torch.exp(kinds))
    promoter = [bins[number][:3] for number in CENTRE_BINS]
    return float(path.gene(torch.cat([torch.log(1 + sums / SITE_BP), *promoter, rna_features])))


@pytest.mark.parametrize("preset", ["soft", "hard"])
def test_prediction_is_the_mean_of_the_backbones_and_the_plain_sum_over_sites(preset: Preset) -> None:
    network, path = _network(preset)
    batch = _batch()
    with torch.no_grad():
        out = network(batch)
        network.signal_path = None
        backbone = network.predict(batch.sequence, batch.signals, out.mask, batch.rna_features)
        expected = [
            _plain(path, signals, mask, features)
            for signals, mask, features in zip(batch.signals, out.mask, batch.rna_features, strict=True)
        ]
    assert max(map(abs, expected)) > 0.1
    mean = (backbone[:, 0] + torch.tensor(expected)) / 2
    torch.testing.assert_close(out.prediction[:, 0], mean, rtol=1e-4, atol=1e-5)


def test_what_the_mask_hides_has_no_say() -> None:
    """Signals under mask 0 may be anything, in bins that are hidden whole and in bins of which a part is kept."""
    network, path = _network("hard")
    batch = _batch()
    mask = torch.zeros(len(batch.sequence), 512)
    mask[:, 224:288] = 1
    mask[:, 40:50] = 1
    other = torch.where(mask[..., None] > 0, batch.signals, batch.signals * 100 + 7)
    shown = [path(let_through(network.config, signals, mask), batch.rna_features) for signals in (batch.signals, other)]
    torch.testing.assert_close(*shown, rtol=0, atol=0)
    other[:, 45] += 3
    moved = path(let_through(network.config, other, mask), batch.rna_features)
    assert bool((moved != shown[0]).all())


def test_it_says_nothing_before_it_has_learned_and_changes_nothing_beside_it() -> None:
    """The rest of a network begins the same with it and without it, and predicts the same."""
    networks = []
    for channels in (3, 0):
        torch.manual_seed(7)
        networks.append((Seq2Exp(_config("soft", signal_channels=channels)).eval(), torch.rand(3)))
    (with_path, drawn), (without, same) = networks
    assert torch.equal(drawn, same)
    assert without.signal_path is None
    for name, tensor in without.state_dict().items():
        assert torch.equal(tensor, with_path.state_dict()[name]), name
    batch = _batch()
    with torch.no_grad():
        assert torch.equal(with_path(batch).prediction, without(batch).prediction)


def test_a_gene_alone_is_predicted_as_in_a_batch() -> None:
    network, _ = _network("hard")
    batch = _batch()
    with torch.no_grad():
        together, alone = network(batch).prediction, network(_take(batch, slice(0, 1))).prediction
    torch.testing.assert_close(together[:1], alone, rtol=1e-5, atol=1e-6)


def test_find_mask_is_the_mask_of_a_prediction() -> None:
    network, _ = _network("soft")
    batch = _batch()
    with torch.no_grad():
        out, found = network(batch), network.find_mask(batch)
    assert torch.equal(out.mask, found.mask)
    outside: NetworkInput = replace(batch, external_mask=out.mask)
    peaks = Seq2Exp(_config("soft", external_mask=True)).eval()
    assert torch.equal(peaks.find_mask(outside).mask, out.mask)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"signal_channels": -1}, "signal_channels must not be negative, found -1"),
        ({"signal_input": False}, "signal_channels reads the signals: set signal_input to true"),
        ({"stem_bin_bp": 48}, "stem_bin_bp must divide the window of 512 bp, found 48"),
    ],
)
def test_a_wrong_setting_is_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        _config("soft", **changes)
