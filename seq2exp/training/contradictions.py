"""What a training configuration cannot mean, in words."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from seq2exp.baselines.systems import BASELINES, OWN
from seq2exp.errors import SettingsError
from seq2exp.settings import ModelConfig

if TYPE_CHECKING:
    from seq2exp.training.config import TrainConfig


def _endless(config: TrainConfig) -> Iterator[str]:
    """Names of the numbers that are NaN or infinite."""
    for section, values in config.to_dict().items():
        for key, value in values.items() if isinstance(values, dict) else ():
            for number in value if isinstance(value, list) else [value]:
                if isinstance(number, float) and not math.isfinite(number):
                    yield f"{section}.{key} must be finite, found {number}"


def contradictions(config: TrainConfig) -> list[str]:
    """What cannot be true at once, in words."""
    data, optimiser, run = config.data, config.optimiser, config.run
    problems = list(_endless(config))
    if not config.name or "/" in config.name or config.name.startswith(".") or not config.name.isprintable():
        problems.append(f"name must be a plain folder name, found {config.name!r}")
    processes = run.processes
    if min(run.devices, run.nodes, optimiser.batch, optimiser.steps) < 1:
        problems.append("devices, nodes, batch and steps must be at least 1")
    elif optimiser.batch % processes:
        problems.append(f"batch {optimiser.batch} does not divide among {processes} processes")
    if optimiser.warmup_steps >= optimiser.steps:
        problems.append(f"warmup_steps {optimiser.warmup_steps} must be below steps {optimiser.steps}")
    try:
        _ = optimiser.schedule
    except SettingsError as error:
        problems.append(str(error))
    if min(run.valid_every, run.save_every, run.log_every) < 1:
        problems.append("valid_every, save_every and log_every must be at least 1")
    if optimiser.clip_norm <= 0 or optimiser.weight_decay < 0:
        problems.append("clip_norm must be positive and weight_decay not negative")
    if not all(0 <= beta < 1 for beta in optimiser.betas):
        problems.append(f"betas must lie in 0..1, found {optimiser.betas}")
    if data.cell_types is not None and (not data.cell_types or len(set(data.cell_types)) < len(data.cell_types)):
        problems.append(f"cell_types must name each cell line once, found {list(data.cell_types)}")
    if run.seed < 0:
        problems.append(f"seed must not be negative, found {run.seed}")
    if data.workers < 0:
        problems.append(f"workers must not be negative, found {data.workers}")
    if run.threads is not None and run.threads < 1:
        problems.append(f"threads must be at least 1, found {run.threads}")
    if config.system == OWN and isinstance(config.model, ModelConfig):
        return [*problems, *_own_contradictions(config, config.model)]
    return [*problems, *_baseline_contradictions(config)]


def _baseline_contradictions(config: TrainConfig) -> Iterator[str]:
    """What a baseline cannot be told."""
    if config.system not in BASELINES:
        yield f"system {config.system!r} is unknown; choose {OWN} or one of {', '.join(BASELINES)}"
        return
    row, model = config.row, config.model
    if type(model) is not type(row.published):
        yield f"model of {row.name} must be a {type(row.published).__name__}, found {type(model).__name__}"
    elif isinstance(model, ModelConfig) and isinstance(row.published, ModelConfig):
        for name in (
            "signal_input",
            "external_mask",
            "position_table",
            "shared_backbone",
            "stem_taps",
            "element_channels",
            "signal_channels",
        ):
            wanted = getattr(row.published, name)
            if getattr(model, name) != wanted:
                yield f"model.{name} of {row.name} is {wanted}, found {getattr(model, name)}"
    if config.objective != type(config.objective)():
        yield f"section objective adds to the loss of {OWN}; leave it out for {row.name}"
    if config.mask_from is not None:
        yield f"mask_from is for {OWN}; leave it out for {row.name}"
    if config.peaks is not None and config.called_peaks is None:
        yield f"{row.name} reads no candidate elements; leave out section peaks"


def _own_contradictions(config: TrainConfig, model: ModelConfig) -> list[str]:
    """What cannot be true at once in a run of Seq2Exp itself."""
    data, objective, problems = config.data, config.objective, list[str]()
    if config.peaks is not None:
        problems.append(f"{OWN} reads no candidate elements; leave out section peaks")
    if objective.track_weight < 0 or objective.kl_warmup_steps < 0:
        problems.append("track_weight and kl_warmup_steps must not be negative")
    if objective.track_weight and (model.generator_sees_signals or model.external_mask):
        problems.append(
            "track_weight asks the generator to predict signals from bases, but this generator "
            + ("does not exist" if model.external_mask else "sees the signals")
        )
    if objective.stem_steps and not (model.stem_taps and objective.track_weight):
        problems.append("stem_steps needs model.stem_taps and objective.track_weight: it trains the stem on the tracks")
    if objective.readout_weight < 0 or (objective.readout_weight and not model.stem_taps):
        problems.append(
            "readout_weight must not be negative, and reads the mask in the stem's bins: set model.stem_taps"
        )
    if objective.stem_prior_scale is not None and objective.stem_prior_scale <= 0:
        problems.append(f"stem_prior_scale must be positive, found {objective.stem_prior_scale}")
    if objective.stem_steps < 0 or objective.stem_rate <= 0:
        problems.append("stem_steps must not be negative and stem_rate must be positive")
    if objective.generator_steps < 0:
        problems.append("generator_steps must not be negative")
    if objective.generator_steps and (model.external_mask or model.shared_backbone):
        problems.append(
            "generator_steps stops a generator that has a backbone of its own: set model.shared_backbone and "
            "model.external_mask to false, or leave it out"
        )
    if bool(model.signal_channels) != bool(objective.path_steps):
        problems.append(
            f"model.signal_channels ({model.signal_channels}) and objective.path_steps ({objective.path_steps}) go "
            "together: the signal path learns in a stage of its own"
        )
    if objective.path_steps < 0 or objective.path_batch < 1 or objective.path_rate <= 0:
        problems.append("path_steps must not be negative, path_batch at least 1 and path_rate positive")
    processes = max(config.run.processes, 1)
    if objective.path_batch % processes:
        problems.append(f"path_batch {objective.path_batch} does not divide among {processes} processes")
    if data.group_cells and model.generator_sees_signals:
        problems.append("group_cells shares one generator pass among cell lines, but this generator sees their signals")
    if config.mask_from is not None and not model.external_mask:
        problems.append("mask_from needs model.external_mask: true (the network has no generator of its own)")
    if config.mask_from is None and model.external_mask:
        problems.append("external_mask needs mask_from, the checkpoint whose mask is used, or system: macs3")
    return problems
