import json
from typing import Any

import pytest

from seq2exp.errors import SettingsError
from seq2exp.settings import ElementSettings, MaskSettings, ModelConfig, PeakSettings, WindowSettings


@pytest.mark.parametrize("preset", ["soft", "hard"])
def test_configuration_survives_json(preset: Any) -> None:
    config = ModelConfig.preset(preset)
    assert ModelConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_bottleneck_priors_of_the_presets() -> None:
    assert ModelConfig.preset("soft").bottleneck == pytest.approx((10, 90))
    assert ModelConfig.preset("hard").bottleneck == pytest.approx((0.1, 0.12222222))


@pytest.mark.parametrize(
    ("make", "options", "words"),
    [
        (MaskSettings, {"threshold": 1.01}, r"threshold must lie in 0\.\.1, found 1.01"),
        (MaskSettings, {"threshold": -0.1}, "threshold must lie"),
        (MaskSettings, {"threshold": float("nan")}, "threshold must lie"),
        (MaskSettings, {"top_share": 0.0}, "top_share must lie"),
        (MaskSettings, {"signal_scale": -1.0}, "signal_scale"),
        (MaskSettings, {"signal_scale": float("inf")}, "signal_scale"),
        (MaskSettings, {"prior_mean": 1.0}, "prior_mean"),
        (MaskSettings, {"prior_strength": -1.0}, "prior_strength"),
        (MaskSettings, {"signal_weights": (0.0, 0.0, 0.0)}, "signal_weights"),
        (MaskSettings, {"mode": "fuzzy"}, "mode must be soft, hard or top-k"),
        (WindowSettings, {"width_bp": 4097}, "width_bp must be even"),
        (WindowSettings, {"contact_mode": "raw"}, "contact_mode"),
        (PeakSettings, {"cutoff": 1.0, "target_share": 0.1}, "not both"),
        (PeakSettings, {"target_share": 1.0}, "target_share"),
        (ElementSettings, {"min_length_bp": 0}, "min_length_bp"),
        (ModelConfig, {"position_table": True}, "mask_mode must be hard or top-k"),
        (ModelConfig, {"centre_bp": 400_000}, "centre_bp"),
        (ModelConfig, {"shared_backbone": True, "generator_layers": 2}, "one depth"),
        (ModelConfig, {"threshold": 2.0}, "threshold"),
    ],
)
def test_refused(make: type, options: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        make(**options)


def test_all_contradictions_are_told_at_once() -> None:
    with pytest.raises(SettingsError, match=r"threshold must lie.*signal_scale must be"):
        MaskSettings(threshold=7, signal_scale=-1)


def test_unknown_configuration_keys_are_named() -> None:
    with pytest.raises(SettingsError, match="unknown keys colour"):
        ModelConfig.from_dict({"colour": 1})


def test_unknown_preset() -> None:
    with pytest.raises(SettingsError, match="choose soft or hard"):
        ModelConfig.preset("medium")  # type: ignore[arg-type]
