"""YAML files checked against pydantic blocks: reading them, and problems in words that name the place."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from seq2exp.errors import ManifestError

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The same rules in C, ten times as fast, where PyYAML was built with it."""


class Block(BaseModel):
    """A mapping of the YAML with known keys alone; frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)


AnyBlock = TypeVar("AnyBlock", bound=Block)


def read_yaml(path: Path, *, holds: str) -> dict[str, Any]:
    """The mapping in the YAML file `path`; `holds` names the keys to expect, for the message.

    Raises
    ------
    ManifestError
        Absent or unreadable file, YAML that does not parse, a key written twice, no mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ManifestError(f"{path}: no such manifest") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path}: cannot be read as text ({error})") from error
    try:
        doubled = list(_doubled_keys(yaml.compose(text, Loader=_LOADER)))
        content = yaml.load(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        raise ManifestError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    if doubled:
        raise ManifestError(f"{path}: {'; '.join(doubled)}")
    if not isinstance(content, dict):
        raise ManifestError(f"{path}: a manifest is a mapping with {holds} ...; found {content!r:.40}")
    return content


def checked(block: type[AnyBlock], content: dict[str, Any], path: Path) -> AnyBlock:
    """The content of `path` as a block.

    Raises
    ------
    ManifestError
        Unknown or missing keys, wrong values: one line that names every problem with its place in the YAML.
    """
    try:
        return block.model_validate(content)
    except ValidationError as error:
        problems = "; ".join(_in_words(block, problem["loc"], problem) for problem in error.errors())
        raise ManifestError(f"{path}: {problems}") from error


def _doubled_keys(node: yaml.Node | None, place: str = "") -> Iterator[str]:
    """Keys written twice in one mapping, which YAML would resolve silently to the last one."""
    if isinstance(node, yaml.MappingNode):
        seen: set[Hashable] = set()
        for key, value in node.value:
            name = f"{place}.{key.value}" if place else str(key.value)
            if key.value in seen:
                yield f"{name}: written twice (line {key.start_mark.line + 1})"
            seen.add(key.value)
            yield from _doubled_keys(value, name)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _doubled_keys(value, f"{place}[{index}]")


def _in_words(whole: type[BaseModel], location: tuple[int | str, ...], problem: Any) -> str:
    """One pydantic problem as ``sources[3].file.kolor: unknown key; known keys are ...``."""
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
    kind = problem["type"]
    if kind == "extra_forbidden":
        return f"{place}: unknown key; known keys are {', '.join(_known_keys(whole, location[:-1]))}"
    if kind == "missing":
        return f"{place}: missing"
    if kind == "value_error":
        return str(problem["ctx"]["error"])
    if kind == "literal_error":
        return f"{place}: found {problem['input']!r}; must be {problem['ctx']['expected']}"
    return f"{place}: {problem['msg'][0].lower()}{problem['msg'][1:]}, found {problem['input']!r:.60}"


def _known_keys(block: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Keys of the schema block at `location` of the YAML, `block` being the whole."""
    for part in location:
        if isinstance(part, str):
            block = block_of(block.model_fields[part])
    return list(block.model_fields)


def block_of(field: FieldInfo) -> type[BaseModel]:
    """The schema block a field holds, alone, optional or in a list."""
    candidates: list[Any] = [field.annotation]
    while candidates:
        candidate = candidates.pop()
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
        candidates.extend(getattr(candidate, "__args__", ()))
    raise TypeError(f"{field!r} holds no schema block")
