from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from seq2exp.errors import PeakCallError
from seq2exp.inference import selftest
from seq2exp.model.scan import reference
from seq2exp.sources import macs3
from seq2exp.sources.dataset import Dataset


def test_every_check_passes_on_a_whole_data_set_and_leaves_the_seed_alone(tiny: Dataset) -> None:
    before = torch.random.get_rng_state()
    checks = list(selftest.self_test(tiny.root / "manifest.yaml", cell_type=tiny.cell_types[-1]))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert [check.name for check in checks] == list(selftest.CHECKS)
    assert [check.words for check in checks if not check.passed] == []
    assert all(check.seconds > 0 for check in checks)
    by_name = {check.name: check.words for check in checks}
    assert tiny.hash in by_name["data set"]
    assert f"{tiny.manifest.window.width_bp:,} bp" in by_name["window"]
    assert tiny.cell_types[-1] in by_name["window"]


def test_a_wrong_definition_or_kernel_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = reference.selective_scan

    def wrong(*tensors: torch.Tensor, **options: Any) -> torch.Tensor:
        return right(*tensors, **options) * 1.005

    monkeypatch.setattr(reference, "selective_scan", wrong)
    check = selftest.timed("engines", selftest.compare_engines)
    assert not check.passed
    assert "largest difference" in check.words


def test_a_number_that_is_none_never_passes() -> None:
    one, none = torch.ones(3), torch.tensor([1.0, float("nan"), 1.0])
    assert selftest.largest_difference((one,), (one + 0.25,)) == 0.25
    assert not selftest.largest_difference((one,), (none,)) <= selftest.TOLERANCE


def test_a_missing_file_fails_its_checks_and_the_others_go_on(tiny: Dataset, tmp_path: Path) -> None:
    broken = tmp_path / "manifest.yaml"
    broken.write_text((tiny.root / "manifest.yaml").read_text())
    checks = {check.name: check for check in selftest.self_test(broken)}
    assert [name for name, check in checks.items() if check.passed] == ["engines", "MACS3"]
    assert "absent" in checks["data set"].words
    assert "\n" not in checks["data set"].words
    none = {check.name: check for check in selftest.self_test(None)}
    assert "no data set is chosen" in none["data set"].words


def test_macs3_that_is_not_there_or_finds_something_else_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(arguments: list[str], folder: Path) -> None:
        (folder / "peaks").write_text("chr1\t1\t20\tp\t5\t.\t1\t1\t1\t3\n")

    monkeypatch.setattr(selftest, "run_macs3", silent)
    found = selftest.timed("MACS3", selftest.call_one_peak)
    assert not found.passed
    assert "chr1:2-20" in found.words
    monkeypatch.setattr(selftest, "run_macs3", macs3.run_macs3)
    monkeypatch.setattr(macs3.sysconfig, "get_path", lambda name: "/nowhere")
    with pytest.raises(PeakCallError, match="not installed"):
        selftest.call_one_peak()


def test_what_nobody_foresaw_is_a_failure_with_its_kind() -> None:
    def breaks() -> str:
        raise ZeroDivisionError("by\nnothing")

    assert selftest.timed("engines", breaks).words == "ZeroDivisionError: by nothing"
