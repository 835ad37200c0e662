"""What a checkpoint's training tracks looked like: from a run's folder, from the shipped checkpoints, or not known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import seq2exp
from seq2exp.processing import trained_on
from seq2exp.processing.statistics import TrackStatistics, track_statistics
from seq2exp.sources.dataset import open_dataset
from seq2exp.synthetic import synthesize

SHIPPED = Path(seq2exp.__file__).parent / "checkpoints"
PROVENANCE = {"trained": True, "name": "mine", "dataset_hash": "abc", "seed": 2}
ONE = TrackStatistics(n_windows=3, mean=0.2, p50=0.0, p99=3.0, p99_9=4.0, max=5.0, share_missing=0.1)


def write(folder: Path, **facts: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    content = {**PROVENANCE, trained_on.FACT: {"A": {"dnase": ONE.summary()}}, **facts}
    (folder / "run.json").write_text(json.dumps(content))


@pytest.mark.parametrize("name", ["demo-hard", "demo-soft"])
def test_shipped_checkpoints_say_what_they_learned_from(name: str) -> None:
    provenance = json.loads((SHIPPED / name / "model.json").read_text())["provenance"]
    found = trained_on.read(SHIPPED / name, provenance)
    assert found is not None
    assert list(found) == provenance["cell_types"]
    assert all(set(roles) == {"dnase", "h3k27ac"} for roles in found.values())
    assert all(roles["dnase"].p99 < 20 < 100 < roles["h3k27ac"].p99 for roles in found.values())


def test_a_run_is_read_beside_its_checkpoint_and_only_if_it_is_its_own(tmp_path: Path) -> None:
    write(tmp_path / "run")
    checkpoint = tmp_path / "run" / "checkpoint"
    assert trained_on.read(checkpoint, PROVENANCE) == {"A": {"dnase": ONE}}
    assert trained_on.read(tmp_path / "run", PROVENANCE) == {"A": {"dnase": ONE}}
    assert trained_on.read(checkpoint, {**PROVENANCE, "dataset_hash": "other"}) is None
    stated = {**PROVENANCE, trained_on.FACT: {"B": {"h3k27ac": ONE.summary()}}}
    assert trained_on.read(checkpoint, stated) == {"B": {"h3k27ac": ONE}}


@pytest.mark.parametrize(
    "facts",
    [{trained_on.FACT: None}, {trained_on.FACT: {"A": 3}}, {trained_on.FACT: {"A": {"dnase": {"mean": 1}}}}],
)
def test_what_is_not_stated_whole_is_not_known(tmp_path: Path, facts: dict[str, object]) -> None:
    assert trained_on.read(tmp_path, PROVENANCE) is None
    write(tmp_path, **facts)
    assert trained_on.read(tmp_path, PROVENANCE) is None


def test_every_track_of_every_cell_line_is_measured_where_it_was_trained_on(tmp_path: Path) -> None:
    dataset = open_dataset(synthesize(preset="tiny", out=tmp_path / "tiny"))
    windows = [gene.window(4_096) for gene in dataset.genes if dataset.fold(gene) == "train"]
    found = trained_on.measure(dataset, {"SynK": windows, "SynG": windows[:3]})
    assert found["SynG"]["dnase"]["n_windows"] == 3
    for role in ("dnase", "h3k27ac"):
        path = dataset.path(role, "SynK")  # type: ignore[arg-type]
        assert path is not None
        assert found["SynK"][role] == track_statistics(path, windows).summary()
