"""A run's settings beside the published recipe: what each is, what it was there, and where the two differ."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, get_args

from seq2exp.baselines.systems import OWN, SystemConfig
from seq2exp.settings import ModelConfig, PeakSettings, Preset
from seq2exp.training.config import (
    RANDOM_STATES,
    DataConfig,
    ObjectiveConfig,
    OptimiserConfig,
    RunConfig,
    TrainConfig,
)

NONE = "–"  # noqa: RUF001 - the dash of a table

_CLASSES: Mapping[str, type] = {
    "data": DataConfig,
    "model": ModelConfig,
    "optimiser": OptimiserConfig,
    "objective": ObjectiveConfig,
    "run": RunConfig,
    "peaks": PeakSettings,
}
_RUN_RECIPE = ("seed", "precision", "valid_every")
"""What of section run belongs to the recipe; the rest says where and how it ran."""


@dataclass(frozen=True, slots=True)
class ChosenSetting:
    """One setting of a run."""

    section: str
    name: str
    value: str
    published: str
    """A dash where the recipe says nothing."""
    differs: bool
    meaning: str


def published_preset(model: ModelConfig) -> Preset:
    """The published recipe that ``model`` is nearest to: the one it differs from in fewer settings."""
    own = model.to_dict()

    def distance(preset: Preset) -> int:
        other = ModelConfig.preset(preset).to_dict()
        return sum(own[key] != other[key] for key in own)

    presets: tuple[Preset, ...] = get_args(Preset)
    return min(presets, key=distance)


def recipe_name(config: TrainConfig) -> str:
    """The published recipe that ``config`` is shown beside: soft, hard, or a baseline's."""
    if config.system == OWN and isinstance(config.model, ModelConfig):
        return published_preset(config.model)
    return config.row.title


def _published_model(config: TrainConfig) -> SystemConfig:
    if config.system == OWN and isinstance(config.model, ModelConfig):
        return ModelConfig.preset(published_preset(config.model))
    return config.row.published


def settings_of(config: TrainConfig) -> tuple[ChosenSetting, ...]:
    """Every setting of ``config`` beside its published value."""
    recipe = dict(config.row.recipe)
    optimiser = {name: recipe.get(name, value) for name, value in vars(OptimiserConfig()).items()}
    run = {name: recipe.get(name, value) for name, value in vars(RunConfig()).items() if name in _RUN_RECIPE}
    published: dict[str, Any] = {
        "model": _published_model(config).to_dict(),
        "optimiser": optimiser,
        "objective": vars(ObjectiveConfig()),
        "run": run,
    }
    classes = {**_CLASSES, "model": type(config.model)}
    found = []
    for section, values in config.to_dict().items():
        if not isinstance(values, dict):
            continue
        meanings = field_meanings(classes[section])
        for name, value in values.items():
            stated = name in published.get(section, {})
            other = published[section][name] if stated else None
            seed = section == "run" and name == "seed"
            differs = (value not in RANDOM_STATES) if seed else stated and _plain(value) != _plain(other)
            words = ", ".join(map(str, RANDOM_STATES)) if seed else in_words(other) if stated else NONE
            found.append(ChosenSetting(section, name, in_words(value), words, differs, meanings.get(name, "")))
    return tuple(found)


@cache
def field_meanings(cls: type) -> Mapping[str, str]:
    """The sentence under each field of a dataclass; empty where its source is not at hand."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError):
        return {}
    (definition,) = tree.body
    assert isinstance(definition, ast.ClassDef)
    return {
        field.target.id: " ".join(below.value.value.split())
        for field, below in pairwise(definition.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }


def in_words(value: Any) -> str:
    """A setting's value as a table shows it."""
    if value is None:
        return NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(in_words(one) for one in value)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
