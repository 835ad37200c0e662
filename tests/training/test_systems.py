"""Every baseline by the command that trains Seq2Exp: learning, going on, checkpoint, refusals."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from torch import nn

from seq2exp.baselines.checkpoint import load_system, save_system
from seq2exp.baselines.systems import BASELINES, SYSTEMS, system
from seq2exp.errors import CheckpointError, SettingsError, TrainingError
from seq2exp.genome import Interval, Region
from seq2exp.inference.checkpoints import load_checkpoint_for_inference
from seq2exp.model.checkpoint import checkpoint_facts
from seq2exp.settings import PeakSettings
from seq2exp.sources.dataset import open_dataset
from seq2exp.sources.peaks import rasterise
from seq2exp.training.batches import loader
from seq2exp.training.cache import WindowCache
from seq2exp.training.config import TrainConfig, read_config
from seq2exp.training.elements import Candidates, find_candidates, peak_mask
from seq2exp.training.folder import RunFolder
from seq2exp.training.objective import objective_of, parameter_groups
from seq2exp.training.processes import StopRequest
from seq2exp.training.run import train
from seq2exp.training.ship import ship
from seq2exp.ui.catalogue import checkpoint_paths
from seq2exp.ui.recipe import recipe_name, settings_of

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
MAMBA = {"d_model": 8, "d_state": 4, "predictor_layers": 1}
MODELS: dict[str, dict[str, Any]] = {
    "enformer": {
        "input_bp": 4096, "d_model": 24, "layers": 1, "heads": 2, "key_width": 4, "downsamplings": 6, "width_step": 4,
        "kept_bins": 38, "head_width": 8,
    },
    "hyenadna": {"d_model": 8, "layers": 1, "filter_width": 8},
    "mamba": MAMBA,
    "caduceus": MAMBA,
    "caduceus-signals": MAMBA,
    "epinformer": {"slot_bp": 400, "elements": 3, "reach_bp": 2048, "d_model": 8, "layers": 1, "heads": 2},
    "macs3": MAMBA,
}  # fmt: skip

# models.md section 7, and section 5 where it says nothing: batch, updates, rates at the first, a middle and the last
# update, precision, updates between validations.
RECIPES: dict[str, tuple[int, int, dict[int, float], str, int]] = {
    "enformer": (4, 200_000, {0: 0.0, 25_000: 3.5e-6, 50_000: 7e-6, 199_999: 7e-6}, "bf16-mixed", 1_998),
    "hyenadna": (8, 50_000, {0: 1e-5, 5_000: 5e-4, 27_500: 3e-4}, "bf16-mixed", 999),
    "mamba": (16, 50_000, {0: 1e-5, 5_000: 5e-4, 27_500: 3e-4}, "bf16-mixed", 500),
    "caduceus": (16, 50_000, {0: 1e-5, 5_000: 5e-4, 27_500: 3e-4}, "bf16-mixed", 500),
    "caduceus-signals": (16, 50_000, {0: 1e-5, 5_000: 5e-4, 27_500: 3e-4}, "bf16-mixed", 500),
    "epinformer": (16, 20_000, {0: 5e-4, 10_000: 5e-4, 19_999: 5e-4}, "16-mixed", 1_000),
    "macs3": (8, 50_000, {0: 1e-5, 5_000: 5e-4, 27_500: 3e-4}, "bf16-mixed", 999),
}
Make = Callable[..., TrainConfig]


@pytest.fixture(scope="session")
def baseline(write_yaml: Callable[..., Path]) -> Make:
    """A tiny run of a baseline; keywords as `write_yaml` takes them."""

    def make(name: str, **sections: Any) -> TrainConfig:
        path = write_yaml(name, **sections)
        content = yaml.safe_load(path.read_text())
        geometry = {key: content["model"][key] for key in ("window_bp", "centre_bp")}
        content |= {"system": name, "model": {**geometry, **MODELS[name], **sections.get("model", {})}}
        path.write_text(yaml.safe_dump(content))
        return read_config(path)

    return make


@pytest.fixture(scope="session")
def candidates(data_dir: Path, cache: WindowCache) -> Candidates:
    return find_candidates(open_dataset(data_dir), cache, PeakSettings(), cache_dir=cache.folder.parent / "peaks")


@pytest.mark.parametrize("name", BASELINES)
def test_a_run_ends_in_a_checkpoint_that_predicts(
    name: str, baseline: Make, cache: WindowCache, candidates: Candidates, tmp_path: Path
) -> None:
    half = name not in ("epinformer", "macs3")  # MaxPool and peaks at a border may fall to either side
    precision = "bf16-mixed" if half else "32-true"
    chosen = baseline(name, optimiser={"steps": 3, "warmup_steps": 1}, run={"precision": precision})
    folder = train(chosen, root=tmp_path, progress=False)
    curve, valid = folder.curves()
    row = system(name)
    assert np.isfinite(curve["loss"]).all()
    assert curve["kl"].isna().all()
    assert valid["mask_ratio"].isna().all() == (name != "macs3")
    assert folder.facts()["system"] == name
    card = (folder.path / "card.md").read_text()
    assert f"System: {row.title}" in card
    assert "nan" not in card

    found = load_system(folder.checkpoint)
    assert (found.row, found.config, found.trained) == (row, chosen.model, True)
    assert ("peaks" in found.provenance) == (name in ("epinformer", "macs3"))
    objective = objective_of(found.row, found.network, cache=cache).eval()
    with torch.inference_mode():
        (batch,) = loader(cache, [cache.part("valid").tolist()], workers=0, candidates=candidates)
        prediction = objective.answer(batch)[0]
    assert float((prediction - batch.target).square().mean()) == pytest.approx(
        valid["mse"].iloc[-1], rel=1e-2 if half else 1e-4
    )
    packed = ship(folder, tmp_path / "packed")
    assert load_system(packed.path).row is row


@pytest.mark.parametrize("name", BASELINES)
def test_the_gradient_reaches_every_parameter_and_the_loss_of_a_batch_falls(
    name: str, baseline: Make, cache: WindowCache, candidates: Candidates
) -> None:
    chosen = baseline(name)
    torch.manual_seed(0)
    objective = objective_of(chosen.row, chosen.row.build(chosen.model), cache=cache).train()
    (batch,) = loader(cache, [cache.part("train")[:4].tolist()], workers=0, candidates=candidates)
    optimiser = torch.optim.AdamW(parameter_groups(objective, 1e-6), lr=3e-3)
    # Enformer's attention ends in weights that start at 0, so the first update reaches nothing before them
    losses, reached = [], dict.fromkeys((key for key, _ in objective.named_parameters()), False)
    for step in range(12):
        optimiser.zero_grad()
        parts = objective(batch, step)
        parts.total.backward()
        reached = {
            key: reached[key] or (p.grad is not None and bool((p.grad != 0).any()))
            for key, p in objective.named_parameters()
        }
        optimiser.step()
        losses.append(float(parts.total.detach()))
    assert np.isfinite(losses).all()
    assert np.mean(losses[-3:]) < 0.9 * losses[0]
    assert [key for key, there in reached.items() if not there] == []


def test_no_decay_on_norms_embeddings_and_the_long_filter() -> None:
    with torch.device("meta"):
        for name in ("enformer", "hyenadna", "mamba", "epinformer"):
            network = system(name).build(system(name).published)
            spared = {id(p) for p in parameter_groups(network, 1e-6)[1]["params"]}  # type: ignore[attr-defined]
            for key, parameter in network.named_parameters():
                room = network.get_submodule(key.rpartition(".")[0])
                norm = isinstance(room, nn.LayerNorm | nn.BatchNorm1d | nn.BatchNorm2d | nn.Embedding)
                free = norm or ".filter." in key or key.endswith(("bias", "A_log", ".D"))
                assert (id(parameter) in spared) == free, key


def test_a_stopped_run_goes_on_to_the_same_numbers(
    baseline: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EPInformer: the state holds batch norms, the batches candidate elements."""
    chosen = baseline("epinformer", optimiser={"steps": 7}, run={"save_every": 3, "valid_every": 4})
    whole = train(chosen, root=tmp_path / "whole", progress=False)
    asked = iter([False] * 5 + [True])
    monkeypatch.setattr(StopRequest, "asked", property(lambda _: next(asked), lambda _, value: None), raising=False)
    with pytest.raises(TrainingError, match="stopped at update 5; the same command goes on from there"):
        train(chosen, root=tmp_path, progress=False)
    monkeypatch.undo()
    again = train(chosen, root=tmp_path, progress=False)
    left, right = (torch.load(folder.state, weights_only=True)["objective"] for folder in (again, whole))
    assert left.keys() == right.keys()
    assert all(torch.equal(left[key], right[key]) for key in left)
    assert list(again.curves()[1]["mse"]) == list(whole.curves()[1]["mse"])


def test_candidates_are_the_peaks_in_the_window(data_dir: Path, cache: WindowCache, candidates: Candidates) -> None:
    dataset = open_dataset(data_dir)
    width = int(cache.facts["window_bp"])
    some = [index for index in range(len(cache)) if len(candidates.windows[index])][:3]
    assert some
    elements = candidates.batch([*some, some[0]])
    assert elements.shape == (4, max(len(candidates.windows[index]) for index in some), 2)
    mask = peak_mask(elements, width)
    for row, index in zip(mask, some, strict=False):
        place = dataset.genes.get(cache.windows[index].gene_id).window(width)
        regions = [
            Region(Interval(place.chrom, place.start + int(start), place.start + int(end)))
            for start, end in candidates.windows[index]
        ]
        np.testing.assert_array_equal(row.numpy() > 0, rasterise(regions, place))
    shares = [float(row.mean()) for row in peak_mask(candidates.batch(range(len(cache))), width)]
    wanted = PeakSettings(target_share=0.1)
    called = find_candidates(dataset, cache, wanted, cache_dir=cache.folder.parent / "peaks")
    tenth = [float(row.mean()) for row in peak_mask(called.batch(range(len(cache))), width)]
    assert np.mean(tenth) == pytest.approx(0.1, abs=0.03)
    assert abs(np.mean(shares) - 0.1) > 0.001


@pytest.mark.parametrize("name", RECIPES)
def test_published_files_hold_the_published_recipe_and_network(name: str) -> None:
    config, row = read_config(CONFIGS / f"published-{name}.yaml"), system(name)
    batch, steps, rates, precision, valid_every = RECIPES[name]
    optimiser = config.optimiser
    assert (config.system, config.model) == (name, row.published)
    assert (optimiser.batch, config.steps, config.run.precision, config.run.valid_every) == (
        batch, steps, precision, valid_every,
    )  # fmt: skip
    assert (optimiser.betas, optimiser.weight_decay, optimiser.clip_norm) == ((0.9, 0.95), 1e-6, 1.0)
    assert {step: config.rate_at(step) for step in rates} == pytest.approx(rates, rel=1e-12)
    assert config.data.signal_type == "float32"
    # the Training page shows such a run beside this very recipe
    assert recipe_name(config) == row.title
    assert [f"{one.section}.{one.name}" for one in settings_of(config) if one.differs] == []


def test_every_system_has_a_published_and_a_demo_file() -> None:
    for row in SYSTEMS:
        short = row.name.removeprefix("seq2exp-")
        for kind in ("published", "demo"):
            config = read_config(CONFIGS / f"{kind}-{short}.yaml")
            assert config.row is row, (kind, short)
            if kind == "demo":
                assert (config.model.window_bp, config.model.centre_bp) == (8_192, 512)
                assert (config.run.accelerator, config.run.precision) == ("cpu", "32-true")


@pytest.mark.parametrize(
    ("name", "sections", "words"),
    [
        ("mamba", {"model": {"signal_input": True}}, "model.signal_input of mamba is False, found True"),
        ("macs3", {"model": {"external_mask": False}}, "model.external_mask of macs3 is True, found False"),
        ("caduceus", {"model": {"preset": "soft"}}, "unknown keys preset"),
        ("hyenadna", {"model": {"layers": "2"}}, "model: layers: .*found '2'"),
        ("hyenadna", {"objective": {"track_weight": 0.1}}, "section objective adds to the loss of seq2exp"),
        ("enformer", {"peaks": {"cutoff": 1.0}}, "enformer reads no candidate elements"),
        ("epinformer", {"peaks": {"colour": 1}}, "peaks: unknown keys colour"),
        ("epinformer", {"peaks": {"cutoff": 1.0, "target_share": 0.1}}, "give cutoff or target_share, not both"),
        ("epinformer", {"peaks": {"cutoff": "high"}}, "peaks: cutoff: .*found 'high'"),
        ("epinformer", {"mask_from": "x"}, "mask_from is for seq2exp"),
    ],
)
def test_what_a_baseline_cannot_be_told(name: str, sections: dict[str, Any], words: str, baseline: Make) -> None:
    with pytest.raises(TrainingError, match=words) as refused:
        baseline(name, **sections)
    assert "\n" not in str(refused.value)


def test_other_refusals(baseline: Make, config: Make, write_yaml: Callable[..., Path], tmp_path: Path) -> None:
    path = write_yaml("odd")
    path.write_text(path.read_text() + "system: enfomer\n")
    with pytest.raises(TrainingError, match="system 'enfomer' is unknown; choose seq2exp or one of enformer, hyenadna"):
        read_config(path)
    with pytest.raises(TrainingError, match="seq2exp reads no candidate elements"):
        config("own", peaks={"cutoff": 1.0})
    with pytest.raises(SettingsError, match="16-mixed needs CUDA; on a CPU set it to 32-true"):
        train(baseline("mamba", run={"precision": "16-mixed"}), root=tmp_path, progress=False)
    with pytest.raises(TrainingError, match="has no peak in any window"):
        train(baseline("macs3", peaks={"cutoff": 1e9}), root=tmp_path, progress=False)


def test_the_app_leaves_baselines_out_and_says_why_where_asked(tmp_path: Path, trained: RunFolder) -> None:
    runs = tmp_path / ".data" / "runs"
    row = system("caduceus")
    model = type(row.published).from_dict({**row.published.to_dict(), "d_model": 8, "predictor_layers": 1})
    folder = runs / "caduceus" / "checkpoint"
    save_system(folder, row, row.build(model), model, provenance={"trained": True})
    (runs / "own").mkdir()
    (runs / "own" / "checkpoint").symlink_to(trained.checkpoint)
    names = checkpoint_paths(root=tmp_path)
    assert "own" in names
    assert "caduceus" not in names
    for load in (checkpoint_facts, load_checkpoint_for_inference):
        with pytest.raises(CheckpointError, match="holds the baseline caduceus, which makes no mask of its own"):
            load(folder)
    own = load_system(trained.checkpoint)
    assert (own.row.name, own.trained) == ("seq2exp-soft", True)
    card = folder / "model.json"
    for wrong in (card.read_text().replace('"caduceus"', '"cadeuceus"'), card.read_text().replace("d_model", "width")):
        card.write_text(wrong)
        with pytest.raises(CheckpointError, match="not the card of a baseline"):
            load_system(folder)
