"""Each baseline against a slow or foreign definition of itself, and what they all have in common."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seq2exp.baselines import systems
from seq2exp.baselines.configs import EnformerConfig, EPInformerConfig, HyenaConfig
from seq2exp.baselines.enformer import Enformer
from seq2exp.baselines.hyena import HyenaDNA, LongFilter
from seq2exp.baselines.mamba import Mamba
from seq2exp.baselines.parts import tokens
from seq2exp.errors import SettingsError
from seq2exp.settings import ModelConfig

L, CENTRE = 1_024, 64
WINDOW: dict[str, Any] = {"window_bp": L, "centre_bp": CENTRE}
MAMBA = {**WINDOW, "d_model": 16, "d_state": 4, "predictor_layers": 2}
TINY: dict[str, systems.SystemConfig] = {
    "enformer": EnformerConfig(
        **WINDOW, input_bp=896, d_model=24, layers=1, heads=2, key_width=4, downsamplings=5, width_step=4, kept_bins=20,
        head_width=8,
    ),
    "hyenadna": HyenaConfig(**WINDOW, d_model=8, layers=2, filter_width=8),
    "mamba": ModelConfig(**MAMBA, signal_input=False),
    "caduceus": ModelConfig(**MAMBA, signal_input=False),
    "caduceus-signals": ModelConfig(**MAMBA),
    "epinformer": EPInformerConfig(**WINDOW, slot_bp=400, elements=4, reach_bp=512, d_model=8, layers=1, heads=2),
}  # fmt: skip


def bases(n: int = 2, length: int = L, seed: int = 0) -> Tensor:
    codes = torch.randint(0, 5, (n, length), generator=torch.Generator().manual_seed(seed))
    return nn.functional.one_hot(codes, 5)[..., :4].float()


def given(seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    elements = torch.tensor([[[0, 150], [700, 900], [0, 0]], [[800, 1024], [100, 260], [230, 290]]])
    return bases(seed=seed), torch.rand(2, L, 3, generator=draw), torch.rand(2, 9, generator=draw), elements


@pytest.mark.parametrize("name", TINY)
def test_a_system_sees_what_it_reads_and_nothing_else(name: str) -> None:
    torch.manual_seed(1)
    row = systems.system(name)
    network = row.build(TINY[name]).eval()
    sequence, signals, rna, elements = given()
    rest = {"sequence": bases(seed=3), "signals": signals + 1, "rna_features": rna + 1}

    def run(**changed: Tensor) -> Tensor:
        values = {"sequence": sequence, "signals": signals, "rna_features": rna, **changed}
        return systems.predict(row, network, **values, elements=elements)

    with torch.inference_mode():
        before = run()
        moved = {key: bool((run(**{key: value}) != before).any()) for key, value in rest.items()}
        alone = [
            systems.predict(row, network, *(t[i : i + 1] for t in (sequence, signals, rna, elements))) for i in (0, 1)
        ]
    assert before.shape == (2, 1)
    assert before.isfinite().all()
    assert moved == {"sequence": True, "signals": "signals" in row.reads, "rna_features": True}
    torch.testing.assert_close(torch.cat(alone), before, rtol=1e-4, atol=1e-5)
    if "signals" not in row.reads:
        with pytest.raises(SettingsError, match="signals must"):
            network(sequence, signals, rna)


def test_tokens_are_the_published_vocabulary() -> None:
    one_hot = torch.cat([torch.eye(4), torch.zeros(1, 4)])[None]
    assert tokens(one_hot).tolist() == [[7, 8, 9, 10, 11]]


@pytest.mark.parametrize("name", ["mamba", "hyenadna"])
def test_causal_systems_never_see_behind_the_centre(name: str) -> None:
    torch.manual_seed(2)
    row = systems.system(name)
    network = row.build(TINY[name]).eval()
    sequence, _, rna, _ = given()
    behind, before = sequence.clone(), sequence.clone()
    behind[:, L // 2 + CENTRE // 2 :] = bases(seed=5)[:, L // 2 + CENTRE // 2 :]
    before[:, : L // 2 - CENTRE // 2] = bases(seed=5)[:, : L // 2 - CENTRE // 2]
    with torch.inference_mode():
        whole = network(sequence, None, rna)
        assert torch.equal(network(behind, None, rna), whole)
        assert not torch.equal(network(before, None, rna), whole)
        # cutting the window behind the centre is no approximation: the rows of the whole window are these
        ids, first, last = tokens(sequence), L // 2 - CENTRE // 2, L // 2 + CENTRE // 2
        assert isinstance(network, Mamba | HyenaDNA)
        rows, cut = network.hidden(ids)[:, first:last], network.hidden(ids[:, :last])[:, first:]
    torch.testing.assert_close(rows, cut, rtol=1e-4, atol=1e-5)


def _name_there(name: str) -> str:
    """Of one of our Mamba's tensors in transformers."""
    for ours, theirs in (("embedding.", "embeddings."), (".scan.", ".mixer."), (".in_", ".mixer.in_")):
        name = name.replace(ours, theirs)
    return name.replace(".out_proj", ".mixer.out_proj")


def test_mamba_equals_transformers() -> None:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(3)
    own = Mamba(ModelConfig(**{**MAMBA, "d_model": 32}, signal_input=False)).eval()
    config = transformers.MambaConfig(
        vocab_size=12, hidden_size=32, state_size=4, num_hidden_layers=2, residual_in_fp32=False, use_mambapy=False
    )
    theirs = transformers.MambaModel(config).eval()
    theirs.load_state_dict(
        {_name_there(name): t for name, t in own.state_dict().items() if not name.startswith("head.")}
    )
    ids = tokens(bases(length=96))
    with torch.inference_mode():
        torch.testing.assert_close(own.hidden(ids), theirs(ids).last_hidden_state, rtol=1e-4, atol=1e-5)


def test_the_long_filter_is_a_direct_causal_convolution() -> None:
    torch.manual_seed(4)
    longest, length, channels = 50, 40, 6
    long = LongFilter(channels, width=8, longest=longest).double()
    x = torch.randn(2, length, channels, dtype=torch.float64)
    taps = long.kernel(length)
    direct = torch.stack([sum(taps[j] * x[:, i - j] for j in range(i + 1)) for i in range(length)], dim=1)
    torch.testing.assert_close(long(x), direct + x * long.bias)
    # the features of position 7 of 50 by hand: position, cosine and minus sine at frequencies 1e-4 and 1
    angle = 2 * math.pi * 7 / longest
    frequencies = (1e-4, 1.0)
    by_hand = [7 / 49, *(math.cos(f * angle) for f in frequencies), *(-math.sin(f * angle) for f in frequencies)]
    torch.testing.assert_close(long.features[7].float(), torch.tensor(by_hand), rtol=1e-5, atol=1e-6)
    # the slowest channel has fallen to a hundredth after 1.5 windows, the fastest after 0.3
    assert torch.exp(-long.decay[[0, -1]].float() * torch.tensor([1.5, 0.3])).tolist() == pytest.approx([0.01, 0.01])


def test_hyena_starts_with_small_weights_and_default_head() -> None:
    torch.manual_seed(5)
    network = HyenaDNA(HyenaConfig(**WINDOW, d_model=64, layers=4))
    block = network.blocks[0]
    for weight, sd in (
        (block.fc1.weight, 0.02),
        (block.fc2.weight, 0.02 / math.sqrt(8)),
        (network.embedding.weight, 0.02),
    ):
        assert float(weight.detach().std()) == pytest.approx(sd, rel=0.1)
    assert not block.mixer.in_proj.bias.any()
    assert network.head.layers[0].bias.detach().abs().min() > 0


def wave(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights that need no file: sines of the entry's number, shifted for each tensor in the order of names."""
    found = {}
    for number, (name, tensor) in enumerate(sorted(state.items())):
        if tensor.dtype.is_floating_point and not name.startswith("head."):
            values = torch.sin(0.7 * torch.arange(tensor.numel(), dtype=torch.float64) + number)
            values = values.reshape(tensor.shape).float()
            found[name] = 1 + 0.5 * values if "running_var" in name else 0.4 * values
    return found


def test_enformer_equals_enformer_pytorch() -> None:
    """Outputs of enformer-pytorch 0.8.12 with the same weights; the two differed by less than 1e-6."""
    config = EnformerConfig(
        window_bp=1_088, centre_bp=64, input_bp=1_024, d_model=24, layers=2, heads=2, key_width=4, downsamplings=5,
        width_step=4, kept_bins=12, head_width=8,
    )  # fmt: skip
    network = Enformer(config).eval()
    network.load_state_dict({**network.state_dict(), **wave(network.state_dict())})
    codes = (torch.arange(2 * 1_088) ** 2 % 11 % 5).reshape(2, 1_088)
    with torch.inference_mode():
        found = network.embeddings(nn.functional.one_hot(codes, 5)[..., :4].float())
    assert found.shape == (2, 12, 48)
    first = [0.4167042076, -0.1381746680, -0.0058378610, 1.1947975159, -0.1484471262, 0.0601558611]
    last = [0.2191458046, 0.4768078923, -0.1147496700, -0.0968127102, 0.5825588107, -0.1593135744]
    torch.testing.assert_close(found[0, 0, :6], torch.tensor(first), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found[1, 11, -6:], torch.tensor(last), rtol=1e-4, atol=1e-5)
    assert float(found.mean()) == pytest.approx(0.2345578969, rel=1e-4)
    assert float(found.std()) == pytest.approx(0.4596418440, rel=1e-4)


@pytest.mark.parametrize(
    ("kind", "values", "words"),
    [
        (EnformerConfig, {"input_bp": 200_002}, "input_bp must be even and at most window_bp"),
        (EnformerConfig, {"kept_bins": 2_000}, "as many of 1536 bins on either side, found 2000"),
        (EnformerConfig, {"d_model": 100}, "multiple of 6"),
        (EnformerConfig, {"dropout": 1.0}, "dropout must lie in 0..1"),
        (HyenaConfig, {"layers": 0}, "at least 1"),
        (EPInformerConfig, {"slot_bp": 384}, "slot_bp must be even, at least 400"),
        (EPInformerConfig, {"reach_bp": 100_001}, "reach_bp within 1000..100000"),
        (EPInformerConfig, {"heads": 5}, "heads must divide d_model"),
        (EPInformerConfig, {"centre_bp": 3}, "centre_bp must be even"),
    ],
)
def test_a_wrong_option_is_named(kind: Any, values: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        kind(**values)
    assert kind.from_dict(kind().to_dict()) == kind()
    with pytest.raises(SettingsError, match="unknown keys colour"):
        kind.from_dict({"colour": 1})
