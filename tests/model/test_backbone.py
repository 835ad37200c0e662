"""The backbone against the official model's arrays, its own symmetries, and a written-out definition."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from seq2exp.errors import SettingsError
from seq2exp.model.backbone import Backbone
from seq2exp.model.scan import EngineName, stream

ENGINES: list[EngineName] = ["reference", "cpu"]
SHARED = ("in_proj.weight", "out_proj.weight")


def official_state(arrays: np.lib.npyio.NpzFile, prefix: str) -> dict[str, Tensor]:
    """Our names for the official keys under ``state_dict/model.<prefix>.backbone.``; tied copies must agree."""
    state: dict[str, Tensor] = {}
    head = f"state_dict/model.{prefix}.backbone."
    for key in arrays.files:
        if not key.startswith(head):
            continue
        name = key.removeprefix(head).replace("mamba_fwd", "fwd").replace("mamba_rev", "rev")
        if name.endswith(SHARED):
            name = name.replace("mixer.fwd.", "mixer.").replace("mixer.rev.", "mixer.")
        tensor = torch.from_numpy(arrays[key])
        assert name not in state or torch.equal(state[name], tensor)
        state[name] = tensor
    return state


@pytest.mark.reference
@pytest.mark.parametrize("engine", ENGINES)
def test_official_activations(reference_dir: Path, engine: EngineName) -> None:
    arrays = np.load(reference_dir / "soft_small.npz")
    backbone = Backbone(d_model=32, n_layer=2)
    backbone.load_state_dict(official_state(arrays, "generator"))
    embeddings = torch.from_numpy(arrays["inter/seq_input_embeds"])
    with torch.inference_mode():
        first = backbone.layers[0]
        x, z = first.mixer.in_proj(first.norm(embeddings)).chunk(2, dim=-1)
        forward = first.mixer.out_proj(first.mixer.fwd(x, z, reverse=False, engine=engine))
        mixed = first.mixer(first.norm(embeddings), engine=engine)
        out = backbone(embeddings, engine=engine)
    for name, ours in (("generator_layer0_mixer_fwd_out", forward), ("generator_layer0_mixer_out", mixed)):
        np.testing.assert_allclose(ours.numpy(), arrays[f"inter/{name}"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(out.numpy(), arrays["inter/generator_out"], rtol=0, atol=1e-5)


def written_out(backbone: Backbone, embeddings: Tensor) -> Tensor:
    """models.md sections 2.2 to 2.4 step by step: each direction a whole mixer, the reverse one by flipping."""
    p = dict(backbone.named_parameters())

    def norm(x: Tensor, weight: Tensor) -> Tensor:
        return x / torch.sqrt(x.square().mean(-1, keepdim=True) + 1e-5) * weight

    def mixer(u: Tensor, head: str, name: str) -> Tensor:
        own = f"{head}.mixer.{name}"
        x, z = (u @ p[f"{head}.mixer.in_proj.weight"].T).chunk(2, -1)
        weight = p[f"{own}.conv1d.weight"]
        x = F.pad(x.transpose(1, 2), (weight.shape[2] - 1, 0))
        x = F.silu(F.conv1d(x, weight, p[f"{own}.conv1d.bias"], groups=weight.shape[0])).transpose(1, 2)
        a = -torch.exp(p[f"{own}.A_log"])
        dt_weight = p[f"{own}.dt_proj.weight"]
        rank, n_state = dt_weight.shape[1], a.shape[1]
        dt, b, c = (x @ p[f"{own}.x_proj.weight"].T).split([rank, n_state, n_state], -1)
        step = F.softplus(dt @ dt_weight.T + p[f"{own}.dt_proj.bias"])
        h = torch.zeros(x.shape[0], x.shape[2], n_state, dtype=x.dtype)
        ys = []
        for step_t, x_t, b_t, c_t in zip(*(v.unbind(1) for v in (step, x, b, c)), strict=True):
            h = torch.exp(step_t[..., None] * a) * h + (step_t * x_t)[..., None] * b_t[:, None]
            ys.append((h * c_t[:, None]).sum(-1) + p[f"{own}.D"] * x_t)
        return (torch.stack(ys, 1) * F.silu(z)) @ p[f"{head}.mixer.out_proj.weight"].T

    residual = embeddings
    for k in range(len(backbone.layers)):
        head = f"layers.{k}"
        u = norm(residual, p[f"{head}.norm.weight"])
        residual = residual + mixer(u, head, "fwd") + mixer(u.flip(1), head, "rev").flip(1)
    return norm(residual, p["norm_f.weight"])


def make_backbone(*, seed: int = 0, **sizes: int) -> Backbone:
    """A backbone whose every parameter is perturbed, so that none hides behind a special initial value."""
    torch.manual_seed(seed)
    backbone = Backbone(**{"d_model": 24, "n_layer": 2, **sizes}, init_residual_layers=1)
    with torch.no_grad():
        for parameter in backbone.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return backbone


@pytest.mark.parametrize("sizes", [{}, {"d_model": 40, "d_state": 5, "d_conv": 3, "expand": 3}, {"n_layer": 1}])
@pytest.mark.parametrize("length", [1, 2, 3, 98, 300])
def test_every_engine_equals_the_written_out_model(
    sizes: dict[str, int], length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "CHUNK", 128)  # several chunks of unequal length, as in a long sequence
    backbone = make_backbone(**sizes)
    x = torch.randn(2, length, sizes.get("d_model", 24))
    with torch.inference_mode():
        streamed = backbone(x, engine="cpu")
        reference = backbone(x, engine="reference")
        truth = written_out(backbone.double(), x.double())
    for out in (streamed, reference):
        assert out.dtype == torch.float32
        assert float((out - truth).abs().max()) < 1e-5
    recorded = backbone.float()(x, engine="cpu")
    assert recorded.requires_grad
    assert float((recorded - truth).abs().max().detach()) < 1e-5


def test_float64_goes_through_the_reference() -> None:
    backbone = make_backbone().double()
    x = torch.randn(1, 50, 24, dtype=torch.float64)
    torch.testing.assert_close(backbone(x), written_out(backbone, x), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("engine", ENGINES)
def test_reversed_input_with_swapped_directions_reverses_the_output(engine: EngineName) -> None:
    backbone, swapped = make_backbone(), make_backbone()
    swapped.load_state_dict(
        {
            k.replace(".fwd.", ".other.").replace(".rev.", ".fwd.").replace(".other.", ".rev."): v
            for k, v in backbone.state_dict().items()
        }
    )
    x = torch.randn(2, 150, 24)
    with torch.inference_mode():
        out, turned = backbone(x, engine=engine), swapped(x.flip(1), engine=engine).flip(1)
        assert not torch.allclose(backbone(x.flip(1), engine=engine).flip(1), out, atol=1e-3)
    torch.testing.assert_close(turned, out, rtol=0, atol=1e-5)


@pytest.mark.parametrize("gradients", [False, True])
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("rows", [slice(0, 1), slice(0, 130), slice(70, 71), slice(100, 250), slice(None, None)])
def test_rows_equal_the_same_rows_of_the_whole(rows: slice, engine: EngineName, gradients: bool) -> None:
    backbone = make_backbone()
    x = torch.randn(2, 250, 24, requires_grad=gradients)
    with torch.set_grad_enabled(gradients):
        whole, part = backbone(x, engine=engine)[:, rows], backbone(x, rows=rows, engine=engine)
        torch.testing.assert_close(part, whole, rtol=0, atol=2e-6)
        if gradients:
            for ours, expected in zip(
                torch.autograd.grad(part.square().sum(), [x, *backbone.parameters()]),
                torch.autograd.grad(whole.square().sum(), [x, *backbone.parameters()]),
                strict=True,
            ):
                torch.testing.assert_close(ours, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))


@pytest.mark.parametrize("rows", [slice(5, 5), slice(0, 11), slice(-3, 5), slice(0, 10, 2)])
def test_rows_outside_are_refused(rows: slice) -> None:
    with pytest.raises(SettingsError, match="not a stretch of 10 positions"):
        make_backbone()(torch.zeros(1, 10, 24), rows=rows)


def test_gradients_of_the_cpu_engine_against_float64() -> None:
    backbone = make_backbone()
    x = torch.randn(2, 150, 24)
    weight = torch.randn(2, 150, 24)
    (backbone(x, engine="cpu") * weight).sum().backward()
    ours = {name: p.grad for name, p in backbone.named_parameters()}
    truth = make_backbone().double()
    (written_out(truth, x.double()) * weight.double()).sum().backward()
    for name, parameter in truth.named_parameters():
        grad = ours[name]
        assert grad is not None
        assert parameter.grad is not None
        assert float((grad - parameter.grad).norm() / parameter.grad.norm()) < 1e-4, name


def test_input_is_not_changed_and_batches_do_not_mix() -> None:
    backbone = make_backbone()
    x = torch.randn(3, 120, 24)
    before = x.clone()
    with torch.inference_mode():
        out = backbone(x)
        assert torch.equal(x, before)
        for sample in range(3):
            assert torch.equal(backbone(x[sample : sample + 1])[0], out[sample])


def test_parameter_counts_and_names() -> None:
    backbone = Backbone(d_model=128, n_layer=4)
    counts = {name: p.numel() for name, p in backbone.named_parameters()}
    assert sum(counts.values()) == 539_264
    head = "layers.3.mixer"
    assert counts[f"{head}.in_proj.weight"] == 65_536
    assert counts[f"{head}.out_proj.weight"] == 32_768
    own = [f"{head}.rev.{n}" for n in ("conv1d.weight", "conv1d.bias", "x_proj.weight", "A_log", "D")]
    own += [f"{head}.rev.dt_proj.{n}" for n in ("weight", "bias")]
    assert sum(counts[n] for n in own) == 1_280 + 10_240 + 2_304 + 4_352
    assert sum(v for n, v in counts.items() if n.startswith("layers.0.")) == 134_784


@pytest.mark.parametrize("divisor", [4, 64])
def test_initial_values(divisor: int) -> None:
    torch.manual_seed(1)
    backbone = Backbone(d_model=128, n_layer=2, init_residual_layers=divisor)
    p = dict(backbone.named_parameters())
    limit = 1 / 16 / math.sqrt(divisor)
    out = p["layers.0.mixer.out_proj.weight"].detach().abs().max()
    assert 0.99 * limit < float(out) <= limit
    step = F.softplus(p["layers.1.mixer.fwd.dt_proj.bias"].detach())
    assert 0.001 <= float(step.min()) < 0.0015
    assert 0.07 < float(step.max()) <= 0.1001
    rank_limit = float(p["layers.1.mixer.fwd.dt_proj.weight"].detach().abs().max())
    assert 0.99 * 8**-0.5 < rank_limit <= 8**-0.5
    expected = torch.log(torch.arange(1.0, 17.0)).expand(256, 16)
    torch.testing.assert_close(p["layers.0.mixer.rev.A_log"].detach(), expected)
    assert (p["layers.0.mixer.rev.D"] == 1).all()
    assert (p["layers.0.norm.weight"] == 1).all()
    assert 0.49 < float(p["layers.0.mixer.fwd.conv1d.weight"].detach().abs().max()) <= 0.5
    assert float(p["layers.0.mixer.in_proj.weight"].detach().abs().max()) <= 128**-0.5


def test_half_precision_streams_in_float32() -> None:
    backbone = make_backbone()
    x = torch.randn(1, 60, 24).bfloat16()
    with torch.inference_mode():
        out = backbone(x)
        expected = backbone(x.float())
        assert out.dtype == torch.bfloat16
        torch.testing.assert_close(out.float(), expected, rtol=1e-2, atol=1e-2)
        assert backbone.bfloat16()(x).isfinite().all()
