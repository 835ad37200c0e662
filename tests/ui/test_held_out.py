"""A gene's badge: what the checkpoint learned from must never be called held out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from seq2exp.inference.checkpoints import SHIPPED
from seq2exp.sources.dataset import Dataset, open_dataset
from seq2exp.synthetic import synthesize
from seq2exp.synthetic.manifest import GENERATOR
from seq2exp.ui.held_out import acquaintance, same_genes


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return open_dataset(synthesize(preset="tiny", out=tmp_path_factory.mktemp("data") / "tiny"))


def test_each_part_is_told_by_the_chromosome(tiny: Dataset) -> None:
    provenance = {"trained": True, "dataset_hash": tiny.hash, "cell_types": ["SynK", "SynG"]}
    found = {gene.chrom: acquaintance(tiny, gene, "SynK", provenance) for gene in tiny.genes}
    assert found == {"chr1": "train", "chr3": "valid", "chr21": "valid", "chr22": "test", "chrX": "test"}


@pytest.mark.parametrize(
    ("provenance", "expected"),
    [
        ({}, None),
        ({"trained": True}, "unknown"),
        ({"trained": True, "dataset_hash": "0" * 12, "dataset": "synthetic-tiny-seed8-v2"}, "other data"),
        ({"trained": True, "dataset_hash": "own", "cell_types": ["SynG"]}, "other cell"),
    ],
)
def test_what_is_not_known_is_not_claimed(tiny: Dataset, provenance: dict[str, Any], expected: str | None) -> None:
    given = {**provenance, **({"dataset_hash": tiny.hash} if provenance.get("dataset_hash") == "own" else {})}
    assert acquaintance(tiny, next(iter(tiny.genes)), "SynK", given) == expected


def test_demo_train_and_large_share_a_genome_of_one_seed_and_generator() -> None:
    assert same_genes("synthetic-train-seed7-v2", "synthetic-demo-seed7-v2")
    assert same_genes("synthetic-large-seed7-v2", "synthetic-demo-seed7-v2")
    assert not same_genes("synthetic-train-seed8-v2", "synthetic-demo-seed7-v2")
    assert not same_genes("synthetic-train-seed7-v1", "synthetic-demo-seed7-v2")
    assert not same_genes("synthetic-full-seed7-v2", "synthetic-full-seed7-v2x")


@pytest.mark.parametrize("name", ["demo-hard", "demo-soft"])
def test_shipped_checkpoints_know_the_parts_of_the_demo(name: str) -> None:
    about = json.loads((SHIPPED / name / "model.json").read_text(encoding="utf-8"))
    assert same_genes(about["provenance"]["dataset"], f"synthetic-demo-seed7-v{GENERATOR}")
