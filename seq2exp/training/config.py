"""What a training run is told: documented dataclasses, read from YAML, every key checked."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_type_hints

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from seq2exp.errors import SettingsError, TrainingError
from seq2exp.settings import ModelConfig, Preset
from seq2exp.training.cache import SignalType
from seq2exp.training.schedule import WarmupCosine

_STRICT = ConfigDict(extra="forbid", strict=True)
RANDOM_STATES = (2, 22, 222, 2222, 22222)
"""The published random states (models.md section 5)."""


@checked(frozen=True, config=_STRICT)
class DataConfig:
    """What is learned from."""

    dataset: str
    """Manifest, or the folder that holds it; relative to the working directory."""
    cell_types: tuple[str, ...] | None = None
    """Cell lines to train on; none given: all of the data set."""
    cache: str = ".data/windows"
    """Folder for the cut windows."""
    signal_type: SignalType = "float16"
    """Precision of the signals in the cache."""
    workers: int = 0
    """Processes that read windows ahead; 0 reads in the training process (memory-mapped, cheap)."""
    group_cells: bool = False
    """Put all cell lines of a gene into one batch, so that a generator that reads bases alone runs once per gene."""


@checked(frozen=True, config=_STRICT)
class OptimiserConfig:
    """AdamW, its groups and its schedule; defaults are the published recipe (models.md section 5)."""

    batch: int = 8
    """Windows per update, over all processes together."""
    steps: int = 50_000
    """Updates, those of the stem's own stage not counted."""
    start_rate: float = 1e-5
    """Learning rate of the first update."""
    rate: float = 5e-4
    """Learning rate after the warm-up."""
    end_rate: float = 1e-4
    """Learning rate at the end of the cosine and after it."""
    warmup_steps: int = 5_000
    """Updates of the linear warm-up."""
    betas: tuple[float, float] = (0.9, 0.95)
    """Decay of AdamW's two moments."""
    weight_decay: float = 1e-6
    """On all parameters but biases, A_log and D."""
    clip_norm: float = 1.0
    """Largest global norm of the gradients."""

    @property
    def schedule(self) -> WarmupCosine:
        """The learning rate at every step: the cosine fills what the warm-up leaves."""
        return WarmupCosine(
            start=self.start_rate,
            peak=self.rate,
            floor=self.end_rate,
            warmup_steps=self.warmup_steps,
            cosine_steps=max(self.steps - self.warmup_steps, 1),
        )


@checked(frozen=True, config=_STRICT)
class ObjectiveConfig:
    """What is added to the published loss; the defaults add nothing."""

    kl_warmup_steps: int = 0
    """Updates over which the KL term grows from 0 to its weight; 0: full weight from the first, as published."""
    track_weight: float = 0.0
    """Weight of predicting the cell line's log(1 + H3K27ac) and log(1 + DNase) from the generator's features, as mean
    squared error in units of their variance; 0: off, as published. Needs a generator that does not see the signals."""
    stem_steps: int = 0
    """First updates, in which motif stem and mask head alone learn, in bins and so without a scan: to predict the
    tracks, and to let through the mask what expression needs of the signals."""
    stem_prior_scale: float | None = None
    """Pseudo-counts a unit of the signal Beta in those updates; none given: the model's. With fewer of them the bases
    are asked for more."""
    readout_weight: float = 0.0
    """Weight, after those updates, of predicting expression from signals and mask alone: it keeps the mask telling
    what the bases know. 0: off, as published."""
    stem_rate: float = 3e-3
    """Learning rate at the start of those updates; falls to a twentieth in half a cosine."""


@checked(frozen=True, config=_STRICT)
class RunConfig:
    """How and where it runs."""

    seed: int = 2222
    """Random state of initialisation, order and draws."""
    precision: Literal["32-true", "bf16-mixed"] = "bf16-mixed"
    """bf16-mixed: bf16 autocast over float32 weights (published); 32-true: float32."""
    accelerator: Literal["auto", "cpu", "cuda"] = "auto"
    """Where it computes."""
    devices: int = 1
    """Processes per machine; each takes batch / (devices * nodes) windows of every update."""
    nodes: int = 1
    """Machines (torchrun or Slurm start the processes)."""
    threads: int | None = None
    """CPU threads of each process; none given: torch's own choice."""
    valid_every: int = 999
    """Updates between two validations (published: half an epoch of 15,985 genes in batches of 8)."""
    save_every: int = 500
    """Updates between two saved states from which a killed run goes on."""
    log_every: int = 10
    """Updates between two rows of train.csv."""
    tensorboard: bool = False
    """Write TensorBoard events beside the CSV files (needs the package tensorboard)."""


@dataclass(frozen=True)
class TrainConfig:
    """One training run."""

    name: str
    """Name of the run folder and of the checkpoint."""
    data: DataConfig
    model: ModelConfig
    """The network: the file gives ``preset: soft`` or ``hard`` and what differs from it."""
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    run: RunConfig = field(default_factory=RunConfig)
    mask_from: str | None = None
    """Checkpoint folder of a trained soft model: retrain on its frozen mask (models.md section 3.4)."""

    def __post_init__(self) -> None:
        problems = _contradictions(self)
        if problems:
            raise SettingsError(f"training configuration {self.name}: " + "; ".join(problems))

    def to_dict(self) -> dict[str, Any]:
        """Plain YAML types with every value written out; `read_config` takes them back."""
        return {
            "name": self.name,
            "data": _plain(dataclasses.asdict(self.data)),
            "model": _plain(self.model.to_dict()),
            "optimiser": _plain(dataclasses.asdict(self.optimiser)),
            "objective": _plain(dataclasses.asdict(self.objective)),
            "run": _plain(dataclasses.asdict(self.run)),
            "mask_from": self.mask_from,
        }

    @property
    def steps(self) -> int:
        """Updates in all: those of the stem's own stage, then those of the whole network."""
        return self.objective.stem_steps + self.optimiser.steps

    def rate_at(self, step: int) -> float:
        """Learning rate of update ``step``; 0 is the first."""
        first = self.objective.stem_steps
        if step < first:
            return WarmupCosine(
                start=self.objective.stem_rate,
                peak=self.objective.stem_rate,
                floor=self.objective.stem_rate / 20,
                warmup_steps=0,
                cosine_steps=first,
            )(step)
        return self.optimiser.schedule(step - first)

    def with_seed(self, seed: int) -> TrainConfig:
        """The same run from another random state, in a folder of its own: ``-seed`` and the number end its name."""
        return dataclasses.replace(self, name=f"{self.name}-seed{seed}", run=dataclasses.replace(self.run, seed=seed))

    def with_dataset(self, dataset: str) -> TrainConfig:
        """The same run on another data set."""
        return dataclasses.replace(self, data=dataclasses.replace(self.data, dataset=dataset))


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}


def _endless(config: TrainConfig) -> Iterator[str]:
    """Names of the numbers that are NaN or infinite."""
    for section, values in config.to_dict().items():
        for key, value in values.items() if isinstance(values, dict) else ():
            for number in value if isinstance(value, list) else [value]:
                if isinstance(number, float) and not math.isfinite(number):
                    yield f"{section}.{key} must be finite, found {number}"


def _contradictions(config: TrainConfig) -> list[str]:
    """What cannot be true at once, in words."""
    data, model, optimiser, objective, run = config.data, config.model, config.optimiser, config.objective, config.run
    problems = list(_endless(config))
    if not config.name or "/" in config.name or config.name.startswith(".") or not config.name.isprintable():
        problems.append(f"name must be a plain folder name, found {config.name!r}")
    processes = run.devices * run.nodes
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
    if data.group_cells and model.generator_sees_signals:
        problems.append("group_cells shares one generator pass among cell lines, but this generator sees their signals")
    if config.mask_from is not None and not model.external_mask:
        problems.append("mask_from needs model.external_mask: true (the network has no generator of its own)")
    if config.mask_from is None and model.external_mask:
        problems.append("external_mask needs mask_from, the checkpoint whose mask is used")
    if data.cell_types is not None and (not data.cell_types or len(set(data.cell_types)) < len(data.cell_types)):
        problems.append(f"cell_types must name each cell line once, found {list(data.cell_types)}")
    if run.seed < 0:
        problems.append(f"seed must not be negative, found {run.seed}")
    if data.workers < 0:
        problems.append(f"workers must not be negative, found {data.workers}")
    if run.threads is not None and run.threads < 1:
        problems.append(f"threads must be at least 1, found {run.threads}")
    return problems


_SECTIONS: dict[str, Any] = {
    "data": DataConfig,
    "optimiser": OptimiserConfig,
    "objective": ObjectiveConfig,
    "run": RunConfig,
}


def read_config(path: Path) -> TrainConfig:
    """The training run that ``path`` (YAML) describes.

    Raises
    ------
    TrainingError
        Not readable, an unknown key, a value of the wrong kind, a contradiction; the message names them all.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise TrainingError(f"{path}: cannot be read as YAML ({' '.join(str(error).split())})") from error
    if not isinstance(content, dict):
        raise TrainingError(f"{path}: must hold keys such as name, data and model, found {type(content).__name__}")
    try:
        return _from_mapping(content)
    except (SettingsError, ValidationError) as error:
        raise TrainingError(f"{path}: {_one_line(error)}") from error


def _from_mapping(content: dict[str, Any]) -> TrainConfig:
    known = {"name", "model", "mask_from", *_SECTIONS}
    unknown = sorted(str(key) for key in set(content) - known)
    if unknown:
        raise SettingsError(f"unknown keys {', '.join(unknown)}; known are {', '.join(sorted(known))}")
    for key in ("name", "data", "model"):
        if key not in content:
            raise SettingsError(f"key {key} is missing")
    if not isinstance(content["name"], str):
        raise SettingsError(f"name must be text, found {content['name']!r}")
    mask_from = content.get("mask_from")
    if not isinstance(mask_from, str | None):
        raise SettingsError(f"mask_from must be a checkpoint folder, found {mask_from!r}")
    sections = {name: _section(name, content[name]) for name in _SECTIONS if name in content}
    return TrainConfig(
        name=content["name"],
        model=_model(content["model"]),
        mask_from=mask_from,
        **sections,
    )


def _section(name: str, values: Any) -> Any:
    """One section's dataclass; YAML lists become tuples, whole numbers serve as fractions."""
    if not isinstance(values, dict):
        raise SettingsError(f"{name} must hold keys, found {values!r}")
    ready = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    try:
        return _SECTIONS[name](**ready)
    except ValidationError as error:
        raise SettingsError(f"{name}: {_one_line(error)}") from error


def _model(values: Any) -> ModelConfig:
    if not isinstance(values, dict):
        raise SettingsError(f"model must hold keys, found {values!r}")
    changes: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    preset: Preset | None = changes.pop("preset", None)
    for key, kind in get_type_hints(ModelConfig).items():
        if key in changes:
            try:
                TypeAdapter(kind).validate_python(changes[key], strict=True)
            except ValidationError as error:
                raise SettingsError(f"model: {key}: {_one_line(error)}") from error
    if preset is None:
        return ModelConfig.from_dict(changes)
    if preset not in ("soft", "hard"):
        raise SettingsError(f"model: preset {preset!r} is unknown; choose soft or hard")
    return ModelConfig.from_dict({**ModelConfig.preset(preset).to_dict(), **changes})


def _one_line(error: Exception) -> str:
    """A validation error as one line that names key, problem and what was found."""
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(
        "".join(f"{part}: " for part in item["loc"]) + f"{item['msg']}, found {item['input']!r}{_hint(item['input'])}"
        for item in error.errors()
    )


def _hint(found: Any) -> str:
    """What YAML did to a number that it took for text."""
    try:
        return f" (YAML reads it as text; write {float(found):.1e})" if isinstance(found, str) else ""
    except ValueError:
        return ""


def write_config(config: TrainConfig, path: Path) -> None:
    """Write every value of ``config`` to ``path`` as YAML, in one step."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(yaml.safe_dump(config.to_dict(), sort_keys=False, width=120), encoding="utf-8")
    partial.replace(path)
