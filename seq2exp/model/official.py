"""Official Seq2Exp checkpoints and configurations to ours: names, shapes and flags, strictly (models.md 3.5, 6)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seq2exp.errors import CheckpointError, SettingsError
from seq2exp.model.checkpoint import build_network, load_strictly
from seq2exp.model.network import Seq2Exp
from seq2exp.model.safe_pickle import StoredTensor, open_archive, plain
from seq2exp.settings import ModelConfig, Preset

PREFIX = "model."
"""Every tensor of a Lightning checkpoint of these models carries it."""

_TIED = ("in_proj.weight", "out_proj.weight")

_FIXED_NAMES = {
    "pos_emb": "inputs.position",
    "prior_weights": "generator.signal_log_weights",
    "signal_betas": "generator.signal_thresholds",
    "seq_input_layer.weight": "inputs.sequence.weight",
    "seq_input_layer.bias": "inputs.sequence.bias",
    "signal_input_layer.weight": "inputs.signal.weight",
    "signal_input_layer.bias": "inputs.signal.bias",
    "mask_output.weight": "generator.mask_head.weight",
    "mask_output.bias": "generator.mask_head.bias",
    **{f"pToExpr.{layer}.{kind}": f"head.layers.{layer}.{kind}" for layer in (0, 2, 4) for kind in ("weight", "bias")},
}

_DEAD_UNLESS = {
    "post_sample": (True, "a Gumbel mask"),
    "post_dist": ("beta", "a Kumaraswamy mask"),
    "decouple_x": (True, "an uncoupled mask"),
    "only_x_sig": (False, "a mask from signals only"),
    "merge_peak_mask": (False, "signals multiplied by peaks"),
    "use_include_list": (False, "an include-list"),
    "prior_signal": ("all", "a single prior signal"),
    "pool_mask": (0, "a pooled mask"),
    "test_top_soft": (False, "a soft top-k mask"),
    "useRNAFeat": (True, "a head without gene features"),
    "rcps": (False, "reverse-complement equivariance"),
    "bidirectional": (True, "a one-directional backbone"),
    "bidirectional_strategy": ("add", "another way to join directions"),
    "bidirectional_weight_tie": (True, "untied projections"),
    "rms_norm": (True, "LayerNorm"),
}
"""Official flag -> (the one value we re-implement, what another value would be)."""


def own_name(official: str) -> str:
    """Our name of an official tensor (without the ``model.`` prefix); tied copies share one name.

    Raises CheckpointError for a name no Seq2Exp model has.
    """
    if official in _FIXED_NAMES:
        return _FIXED_NAMES[official]
    if official.startswith("mask_model."):
        return "mask_model." + own_name(official.removeprefix("mask_model.").removeprefix("model."))
    match = re.fullmatch(r"(generator|encoder)\.backbone\.(.+)", official)
    if match is None:
        raise CheckpointError(f"tensor {official!r} belongs to no Seq2Exp model")
    room = "generator.backbone" if match[1] == "generator" else "predictor"
    return f"{room}.{own_backbone_name(match[2])}"


def own_backbone_name(official: str) -> str:
    """Our name of a tensor below ``backbone.``: directions renamed, tied projections moved up to the mixer."""
    name = official.replace(".mamba_fwd.", ".fwd.").replace(".mamba_rev.", ".rev.")
    for tied in _TIED:
        name = name.replace(f".fwd.{tied}", f".{tied}").replace(f".rev.{tied}", f".{tied}")
    return name


def collapse(state: Mapping[str, Tensor], rename: Callable[[str], str], *, what: str) -> dict[str, Tensor]:
    """Our state dict of an official one; copies of tied tensors must be equal before they become one.

    Parameters
    ----------
    state
        Official names, with or without the ``model.`` prefix.
    rename
        Our name of an official one without the prefix; tied copies share one name.
    what
        File name for errors.
    """
    own: dict[str, Tensor] = {}
    seen: dict[str, str] = {}
    for official, tensor in state.items():
        name = rename(official.removeprefix(PREFIX))
        if name in own and not torch.equal(own[name], tensor):
            raise CheckpointError(f"{what}: {seen[name]} and {official} should be one tensor but differ")
        own[name] = tensor
        seen[name] = official
    return own


def shared_backbone_name(official: str) -> str:
    """As `own_name` for a model whose predictor backbone is the generator's: their copies are tied too."""
    name = own_name(official)
    return "generator.backbone." + name.removeprefix("predictor.") if name.startswith("predictor.") else name


def own_geometry(official: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of ModelConfig that every official model of this family states alike; KeyError names a missing one."""
    ssm = official.get("ssm_cfg", {})
    return {
        "window_bp": int(official["seq_range"]),
        "centre_bp": int(official["center_len"]),
        "d_model": int(official["d_model"]),
        "d_state": int(ssm.get("d_state", 16)),
        "d_conv": int(ssm.get("d_conv", 4)),
        "expand": int(ssm.get("expand", 2)),
        "norm_eps": float(official.get("norm_epsilon", 1e-5)),
        "rna_features": int(official.get("rna_feat_dim", 9)),
        "signal_input": official["interact"] == "concat",
    }


def own_config(official: Mapping[str, Any], *, what: str = "official configuration") -> ModelConfig:
    """Our ModelConfig of the official model flags (``hyper_parameters["model"]["config"]``).

    Raises
    ------
    CheckpointError
        A flag we do not re-implement is on, or a needed one is absent: nothing is guessed.
    """
    for flag, (published, meaning) in _DEAD_UNLESS.items():
        if flag in official and official[flag] != published:
            raise CheckpointError(f"{what}: {flag} = {official[flag]!r} means {meaning}, which is not re-implemented")
    try:
        if official.get("use_mask_model"):
            mode, share, external = "top-k", float(official["top_mask_percent"]), True
        else:
            chosen = [mode for flag, mode in _TEST_FLAGS.items() if official.get(flag)]
            external = bool(official.get("use_peak_mask") or official.get("use_bio_mask"))
            if len(chosen) != 1 and not external:
                raise CheckpointError(f"{what}: exactly one of {', '.join(_TEST_FLAGS)} must be true, found {chosen}")
            mode = chosen[0] if chosen else "soft"
            share = float(official.get("test_top_percent", 0.1))
        shared, positions = bool(official["enc_prd_ps"]), bool(official["pos_enc"])
        return ModelConfig(
            **own_geometry(official),
            generator_layers=int(official["gen_n_layer"]),
            predictor_layers=int(official["enc_n_layer"]),
            shared_backbone=shared and not external,
            generator_sees_signals=shared or bool(official.get("gen_signal")),
            position_table=positions and not external,
            beta_min=float(official["beta_min"]),
            prior_scale=float(official["prior_scale_factor"]),
            z_scale=float(official["z_scale"]),
            signal_weights=_triple(official["prior_weight"]),
            signal_thresholds=_triple(official["prior_beta"]),
            bottleneck_mean=float(official["marginal_mean"]),
            bottleneck_scale=float(official["marginal_scale"]),
            train_hard=bool(official["post_hard_dist"]),
            mask_mode=mode,  # type: ignore[arg-type]  # one of the values of _TEST_FLAGS
            threshold=float(official["sample_threshold"]),
            # only a top-k mask reads it; there 0 is refused, not replaced
            top_share=share if mode == "top-k" or share > 0 else 0.1,
            external_mask=external,
        )
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{what}: {error.__class__.__name__} {error}: flag missing or of another type") from error


_TEST_FLAGS = {"test_soft": "soft", "test_hard": "hard", "test_top": "top-k"}


def network_from_official(
    state: Mapping[str, Tensor], config: ModelConfig, *, mask_model_config: ModelConfig | None = None, what: str
) -> Seq2Exp:
    """A network of ``config`` holding an official state dict, in evaluation mode; names and shapes strictly."""
    own = collapse(state, shared_backbone_name if config.shared_backbone else own_name, what=what)
    network = build_network(config, mask_model_config)
    load_strictly(network, own, what=what)
    return network.eval()


def read_official_checkpoint(
    path: Path, *, preset: Preset | None = None, window_bp: int | None = None, centre_bp: int | None = None
) -> tuple[Seq2Exp, dict[str, Any]]:
    """Network and provenance of an official Lightning checkpoint, without unpickling foreign classes.

    The configuration comes from the file (``hyper_parameters.model.config``). A file without it needs
    ``preset``; widths and depths are then read off the tensors, ``window_bp`` (default: the position table,
    else 200,000) and ``centre_bp`` (default 2,000) may be given.

    Raises
    ------
    CheckpointError
        Unsafe or damaged file, no configuration and no preset, a preset that contradicts the file,
        other names or shapes.
    """
    what = str(path)
    with open_archive(path) as archive:
        content = archive.content
        if not isinstance(content, dict) or not isinstance(content.get("state_dict"), dict):
            raise CheckpointError(f"{what}: no state_dict in it; not a Lightning checkpoint")
        stored = content["state_dict"]
        wrong = [name for name, value in stored.items() if not isinstance(value, StoredTensor)]
        if wrong:
            raise CheckpointError(f"{what}: state_dict entry {wrong[0]!r} is not a tensor")
        state = {str(name): archive.tensor(value) for name, value in stored.items()}
    flags = _model_flags(plain(content.get("hyper_parameters")))
    if flags is not None:
        config = own_config(flags, what=what)
        _refuse_contradiction(config, preset, what)
    elif preset is not None:
        config = _config_from_tensors(state, preset, window_bp=window_bp, centre_bp=centre_bp, what=what)
    else:
        raise CheckpointError(f"{what}: holds no model configuration; say which it is with --preset soft or hard")
    has_mask_model = any(".mask_model." in f".{name}" for name in state)
    mask_config = replace(config, external_mask=False, mask_mode="soft") if has_mask_model else None
    network = network_from_official(state, config, mask_model_config=mask_config, what=what)
    step = content.get("global_step")
    provenance: dict[str, Any] = {
        "trained": isinstance(step, int) and step > 0,
        "converted_from": path.name,
        "global_step": step if isinstance(step, int) else None,
        "epoch": content.get("epoch") if isinstance(content.get("epoch"), int) else None,
        "configuration_from": "file" if flags is not None else f"preset {preset}",
    }
    return network, provenance


def _model_flags(hyper_parameters: Any) -> dict[str, Any] | None:
    if not isinstance(hyper_parameters, dict):
        return None
    model = hyper_parameters.get("model")
    flags = model.get("config") if isinstance(model, dict) else None
    if not isinstance(flags, dict):
        return None
    dataset = hyper_parameters.get("dataset")
    if "seq_range" not in flags and isinstance(dataset, dict) and "seq_range" in dataset:
        flags = {**flags, "seq_range": dataset["seq_range"]}
    return flags


def _refuse_contradiction(config: ModelConfig, preset: Preset | None, what: str) -> None:
    if preset is None:
        return
    published = ModelConfig.preset(preset)
    names = ("beta_min", "prior_scale", "bottleneck_mean", "bottleneck_scale", "shared_backbone", "position_table")
    different = [name for name in names if getattr(config, name) != getattr(published, name)]
    if different:
        raise CheckpointError(
            f"{what}: its own configuration contradicts --preset {preset} in {', '.join(different)}; leave --preset out"
        )


def _config_from_tensors(
    state: Mapping[str, Tensor], preset: Preset, *, window_bp: int | None, centre_bp: int | None, what: str
) -> ModelConfig:
    names = {name.removeprefix(PREFIX): tensor for name, tensor in state.items()}
    needed = ("seq_input_layer.weight", "generator.backbone.layers.0.mixer.mamba_fwd.A_log", "pToExpr.0.weight")
    absent = [name for name in needed if name not in names]
    if absent:
        raise CheckpointError(f"{what}: tensor {absent[0]} is missing; presets fit soft and hard Seq2Exp models only")
    table = names.get("pos_emb")
    if (table is not None) != (preset == "hard"):
        raise CheckpointError(
            f"{what}: {'has' if table is not None else 'has no'} position table, so --preset {preset} does not fit"
        )
    width = names["seq_input_layer.weight"].shape[0]
    inner, d_state = names["generator.backbone.layers.0.mixer.mamba_fwd.A_log"].shape
    try:
        return ModelConfig.preset(
            preset,
            window_bp=window_bp or (200_000 if table is None else table.shape[1]),
            centre_bp=centre_bp or 2_000,
            d_model=width,
            d_state=d_state,
            expand=inner // width,
            generator_layers=_depth(names, "generator"),
            predictor_layers=_depth(names, "encoder"),
            rna_features=names["pToExpr.0.weight"].shape[1] - width,
        )
    except SettingsError as error:
        raise CheckpointError(f"{what}: {error}") from error


def _depth(names: Mapping[str, Tensor], room: str) -> int:
    pattern = re.compile(rf"{room}\.backbone\.layers\.(\d+)\.")
    return 1 + max((int(match[1]) for name in names if (match := pattern.match(name))), default=-1)


def _triple(text: Any) -> tuple[float, float, float]:
    values = [float(part) for part in (text.split(",") if isinstance(text, str) else text)]
    if len(values) != 3:
        raise ValueError(f"three numbers expected, found {text!r}")
    return values[0], values[1], values[2]
