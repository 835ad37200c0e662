import math

import pytest
import torch

from seq2exp.model import beta as beta_algebra
from seq2exp.model.beta import BetaParameters
from seq2exp.settings import ModelConfig, Preset

# models.md section 10: both logits 0; signals in the order H3K27ac, DNase, contact
CLOSED_FORM: list[tuple[Preset, tuple[float, float, float], float, float, float, float]] = [
    ("soft", (0, 0, 0), 11.693147, 20.493147, 0.363296, 18.729885),
    ("soft", (2, 0.5, 0.3), 22.293147, 20.493147, 0.521035, 41.111239),
    ("soft", (10, 4, 0.8), 69.293147, 20.493147, 0.771756, 104.553089),
    ("hard", (0, 0, 0), 0.693147, 1.573147, 0.305850, 1.088738),
    ("hard", (2, 0.5, 0.3), 1.753147, 1.573147, 0.527057, 1.418073),
    ("hard", (10, 4, 0.8), 6.453147, 1.573147, 0.804001, 1.730750),
]


def _mask_beta(config: ModelConfig, signals: torch.Tensor, logits: torch.Tensor) -> BetaParameters:
    return beta_algebra.couple(
        beta_algebra.sequence_beta(logits, beta_min=config.beta_min),
        beta_algebra.signal_beta(
            signals,
            weights=torch.tensor(config.signal_weights, dtype=signals.dtype),
            thresholds=torch.tensor(config.signal_thresholds, dtype=signals.dtype),
            beta_min=config.beta_min,
            scale=config.prior_scale,
        ),
        z_scale=config.z_scale,
    )


@pytest.mark.parametrize(("preset", "signals", "alpha", "beta", "mean", "kl"), CLOSED_FORM)
def test_closed_form(
    preset: Preset, signals: tuple[float, float, float], alpha: float, beta: float, mean: float, kl: float
) -> None:
    config = ModelConfig.preset(preset)
    found = _mask_beta(
        config, torch.tensor([[signals]], dtype=torch.float64), torch.zeros(1, 1, 2, dtype=torch.float64)
    )
    assert found.alpha.item() == pytest.approx(alpha, abs=1e-6)
    assert found.beta.item() == pytest.approx(beta, abs=1e-6)
    assert found.mean.item() == pytest.approx(mean, abs=1e-6)
    assert beta_algebra.bottleneck_kl(found, config.bottleneck).item() == pytest.approx(kl, abs=2e-6)


def test_channel_one_of_the_logits_drives_alpha() -> None:
    logits = torch.tensor([[[0.0, 5.0]]])
    found = beta_algebra.sequence_beta(logits, beta_min=0)
    assert found.alpha.item() == pytest.approx(math.log1p(math.exp(5)), rel=1e-6)
    assert found.beta.item() == pytest.approx(math.log(2), rel=1e-6)


def test_bounded_counts_keep_the_mean_and_the_sign_of_every_gradient() -> None:
    logits = torch.tensor([[[-3.0, 2.0], [0.5, 40.0], [300.0, 500.0]]], requires_grad=True)
    free, bounded = (beta_algebra.sequence_beta(logits, beta_min=0.0, most=most) for most in (0.0, 24.0))
    torch.testing.assert_close(bounded.mean, free.mean)
    total = bounded.alpha + bounded.beta
    assert (total < 24).all()
    assert (total.diff() > 0).all()
    torch.testing.assert_close(total, 1 / (1 / (free.alpha + free.beta) + 1 / 24))
    (given,) = torch.autograd.grad(bounded.mean.sum(), logits)
    assert (given[..., 1] >= 0).all()
    assert (given[..., 0] <= 0).all()


def test_sd_equals_the_distribution() -> None:
    parameters = BetaParameters(torch.tensor([2.0, 30.0]), torch.tensor([5.0, 7.0]))
    expected = torch.distributions.Beta(parameters.alpha, parameters.beta).stddev
    torch.testing.assert_close(parameters.sd, expected)


def test_what_if_prior_is_pseudo_counts() -> None:
    sequence, signal = (BetaParameters(torch.tensor([a]), torch.tensor([b])) for a, b in ((2.0, 3.0), (4.0, 1.0)))
    found = beta_algebra.couple(sequence, signal, signal_scale=0.5, prior_mean=0.1, prior_strength=10)
    assert found.alpha.item() == pytest.approx(2 + 0.5 * 4 + 1)
    assert found.beta.item() == pytest.approx(3 + 0.5 * 1 + 9)
    # z_scale multiplies both parameters, so the mean cannot move
    scaled = beta_algebra.couple(sequence, signal, z_scale=3.0)
    assert scaled.mean.item() == pytest.approx(beta_algebra.couple(sequence, signal).mean.item())


def test_straight_through_is_exactly_zero_or_one() -> None:
    z = torch.rand(1, 10_000, generator=torch.Generator().manual_seed(1)).requires_grad_()
    mask = beta_algebra.binarise(z, 0.5)
    assert set(mask.detach().unique().tolist()) == {0.0, 1.0}
    mask.sum().backward()  # type: ignore[no-untyped-call]
    assert z.grad is not None
    assert bool((z.grad == 1).all())


def test_top_share_keeps_the_floor_and_breaks_ties_downwards() -> None:
    z = torch.tensor([[0.2, 0.9, 0.9, 0.9, 0.1, 0.3, 0.3]])
    assert beta_algebra.top_share_mask(z, 0.3).tolist() == [[0, 1, 1, 0, 0, 0, 0]]
    assert beta_algebra.top_share_mask(z, 0.01).sum() == 0


def test_promoter_wins_over_blacklist_and_input_is_untouched() -> None:
    mask = torch.full((1, 10), 0.25)
    blacklist = torch.zeros(1, 10, dtype=torch.bool)
    blacklist[0, :6] = True
    forced = beta_algebra.force(mask, blacklist=blacklist, centre=slice(4, 6))
    assert forced.tolist() == [[0, 0, 0, 0, 1, 1, 0.25, 0.25, 0.25, 0.25]]
    assert bool((mask == 0.25).all())


def test_sampling_is_reparameterised_and_on_target() -> None:
    torch.manual_seed(3)
    alpha = torch.full((1, 20_000), 3.0, requires_grad=True)
    parameters = BetaParameters(alpha, torch.full((1, 20_000), 9.0))
    z = beta_algebra.draw(parameters, "sample")
    assert z.mean().item() == pytest.approx(0.25, abs=0.01)
    z.mean().backward()  # type: ignore[no-untyped-call]
    assert alpha.grad is not None
    # d mean / d alpha = beta / (alpha + beta)^2
    assert alpha.grad.sum().item() == pytest.approx(9 / 144, rel=0.05)


def _dnase(*values: float) -> torch.Tensor:
    """(1, L, 3) signals with this DNase and 1 in the other two."""
    signals = torch.ones(1, len(values), 3)
    signals[0, :, 1] = torch.tensor(values)
    return signals


def test_the_summit_share_is_the_definition_base_by_base() -> None:
    dnase = torch.rand(400, generator=torch.Generator().manual_seed(3)) * 20
    found = beta_algebra.summit_share(_dnase(*dnase.tolist()), summit_bp=7, floor=0.5)[0]
    expected = [
        max(float(dnase[i]) / (float(dnase[max(i - 7, 0) : i + 8].max()) + 0.5), 0.01) for i in range(len(dnase))
    ]
    torch.testing.assert_close(found, torch.tensor(expected))


def test_the_summit_share_tells_tops_flanks_and_closed_sites_apart() -> None:
    top, flank, closed, open_elsewhere = beta_algebra.summit_share(
        _dnase(9.5, 4.75, 0.0, 0.0, 0.0, 0.05), summit_bp=1, floor=0.5
    )[0][[0, 1, 3, 5]].tolist()
    assert top == pytest.approx(0.95)
    assert flank == pytest.approx(0.475)
    assert closed == pytest.approx(0.01)
    assert open_elsewhere == pytest.approx(0.05 / 0.55, rel=1e-5)


def test_without_dnase_nothing_is_drawn_in() -> None:
    signals = torch.cat([_dnase(0, 0, 0), _dnase(0, 2, 0)])
    found = beta_algebra.summit_share(signals, summit_bp=1, floor=0.5)
    assert found[0].tolist() == [1, 1, 1]
    assert found[1, 1].item() == pytest.approx(0.8)


def test_the_contact_share_is_half_where_it_says_and_never_nothing() -> None:
    signals = torch.ones(2, 4, 3)
    signals[0, :, 2] = torch.tensor([0.8, 1.6, 0.4, 0.0])
    signals[1, :, 2] = 0.0  # no contact was measured: nothing is held back
    found = beta_algebra.contact_share(signals, half=0.8)
    torch.testing.assert_close(found, torch.tensor([[0.5, 0.8, 0.2, 0.01], [1.0, 1.0, 1.0, 1.0]]))


@pytest.mark.parametrize("signal_scale", [0.0, 0.5, 1.0, 2.0])
def test_drawing_in_multiplies_the_mean_and_leaves_alpha(signal_scale: float) -> None:
    generator = torch.Generator().manual_seed(4)
    sequence, signal = (BetaParameters(*(torch.rand(2, 2, 50, generator=generator) * 30 + 0.1)) for _ in range(2))
    share = torch.rand(2, 50, generator=generator).clamp(min=0.01)
    free = beta_algebra.couple(sequence, signal, signal_scale=signal_scale, z_scale=0.5)
    drawn = beta_algebra.couple(sequence, signal, signal_scale=signal_scale, z_scale=0.5, share=share)
    torch.testing.assert_close(drawn.mean, free.mean * share**signal_scale)
    torch.testing.assert_close(drawn.alpha, free.alpha)


def test_a_prior_is_added_after_drawing_in() -> None:
    one = BetaParameters(torch.full((1, 1), 3.0), torch.full((1, 1), 5.0))
    strong = beta_algebra.couple(one, one, prior_mean=0.7, prior_strength=1e6, share=torch.full((1, 1), 0.05))
    assert strong.mean.item() == pytest.approx(0.7, abs=1e-3)


def test_the_least_share_leaves_draws_a_gradient() -> None:
    """Counts without end would not: from about 4e5 of them on torch's gradient of a draw is not a number."""
    torch.manual_seed(0)
    alpha = torch.full((1, 400_000), 0.005, requires_grad=True)
    beta = torch.full((1, 400_000), 20.0, requires_grad=True)
    one = BetaParameters(alpha, beta)
    held = beta_algebra.couple(one, one, share=torch.full_like(beta, beta_algebra.LEAST_SHARE))
    beta_algebra.draw(held, "sample").sum().backward()  # type: ignore[no-untyped-call]
    for gradient in (alpha.grad, beta.grad):
        assert gradient is not None
        assert bool(torch.isfinite(gradient).all())
