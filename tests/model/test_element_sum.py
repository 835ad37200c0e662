"""The sum over kept bases that may join the pooled centre (ModelConfig.element_channels)."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from seq2exp.errors import SettingsError
from seq2exp.model.network import NetworkInput, Seq2Exp
from seq2exp.model.predictor import Padding
from seq2exp.settings import HardGradient, ModelConfig, Preset
from tests.model.test_network import _batch, _take

SMALL = {
    "window_bp": 512, "centre_bp": 32, "d_model": 16, "generator_layers": 2, "predictor_layers": 2,
    "element_channels": 3,
}  # fmt: skip
CENTRE = slice(240, 272)


def _config(preset: Preset, **changes: object) -> ModelConfig:
    return ModelConfig.preset(preset, **{**SMALL, **changes})


def _plain(network: Seq2Exp, batch: NetworkInput, mask: Tensor) -> Tensor:
    """(B, 1) by definition: every gene alone, its sum base by base."""
    found = []
    for gene in range(len(mask)):
        embedded = network.inputs(batch.sequence[gene][None], batch.signals[gene][None])[0]  # (L, D)
        hard = network.config.position_table
        kept = mask[gene].nonzero().squeeze(-1) if hard else torch.arange(512)
        rows = network.predictor_backbone((embedded * mask[gene][:, None])[kept][None], engine="reference")[0]
        assert network.elements is not None
        total = torch.zeros(3)
        for row, position in zip(rows, kept.tolist(), strict=True):
            if not CENTRE.start <= position < CENTRE.stop:
                total = total + mask[gene, position] * torch.log1p(torch.exp(network.elements.site(row)))
        centre = rows[[CENTRE.start <= p < CENTRE.stop for p in kept.tolist()]].mean(0)
        joined = torch.cat([centre, batch.rna_features[gene], torch.log(1 + total / 100)])
        found.append(network.head.layers(joined))
    return torch.stack(found)


@pytest.mark.parametrize("preset", ["soft", "hard"])
def test_prediction_is_that_of_the_plain_sum(preset: Preset) -> None:
    torch.manual_seed(0)
    network, batch = Seq2Exp(_config(preset)).eval(), _batch()
    with torch.no_grad():
        out = network(batch)
        torch.testing.assert_close(out.prediction, _plain(network, batch, out.mask), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("preset", ["soft", "hard"])
@pytest.mark.parametrize("padding", ["none", "official"])
def test_a_gene_alone_is_predicted_as_in_a_batch(preset: Preset, padding: Padding) -> None:
    network, batch = Seq2Exp(_config(preset)).eval(), _batch()
    one = _take(batch, slice(0, 1))
    with torch.no_grad():
        mask = network(batch).mask
        full = mask.clone()
        full[1:] = 1  # the others keep more than the first
        together = network.predict(batch.sequence, batch.signals, full, batch.rna_features)
        alone = network.predict(one.sequence, one.signals, full[:1], one.rna_features, padding=padding)
    torch.testing.assert_close(together[:1], alone, rtol=1e-5, atol=1e-6)


def test_padding_adds_nothing_to_the_sum() -> None:
    """Where the convolution is silent at zeros the padded rows reach nothing: both ways of sharing a batch agree."""
    network, batch = Seq2Exp(_config("hard")).eval(), _batch()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith("conv1d.bias"):
                parameter.zero_()
        mask = network(batch).mask.clone()
        mask[1:] = 1
        found = [
            network.predict(batch.sequence, batch.signals, mask, batch.rna_features, padding=padding)
            for padding in ("none", "official")
        ]
    torch.testing.assert_close(*found, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("gradient", "reaches"), [("compat", False), ("fixed", True), ("every_layer", True)])
def test_the_sum_teaches_a_hard_mask_only_where_asked(gradient: HardGradient, reaches: bool) -> None:
    torch.manual_seed(1)
    network = Seq2Exp(_config("hard", hard_gradient=gradient)).train()
    out = network(_batch(), draw="mean")
    out.prediction.sum().backward()
    assert network.generator is not None
    taught = network.generator.mask_head.weight.grad
    assert (taught is not None and float(taught.abs().sum()) > 0) is reaches


def test_the_sum_carries_what_the_centre_does_not_hear() -> None:
    """An element far from the centre moves the sum far more than the centre's rows, whatever the scans forget."""
    torch.manual_seed(0)
    network, batch = Seq2Exp(_config("soft", mask_every_layer=True)).eval(), _batch(1)
    without = torch.zeros(1, 512)
    without[:, CENTRE] = 1
    within = without.clone()
    within[:, 20:60] = 1
    head = network.head
    seen: list[tuple[Tensor, Tensor]] = []
    handle = head.register_forward_hook(lambda _m, given, _out: seen.append((given[0].mean(1), given[2])))
    with torch.no_grad():
        for mask in (without, within):
            network.predict(batch.sequence, batch.signals, mask, batch.rna_features)
    handle.remove()
    (centre, none), (heard, some) = seen
    assert bool((none == 0).all())
    assert bool((some > 0.05).all())
    assert float((heard - centre).abs().max()) < 0.1 * float(some.min())


def test_published_networks_have_no_sum() -> None:
    assert Seq2Exp(replace(_config("soft"), element_channels=0)).elements is None
    with pytest.raises(SettingsError, match="element_channels must not be negative, found -1"):
        _config("soft", element_channels=-1)
