import itertools

import pytest

from seq2exp.errors import SettingsError
from seq2exp.training.schedule import WarmupCosine


@pytest.mark.parametrize(
    ("step", "rate"),
    [(0, 1.0e-5), (2_500, 2.55e-4), (5_000, 5.0e-4), (27_500, 3.0e-4), (50_000, 1.0e-4), (85_000, 1.0e-4)],
)
def test_published_check_points(step: int, rate: float) -> None:
    assert WarmupCosine()(step) == pytest.approx(rate, rel=1e-12)


def test_no_jump_anywhere() -> None:
    rates = [WarmupCosine()(step) for step in range(0, 52_000, 10)]
    assert max(abs(b - a) for a, b in itertools.pairwise(rates)) < 2e-6


def test_impossible_values_are_refused() -> None:
    with pytest.raises(SettingsError, match="must be positive"):
        WarmupCosine(peak=0)
