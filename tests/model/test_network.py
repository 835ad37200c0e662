"""Acceptance checks of models.md section 10 that need no published files."""

from dataclasses import replace

import pytest
import torch

from seq2exp.baselines.caduceus import Caduceus
from seq2exp.errors import SettingsError
from seq2exp.model.generator import MaskModel
from seq2exp.model.losses import seq2exp_loss
from seq2exp.model.network import NetworkInput, Seq2Exp
from seq2exp.model.predictor import Padding
from seq2exp.settings import HardGradient, ModelConfig, Preset

SMALL = {"window_bp": 512, "centre_bp": 32, "d_model": 16, "generator_layers": 1, "predictor_layers": 1}


def _config(preset: Preset, **changes: object) -> ModelConfig:
    return ModelConfig.preset(preset, **{**SMALL, **changes})


def _batch(n: int = 3, seed: int = 0, window_bp: int = 512) -> NetworkInput:
    generator = torch.Generator().manual_seed(seed)
    codes = torch.randint(0, 5, (n, window_bp), generator=generator)
    one_hot = torch.nn.functional.one_hot(codes, 5)[..., :4].float()
    signals = torch.rand(n, window_bp, 3, generator=generator) * torch.tensor([4.0, 1.0, 2.0])
    blacklist = torch.zeros(n, window_bp, dtype=torch.bool)
    blacklist[:, 10:20] = True
    blacklist[:, window_bp // 2] = True
    return NetworkInput(one_hot, signals, torch.rand(n, 9, generator=generator), blacklist)


def _take(batch: NetworkInput, rows: slice) -> NetworkInput:
    assert batch.blacklist is not None
    return NetworkInput(batch.sequence[rows], batch.signals[rows], batch.rna_features[rows], batch.blacklist[rows])


def _counts(network: torch.nn.Module) -> tuple[int, int]:
    parameters = list(network.parameters())
    return sum(p.numel() for p in parameters), sum(p.numel() for p in parameters if p.requires_grad)


def test_published_parameter_counts() -> None:
    soft = ModelConfig.preset("soft")
    external = replace(soft, external_mask=True)
    assert _counts(Seq2Exp(soft)) == (1_114_249, 1_114_243)
    assert _counts(Seq2Exp(ModelConfig.preset("hard"))) == (26_174_985, 26_174_979)
    assert _counts(Seq2Exp(external, mask_model=MaskModel(soft))) == (1_115_401, 574_721)
    assert _counts(Seq2Exp(external)) == (574_721, 574_721)
    four = ModelConfig(init_residual_layers=4)
    assert _counts(Caduceus(replace(four, signal_input=False))) == (574_209, 574_209)
    assert _counts(Caduceus(four)) == (574_593, 574_593)


@pytest.mark.parametrize("seed", range(3))
def test_soft_is_invariant_to_batch_composition(seed: int) -> None:
    network = Seq2Exp(_config("soft")).eval()
    batch = _batch(seed=seed)
    with torch.inference_mode():
        together = network(batch, padding="official").prediction
        alone = torch.cat([network(_take(batch, slice(i, i + 1)), padding="official").prediction for i in range(3)])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-6)


def test_hard_padding_leaks_officially_and_not_by_default() -> None:
    torch.manual_seed(0)
    network = Seq2Exp(_config("hard")).eval()
    with torch.no_grad():  # a convolution bias away from zero makes the leak visible
        for name, parameter in network.named_parameters():
            if name.endswith("conv1d.bias"):
                parameter.fill_(0.5)
    batch = _batch()
    # nothing kept right of the centre, and unlike numbers left of it: the padding borders on the centre
    left = torch.zeros(3, 512, 1)
    for gene, n_left in enumerate((20, 120, 200)):
        left[gene, 20 : 20 + n_left] = 9.0
    batch = replace(batch, signals=batch.signals * 0 + left)
    with torch.inference_mode():
        out = network(batch, padding="official")
        kept = out.mask.sum(1)
        assert kept.unique().numel() > 1
        shorter = int(kept.argmin())
        alone = [network(_take(batch, slice(i, i + 1)), padding="official").prediction for i in range(3)]
        default = network(batch).prediction
    assert (out.prediction[shorter] - alone[shorter]).abs().item() > 1e-5
    torch.testing.assert_close(default, torch.cat(alone), rtol=1e-5, atol=1e-6)


def test_compaction_equals_running_on_the_kept_bases() -> None:
    network = Seq2Exp(_config("hard")).eval()
    batch = _batch(n=1)
    with torch.inference_mode():
        out = network(batch)
        embedded = network.inputs(batch.sequence, batch.signals)
        packed = embedded[:, out.mask[0] == 1]
        first = int(out.mask[0, :256].sum()) - 16
        rows = network.predictor_backbone(packed, engine="reference")[:, first : first + 32]
        expected = network.head(rows, batch.rna_features)
    torch.testing.assert_close(out.prediction, expected, rtol=1e-5, atol=1e-6)


def test_blacklist_is_zero_outside_the_centre_and_one_inside() -> None:
    out = Seq2Exp(_config("soft")).eval()(_batch())
    assert bool((out.mask[:, 10:20] == 0).all())
    assert bool((out.mask[:, 240:272] == 1).all())


def test_retrain_mask_has_exactly_its_share_and_holds_the_centre() -> None:
    soft = _config("soft")
    external = replace(soft, external_mask=True, mask_mode="top-k", top_share=0.1)
    network = Seq2Exp(external, mask_model=MaskModel(soft)).train()
    out = network(_batch())
    assert out.mask.sum(1).tolist() == [51, 51, 51]
    assert set(out.mask.unique().tolist()) == {0.0, 1.0}
    assert bool((out.mask[:, 240:272] == 1).all())
    assert out.kl is None
    seq2exp_loss(out, torch.zeros(3, 1), kl_weight=0.01).total.backward()
    assert network.mask_model is not None
    assert all(parameter.grad is None for parameter in network.mask_model.parameters())
    assert network.inputs.sequence.weight.grad is not None


def test_external_mask_is_used_as_it_is() -> None:
    network = Seq2Exp(replace(_config("soft"), external_mask=True)).eval()
    batch = _batch()
    with pytest.raises(SettingsError, match="external_mask"):
        network(batch)
    zeros = torch.zeros(3, 512)
    out = network(replace(batch, external_mask=zeros))
    assert bool((out.mask == 0).all())


@pytest.mark.parametrize(
    ("preset", "changes", "reaches"),
    [
        ("soft", {}, True),
        ("hard", {}, False),
        ("hard", {"hard_gradient": "fixed"}, True),
        ("hard", {"hard_gradient": "every_layer"}, True),
        ("hard", {"position_table": False}, True),
    ],
)
def test_prediction_gradient_at_the_mask_head(preset: Preset, changes: dict[str, object], reaches: bool) -> None:
    torch.manual_seed(1)
    network = Seq2Exp(_config(preset, **changes)).train()
    out = network(_batch(), draw="mean")
    parts = seq2exp_loss(out, torch.zeros(3, 1), kl_weight=0.01)
    parts.expression.backward(retain_graph=True)
    assert network.generator is not None
    gradient = network.generator.mask_head.weight.grad
    assert (gradient is not None and float(gradient.abs().sum()) > 0) is reaches
    assert parts.kl is not None
    parts.kl.backward()
    assert network.generator.mask_head.weight.grad is not None


@pytest.mark.parametrize("padding", ["none", "official"])
@pytest.mark.parametrize("gradient", ["fixed", "every_layer"])
def test_gradient_fix_leaves_the_forward_unchanged(gradient: HardGradient, padding: Padding) -> None:
    compat = Seq2Exp(_config("hard")).train()
    fixed = Seq2Exp(_config("hard", hard_gradient=gradient)).train()
    fixed.load_state_dict(compat.state_dict())
    batch = _batch()
    found = [network(batch, draw="mean", padding=padding).prediction for network in (compat, fixed)]
    assert torch.equal(*found)


def test_the_norms_undo_the_gradient_of_embeddings_alone() -> None:
    """Of what the kept bases outside the promoter say to the mask, a factor on the embeddings alone hands on little."""
    found = {}
    for gradient in ("fixed", "every_layer"):
        torch.manual_seed(1)
        network = Seq2Exp(_config("hard", hard_gradient=gradient)).train()
        out = network(_batch(), draw="mean")
        assert out.sequence_beta is not None
        given = torch.autograd.grad(out.prediction.sum(), out.sequence_beta.alpha)[0]
        given[:, network.centre] = 0
        found[gradient] = float(given.norm())
    assert 0 < found["fixed"] < 0.1 * found["every_layer"]


def test_training_draws_and_evaluation_does_not() -> None:
    network = Seq2Exp(_config("soft"))
    batch = _batch()
    torch.manual_seed(0)
    first, second = (network.train()(batch).mask for _ in range(2))
    assert not torch.equal(first, second)
    first, second = (network.eval()(batch).mask for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.parametrize(("preset", "words"), [("hard", "position table"), ("soft", "built for 512 bp")])
def test_a_window_of_another_length_is_refused(preset: Preset, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        Seq2Exp(_config(preset)).eval()(_batch(window_bp=600))


def test_importing_the_model_leaves_anomaly_detection_off() -> None:
    assert not torch.is_anomaly_enabled()
