"""Official files: names, shapes, configuration, and no code run on loading."""

import os
import pickle
import sys
import types
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from torch import Tensor

from seq2exp.errors import CheckpointError
from seq2exp.model.checkpoint import load_checkpoint, save_checkpoint
from seq2exp.model.official import own_config, read_official_checkpoint
from seq2exp.model.safe_pickle import open_archive, plain
from seq2exp.settings import ModelConfig

MakeState = Callable[..., dict[str, Tensor]]

FLAGS: dict[str, Any] = {
    "d_model": 16,
    "enc_n_layer": 1,
    "gen_n_layer": 1,
    "center_len": 32,
    "seq_range": 512,
    "interact": "concat",
    "gen_signal": False,
    "prior_beta": "1.5,0.2,1.0",
    "prior_weight": "2,2,1",
    "prior_scale_factor": 10.0,
    "beta_min": 1,
    "z_scale": 1.0,
    "marginal_mean": 0.1,
    "marginal_scale": 10.0,
    "post_hard_dist": False,
    "sample_threshold": 0.5,
    "enc_prd_ps": False,
    "pos_enc": False,
    "test_soft": True,
    "test_hard": False,
    "test_top": False,
}
HARD_FLAGS = {
    **FLAGS,
    "prior_scale_factor": 1.0,
    "beta_min": 0,
    "marginal_mean": 0.45,
    "marginal_scale": 0.1,
    "post_hard_dist": True,
    "enc_prd_ps": True,
    "pos_enc": True,
    "test_soft": False,
    "test_hard": True,
}


def _write(path: Path, state: dict[str, Tensor], flags: dict[str, Any] | None, **more: Any) -> Path:
    content = {"epoch": 3, "global_step": 999, "state_dict": state, **more}
    if flags is not None:
        content["hyper_parameters"] = {"model": {"config": flags}}
    torch.save(content, path)
    return path


@pytest.mark.parametrize(("kind", "entries"), [("soft", 168), ("hard", 169), ("retrain", 172), ("macs3", 87)])
def test_published_number_of_entries(kind: str, entries: int, official_state: MakeState) -> None:
    assert len(official_state(kind, width=16, layers=4)) == entries


@pytest.mark.parametrize(("kind", "flags"), [("soft", FLAGS), ("hard", HARD_FLAGS)])
def test_synthetic_checkpoint_converts_and_round_trips(
    kind: str, flags: dict[str, Any], official_state: MakeState, tmp_path: Path
) -> None:
    state = official_state(kind)
    network, provenance = read_official_checkpoint(_write(tmp_path / "x.ckpt", state, flags))
    assert provenance == {
        "trained": True,
        "converted_from": "x.ckpt",
        "global_step": 999,
        "epoch": 3,
        "configuration_from": "file",
    }
    published = ModelConfig.preset("soft" if kind == "soft" else "hard")
    assert network.config.bottleneck == published.bottleneck
    assert (network.predictor is None) == (kind == "hard")
    found = network.state_dict()
    assert torch.equal(found["generator.mask_head.weight"], state["model.mask_output.weight"])
    a_log = "generator.backbone.layers.0.mixer"
    assert torch.equal(found[f"{a_log}.rev.A_log"], state[f"model.{a_log}.mamba_rev.A_log"])
    save_checkpoint(tmp_path / "own", network, provenance=provenance)
    again = load_checkpoint(tmp_path / "own").network.state_dict()
    assert all(torch.equal(again[name], tensor) for name, tensor in found.items())


def test_retrain_and_peak_models_load(official_state: MakeState, tmp_path: Path) -> None:
    retrain = {**FLAGS, "use_mask_model": True, "top_mask_percent": 0.1}
    network, _ = read_official_checkpoint(_write(tmp_path / "r.ckpt", official_state("retrain"), retrain))
    assert network.mask_model is not None
    assert network.config.top_share == 0.1
    peaks = {**FLAGS, "use_peak_mask": True}
    network, _ = read_official_checkpoint(_write(tmp_path / "m.ckpt", official_state("macs3"), peaks))
    assert network.generator is None


def test_differing_copies_of_a_tied_tensor_are_refused(official_state: MakeState, tmp_path: Path) -> None:
    state = official_state("soft")
    name = "model.generator.backbone.layers.0.mixer.mamba_rev.in_proj.weight"
    state[name] = state[name] + 1
    with pytest.raises(CheckpointError, match="should be one tensor but differ"):
        read_official_checkpoint(_write(tmp_path / "x.ckpt", state, FLAGS))


@pytest.mark.parametrize("edit", ["missing", "unexpected", "shape"])
def test_names_and_shapes_are_strict(edit: str, official_state: MakeState, tmp_path: Path) -> None:
    state = official_state("soft")
    if edit == "missing":
        del state["model.mask_output.bias"]
        words = r"missing \(generator.mask_head.bias\)"
    elif edit == "unexpected":
        state["model.surprise"] = torch.zeros(1)
        words = "'surprise' belongs to no Seq2Exp model"
    else:
        state["model.pToExpr.0.weight"] = torch.zeros(16, 24)
        words = r"\(16, 24\), the configuration says \(16, 25\)"
    with pytest.raises(CheckpointError, match=words):
        read_official_checkpoint(_write(tmp_path / "x.ckpt", state, FLAGS))


@pytest.mark.parametrize(("kind", "other"), [("soft", "hard"), ("hard", "soft")])
def test_without_configuration_a_preset_is_needed_and_checked(
    kind: Any, other: Any, official_state: MakeState, tmp_path: Path
) -> None:
    path = _write(tmp_path / "x.ckpt", official_state(kind), None)
    with pytest.raises(CheckpointError, match="--preset soft or hard"):
        read_official_checkpoint(path)
    with pytest.raises(CheckpointError, match=f"--preset {other} does not fit"):
        read_official_checkpoint(path, preset=other, centre_bp=32)
    network, provenance = read_official_checkpoint(path, preset=kind, window_bp=512, centre_bp=32)
    assert network.config.d_model == 16
    assert provenance["configuration_from"] == f"preset {kind}"


def test_a_preset_that_contradicts_the_file_is_refused(official_state: MakeState, tmp_path: Path) -> None:
    path = _write(tmp_path / "x.ckpt", official_state("soft"), FLAGS)
    with pytest.raises(CheckpointError, match="contradicts --preset hard"):
        read_official_checkpoint(path, preset="hard")
    network, _ = read_official_checkpoint(path, preset="soft")
    assert network.config.beta_min == 1


@pytest.mark.parametrize(
    ("flag", "value", "words"),
    [
        ("post_dist", "kuma", "Kumaraswamy"),
        ("prior_signal", "hic", "single prior signal"),
        ("test_hard", True, "exactly one of"),
        ("prior_beta", "1.5,0.2", "three numbers expected"),
    ],
)
def test_flags_that_are_not_re_implemented_are_refused(flag: str, value: Any, words: str) -> None:
    with pytest.raises(CheckpointError, match=words):
        own_config({**FLAGS, flag: value})


def test_a_retrain_share_of_zero_is_not_replaced() -> None:
    with pytest.raises(CheckpointError, match="top_share must lie"):
        own_config({**FLAGS, "use_mask_model": True, "top_mask_percent": 0.0})


def test_an_absent_flag_is_not_guessed() -> None:
    with pytest.raises(CheckpointError, match="beta_min"):
        own_config({name: value for name, value in FLAGS.items() if name != "beta_min"})


class _Evil:
    """Its pickle asks the reader to run a shell command that leaves a file behind."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.trace}",)


@pytest.mark.parametrize("where", ["state_dict", "hyper_parameters", "callbacks"])
def test_a_malicious_pickle_is_refused_and_runs_nothing(where: str, official_state: MakeState, tmp_path: Path) -> None:
    trace = tmp_path / "it-ran"
    content: dict[str, Any] = {"state_dict": official_state("soft"), "hyper_parameters": {"model": {"config": FLAGS}}}
    content[where] = {"payload": _Evil(trace), **content.get(where, {})}
    path = tmp_path / "evil.ckpt"
    torch.save(content, path)
    with pytest.raises(CheckpointError, match=r"refused, nothing was run.*(posix|nt)\.system"):
        read_official_checkpoint(path)
    assert not trace.exists()
    # the same file does run under an ordinary unpickler: the payload is live
    torch.load(path, weights_only=False)
    assert trace.exists()


@pytest.mark.parametrize(
    "payload",
    [
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"cbuiltins\ngetattr\n.",
        b"csubprocess\nPopen\n.",
        b"cseq2exp.cli\nmain\n.",
        b"ctorch\nload\n.",
    ],
)
def test_any_other_name_is_refused(payload: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.ckpt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x/data.pkl", payload)
    with pytest.raises(CheckpointError, match="refused, nothing was run"):
        read_official_checkpoint(path)


class AttributeDict(dict[str, Any]):
    """Stands where Lightning's class of that name is pickled from."""


AttributeDict.__module__ = "pytorch_lightning.utilities.parsing"


@pytest.mark.parametrize("holds", ["whole", "inner", "attributes"])
def test_omegaconf_configurations_are_read_as_data(
    holds: str, official_state: MakeState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Lightning 1.8 stores: OmegaConf trees, at the top or further down, or in its own mapping."""
    tree = OmegaConf.create(
        {"model": {"config": "${flags}"}, "flags": FLAGS, "dataset": {"seq_range": 512}, "seeds": [2, 22]}
    )
    OmegaConf.resolve(tree)
    stored: Any = tree
    if holds != "whole":
        stored = {name: tree[name] for name in tree}
    if holds == "attributes":
        for name in ("pytorch_lightning", "pytorch_lightning.utilities", "pytorch_lightning.utilities.parsing"):
            module = types.ModuleType(name)
            module.AttributeDict = AttributeDict  # type: ignore[attr-defined]
            monkeypatch.setitem(sys.modules, name, module)
        stored = AttributeDict(stored)
    callbacks = {"ModelCheckpoint": {"best_model_score": torch.tensor(0.2)}}
    path = _write(tmp_path / "x.ckpt", official_state("soft"), None, hyper_parameters=stored, callbacks=callbacks)
    network, provenance = read_official_checkpoint(path)
    assert network.config == own_config(FLAGS)
    assert provenance["configuration_from"] == "file"
    with open_archive(path) as opened:
        assert plain(opened.content["hyper_parameters"])["seeds"] == [2, 22]


def _not_a_zip(path: Path) -> None:
    path.write_bytes(pickle.dumps({"state_dict": {}}))


def _empty_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme", "")


def _no_state(path: Path) -> None:
    torch.save({"weights": {}}, path)


def _truncated(path: Path) -> None:
    torch.save({"state_dict": {"model.x": torch.zeros(1000)}}, path)
    path.write_bytes(path.read_bytes()[:2000])


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_not_a_zip, "not a PyTorch zip checkpoint"),
        (_empty_zip, r"without data\.pkl"),
        (_no_state, "no state_dict"),
        (_truncated, "not a PyTorch zip checkpoint"),
        (lambda path: None, "no such file"),
    ],
)
def test_files_that_are_no_checkpoints(spoil: Callable[[Path], None], words: str, tmp_path: Path) -> None:
    path = tmp_path / "x.ckpt"
    spoil(path)
    with pytest.raises(CheckpointError, match=words):
        read_official_checkpoint(path)


@pytest.mark.reference
def test_the_reference_checkpoint_converts(reference_dir: Path, tmp_path: Path) -> None:
    for path in sorted(reference_dir.glob("*.ckpt")):
        network, provenance = read_official_checkpoint(path)
        save_checkpoint(tmp_path / path.stem, network, provenance=provenance)
        assert load_checkpoint(tmp_path / path.stem).config == network.config
