from __future__ import annotations

from pathlib import Path

import pytest

from seq2exp.model.checkpoint import CheckpointFacts
from seq2exp.settings import ModelConfig
from seq2exp.ui.catalogue import NO_CHECKPOINT
from seq2exp.ui.offers import Offer, first_choice, offer


def _says(window_bp: int = 8_192, *, trained: bool = True) -> CheckpointFacts:
    config = ModelConfig(window_bp=window_bp, centre_bp=512)
    return CheckpointFacts("abcdef012345", config, {"trained": trained})


def _offers(**says: CheckpointFacts | str) -> list[Offer]:
    named = {name.replace("_", "-"): found for name, found in says.items()}
    found = [offer(name, Path(name), one, 8_192) for name, one in named.items()]
    return [offer(NO_CHECKPOINT, None, None, 8_192), *found]


def test_labels_hold_name_hash_and_what_to_know() -> None:
    labels = [one.label for one in _offers(a=_says(), b=_says(trained=False), c=_says(4_096), d="d: broken")]
    assert labels[1:] == [
        "a · abcdef",
        "b · abcdef · untrained",
        "c · abcdef · does not fit",
        "d · cannot be read",
    ]


def test_a_checkpoint_of_another_window_says_which_it_reads() -> None:
    assert "4,096 bp" in offer("x", Path("x"), _says(4_096), 8_192).problem
    assert offer("x", Path("x"), _says(), 8_192).problem == ""


@pytest.mark.parametrize(
    ("says", "synthetic", "chosen"),
    [
        ({"demo_hard": _says(), "demo_soft": _says()}, True, "demo-hard"),
        ({"demo_hard": _says(), "demo_soft": _says(4_096)}, True, "demo-hard"),
        ({"demo_soft": _says(trained=False)}, True, NO_CHECKPOINT),
        ({"demo_soft": "broken"}, True, NO_CHECKPOINT),
        ({"demo_soft": _says()}, False, NO_CHECKPOINT),
        ({"own": _says()}, True, NO_CHECKPOINT),
    ],
)
def test_only_a_shipped_trained_and_fitting_checkpoint_is_chosen_unasked(
    says: dict[str, CheckpointFacts | str], synthetic: bool, chosen: str
) -> None:
    shipped = {"demo-soft": Path("s"), "demo-hard": Path("h")}
    assert first_choice(_offers(**says), shipped, synthetic=synthetic) == chosen
