"""What a training run is told: documented dataclasses, read from YAML, every key checked.

Over 400 lines, most of them the keys with what they mean; what they cannot mean together lies in contradictions.py.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_type_hints

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from seq2exp.baselines.systems import BASELINES, OWN, System, SystemConfig, row_of, system
from seq2exp.errors import SettingsError, TrainingError
from seq2exp.files import write_whole
from seq2exp.settings import ModelConfig, PeakSettings, Preset
from seq2exp.training.cache import SignalType
from seq2exp.training.contradictions import contradictions
from seq2exp.training.schedule import WarmupCosine

_STRICT = ConfigDict(extra="forbid", strict=True)

ReadoutReads = Literal["mask", "mean"]
"""What the readout of signals and mask sees of the mask: as the predictor sees it, or the mean of its Beta."""

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
    readout_reads: ReadoutReads = "mask"
    """What that prediction reads: the mask as the predictor sees it, or the mean of its Beta. A hard draw tells only
    which side of the threshold a base is on; the mean keeps the order of all of them."""
    generator_steps: int = 0
    """Updates of the whole network after which the generator stays as it is while the predictor learns on, from masks
    as evaluation makes them instead of drawn ones; 0: it learns to the end, as published."""
    stem_rate: float = 3e-3
    """Learning rate at the start of those updates; falls to a twentieth in half a cosine."""
    path_steps: int = 0
    """Last updates, in which the signal path alone learns, in bins, from masks as evaluation makes them. For networks
    that have one (model.signal_channels)."""
    path_batch: int = 64
    """Windows of each of those updates."""
    path_rate: float = 2e-3
    """Learning rate of those updates after a warm-up over a tenth of them; falls to a hundredth in half a cosine."""


@checked(frozen=True, config=_STRICT)
class RunConfig:
    """How and where it runs."""

    seed: int = 2222
    """Random state of initialisation, order and draws."""
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "bf16-mixed"
    """bf16-mixed: bf16 autocast over float32 weights (published); 32-true: float32; 16-mixed: float16 autocast with a
    scaled loss, CUDA only (published for EPInformer)."""
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

    @property
    def processes(self) -> int:
        """Processes on all machines."""
        return self.devices * self.nodes


@dataclass(frozen=True)
class TrainConfig:
    """One training run."""

    name: str
    """Name of the run folder and of the checkpoint."""
    data: DataConfig
    model: SystemConfig
    """The network. For Seq2Exp the file gives ``preset: soft`` or ``hard`` and what differs from it, for a baseline
    what differs from its published network."""
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    run: RunConfig = field(default_factory=RunConfig)
    mask_from: str | None = None
    """Checkpoint folder of a trained soft model: retrain on its frozen mask (models.md section 3.4)."""
    system: str = OWN
    """What is trained: seq2exp, or one of `seq2exp.baselines.systems.BASELINES`."""
    peaks: PeakSettings | None = None
    """How candidate elements are called, for the systems that read them (macs3, epinformer); none given: peaks of the
    data set's own file, else MACS3's at the default cut-off."""

    def __post_init__(self) -> None:
        problems = contradictions(self)
        if problems:
            raise SettingsError(f"training configuration {self.name}: " + "; ".join(problems))

    def to_dict(self) -> dict[str, Any]:
        """Plain YAML types with every value written out; `read_config` takes them back."""
        later: dict[str, Any] = {}  # keys that are absent where unused, so that folders of earlier versions fit
        if self.system != OWN:
            later["system"] = self.system
        if self.peaks is not None:
            later["peaks"] = dataclasses.asdict(self.peaks)
        return {
            "name": self.name,
            "data": _plain(dataclasses.asdict(self.data)),
            "model": _plain(self.model.to_dict()),
            "optimiser": _plain(dataclasses.asdict(self.optimiser)),
            "objective": _plain(dataclasses.asdict(self.objective)),
            "run": _plain(dataclasses.asdict(self.run)),
            "mask_from": self.mask_from,
            **later,
        }

    @property
    def row(self) -> System:
        """The system's row in the table of systems."""
        return row_of(self.system, self.model, retrain=self.mask_from is not None)

    @property
    def called_peaks(self) -> PeakSettings | None:
        """How candidate elements are called; None for systems that read none."""
        return (self.peaks or PeakSettings()) if self.row.reads & {"elements", "mask"} else None

    @property
    def steps(self) -> int:
        """Updates in all: those of the stem's own stage, those of the whole network, those of the signal path's."""
        return self.path_stage.stop

    @property
    def path_stage(self) -> range:
        """Updates of the signal path's own stage, the last; empty where there is none."""
        first = self.objective.stem_steps + self.optimiser.steps
        return range(first, first + self.objective.path_steps)

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
        path = self.path_stage
        if step in path:
            rate, warmup_steps = self.objective.path_rate, len(path) // 10
            return WarmupCosine(
                start=rate / 20,
                peak=rate,
                floor=rate / 100,
                warmup_steps=warmup_steps,
                cosine_steps=len(path) - warmup_steps,
            )(step - path.start)
        return self.optimiser.schedule(step - first)

    def with_seed(self, seed: int) -> TrainConfig:
        """The same run from another random state, in a folder of its own: ``-seed`` and the number end its name."""
        return dataclasses.replace(self, name=f"{self.name}-seed{seed}", run=dataclasses.replace(self.run, seed=seed))

    def of_length(self, updates: int, batch: int) -> TrainConfig:
        """The same run in ``updates`` updates of ``batch`` windows, which end its name as in ``-1000x4``.

        Every other length that is told in updates (warm-ups, the stem's own stage, validations) shrinks or grows in
        proportion. Raises SettingsError where either is under 1.
        """
        if min(updates, batch) < 1:
            raise SettingsError(f"updates and batch must be 1 or more, found {updates} and {batch}")
        share = updates / self.optimiser.steps

        def scaled(steps: int) -> int:
            return max(round(steps * share), min(steps, 1))

        warmup_steps = scaled(self.optimiser.warmup_steps)
        return dataclasses.replace(
            self,
            name=f"{self.name}-{updates}x{batch}",
            optimiser=dataclasses.replace(self.optimiser, steps=updates, batch=batch, warmup_steps=warmup_steps),
            objective=dataclasses.replace(
                self.objective,
                stem_steps=scaled(self.objective.stem_steps),
                kl_warmup_steps=scaled(self.objective.kl_warmup_steps),
                generator_steps=scaled(self.objective.generator_steps),
                path_steps=scaled(self.objective.path_steps),
            ),
            run=dataclasses.replace(self.run, valid_every=scaled(self.run.valid_every)),
        )

    def with_dataset(self, dataset: str) -> TrainConfig:
        """The same run on another data set."""
        return dataclasses.replace(self, data=dataclasses.replace(self.data, dataset=dataset))


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}


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


def read_length(text: str) -> tuple[int, int]:
    """Updates and windows an update of a length such as ``1000x4``; SettingsError for anything else."""
    updates, found, batch = text.partition("x")
    if not (found and updates.isdecimal() and batch.isdecimal() and len(text) < 20):
        raise SettingsError(f"length: found {text!r:.40}; write updates x windows an update, such as 1000x4")
    return int(updates), int(batch)


def _from_mapping(content: dict[str, Any]) -> TrainConfig:
    known = {"name", "model", "mask_from", "system", "peaks", *_SECTIONS}
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
    named = content.get("system", OWN)
    if named != OWN and named not in BASELINES:
        raise SettingsError(f"system {named!r} is unknown; choose {OWN} or one of {', '.join(BASELINES)}")
    sections = {name: _section(name, content[name]) for name in _SECTIONS if name in content}
    return TrainConfig(
        name=content["name"],
        model=_model(content["model"], named),
        mask_from=mask_from,
        system=named,
        peaks=None if content.get("peaks") is None else _peaks(content["peaks"]),
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


def _model(values: Any, named: str) -> SystemConfig:
    """The network of a file's section ``model``: what it says, over the published one."""
    published = ModelConfig() if named == OWN else system(named).published
    preset: Preset | None = None
    if named == OWN and isinstance(values, dict):
        values = dict(values)
        preset = values.pop("preset", None)
        if preset not in (None, "soft", "hard"):
            raise SettingsError(f"model: preset {preset!r} is unknown; choose soft or hard")
        published = published if preset is None else ModelConfig.preset(preset)
    changes = _typed("model", type(published), values)
    return type(published).from_dict({**published.to_dict(), **changes})


def _peaks(values: Any) -> PeakSettings:
    changes = _typed("peaks", PeakSettings, values)
    unknown = sorted(set(changes) - set(get_type_hints(PeakSettings)))
    if unknown:
        raise SettingsError(
            f"peaks: unknown keys {', '.join(unknown)}; known are {sorted(get_type_hints(PeakSettings))}"
        )
    return PeakSettings(**changes)


def _typed(section: str, cls: type, values: Any) -> dict[str, Any]:
    """The keys of a section, those of ``cls`` checked for their kind; YAML lists become tuples."""
    if not isinstance(values, dict):
        raise SettingsError(f"{section} must hold keys, found {values!r}")
    changes: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    for key, kind in get_type_hints(cls).items():
        if key in changes:
            try:
                TypeAdapter(kind).validate_python(changes[key], strict=True)
            except ValidationError as error:
                raise SettingsError(f"{section}: {key}: {_one_line(error)}") from error
    return changes


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
    write_whole(path, yaml.safe_dump(config.to_dict(), sort_keys=False, width=120).encode())
