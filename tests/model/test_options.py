"""Options beside the published recipe: what each does, and that the defaults leave the published numbers alone."""

import dataclasses
from typing import Literal

import pytest
import torch

from seq2exp.errors import SettingsError
from seq2exp.model.beta import contact_share, force, signal_beta, summit_share, top_share_mask, transform_signals
from seq2exp.model.generator import MaskModel
from seq2exp.model.network import NetworkInput, Seq2Exp
from seq2exp.settings import ModelConfig

LENGTH, CENTRE = 256, 32


def config(**changes: object) -> ModelConfig:
    small = {"window_bp": LENGTH, "centre_bp": CENTRE, "d_model": 16, "d_state": 4, "generator_layers": 1}
    return ModelConfig.preset("soft", **{**small, "predictor_layers": 2, "init_residual_layers": 1, **changes})


def batch(n: int = 2, seed: int = 0) -> NetworkInput:
    generator = torch.Generator().manual_seed(seed)
    codes = torch.randint(0, 4, (n, LENGTH), generator=generator)
    return NetworkInput(
        torch.nn.functional.one_hot(codes, 4).float(),
        torch.rand(n, LENGTH, 3, generator=generator) * 20,
        torch.rand(n, 9, generator=generator),
    )


def network(chosen: ModelConfig) -> Seq2Exp:
    torch.manual_seed(1)
    return Seq2Exp(chosen).eval()


def test_log_signals_are_the_signal_beta_of_logged_signals_and_thresholds() -> None:
    signals, weights, thresholds = torch.rand(2, 5, 3) * 100, torch.tensor([2.0, 2, 1]), torch.tensor([10.0, 1, 1.5])
    logged = signal_beta(signals, weights=weights, thresholds=thresholds, beta_min=0.5, scale=2, transform="log1p")
    plain = signal_beta(signals.log1p(), weights=weights, thresholds=thresholds.log1p(), beta_min=0.5, scale=2)
    torch.testing.assert_close(logged.alpha, plain.alpha)
    torch.testing.assert_close(logged.beta, plain.beta)
    assert transform_signals(signals, "none") is signals


def test_log_signals_reach_the_predictor() -> None:
    given = batch()
    logged, plain = network(config(signal_transform="log1p")), network(config())
    mask = torch.ones(2, LENGTH)
    found = logged.predict(given.sequence, given.signals, mask, given.rna_features)
    same = plain.predict(given.sequence, given.signals.log1p(), mask, given.rna_features)
    torch.testing.assert_close(found, same)


def test_the_stem_is_read_in_bins_as_the_mean_of_its_bases() -> None:
    stem = network(config(stem_taps=15, stem_bin_bp=32)).generator.stem
    assert stem is not None
    given = batch().sequence
    means = stem(given).reshape(2, LENGTH // 32, 32, -1).mean(2)
    torch.testing.assert_close(stem.binned(given), means)
    assert means.std() > 1e-3


def test_the_stem_feeds_the_generator_and_not_the_predictor() -> None:
    given, mask = batch(), torch.ones(2, LENGTH)
    model = network(config(stem_taps=15))
    before = model.predict(given.sequence, given.signals, mask, given.rna_features)
    beta = model.sequence_beta(given.sequence, given.signals).alpha
    with torch.no_grad():
        model.generator.stem.from_bases.weight.add_(1)
    torch.testing.assert_close(
        model.predict(given.sequence, given.signals, mask, given.rna_features), before, rtol=0, atol=0
    )
    assert (model.sequence_beta(given.sequence, given.signals).alpha - beta).abs().max() > 1e-4


def test_a_gate_of_one_changes_nothing_and_a_gate_of_zero_hides_what_is_masked() -> None:
    given, gated, published = batch(), network(config(mask_every_layer=True)), network(config())
    ones = torch.ones(2, LENGTH)
    torch.testing.assert_close(
        gated.predict(given.sequence, given.signals, ones, given.rna_features),
        published.predict(given.sequence, given.signals, ones, given.rna_features),
    )
    mask = torch.zeros(2, LENGTH)
    mask[:, gated.centre] = 1
    other = batch(seed=7)
    outside = mask[..., None] == 0
    changed = torch.where(outside, other.sequence, given.sequence), torch.where(outside, other.signals, given.signals)
    torch.testing.assert_close(
        gated.predict(*changed, mask, given.rna_features),
        gated.predict(given.sequence, given.signals, mask, given.rna_features),
    )


def test_a_soft_mask_speaks_as_loud_as_it_is_only_where_it_gates_every_layer() -> None:
    """RMSNorm undoes the scale of masked embeddings, so a mask of 0.01 hardly weakens the published predictor."""
    given = batch()
    centre = torch.zeros(2, LENGTH)
    centre[:, network(config()).centre] = 1

    def influence(model: Seq2Exp, level: float) -> float:
        mask = torch.where(centre == 1, 1.0, torch.tensor(level))
        with torch.no_grad():
            found = model.predict(given.sequence, given.signals, mask, given.rna_features)
            alone = model.predict(given.sequence, given.signals, centre, given.rna_features)
        return float((found - alone).abs().mean())

    gated, published = network(config(mask_every_layer=True)), network(config())
    assert influence(gated, 0.01) / influence(gated, 1.0) < 0.1
    assert influence(published, 0.01) / influence(published, 1.0) > 0.3


def test_cell_lines_of_a_gene_share_one_pass_of_a_generator_that_reads_bases_alone() -> None:
    given = batch(4)
    paired = dataclasses.replace(given, sequence=given.sequence[::2].repeat_interleave(2, dim=0))
    model = network(config(stem_taps=15))
    alone, shared = model(paired), model(paired, cells_per_gene=2)
    torch.testing.assert_close(shared.prediction, alone.prediction)
    torch.testing.assert_close(shared.features, alone.features)
    with pytest.raises(SettingsError, match="sees the signals"):
        network(config(generator_sees_signals=True))(paired, cells_per_gene=2)


PLACED = {"position_table": True, "mask_mode": "hard", "threshold": 0.3}


@pytest.mark.parametrize("sees", [True, False])
def test_the_generator_reads_the_position_table_only_where_it_may(sees: bool) -> None:
    given, mask = batch(), torch.ones(2, LENGTH)
    model = network(config(**PLACED, generator_sees_positions=sees))
    alone = MaskModel(model.config)
    alone.load_state_dict({k: v for k, v in model.state_dict().items() if k.startswith(("inputs.", "generator."))})

    def asked() -> list[torch.Tensor]:
        with torch.no_grad():
            return [
                model.sequence_beta(given.sequence, given.signals).alpha,
                alone.sequence_beta(given.sequence, given.signals).alpha,
                model.predict(given.sequence, given.signals, mask, given.rna_features),
            ]

    before = asked()
    for room in (model.inputs, alone.inputs):
        assert room.position is not None
        torch.nn.init.normal_(room.position, generator=torch.Generator().manual_seed(3))
    of_network, of_mask_model, prediction = ((a - b).abs().max() for a, b in zip(asked(), before, strict=True))
    assert prediction > 1e-4  # the predictor reads it in both
    assert (of_network > 1e-4) == (of_mask_model > 1e-4) == sees
    if not sees:
        assert of_network == of_mask_model == 0


def test_the_mask_is_drawn_in_to_the_summits_of_dnase() -> None:
    given = batch()
    plain, drawn = network(config()), network(config(summit_bp=10, summit_floor=2.0))
    share = summit_share(given.signals, summit_bp=10, floor=2.0)
    free, found = plain.find_mask(given), drawn.find_mask(given)
    assert free.mask_beta is not None
    assert found.mask_beta is not None
    torch.testing.assert_close(found.mask_beta.mean, free.mask_beta.mean * share)
    assert bool((found.mask[:, drawn.centre] == 1).all())
    torch.testing.assert_close(found.sequence_beta, free.sequence_beta)


@pytest.mark.parametrize("summit_bp", [0, 10])
def test_the_mask_is_multiplied_by_its_contact_with_the_promoter(summit_bp: int) -> None:
    given = batch()
    plain, held = network(config(summit_bp=summit_bp)), network(config(summit_bp=summit_bp, contact_half=0.7))
    free, found = plain.find_mask(given), held.find_mask(given)
    assert free.mask_beta is not None
    assert found.mask_beta is not None
    share = contact_share(given.signals, half=0.7)
    if summit_bp:
        summits = summit_share(given.signals, summit_bp=summit_bp, floor=0.5)
        share = (share * summits).clamp(min=0.01) / summits
    torch.testing.assert_close(found.mask_beta.mean, free.mask_beta.mean * share, rtol=1e-4, atol=1e-7)
    assert not torch.allclose(found.mask_beta.mean, free.mask_beta.mean, rtol=0.05)


def test_a_retrained_predictor_reads_the_mask_drawn_in() -> None:
    given = batch()
    chosen = config(summit_bp=10)
    torch.manual_seed(1)
    frozen = MaskModel(chosen).eval()
    own = network(chosen)
    own.inputs.load_state_dict(frozen.inputs.state_dict())
    assert own.generator is not None
    own.generator.load_state_dict(frozen.generator.state_dict())
    retrained = Seq2Exp(config(external_mask=True), mask_model=frozen).eval()
    forced = force(own.find_mask(given).mask, blacklist=None, centre=own.centre)
    torch.testing.assert_close(retrained.find_mask(given).mask, top_share_mask(forced, retrained.config.top_share))


@pytest.mark.parametrize("draw", ["mean", "sample"])
def test_a_mask_drawn_in_has_a_finite_kl_and_gradient_at_closed_sites(draw: Literal["mean", "sample"]) -> None:
    given = batch()
    given.signals[..., 1] = 0.0
    given.signals[:, LENGTH // 4, 1] = 20.0
    given.signals[:, LENGTH // 2 :, 2] = 0.0
    drawn = network(config(summit_bp=10, contact_half=1.0, beta_min=0.0))
    found = drawn.find_mask(given, draw=draw)
    assert found.kl is not None
    (found.kl.mean() + found.mask.sum()).backward()
    assert drawn.generator is not None
    for value in (found.kl, found.mask, drawn.generator.mask_head.weight.grad):
        assert value is not None
        assert bool(torch.isfinite(value).all())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"summit_bp": -1}, "summit_bp must not be negative"),
        ({"summit_floor": 0.0}, "summit_floor must be above 0"),
        ({"contact_half": -0.1}, "contact_half must not be negative"),
        (
            {**PLACED, "shared_backbone": True, "generator_layers": 2, "generator_sees_positions": False},
            "a shared backbone reads one embedding",
        ),
        ({"stem_taps": 4}, "stem_taps must be 0 or odd"),
        ({"stem_taps": 15, "stem_bin_bp": 24}, "stem_bin_bp must divide the window"),
        ({"signal_transform": "sqrt"}, "signal_transform must be none or log1p"),
        ({"mask_every_layer": True, "position_table": True, "mask_mode": "hard"}, "packs the kept bases"),
    ],
)
def test_contradictions_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        config(**changes)
