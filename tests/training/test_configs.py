"""The shipped configurations, and what is refused in one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from torch import nn

from seq2exp.errors import SettingsError, TrainingError
from seq2exp.model.checkpoint import build_network
from seq2exp.settings import ModelConfig
from seq2exp.training.config import RANDOM_STATES, TrainConfig, read_config, read_length, write_config
from seq2exp.training.objective import parameter_groups

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
PUBLISHED = ("published-soft", "published-hard", "published-hard-fixed", "published-retrain")

# The recipe of the published runs (paper, section 4 and Table 3; released code), written out key by key.
RECIPE: dict[str, dict[str, Any]] = {
    "optimiser": {
        "batch": 8, "steps": 50_000, "start_rate": 1e-5, "rate": 5e-4, "end_rate": 1e-4, "warmup_steps": 5_000,
        "betas": [0.9, 0.95], "weight_decay": 1e-6, "clip_norm": 1.0,
    },
    "objective": {
        "kl_warmup_steps": 0, "track_weight": 0.0, "stem_steps": 0, "stem_prior_scale": None, "readout_weight": 0.0,
        "readout_reads": "mask", "generator_steps": 0, "stem_rate": 3e-3,
        "path_steps": 0, "path_batch": 64, "path_rate": 2e-3,
    },
    "run": {
        "seed": 2222, "precision": "bf16-mixed", "accelerator": "auto", "devices": 1, "nodes": 1, "threads": None,
        "valid_every": 999, "save_every": 500, "log_every": 10, "tensorboard": False,
    },
}  # fmt: skip
SOFT_MODEL: dict[str, Any] = {
    "window_bp": 200_000, "centre_bp": 2_000, "d_model": 128, "d_state": 16, "d_conv": 4, "expand": 2,
    "generator_layers": 4, "predictor_layers": 4, "norm_eps": 1e-5, "rna_features": 9, "shared_backbone": False,
    "generator_sees_signals": False, "position_table": False, "signal_input": True, "beta_min": 1.0,
    "prior_scale": 10.0, "z_scale": 1.0, "signal_weights": [2.0, 2.0, 1.0], "signal_thresholds": [1.5, 0.2, 1.0],
    "bottleneck_mean": 0.1, "bottleneck_scale": 10.0, "kl_weight": 0.01, "train_hard": False, "mask_mode": "soft",
    "threshold": 0.5, "top_share": 0.1, "hard_gradient": "compat", "most_sequence_counts": 0.0,
    "init_residual_layers": 64, "summit_bp": 0, "summit_floor": 0.5, "contact_half": 0.0,
    "external_mask": False, "signal_transform": "none", "stem_taps": 0,
}  # fmt: skip
HARD_MODEL = SOFT_MODEL | {
    "shared_backbone": True, "generator_sees_signals": True, "position_table": True, "beta_min": 0.0,
    "prior_scale": 1.0, "bottleneck_mean": 0.45, "bottleneck_scale": 0.1, "train_hard": True, "mask_mode": "hard",
}  # fmt: skip
MODELS = {
    "published-soft": SOFT_MODEL,
    "published-hard": HARD_MODEL,
    "published-hard-fixed": HARD_MODEL | {"hard_gradient": "fixed"},
    "published-retrain": SOFT_MODEL | {"external_mask": True},
}


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_file_is_read_and_written_back(path: Path, tmp_path: Path) -> None:
    config = read_config(path)
    assert config.name == path.stem
    write_config(config, tmp_path / "config.yaml")
    assert read_config(tmp_path / "config.yaml") == config


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_files_hold_the_published_recipe(name: str) -> None:
    config = read_config(CONFIGS / f"{name}.yaml")
    written = config.to_dict()
    for section, values in RECIPE.items():
        assert written[section] == values
    later = ModelConfig().to_dict()  # options that the published model has not, each at the default that leaves it out
    assert written["model"] == {**later, **MODELS[name]}
    assert written["data"]["signal_type"] == "float32"
    assert not written["data"]["group_cells"]
    assert (config.mask_from is not None) == (name == "published-retrain")
    rates = [config.rate_at(step) for step in (0, 2_500, 5_000, 27_500, 50_000, 85_000)]
    assert rates == pytest.approx([1.0e-5, 2.55e-4, 5.0e-4, 3.0e-4, 1.0e-4, 1.0e-4], rel=1e-12)


def test_the_retrain_file_takes_the_mask_of_the_soft_one() -> None:
    retrain = read_config(CONFIGS / "published-retrain.yaml")
    assert retrain.mask_from == f".data/runs/{read_config(CONFIGS / 'published-soft.yaml').name}/checkpoint"


def test_every_random_state_is_one_word_away() -> None:
    config = read_config(CONFIGS / "published-soft.yaml")
    runs = [config.with_seed(seed) for seed in RANDOM_STATES]
    assert [run.name for run in runs] == [f"published-soft-seed{seed}" for seed in (2, 22, 222, 2222, 22222)]
    assert [run.run.seed for run in runs] == list(RANDOM_STATES)
    assert all(run.with_seed(1).to_dict()["optimiser"] == config.to_dict()["optimiser"] for run in runs)


def test_another_length_keeps_the_recipe_in_proportion() -> None:
    config = read_config(CONFIGS / "demo-hard.yaml")
    short = config.of_length(*read_length("1000x2"))
    assert short.name == "demo-hard-1000x2"
    assert (short.optimiser.steps, short.optimiser.batch, short.steps) == (1000, 2, 1800)
    assert (short.objective.stem_steps, short.objective.kl_warmup_steps) == (800, 200)
    assert (short.optimiser.warmup_steps, short.run.valid_every) == (20, 80)
    assert short.rate_at(820) == pytest.approx(config.rate_at(4100))  # the end of the warm-up is the same rate
    assert short.rate_at(1799) == pytest.approx(config.rate_at(8999), rel=1e-3)
    assert config.of_length(config.optimiser.steps, config.optimiser.batch).optimiser == config.optimiser
    for wrong in ("1000", "1000x", "-5x4", "1.5x4", "0x4", "4x0", "x"):
        with pytest.raises(SettingsError, match=r"length|must be 1 or more"):
            config.of_length(*read_length(wrong))


def test_decay_spares_biases_and_the_states_alone() -> None:
    network = build_network(
        ModelConfig.preset("hard", window_bp=256, centre_bp=32, d_model=8, generator_layers=2, predictor_layers=2)
    )
    decayed, plain = parameter_groups(network, 1e-6)
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    spared = {names[id(p)] for p in plain["params"]}  # type: ignore[attr-defined]
    kept = {names[id(p)] for p in decayed["params"]}  # type: ignore[attr-defined]
    assert (decayed["weight_decay"], plain["weight_decay"]) == (1e-6, 0.0)
    assert {name.rsplit(".", 1)[-1] for name in spared} == {"bias", "A_log", "D"}
    assert not {name.rsplit(".", 1)[-1] for name in kept} & {"bias", "A_log", "D"}
    norms = {n for n, module in network.named_modules() if type(module).__name__ == "RMSNorm"}
    assert norms
    assert {f"{name}.weight" for name in norms} <= kept
    assert "inputs.position" in kept
    frozen = {name for name, p in network.named_parameters() if not p.requires_grad}
    assert frozen == {"generator.signal_log_weights", "generator.signal_thresholds"}
    assert spared | kept | frozen == set(names.values())
    assert isinstance(network, nn.Module)


@pytest.mark.parametrize(
    ("section", "values", "message"),
    [
        ("optimiser", {"bath": 8}, "optimiser: bath: Unexpected keyword argument"),
        ("optimiser", {"rate": "1e-3"}, r"rate: .*found '1e-3' \(YAML reads it as text; write 1.0e-03\)"),
        ("optimiser", {"rate": float("nan")}, "optimiser.rate must be finite"),
        ("optimiser", {"start_rate": -1e-5}, "learning rates must be positive, the first 0 or more"),
        ("optimiser", {"end_rate": 0.0}, "learning rates must be positive"),
        ("optimiser", {"warmup_steps": 6}, "warmup_steps 6 must be below steps 6"),
        ("run", {"devices": 3}, "batch 4 does not divide among 3 processes"),
        ("run", {"seed": -1}, "seed must not be negative"),
        ("run", {"precision": "16"}, "run: precision"),
        ("data", {"cell_types": ["SynK", "SynK"]}, "each cell line once"),
        ("model", {"window_bp": "8k"}, "model: window_bp: .*valid integer, found '8k'"),
        ("model", {"mask_mode": "sfot"}, "model: mask_mode: .*found 'sfot'"),
        ("model", {"centre_bp": 8192}, "centre_bp must be even, positive and at most window_bp"),
        ("model", {"external_mask": True}, "external_mask needs mask_from"),
        ("objective", {"stem_steps": 5}, "stem_steps needs model.stem_taps"),
        ("objective", {"generator_steps": -1}, "generator_steps must not be negative"),
    ],
)
def test_a_wrong_value_is_named(
    config: Callable[..., TrainConfig], section: str, values: dict[str, Any], message: str
) -> None:
    with pytest.raises(TrainingError, match=message) as refused:
        config(**{section: values})
    assert "\n" not in str(refused.value)


def test_a_generator_that_is_the_predictors_cannot_stop_alone(config: Callable[..., TrainConfig]) -> None:
    with pytest.raises(TrainingError, match="generator_steps stops a generator that has a backbone of its own"):
        config(model={"preset": "hard"}, objective={"generator_steps": 2})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name: [", "cannot be read as YAML"),
        ("- soft", "must hold keys such as name"),
        (yaml.safe_dump({"name": "x", "data": {"dataset": "d"}}), "key model is missing"),
        (yaml.safe_dump({"name": "a/b", "data": {"dataset": "d"}, "model": {}}), "plain folder name"),
        (yaml.safe_dump({"name": "x", "data": {"dataset": "d"}, "model": {}, "mask_from": 5}), "mask_from must be"),
        (yaml.safe_dump({"name": "x", "data": 5, "model": {}}), "data must hold keys"),
    ],
)
def test_a_file_of_another_shape_is_refused_in_one_line(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(content)
    with pytest.raises(TrainingError, match=message) as refused:
        read_config(path)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)
