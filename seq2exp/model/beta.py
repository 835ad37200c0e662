"""The algebra of the mask: Beta distributions from sequence and signals, coupled, drawn, selected, forced.

Pure functions on tensors. B batch, L window length in bp, K = 3 signals in the order of settings.SIGNALS.

What a slider moves (architecture.md "The heart"): with a1, b1 from the generator and a2, b2 from the signals,
    alpha = (a1 + k * a2 + n * mu) * kappa        beta = (b1 + k * b2 + n * (1 - mu)) * kappa
faithful is k = 1, n = 0. With the options `ModelConfig.summit_bp` and `contact_half` the mean of sequence and signals
is multiplied by r ** k, r from `summit_share` and `contact_share`: before the prior, counts are added to beta until
that is so. The product of densities in the paper has a1 + a2 - 1; the published code drops the -1 to keep the
parameters valid, and so do we (models.md section 8 row 5).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.distributions import Beta, kl_divergence
from torch.nn import functional as F

from seq2exp.settings import SIGNALS, SignalTransform

EPSILON = 1e-8
"""Added to alpha1, beta1 and alpha2 (not to beta2), as published."""


LEAST_SHARE = 0.01
"""Of each share and of their product: the counts that stand for a share grow with its inverse, and from about 4e5 of
them on the gradient of torch's Beta draws is not a number."""


class BetaParameters(NamedTuple):
    """alpha (concentration1) and beta (concentration0) of one Beta per base, each (B, L)."""

    alpha: Tensor
    beta: Tensor

    @property
    def mean(self) -> Tensor:
        """Mean of each Beta, alpha / (alpha + beta), (B, L)."""
        return self.alpha / (self.alpha + self.beta)

    @property
    def sd(self) -> Tensor:
        """Standard deviation."""
        total = self.alpha + self.beta
        return torch.sqrt(self.alpha * self.beta / (total * total * (total + 1)))


def sequence_beta(logits: Tensor, *, beta_min: float, most: float = 0.0) -> BetaParameters:
    """alpha1, beta1 from the mask head: channel 1 drives alpha, channel 0 beta (models.md 3.2).

    Parameters
    ----------
    logits
        (B, L, 2).
    beta_min
        Floor m.
    most
        alpha1 + beta1 stays below it, the mean as it was; 0: no bound.
    """
    positive = F.softplus(logits.float() if logits.dtype in (torch.bfloat16, torch.float16) else logits)
    positive = positive + (beta_min + EPSILON)
    return bound(BetaParameters(positive[..., 1], positive[..., 0]), most)


def bound(parameters: BetaParameters, most: float) -> BetaParameters:
    """The same means with alpha + beta below ``most``, their harmonic sum; 0: no bound."""
    if not most:
        return parameters
    factor = most / (most + parameters.alpha + parameters.beta)
    return BetaParameters(parameters.alpha * factor, parameters.beta * factor)


def transform_signals(signals: Tensor, how: SignalTransform) -> Tensor:
    """The signals (..., K) as the network uses them: as they are, or log(1 + s)."""
    return torch.log1p(signals) if how == "log1p" else signals


def signal_beta(
    signals: Tensor,
    *,
    weights: Tensor,
    thresholds: Tensor,
    beta_min: float,
    scale: float,
    transform: SignalTransform = "none",
) -> BetaParameters:
    """alpha2, beta2 of the signals: the parameters (not the densities) averaged over the channels.

    Parameters
    ----------
    signals
        (B, L, K), each in its own unit, no NaN.
    weights
        (K,) relative weights v; normalised to sum 1.
    thresholds
        (K,) value at which a channel is neutral.
    beta_min, scale
        m and c: alpha2_k = (s_k + m) c + eps, beta2_k = (t_k + m) c.
    transform
        Applied to signals and thresholds alike.

    Returns
    -------
    BetaParameters
        alpha (B, L); beta () broadcast to it.
    """
    share = (weights / weights.sum()).to(signals)
    alpha = (transform_signals(signals, transform) @ share + beta_min) * scale + EPSILON
    beta = ((transform_signals(thresholds.to(signals), transform) + beta_min) * scale) @ share
    return BetaParameters(alpha, beta.expand_as(alpha))


def summit_share(signals: Tensor, *, summit_bp: int, floor: float) -> Tensor:
    """How near each base is to the top of the summit of DNase it belongs to, (B, L) in 0..1; an option of ours.

    DNase over the highest DNase within ``summit_bp`` on either side plus ``floor``: at the top of a strong summit near
    1, on its flanks and under the lobes of acetylation beside it less, at a closed site little; never 0. A window
    without any DNase says nothing of where its elements are, so it is 1 there.

    Parameters
    ----------
    signals
        (B, L, K), each in its own unit, no NaN.
    floor
        In the unit of DNase, above 0.
    """
    dnase = signals[..., SIGNALS.index("dnase")].float()  # (B, L)
    highest = F.max_pool1d(dnase[:, None], 2 * summit_bp + 1, stride=1, padding=summit_bp)[:, 0]
    return _where_measured(dnase, dnase / (highest + floor))


def contact_share(signals: Tensor, *, half: float) -> Tensor:
    """How well each base meets the promoter, (B, L) in 0..1; an option of ours.

    s^2 / (s^2 + half^2) of the contact signal s; never 0. A window without any contact says nothing of what meets
    what, so it is 1 there.

    Parameters
    ----------
    signals
        (B, L, K), each in its own unit, no NaN.
    half
        In the unit of the contact signal, above 0.
    """
    square = signals[..., SIGNALS.index("contact")].float() ** 2  # (B, L)
    return _where_measured(square, square / (square + half**2))


def _where_measured(track: Tensor, share: Tensor) -> Tensor:
    """``share`` (B, L), never less than the least, and 1 in the windows where ``track`` (B, L) is 0 throughout."""
    measured = (track > 0).any(dim=1, keepdim=True)
    return torch.where(measured, share.clamp(min=LEAST_SHARE), 1.0)


def couple(
    sequence: BetaParameters,
    signal: BetaParameters,
    *,
    signal_scale: float = 1.0,
    prior_mean: float = 0.5,
    prior_strength: float = 0.0,
    z_scale: float = 1.0,
    share: Tensor | None = None,
) -> BetaParameters:
    """The mask Beta; see the top of this file for the formula. ``share`` is r, (B, L), or None."""
    alpha, beta = sequence.alpha + signal_scale * signal.alpha, sequence.beta + signal_scale * signal.beta
    if share is not None:
        beta = (alpha + beta) / share**signal_scale - alpha
    alpha = (alpha + prior_strength * prior_mean) * z_scale
    beta = (beta + prior_strength * (1 - prior_mean)) * z_scale
    return BetaParameters(alpha, beta)


def bottleneck_kl(mask_beta: BetaParameters, prior: tuple[float, float]) -> Tensor:
    """KL(mask Beta || bottleneck prior) per base, (B, L), over all positions before any override."""
    alpha3, beta3 = (torch.as_tensor(value).to(mask_beta.alpha) for value in prior)
    prior_beta = Beta(alpha3, beta3, validate_args=False)
    return kl_divergence(Beta(mask_beta.alpha, mask_beta.beta, validate_args=False), prior_beta)


def draw(mask_beta: BetaParameters, how: Literal["mean", "sample"]) -> Tensor:
    """One z (B, L): the mean, or a reparameterised sample (implicit gradients; needs alpha, beta > 0)."""
    if how == "mean":
        return mask_beta.mean
    sample: Tensor = Beta(mask_beta.alpha, mask_beta.beta, validate_args=False).rsample()
    return sample


def binarise(z: Tensor, threshold: float) -> Tensor:
    """1 where z >= threshold, else 0, with the straight-through gradient of z (value exactly 0 or 1)."""
    hard = (z >= threshold).to(z.dtype)
    return hard - z.detach() + z if z.requires_grad else hard


def top_share_mask(z: Tensor, share: float) -> Tensor:
    """1 at the floor(L * share) largest z of each row, else 0; ties go to the lower position."""
    kept = int(z.shape[-1] * share)
    order = torch.sort(z, dim=-1, descending=True, stable=True).indices[..., :kept]
    return torch.zeros_like(z).scatter(-1, order, 1.0)


def force(mask: Tensor, *, blacklist: Tensor | None, centre: slice) -> Tensor:
    """The mask with its overrides: blacklist 0, then the promoter centre 1 (which wins). A new tensor.

    Parameters
    ----------
    mask
        (B, L).
    blacklist
        (B, L) bool, or None for none.
    centre
        Positions of the promoter centre.
    """
    forced = mask.clone() if blacklist is None else mask.masked_fill(blacklist, 0.0)
    forced[..., centre] = 1.0
    return forced


def continuity(mask: Tensor) -> Tensor:
    """Mean absolute step between neighbouring bases, the ends repeated once (hence L + 1 steps).

    Reported by the published code with weight 0; never part of a loss here.
    """
    steps = (mask[..., 1:] - mask[..., :-1]).abs().sum(-1) / (mask.shape[-1] + 1)
    return steps.mean()
