"""One view as a small JSON file, out and in: what was chosen, every setting, the stretch on show, edits, hashes.

Reading checks every field and runs or formats none of them; what comes back is spelled as session state and the link
spell it (`state.SETTINGS`, `state.CHOICES`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from seq2exp import __version__
from seq2exp.errors import SettingsError
from seq2exp.genome import Interval
from seq2exp.ui.state import CHOICES, SETTINGS

FORMAT = "seq2exp settings"
VERSION = 1
"""Raised when a field changes its meaning."""
MOST_BYTES = 64_000
VIEW_KEYS = tuple(key for key in (*CHOICES, "truth") if key not in ("dataset", "gene", "cell", "checkpoint"))
"""Choices that say how the locus is looked at; their words are checked where they are used, as those of a link."""

_FIELDS = ("format", "format_version", "seq2exp", "gene", "cell", "dataset", "checkpoint", "settings", "view", "edits")
_LONGEST_WORD, _LONGEST_VIEW, _MOST_EDITS = 200, 2_000, 200
_HASH = re.compile(r"^[0-9a-f]{6,64}$")


@dataclass(frozen=True, slots=True)
class Named:
    """A data set or checkpoint as the file names it."""

    name: str
    hash: str


@dataclass(frozen=True)
class SavedView:
    """What one file holds, checked."""

    gene: str
    cell: str
    dataset: Named
    checkpoint: Named | None
    """None: signals only."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """By the keys of `state.SETTINGS`; one that is not there is as the checkpoint has it."""
    view: Mapping[str, str] = field(default_factory=dict)
    """By `VIEW_KEYS`, in the words of a link."""
    off: tuple[Interval, ...] = ()
    """Stretches whose mask was set to 0."""
    on: tuple[Interval, ...] = ()
    """Stretches whose mask was set to 1."""
    seq2exp: str = __version__
    """Version that wrote it."""

    def choices(self, *, no_checkpoint: str) -> dict[str, str]:
        """What a link names beside the settings; ``no_checkpoint``: how the picker calls having none."""
        chosen = no_checkpoint if self.checkpoint is None else self.checkpoint.name
        names = {"dataset": self.dataset.name, "gene": self.gene, "cell": self.cell, "checkpoint": chosen}
        return {**names, **self.view}


def write_view(saved: SavedView) -> str:
    """The JSON that `read_view` reads back to an equal value."""
    content = {
        "format": FORMAT,
        "format_version": VERSION,
        "seq2exp": saved.seq2exp,
        "gene": saved.gene,
        "cell": saved.cell,
        "dataset": {"name": saved.dataset.name, "hash": saved.dataset.hash},
        "checkpoint": None
        if saved.checkpoint is None
        else {"name": saved.checkpoint.name, "hash": saved.checkpoint.hash},
        "settings": {key: list(value) if isinstance(value, tuple) else value for key, value in saved.settings.items()},
        "view": dict(saved.view),
        "edits": {"off": [_locus(place) for place in saved.off], "on": [_locus(place) for place in saved.on]},
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _locus(place: Interval) -> str:
    return f"{place.chrom}:{place.start + 1}-{place.end}"


def read_view(content: bytes) -> SavedView:
    """The view in a settings file, every field checked.

    Raises
    ------
    SettingsError
        Too large, no JSON, another format or version, a field that is unknown, missing, malformed or out of range.
        One line that names the field and what was found.
    """
    found = _mapping(_parse(content), "the file")
    if found.get("format") != FORMAT:
        raise SettingsError(f'this file is no settings file of this program: it lacks "format": "{FORMAT}"')
    version = found.get("format_version")
    if version != VERSION or isinstance(version, bool):
        raise SettingsError(f"format_version is {version!r:.20}; this program reads {VERSION}, so it needs another one")
    unknown = sorted(set(found) - set(_FIELDS))
    if unknown:
        raise SettingsError(f"unknown field {unknown[0]!r:.40}; known are {', '.join(_FIELDS)}")
    edits = _mapping(found.get("edits", {}), "edits")
    if set(edits) - {"off", "on"}:
        raise SettingsError(f"edits: found {sorted(edits)!r:.60}; known are off and on")
    checkpoint = found.get("checkpoint")
    return SavedView(
        gene=_word(found.get("gene"), "gene"),
        cell=_word(found.get("cell"), "cell"),
        dataset=_named(found.get("dataset"), "dataset"),
        checkpoint=None if checkpoint is None else _named(checkpoint, "checkpoint"),
        settings=_settings(_mapping(found.get("settings", {}), "settings")),
        view=_view(_mapping(found.get("view", {}), "view")),
        off=_places(edits.get("off", []), "edits.off"),
        on=_places(edits.get("on", []), "edits.on"),
        seq2exp=_word(found.get("seq2exp"), "seq2exp"),
    )


def mismatches(saved: SavedView, *, dataset_hash: str | None, checkpoint_hash: str | None) -> tuple[str, ...]:
    """Where the data set or checkpoint here is another than the file's, with both hashes; empty: numbers will agree.

    Parameters
    ----------
    dataset_hash, checkpoint_hash
        Of what the file's names stand for here; None: there is nothing of that name.
    """
    checkpoint = () if saved.checkpoint is None else (("checkpoint", saved.checkpoint, checkpoint_hash),)
    words = []
    for what, named, here in (("data set", saved.dataset, dataset_hash), *checkpoint):
        if here is None:
            words.append(f"{what} {named.name} ({named.hash}) is not here")
        elif here != named.hash:
            words.append(f"{what} {named.name} has hash {here} here, {named.hash} in the file: numbers will differ")
    return tuple(words)


def _parse(content: bytes) -> Any:
    if len(content) > MOST_BYTES:
        raise SettingsError(f"the file has {len(content):,} bytes; a settings file has at most {MOST_BYTES:,}")
    try:
        return json.loads(content.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise SettingsError("the file is not text (UTF-8); choose a settings file of this program") from error
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise SettingsError(f"the file is not JSON as this program writes it ({reason:.80})") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a field stands there twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _mapping(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SettingsError(f"{place}: found {value!r:.40}; must be a mapping in braces")
    return value


def _word(value: Any, place: str, *, longest: int = _LONGEST_WORD) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > longest or not value.isprintable():
        raise SettingsError(f"{place}: found {value!r:.40}; must be one line of text, at most {longest} letters")
    return value


def _named(value: Any, place: str) -> Named:
    found = _mapping(value, place)
    if set(found) != {"name", "hash"}:
        raise SettingsError(f"{place}: found {sorted(found)!r:.60}; must have name and hash")
    digest = found["hash"]
    if not isinstance(digest, str) or not _HASH.match(digest):
        raise SettingsError(f"{place}.hash: found {digest!r:.40}; must be 6 to 64 hexadecimal digits")
    return Named(_word(found["name"], f"{place}.name"), digest)


def _settings(found: dict[str, Any]) -> dict[str, Any]:
    readers = {setting.key: setting.read for setting in SETTINGS}
    checked = {}
    for key, value in found.items():
        if key not in readers:
            raise SettingsError(f"settings: unknown setting {key!r:.40}; known are {', '.join(readers)}")
        try:
            checked[key] = readers[key](_as_link(value))
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise SettingsError(f"settings.{key}: {value!r:.40} is not one of its values or out of range") from error
    return checked


def _as_link(value: Any) -> str:
    """A JSON value in the words of a link; TypeError for what no setting is."""
    if isinstance(value, list):
        return ",".join(_as_link(part) for part in value)
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise TypeError(value)
    return str(value)


def _view(found: dict[str, Any]) -> dict[str, str]:
    unknown = sorted(set(found) - set(VIEW_KEYS))
    if unknown:
        raise SettingsError(f"view: unknown field {unknown[0]!r:.40}; known are {', '.join(VIEW_KEYS)}")
    words = {key: _word(value, f"view.{key}", longest=_LONGEST_VIEW) for key, value in found.items()}
    if "locus" in words:
        _interval(words["locus"], "view.locus")
    return words


def _places(found: Any, place: str) -> tuple[Interval, ...]:
    if not isinstance(found, list) or len(found) > _MOST_EDITS:
        raise SettingsError(f"{place}: found {found!r:.40}; must be a list of at most {_MOST_EDITS} loci")
    return tuple(_interval(text, f"{place}[{number}]") for number, text in enumerate(found))


def _interval(text: Any, place: str) -> Interval:
    try:
        return Interval.parse(_word(text, place, longest=80))
    except (SettingsError, ValueError) as error:
        raise SettingsError(f"{place}: {error}") from error
