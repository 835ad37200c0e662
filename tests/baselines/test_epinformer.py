"""EPInformer: slots against a slow definition, the network's own rules, and the published weights on real inputs."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from seq2exp.baselines.configs import EPInformerConfig
from seq2exp.baselines.epinformer import EPInformer, own_name, read_published
from seq2exp.baselines.slots import Slots, build_slots, fill_slots
from seq2exp.errors import CheckpointError
from seq2exp.genome import Interval
from seq2exp.settings import RNA_FEATURES
from seq2exp.sources.bigwig import read_signal
from seq2exp.sources.fasta import read_sequence
from seq2exp.window.contacts import power_law_contacts
from seq2exp.window.encoding import encode, one_hot

L = 2_000
CONFIG = EPInformerConfig(
    window_bp=L, centre_bp=64, slot_bp=400, elements=3, reach_bp=900, d_model=8, layers=2, heads=2, head_width=8
)
# start and end of candidates: too near, to the right, longer than a slot, out of reach, half outside, none, to the left
CANDIDATES = [[1_100, 1_250], [1_400, 1_501], [300, 900], [1_850, 2_000], [-60, 301], [0, 0], [690, 700]]


def _given(seed: int = 0) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    sequence = nn.functional.one_hot(torch.randint(0, 5, (1, L), generator=draw), 5)[..., :4].float()
    return sequence, torch.rand(1, L, 3, generator=draw) * 5


def _slow_slots(sequence: np.ndarray, signals: np.ndarray, config: EPInformerConfig) -> tuple[np.ndarray, np.ndarray]:
    """Slots and features of one window, place by place."""
    middle, half = L // 2, config.slot_bp // 2
    bases = np.zeros((config.elements + 1, config.slot_bp, 4))
    features = np.zeros((config.elements + 1, 3))
    places = [(middle - half, middle + half)]
    near = [(abs((start + end) // 2 - middle), start, end) for start, end in CANDIDATES if end > start]
    near = sorted(one for one in near if half < one[0] <= config.reach_bp)[: config.elements]
    for slot, (distance, start, end) in enumerate(near, start=1):
        h3k27ac, dnase, _ = signals[max(start, 0) : end].mean(0)
        features[slot] = distance / 1000, signals[(start + end) // 2, 2], np.sqrt(h3k27ac * dnase)
        places.append((start, end))
    for slot, (start, end) in enumerate(places):
        for column in range(config.slot_bp):
            place = start + (end - start) // 2 - half + column
            if max(start, 0) <= place < min(end, L):
                row = sequence[place]
                bases[slot, column] = row if row.any() else 0.25
    return bases, features


def test_slots_equal_the_slow_definition() -> None:
    sequence, signals = _given()
    slots = build_slots(sequence, signals, torch.tensor([CANDIDATES]), CONFIG)
    bases, features = _slow_slots(sequence[0].numpy(), signals[0].double().numpy(), CONFIG)
    np.testing.assert_array_equal(slots.bases[0], bases)
    np.testing.assert_allclose(slots.features[0], features, rtol=1e-5)
    assert slots.candidate.tolist() == [[-1, 6, 2, 1]]
    # fewer candidates than slots, and none at all: the rest stays empty
    few = build_slots(sequence, signals, torch.tensor([CANDIDATES[:2]]), CONFIG)
    assert few.candidate.tolist() == [[-1, 1, -1, -1]]
    assert not few.bases[0, 2:].any()
    none = build_slots(sequence, signals, torch.zeros(1, 0, 2, dtype=torch.int64), CONFIG)
    assert torch.equal(none.bases[:, 0], slots.bases[:, 0])
    assert not none.bases[:, 1:].any()
    assert not none.features.any()


def test_empty_slots_are_not_seen_and_elements_see_each_other_through_the_promoter_alone() -> None:
    torch.manual_seed(0)
    network = EPInformer(CONFIG).eval()
    sequence, signals = _given(1)
    slots = build_slots(sequence, signals, torch.tensor([CANDIDATES]), CONFIG)
    few = Slots(slots.bases[:, :3], slots.features[:, :3], slots.candidate[:, :3])
    padded = Slots(*(torch.cat([t, torch.zeros_like(t[:, :1])], dim=1) for t in few))
    rna = torch.rand(1, 9)
    with torch.inference_mode():
        alone, attention = network.of_slots(few, rna)
        beside, wide = network.of_slots(padded, rna)
        torch.testing.assert_close(beside, alone)
        assert attention.shape == (1, 2, 3)
        torch.testing.assert_close(wide, torch.cat([attention, torch.zeros(1, 2, 1)], dim=-1))
        torch.testing.assert_close(wide.sum(-1), torch.ones(1, 2))
        # in the first layer an element's state depends on itself and the promoter
        x = torch.randn(1, 4, 8)
        other = x.clone()
        other[:, 2] += 1
        star = ~torch.eye(4, dtype=torch.bool)
        star[0], star[:, 0] = False, False
        layer = network.layers[0]
        none = torch.zeros(1, 4, dtype=torch.bool)
        moved = (layer(x, star=star, empty=none)[0] != layer(other, star=star, empty=none)[0]).any(-1)
    assert moved.tolist() == [[True, False, True, False]]


def test_empty_slots_encoded_once_equal_all_of_them_encoded() -> None:
    torch.manual_seed(0)
    network = EPInformer(CONFIG).eval()
    sequence, signals = _given(2)
    bases = build_slots(sequence, signals, torch.tensor([CANDIDATES[:2]]), CONFIG).bases
    with torch.inference_mode():
        every = network.encoder(bases.flatten(0, 1)).unflatten(0, bases.shape[:2])
        torch.testing.assert_close(network._encode(bases), every)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such file"):
        read_published(tmp_path / "none.pt")
    torch.save({"state_dict": {}}, tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match="no model_state_dict in it; not an EPInformer checkpoint"):
        read_published(tmp_path / "other.pt")
    state = {"pToExpr.0.weight": torch.zeros(2, 2), "seq_encoder.conv_tower.x": torch.zeros(1)}
    torch.save({"model_state_dict": state}, tmp_path / "half.pt")
    with pytest.raises(
        CheckpointError, match=r"tensors missing .*1 tensors not of this model.*head\.0\.weight is \(2, 2\)"
    ):
        read_published(tmp_path / "half.pt")
    torch.save({"model_state_dict": state, "epoch": np.random.default_rng}, tmp_path / "unsafe.pt")
    with pytest.raises(CheckpointError, match="refused, nothing was run"):
        read_published(tmp_path / "unsafe.pt")
    assert own_name("module.pToExpr.4.bias") == "head.4.bias"


# -- the published weights


class Gene(NamedTuple):
    """A gene's inputs as EPInformer's authors made them, and what was measured at its TSS."""

    slots: Slots
    rna_features: Tensor
    promoter_activity: float
    observed: float
    """Mean log10(1 + CAGE in TSS +- 192) over the folder's samples; NaN where nothing was measured."""


@pytest.fixture(scope="module")
def genes(real_dir: Path, real_file: Callable[[str], Path]) -> list[Gene]:
    """Protein-coding genes whose Xpresso TSS lies in a window; K562 elements and activities, power-law contacts."""
    table, places = (pd.read_csv(real_file(name), sep="\t") for name in ("gene_features.tsv", "genes.tsv"))
    windows = pd.read_csv(real_file("windows.bed"), sep="\t", header=None).set_index(3)
    elements = pd.read_csv(real_file("k562_elements/elements.tsv.gz"), sep="\t")
    elements = elements[elements["artifact"] == 0]
    config, found = EPInformerConfig(), []
    for row in table.merge(places[["ensembl_id", "chrom", "window"]], on="ensembl_id").to_dict("records"):
        window, tss = windows.loc[row["window"]], int(row["xpresso_tss"])
        if not window[1] + 1_000 <= tss <= window[2] - 1_000:
            continue
        place = Interval(row["chrom"], tss - config.reach_bp, tss + config.reach_bp)
        near = elements[(elements["chrom"] == row["chrom"]) & (elements["start"] >= window[1])]
        near = near[near["end"] <= window[2]]  # beyond it the folder holds no bases
        bounds = near[["start", "end"]].to_numpy() - place.start
        contact = power_law_contacts(place, tss=tss, chrom_length=2**31).filled[bounds.mean(1).astype(int)]
        slots = fill_slots(
            torch.from_numpy(one_hot(encode(read_sequence(real_file("genome.fa.gz"), place))))[None],
            torch.from_numpy(bounds)[None],
            contact=torch.from_numpy(np.log10(1 + contact))[None],
            activity=torch.from_numpy(near["activity"].to_numpy())[None],
            config=config,
        )
        values = [row[name] for name in RNA_FEATURES[:8]] + [row["promoter_activity_K562"]]
        samples = [
            read_signal(path, Interval(row["chrom"], tss - 192, tss + 192)) for path in real_dir.glob("cage_*.bw")
        ]
        observed = float(np.mean([np.log10(1 + values.sum()) for values in samples]))
        found.append(Gene(slots, torch.tensor([values]), values[-1], observed))
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "weights" in metafunc.fixturenames:
        folder: Path = metafunc.config.getoption("--epinformer-dir")
        found = sorted(folder.glob("*.pt")) if folder.is_dir() else []
        metafunc.parametrize("weights", found or [None], ids=[path.stem for path in found] or ["none"])


@pytest.mark.real
def test_published_weights_load_strictly_and_predict_sensibly(
    weights: Path | None, epinformer_dir: Path, genes: list[Gene]
) -> None:
    if weights is None:
        pytest.skip(f"no *.pt in {epinformer_dir}")
    network, says = read_published(weights)
    assert says["trained"]
    assert sum(parameter.numel() for parameter in network.parameters()) == 447_341
    with torch.inference_mode():
        answers = [network.of_slots(gene.slots, gene.rna_features) for gene in genes]
        promoter = [
            network.of_slots(gene.slots._replace(bases=_without_promoter(gene.slots.bases)), gene.rna_features)[0]
            for gene in genes[:2]
        ]
    predicted = np.array([float(prediction) for prediction, _ in answers])
    assert np.isfinite(predicted).all()
    assert ((predicted > -1.5) & (predicted < 4.5)).all()  # log10 of CAGE tags goes to some 4.5
    assert predicted.std() > 0.3
    for gene, (_, attention) in zip(genes, answers, strict=True):
        filled = gene.slots.candidate[0] >= 0
        filled[0] = True
        assert not attention[0, :, ~filled].any()
        torch.testing.assert_close(attention.sum(-1), torch.ones(1, 3))
    assert np.abs(np.array([float(one) for one in promoter]) - predicted[:2]).max() > 0.1
    if len(genes) >= 10:
        activity = pd.Series([gene.promoter_activity for gene in genes])
        assert pd.Series(predicted).corr(activity, method="spearman") > 0.6
        observed = pd.Series([gene.observed for gene in genes])  # of other cells: no CAGE of K562 is in the folder
        assert pd.Series(predicted).corr(observed) > 0.3


def _without_promoter(bases: Tensor) -> Tensor:
    return torch.cat([torch.full_like(bases[:, :1], 0.25), bases[:, 1:]], dim=1)
