"""Every stored output and gradient of the official model, for both engines (README of the reference folder).

Any folder of the same format works: pytest --reference-dir FOLDER.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from seq2exp.baselines.caduceus import Caduceus, caduceus_from_official
from seq2exp.model import beta as beta_algebra
from seq2exp.model.losses import seq2exp_loss
from seq2exp.model.network import NetworkInput, Seq2Exp
from seq2exp.model.official import PREFIX, network_from_official, own_config, own_name, shared_backbone_name
from seq2exp.model.scan import EngineName

pytestmark = pytest.mark.reference
ENGINES: tuple[EngineName, ...] = ("reference", "cpu")


@dataclass(frozen=True)
class Case:
    name: str
    arrays: dict[str, np.ndarray]
    meta: dict[str, Any]

    def tensor(self, key: str) -> Tensor:
        return torch.from_numpy(self.arrays[key])

    @property
    def state(self) -> dict[str, Tensor]:
        prefix = "state_dict/"
        return {k.removeprefix(prefix): self.tensor(k) for k in self.arrays if k.startswith(prefix)}

    def batch(self, rows: slice = slice(None), *, external: str | None = None) -> NetworkInput:
        return NetworkInput(
            self.tensor("input/seqs")[rows],
            self.tensor("input/signals")[rows],
            self.tensor("input/rna_feat")[rows],
            self.tensor("input/mask_regions")[rows][..., 1],
            None if external is None else self.tensor(external)[rows],
        )


def _load(path: Path) -> Case:
    with np.load(path) as arrays:
        return Case(path.stem, dict(arrays), json.loads(path.with_suffix(".json").read_text()))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for fixture, wanted in (("seq2exp_stem", False), ("caduceus_stem", True)):
        if fixture in metafunc.fixturenames:
            folder: Path = metafunc.config.getoption("--reference-dir")
            found = sorted(path for path in folder.glob("*.npz")) if folder.is_dir() else []
            stems = [path.stem for path in found if _is_caduceus(path) == wanted]
            metafunc.parametrize(fixture, stems or ["none"])


def _is_caduceus(path: Path) -> bool:
    """The baselines have one depth, n_layer; Seq2Exp has two."""
    return "n_layer" in json.loads(path.with_suffix(".json").read_text())["model_config"]


@pytest.fixture(scope="module")
def cases() -> dict[str, Case]:
    return {}


@pytest.fixture
def seq2exp_case(seq2exp_stem: str, reference_dir: Path, cases: dict[str, Case]) -> Case:
    return _cached(seq2exp_stem, reference_dir, cases)


@pytest.fixture
def caduceus_case(caduceus_stem: str, reference_dir: Path, cases: dict[str, Case]) -> Case:
    return _cached(caduceus_stem, reference_dir, cases)


def _cached(stem: str, folder: Path, cases: dict[str, Case]) -> Case:
    if stem == "none":
        pytest.skip(f"{folder} holds no case of this kind")
    if stem not in cases:
        cases[stem] = _load(folder / f"{stem}.npz")
    return cases[stem]


def _network(case: Case) -> Seq2Exp:
    mask_config = None
    config = own_config(case.meta["model_config"])
    if any(name.startswith("model.mask_model.") for name in case.state):
        mask_config = own_config({**case.meta["model_config"], "use_mask_model": False, "test_soft": True})
    return network_from_official(case.state, config, mask_model_config=mask_config, what=case.name)


def _external(case: Case) -> str | None:
    flags = case.meta["model_config"]
    return "input/peak_mask" if flags.get("use_peak_mask") else None


def _close(found: Tensor, stored: Tensor, *, relative: float = 0.0, absolute: float = 0.0) -> None:
    torch.testing.assert_close(found.detach(), stored, rtol=relative, atol=absolute, check_dtype=False)


def _close_prediction(found: Tensor, stored: Tensor) -> None:
    assert found.shape == stored.shape
    assert bool(((found.detach() - stored).abs() <= 1e-5 * stored.abs().clamp(min=1)).all()), (found, stored)


@pytest.mark.parametrize("engine", ENGINES)
def test_evaluation(seq2exp_case: Case, engine: EngineName) -> None:
    case = seq2exp_case
    network = _network(case)
    with torch.inference_mode():
        out = network(case.batch(external=_external(case)), padding="official", engine=engine)
    _close_prediction(out.prediction, case.tensor("output/prediction"))
    _close(out.mask, case.tensor("output/mask"), absolute=1e-6)
    assert float(beta_algebra.continuity(out.mask)) == pytest.approx(
        float(case.arrays["output/continuity_loss"]), rel=1e-5
    )
    if out.mask_beta is None:
        return
    _close(out.sequence_beta.alpha, case.tensor("output/seq_alpha"), relative=1e-5)
    _close(out.sequence_beta.beta, case.tensor("output/seq_beta"), relative=1e-5)
    _close(out.mask_beta.alpha, case.tensor("output/z_alpha"), relative=1e-5)
    _close(out.mask_beta.beta, case.tensor("output/z_beta"), relative=1e-5)
    _close(out.z, case.tensor("output/z_mean"), absolute=1e-6)
    _close(out.kl, case.tensor("output/kl_per_position"), relative=1e-4, absolute=1e-4)
    assert float(out.kl.mean()) == pytest.approx(float(case.arrays["output/kl_loss"]), rel=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
def test_predictor_activations(seq2exp_case: Case, engine: EngineName) -> None:
    """The predictor backbone's rows and what the head is given; of a soft model only the centre is ever computed."""
    case = seq2exp_case
    network = _network(case)
    seen: dict[str, Tensor] = {}
    network.predictor_backbone.register_forward_hook(lambda _m, _a, out: seen.update(rows=out))
    network.head.register_forward_pre_hook(lambda _m, given: seen.update(centre=given[0], features=given[1]))
    with torch.inference_mode():
        network(case.batch(external=_external(case)), padding="official", engine=engine)
    stored = case.tensor("inter/encoder_out")
    if not network.config.position_table:
        stored = stored[:, network.centre]
    _close(seen["rows"], stored, absolute=1e-4)
    pooled = torch.cat([seen["centre"].mean(dim=1), seen["features"]], dim=-1)
    _close(pooled, case.tensor("inter/pooled"), absolute=1e-4)


def test_signal_betas_of_each_channel(seq2exp_case: Case) -> None:
    case = seq2exp_case
    if "output/prior_alpha" not in case.arrays:
        pytest.skip("a model without a signal Beta")
    generator = _network(case).generator
    assert generator is not None
    for channel in range(3):
        alone = beta_algebra.signal_beta(
            case.tensor("input/signals"),
            weights=torch.eye(3)[channel],
            thresholds=generator.signal_thresholds.detach(),
            beta_min=generator.config.beta_min,
            scale=generator.config.prior_scale,
        )
        _close(alone.alpha, case.tensor("output/prior_alpha")[..., channel], relative=1e-5)
        _close(alone.beta[0, 0], case.tensor("output/prior_beta")[channel], relative=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
def test_each_gene_alone(seq2exp_case: Case, engine: EngineName) -> None:
    case = seq2exp_case
    network = _network(case)
    with torch.inference_mode():
        together = network(case.batch(external=_external(case)), engine=engine).prediction
        alone = torch.cat(
            [
                network(
                    case.batch(slice(i, i + 1), external=_external(case)), padding="official", engine=engine
                ).prediction
                for i in range(len(together))
            ]
        )
    _close_prediction(alone, case.tensor("output/prediction_each_alone"))
    _close_prediction(together, case.tensor("output/prediction_each_alone"))


def test_intermediate_activations(seq2exp_case: Case) -> None:
    case = seq2exp_case
    network = _network(case)
    batch = case.batch()
    with torch.inference_mode():
        sequence = network.inputs.sequence(batch.sequence)
        _close(sequence, case.tensor("inter/seq_input_embeds"), absolute=1e-4)
        if network.inputs.signal is not None:
            _close(network.inputs.signal(batch.signals), case.tensor("inter/signal_input_embeds"), absolute=1e-4)
        if network.generator is None:
            return
        seen = batch.signals if network.config.generator_sees_signals else None
        out = network.generator.backbone(network.inputs(batch.sequence, seen))
        _close(out, case.tensor("inter/generator_out"), absolute=1e-4)
        _close(network.generator.mask_head(out), case.tensor("inter/mask_logits"), absolute=1e-4)


@pytest.mark.parametrize("engine", ENGINES)
def test_training_losses_and_gradients(seq2exp_case: Case, engine: EngineName) -> None:
    case = seq2exp_case
    if "train/prediction" not in case.arrays:
        pytest.skip("no training outputs stored")
    network = _network(case).train()
    target = case.tensor("target")
    out = network(case.batch(external=_external(case)), draw="mean", padding="official", engine=engine)
    _close_prediction(out.prediction, case.tensor("train/prediction"))
    _close(out.mask, case.tensor("train/mask"), absolute=1e-6)
    parts = seq2exp_loss(out, target, kl_weight=0.01)
    mse = (out.prediction - target).square().mean()
    assert float(mse.detach()) == pytest.approx(float(case.arrays["train/mse"]), rel=1e-5)
    assert float(parts.expression.detach()) == pytest.approx(float(case.arrays["train/smooth_l1"]), rel=1e-5)
    stored_total = float(case.arrays["train/loss_official_smooth_l1_plus_0.01kl"])
    assert float(parts.total.detach()) == pytest.approx(stored_total, rel=1e-5)
    kl = 0.0 if out.kl is None else out.kl.mean()
    losses = {
        "mse_plus_0.01kl": mse + 0.01 * kl,
        "official_smooth_l1_plus_0.01kl": parts.total,
        "mse_only": mse,
        **({} if out.kl is None else {"kl_only": kl}),
    }
    names = case.meta["notes"]["grad_param_order"]
    parameters = dict(network.named_parameters())
    for label, loss in losses.items():
        norms = case.arrays[f"train/grad_{label}_norms"]
        network.zero_grad(set_to_none=True)
        loss.backward(retain_graph=True)
        for official, stored in zip(names, norms, strict=True):
            gradient = parameters[_parameter_name(network, official)].grad
            found = 0.0 if gradient is None else float(gradient.norm())
            assert found == pytest.approx(float(stored), rel=1e-4, abs=1e-7), (label, official)
        if label == "mse_plus_0.01kl":
            _check_full_gradients(case, network, parameters)


def _check_full_gradients(case: Case, network: Seq2Exp, parameters: dict[str, torch.nn.Parameter]) -> None:
    stored = [key for key in case.arrays if key.startswith("grad/")]
    assert stored
    for key in stored:
        gradient = parameters[_parameter_name(network, key.removeprefix("grad/"))].grad
        assert gradient is not None, key
        expected = case.tensor(key)
        scale = float(expected.norm())
        assert float((gradient - expected).norm()) <= 1e-4 * max(scale, 1e-7), key


def _parameter_name(network: Seq2Exp, official: str) -> str:
    rename = shared_backbone_name if network.config.shared_backbone else own_name
    return rename(official.removeprefix(PREFIX))


@pytest.mark.parametrize("engine", ENGINES)
def test_caduceus_prediction(caduceus_case: Case, engine: EngineName) -> None:
    case = caduceus_case
    model: Caduceus = caduceus_from_official(case.state, case.meta["model_config"], what=case.name)
    batch = case.batch()
    signals = batch.signals if model.config.signal_input else None
    given: list[Tensor] = []
    model.head.register_forward_pre_hook(lambda _module, arguments: given.extend(arguments))
    with torch.inference_mode():
        found = model(batch.sequence, signals, batch.rna_features, engine=engine)
    _close(torch.cat([given[0].mean(dim=1), given[1]], dim=-1), case.tensor("inter/pooled"), absolute=1e-4)
    _close_prediction(found, case.tensor("output/prediction"))
    _close_prediction(found, case.tensor("output/prediction_each_alone"))


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield
