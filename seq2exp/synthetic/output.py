"""What the folder of a synthetic data set may hold before it is written, and the room it needs."""

from __future__ import annotations

import shutil
from pathlib import Path

import yaml

from seq2exp.errors import SettingsError

MANIFEST_NAME = "manifest.yaml"
_BYTES_PER_BASE = 3
"""All files together take 1.7 bytes per base; the zoom levels of the signals come last."""
_MARGIN_BYTES = 20_000_000


def holds(out: Path, wanted: str) -> bool:
    """Whether ``out`` holds the data set named ``wanted`` (True) or nothing (False).

    Raises
    ------
    SettingsError
        It holds anything else, or that data set without some of its files.
    """
    if not out.exists():
        return False
    if not out.is_dir():
        raise SettingsError(f"{out} is a file; give a folder for the synthetic data set")
    if not any(out.iterdir()):
        return False
    found = "no manifest"
    path = out / MANIFEST_NAME
    if path.is_file():
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError):
            content = None
        found = repr(content.get("name")) if isinstance(content, dict) else "a manifest that is no YAML mapping"
        if isinstance(content, dict) and content.get("synthetic") is True and content.get("name") == wanted:
            missing = [s["local_path"] for s in content["sources"] if not (out / s["local_path"]).is_file()]
            if not missing:
                return True
            found = f"{wanted} without {', '.join(missing)}"
    raise SettingsError(f"{out} is not empty and holds {found}, not {wanted}; give another folder or remove it")


def require_room(folder: Path, n_bases: int) -> None:
    """Checks that the files of ``n_bases`` more bases will fit on the disk of ``folder``.

    Asked before they are written: where a disk runs full, the bigWig writer ends the process instead of failing.

    Raises
    ------
    SettingsError
        Too little is free; the message says how much and where.
    """
    needed, free = _BYTES_PER_BASE * n_bases + _MARGIN_BYTES, shutil.disk_usage(folder).free
    if free < needed:
        raise SettingsError(
            f"{folder.parent}: {free / 1e6:,.0f} MB are free where the data set needs about {needed / 1e6:,.0f}; "
            "free the disk or give another folder"
        )
