"""The scan and convolution: a naive loop, every engine against float64, gradients, long and odd shapes, refusals."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from seq2exp.errors import SettingsError
from seq2exp.model.backbone import Backbone
from seq2exp.model.scan import EngineName, causal_conv_silu, resolve_engine, selective_scan
from seq2exp.model.scan.threads import run_tasks

NAMES = ("x", "delta", "A", "B", "C", "D", "z", "delta_bias")
SHAPES = [  # batch, length, channels, states
    (1, 1, 16, 16),
    (2, 2, 5, 3),
    (3, 31, 33, 1),
    (1, 32, 16, 16),
    (2, 33, 20, 16),
    (1, 257, 64, 7),
    (2, 700, 24, 16),
    (1, 5000, 18, 16),
]


def scan_inputs(n_batch: int, length: int, width: int, n_state: int, *, seed: int) -> list[Tensor]:
    """Float64 inputs that float32 represents exactly, steps spread as in a trained model."""
    make = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=make, dtype=torch.float64)

    tensors = [
        normal(n_batch, length, width),
        normal(n_batch, length, width),
        -torch.exp(normal(width, n_state)),
        normal(n_batch, length, n_state),
        normal(n_batch, length, n_state),
        normal(width),
        normal(n_batch, length, width),
        normal(width) - 3,
    ]
    return [t.float().double() for t in tensors]


def naive_scan(tensors: list[Tensor], *, reverse: bool) -> Tensor:
    """The recurrence of models.md section 2.2, one number at a time over positions and states."""
    x, delta, a, b, c, d, z, bias = tensors
    out = torch.zeros_like(x)
    length, n_state = b.shape[1:]
    state = torch.zeros(x.shape[0], x.shape[2], n_state, dtype=x.dtype)
    for t in reversed(range(length)) if reverse else range(length):
        step = torch.log1p(torch.exp(delta[:, t] + bias))
        total = d * x[:, t]
        for n in range(n_state):
            state[..., n] = torch.exp(step * a[:, n]) * state[..., n] + step * x[:, t] * b[:, t, n, None]
            total = total + state[..., n] * c[:, t, n, None]
        out[:, t] = total * z[:, t] / (1 + torch.exp(-z[:, t]))
    return out


def relative(ours: Tensor, truth: Tensor) -> float:
    """|ours - truth| / |truth| in the Euclidean norm."""
    ours, truth = ours.detach().double(), truth.detach()
    return float((ours - truth).norm() / truth.norm().clamp(min=1e-12))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("shape", SHAPES[:6])
def test_reference_is_the_naive_loop(shape: tuple[int, int, int, int], reverse: bool) -> None:
    tensors = scan_inputs(*shape, seed=1)
    ours = selective_scan(*tensors, reverse=reverse, engine="reference")
    torch.testing.assert_close(ours, naive_scan(tensors, reverse=reverse), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_cpu_gradients_against_float64(shape: tuple[int, int, int, int], reverse: bool) -> None:
    tensors = [t.requires_grad_() for t in scan_inputs(*shape, seed=sum(shape))]
    weight = torch.randn(shape[:3], generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    truth = selective_scan(*tensors, reverse=reverse, engine="reference")
    truths = torch.autograd.grad((truth * weight).sum(), tensors)
    singles = [t.detach().float().requires_grad_() for t in tensors]
    ours = selective_scan(*singles, reverse=reverse, engine="cpu")
    grads = torch.autograd.grad((ours * weight.float()).sum(), singles)
    assert relative(ours.detach(), truth.detach()) < 1e-5
    for name, grad, expected in zip(NAMES, grads, truths, strict=True):
        assert grad.shape == expected.shape
        assert relative(grad, expected) <= 1e-4, name


@pytest.mark.parametrize("taps", [1, 2, 4, 5])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(("n_batch", "length", "width"), [(1, 1, 16), (2, 3, 7), (1, 4, 40), (2, 501, 20)])
def test_convolution(n_batch: int, length: int, width: int, reverse: bool, taps: int) -> None:
    make = torch.Generator().manual_seed(length)
    shapes = [(n_batch, length, width), (width, taps), (width,), (n_batch, length, width)]
    x, weight, bias, upstream = (torch.randn(s, generator=make, dtype=torch.float64) for s in shapes)
    turned = x.flip(1) if reverse else x
    padded = torch.nn.functional.pad(turned.transpose(1, 2), (taps - 1, 0))
    plain = torch.nn.functional.conv1d(padded, weight[:, None], bias, groups=width).transpose(1, 2)
    truth = torch.nn.functional.silu(plain.flip(1) if reverse else plain)
    inputs = [t.requires_grad_() for t in (x, weight, bias)]
    reference = causal_conv_silu(*inputs, reverse=reverse, engine="reference")
    torch.testing.assert_close(reference, truth, rtol=1e-12, atol=1e-12)
    truths = torch.autograd.grad((reference * upstream).sum(), inputs)
    singles = [t.detach().float().requires_grad_() for t in inputs]
    ours = causal_conv_silu(*singles, reverse=reverse, engine="cpu")
    grads = torch.autograd.grad((ours * upstream.float()).sum(), singles)
    assert relative(ours, truth.detach()) < 1e-6
    for grad, expected in zip(grads, truths, strict=True):
        assert relative(grad, expected) < 1e-5


@pytest.mark.parametrize("engine", ["reference", "cpu"])
def test_extreme_values_stay_finite_and_right(engine: EngineName) -> None:
    tensors = scan_inputs(1, 64, 16, 16, seed=5)
    tensors[1] = tensors[1] * 30  # steps from 1e-30 to 60: decays from 1 to exp(-600)
    tensors[6] = tensors[6] * 60  # gates far into both tails
    truth = naive_scan(tensors, reverse=False)
    ours = selective_scan(*(t.float() for t in tensors), reverse=False, engine=engine)
    assert relative(ours, truth) < 1e-5


@pytest.mark.parametrize("engine", ["reference", "cpu"])
def test_a_state_wiped_out_in_one_step_is_gone(engine: EngineName) -> None:
    """Factors from 2^-90 through 2^-126, the smallest normal number, to exp(-300), each state on its own."""
    length, width, n_state = 400, 16, 16
    steps = torch.linspace(60, 300, length * width, dtype=torch.float64).reshape(1, length, width)
    rates = -(1 + torch.arange(width * n_state, dtype=torch.float64).reshape(width, n_state) / (width * n_state * 100))
    ones, none = torch.ones(1, length, width, dtype=torch.float64), torch.zeros(width, dtype=torch.float64)
    rows = torch.linspace(0.5, 2, length * n_state, dtype=torch.float64).reshape(1, length, n_state)
    tensors = [t.float().double() for t in (ones, steps, rates, rows, rows, none, ones, none)]
    for reverse in (False, True):
        found = selective_scan(*(t.float() for t in tensors), reverse=reverse, engine=engine)
        torch.testing.assert_close(found.double(), naive_scan(tensors, reverse=reverse), rtol=1e-5, atol=0)


def test_nan_is_not_hidden() -> None:
    tensors = [t.float() for t in scan_inputs(1, 40, 16, 4, seed=2)]
    tensors[1][0, 20, 3] = math.nan
    out = selective_scan(*tensors, reverse=False, engine="cpu")
    assert out[0, 20:, 3].isnan().all()
    assert not out[0, :20].isnan().any()
    assert not out[0, :, 4:].isnan().any()


def test_input_tensors_need_not_be_contiguous() -> None:
    x, delta, a, b, c, d, z, bias = (t.float() for t in scan_inputs(2, 50, 16, 4, seed=3))
    wide = torch.cat([b, c, x], -1)
    strided = [wide[..., 8:], delta.transpose(1, 2).contiguous().transpose(1, 2), a, wide[..., :4], wide[..., 4:8]]
    assert not strided[0].is_contiguous()
    expected = selective_scan(x, delta, a, b, c, d, z, bias, reverse=True, engine="cpu")
    assert torch.equal(selective_scan(*strided, d, z, bias, reverse=True, engine="cpu"), expected)


def test_number_of_threads_changes_no_output() -> None:
    tensors = [t.float() for t in scan_inputs(1, 300, 64, 16, seed=4)]
    threads = torch.get_num_threads()
    outs = []
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            outs.append(selective_scan(*tensors, reverse=False, engine="cpu"))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(*outs)


def test_auto_engine() -> None:
    assert resolve_engine("auto", torch.zeros(1)) == "cpu"
    assert resolve_engine("auto", torch.zeros(1, dtype=torch.float64)) == "reference"
    assert resolve_engine("reference", torch.zeros(1)) == "reference"


@pytest.mark.parametrize(
    ("engine", "dtype", "words"),
    [
        ("cpu", torch.float64, "float32 and got float64"),
        ("cuda", torch.float32, "tensor on cpu"),
        ("gpu", torch.float32, "unknown"),
    ],
)
def test_engine_that_cannot_run_is_refused(engine: Any, dtype: torch.dtype, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        resolve_engine(engine, torch.zeros(1, dtype=dtype))


def test_error_of_a_task_reaches_the_caller() -> None:
    def fail() -> None:
        raise ValueError("from a task")

    with pytest.raises(ValueError, match="from a task"):
        run_tasks([fail, lambda: None, lambda: None])


@pytest.mark.filterwarnings("ignore")  # of a package that is not ours and seldom here
@pytest.mark.parametrize("engine", ["reference", "cpu"])
def test_one_direction_equals_transformers(engine: EngineName) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.MambaConfig(
        vocab_size=12, hidden_size=32, state_size=16, num_hidden_layers=1, residual_in_fp32=False
    )
    torch.manual_seed(0)
    theirs = transformers.MambaModel(config).eval().layers[0].mixer
    ours = Backbone(d_model=32, n_layer=1).layers[0].mixer
    state = {
        name: tensor for name, tensor in theirs.state_dict().items() if not name.startswith(("in_proj", "out_proj"))
    }
    ours.fwd.load_state_dict(state)
    u = torch.randn(2, 300, 32)
    with torch.inference_mode():
        x, z = (u @ theirs.in_proj.weight.T).chunk(2, -1)
        out = ours.fwd(x, z, reverse=False, engine=engine) @ theirs.out_proj.weight.T
        assert float((out - theirs(u)).abs().max()) < 1e-5


@pytest.mark.gpu
def test_cuda_equals_reference() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    pytest.importorskip("mamba_ssm")
    for reverse in (False, True):
        singles = [t.float().cuda().requires_grad_() for t in scan_inputs(2, 700, 64, 16, seed=6)]
        outs = [selective_scan(*singles, reverse=reverse, engine=e) for e in ("reference", "cuda")]
        grads = [torch.autograd.grad(out.square().sum(), singles) for out in outs]
        torch.testing.assert_close(outs[1], outs[0], rtol=1e-4, atol=1e-4)
        for ours, expected in zip(grads[1], grads[0], strict=True):
            assert relative(ours, expected.double()) < 1e-3
        x, weight, bias = torch.randn(2, 300, 64).cuda(), torch.randn(64, 4).cuda(), torch.randn(64).cuda()
        convolved = [causal_conv_silu(x, weight, bias, reverse=reverse, engine=e) for e in ("reference", "cuda")]
        torch.testing.assert_close(convolved[1], convolved[0], rtol=1e-4, atol=1e-4)
