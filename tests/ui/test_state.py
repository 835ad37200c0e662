from __future__ import annotations

from typing import Any

import pytest

from seq2exp.settings import ModelConfig
from seq2exp.ui.state import SETTINGS, allowed_modes, as_text, defaults, read_link


def test_every_setting_has_a_default_that_survives_the_link() -> None:
    own = defaults(ModelConfig())
    assert {setting.key for setting in SETTINGS} == set(own)
    assert read_link({key: as_text(value) for key, value in own.items()}) == own


@pytest.mark.parametrize(
    ("trained", "key", "value"),
    [
        ({"threshold": 0.185}, "threshold", 0.185),
        ({"top_share": 0.1234}, "top_percent", 12.34),
        ({"bottleneck_mean": 0.075}, "prior_mean", 0.075),
    ],
)
def test_what_is_finer_than_its_slider_stays_as_trained(trained: dict[str, Any], key: str, value: float) -> None:
    """The component computes with it: rounded to the slider's step, a faithful mask would not be the trained one."""
    own = defaults(ModelConfig(**trained))
    assert own[key] == value
    assert read_link({key: as_text(own[key])}) == {key: value}


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("threshold", "1.5"),
        ("threshold", "nan"),
        ("threshold", "<b>"),
        ("mode", "__import__('os')"),
        ("prior_strength", "3"),
        ("merge_gap", "1e9"),
        ("peak_rule", ""),
    ],
)
def test_bad_link_fields_are_left_out(key: str, text: str) -> None:
    assert read_link({key: text, "signal_scale": "2.0"}) == {"signal_scale": 2.0}


@pytest.mark.parametrize(("config", "modes"), [({}, 3), ({"position_table": True, "mask_mode": "hard"}, 2)])
def test_a_packing_checkpoint_offers_no_soft_mask(config: dict[str, Any], modes: int) -> None:
    assert len(allowed_modes(ModelConfig(**config))) == modes
