"""The machine under the pages: device, threads, memory, versions; read from the system, never guessed."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import resource
import sys
from dataclasses import dataclass
from pathlib import Path

import torch

from seq2exp import __version__
from seq2exp.inference.checkpoints import resolve_device
from seq2exp.model.scan import cuda_kernels_installed
from seq2exp.model.scan.vector import LANES
from seq2exp.ui import catalogue

PROC = Path("/proc")
CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
PACKAGES = ("torch", "streamlit", "plotly", "numpy", "pandas", "numba", "MACS3", "pyranges", "pyBigWig", "matplotlib")
"""Whose versions are told beside our own."""

_UNITS = ("bytes", "kB", "MB", "GB", "TB")


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes; None where the system does not tell."""

    process: int | None
    """Resident in this process now."""
    process_peak: int | None
    """The most that ever was."""
    total: int | None
    """Of the machine, or what a container may use of it."""
    available: int | None
    """What the machine could still give."""


@dataclass(frozen=True, slots=True)
class Device:
    """Where the model runs."""

    kind: str
    """cpu or cuda."""
    name: str
    engine: str
    """Which scan runs there, in words."""
    threads: int
    """Threads torch and our kernels use."""
    cores: int
    """Cores this process may use."""
    memory: tuple[int, int] | None
    """Free and total bytes of a CUDA device; None on a CPU."""


def read_memory(proc: Path = PROC, limit_file: Path = CGROUP_LIMIT) -> Memory:
    """Memory of this process and of the machine, from Linux's own files; what they lack is None."""
    own, machine = _kilobytes(proc / "self" / "status"), _kilobytes(proc / "meminfo")
    peak = own.get("VmHWM")
    if peak is None:
        # Kilobytes everywhere but on macOS, which counts bytes.
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    totals = [total for total in (machine.get("MemTotal"), _container_limit(limit_file)) if total is not None]
    return Memory(own.get("VmRSS"), peak, min(totals, default=None), machine.get("MemAvailable"))


def _kilobytes(path: Path) -> dict[str, int]:
    """Lines such as ``VmRSS:  1234 kB`` as bytes by name; empty where the file is not there."""
    try:
        text = path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return {}
    return {name: int(size) * 1024 for name, size in re.findall(r"^(\w+):\s+(\d+) kB$", text, re.MULTILINE)}


def _container_limit(path: Path) -> int | None:
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return int(text) if text.isdigit() else None


def read_device() -> Device:
    """Where a checkpoint chosen on a page runs."""
    kind = resolve_device("auto")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if kind == "cuda":
        engine = "fused CUDA kernels" if cuda_kernels_installed() else "plain PyTorch (mamba-ssm is not installed)"
        free_and_total = torch.cuda.mem_get_info()
        return Device(kind, torch.cuda.get_device_name(), engine, torch.get_num_threads(), cores, free_and_total)
    return Device(
        kind, processor_name(), f"CPU kernels, {LANES} channels at a time", torch.get_num_threads(), cores, None
    )


def processor_name(proc: Path = PROC) -> str:
    """The processor's own name, or its architecture."""
    try:
        text = (proc / "cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1].strip() if found else platform.machine() or "unknown processor"


def versions() -> dict[str, str]:
    """Version by name: ours, Python's, and those of the packages the numbers depend on."""
    return {"seq2exp": __version__, "Python": platform.python_version(), **{name: _version(name) for name in PACKAGES}}


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def size_in_words(n_bytes: float | None) -> str:
    """A number of bytes in its largest unit, thousands apart, or a dash."""
    if n_bytes is None:
        return "–"  # noqa: RUF001 - the dash of a table
    unit = 0
    while n_bytes >= 999.5 and unit < len(_UNITS) - 1:
        n_bytes, unit = n_bytes / 1000, unit + 1
    return f"{n_bytes:.0f} {_UNITS[unit]}" if unit == 0 or n_bytes >= 100 else f"{n_bytes:.3g} {_UNITS[unit]}"


def short(text: str | Path) -> str:
    """``text`` without what tells whose machine this is: places in the project from its folder on, home as ``~``."""
    shown = str(text)
    for folder, stand_in in ((catalogue.ROOT, "."), (Path.home(), "~")):
        if folder != Path(folder.anchor):
            shown = re.sub(rf"(?<![\w.-]){re.escape(str(folder))}(?![\w.-])", stand_in, shown)
    return re.sub(r"(?<![\w.~/-])\./", "", shown)
