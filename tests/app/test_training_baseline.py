"""The Training page on a run of a system that makes no mask."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
from streamlit.testing.v1 import AppTest

from seq2exp.training.config import read_config, write_config
from tests.ui.run_folders import write_run

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def test_a_baseline_is_shown_beside_its_own_recipe_and_without_a_mask(
    page: Callable[..., AppTest], tmp_path: Path
) -> None:
    path = write_run(tmp_path / ".data" / "runs" / "epinformer", system="epinformer")
    write_config(read_config(CONFIGS / "demo-epinformer.yaml"), path / "config.yaml")
    for name in ("train.csv", "valid.csv"):
        table = pd.read_csv(path / name)
        blank = [column for column in ("mask_ratio", "mask_ratio_total", "kl", "kl_weight") if column in table]
        table.assign(**dict.fromkeys(blank)).to_csv(path / name, index=False)
    app = page().switch_page("pages/training.py").run()
    assert not app.exception
    assert not app.error
    shown = {metric.label: str(metric.value) for metric in app.metric}
    assert shown["Mask kept"] == "\u2013"
    assert shown["Pearson"] == "0.810"
    (toggle,) = app.toggle
    assert toggle.label.startswith("Only what differs from the published EPInformer recipe")
    (settings,) = [frame.value for frame in app.dataframe if "Setting" in frame.value]
    differing = dict(zip(settings["Setting"], settings["Published"], strict=True))
    assert differing["model.slot_bp"] == "2,000"
    assert differing["optimiser.batch"] == "16"
