"""Does this installation work here? Small real checks of engines, data set, window and MACS3, each timed."""

from __future__ import annotations

import importlib.metadata
import math
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from seq2exp.errors import PeakCallError, Seq2ExpError, SettingsError
from seq2exp.genome import Interval
from seq2exp.model.checkpoint import build_network
from seq2exp.model.network import NetworkInput, Seq2Exp
from seq2exp.model.scan import EngineName
from seq2exp.settings import SIGNALS, ModelConfig
from seq2exp.sources.dataset import Dataset, open_dataset
from seq2exp.sources.macs3 import peaks_in, run_macs3
from seq2exp.window.assemble import build_window, window_settings

TOLERANCE = 2e-5
"""Largest difference between two engines that is rounding: both compute in float32, in another order."""

CheckName = Literal["engines", "data set", "window", "MACS3"]
CHECKS: tuple[CheckName, ...] = ("engines", "data set", "window", "MACS3")
"""In the order `self_test` runs them."""

_SEED = 7
_LOUDER = 8
"""Factor on the fresh mask head's weights, so that its mask has structure to compare."""
_WINDOW_BP, _CENTRE_BP = 1_024, 128
_PEAK = Interval("chr1", 400, 900)
"""Where the signal handed to MACS3 stands out."""


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found."""

    name: CheckName
    passed: bool
    seconds: float
    words: str
    """What was found, or why it failed; one line."""


def self_test(manifest: Path | None, *, cell_type: str | None = None) -> Iterator[Check]:
    """Every check in turn, each given as soon as it has ended; a failed one does not stop the others.

    Parameters
    ----------
    manifest
        The data set to open; None: said to be missing, and its checks fail.
    cell_type
        Whose window is read; None: the data set's first.
    """
    yield timed("engines", compare_engines)
    opened: list[Dataset] = []

    def opens() -> str:
        if manifest is None:
            raise SettingsError("no data set is chosen; make one with make data, or choose one")
        opened.append(open_dataset(manifest))
        found = opened[0]
        return f"{found.name} {found.hash}: {len(found.genes):,} genes, {', '.join(found.cell_types) or 'no cell type'}"

    def reads() -> str:
        if not opened:
            raise SettingsError("not tried, as no data set is open")
        return read_first_window(opened[0], cell_type)

    yield timed("data set", opens)
    yield timed("window", reads)
    yield timed("MACS3", call_one_peak)


def timed(name: CheckName, check: Callable[[], str]) -> Check:
    """``check`` run and timed; whatever it raises is its cause of failure."""
    started = time.perf_counter()
    try:
        words, passed = check(), True
    except Seq2ExpError as error:
        words, passed = str(error), False
    except Exception as error:  # noqa: BLE001 - a broken installation fails in ways nobody foresaw, and must be told
        words, passed = f"{type(error).__name__}: {error}", False
    return Check(name, passed, time.perf_counter() - started, " ".join(words.split()))


def compare_engines() -> str:
    """A tiny seeded network by the plain definition and by the fast kernels; how far apart they are.

    Raises
    ------
    SettingsError
        Further than `TOLERANCE`, or a number that is none.
    """
    network, batch = _tiny_network()
    defined = _outputs(network, batch, "reference")
    largest = largest_difference(defined, _outputs(network, batch, "cpu"))
    words = f"fast CPU kernels against the plain definition: largest difference {largest:.1e}"
    if torch.cuda.is_available():
        on_device = (NetworkInput(*(t.cuda() for t in (batch.sequence, batch.signals, batch.rna_features))),)
        found = largest_difference(defined, _outputs(network.cuda(), *on_device, "auto"))
        words += f"; on {torch.cuda.get_device_name()}: {found:.1e}"
        largest = max(largest, found) if math.isfinite(found) else found
    if not largest <= TOLERANCE:
        raise SettingsError(f"{words}, allowed {TOLERANCE:.0e}; empty the cache of compiled kernels and try again")
    return f"{words} (allowed {TOLERANCE:.0e})"


def _tiny_network() -> tuple[Seq2Exp, NetworkInput]:
    """The published soft network in small with seeded weights, and one seeded window; the global seed is left alone."""
    config = ModelConfig.preset(
        "soft",
        window_bp=_WINDOW_BP,
        centre_bp=_CENTRE_BP,
        d_model=16,
        generator_layers=2,
        predictor_layers=2,
        init_residual_layers=1,  # the scans speak at full strength, else an error in them would hardly be seen
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        network = build_network(config).eval()
        assert network.generator is not None  # the soft recipe has one
        with torch.no_grad():
            network.generator.mask_head.weight.mul_(_LOUDER)
        bases = torch.randint(4, (1, _WINDOW_BP))
        sequence = torch.nn.functional.one_hot(bases, 4).float()
        signals = torch.rand(1, _WINDOW_BP, len(SIGNALS)) * 5
        features = torch.randn(1, config.rna_features)
    return network, NetworkInput(sequence, signals, features)


def _outputs(network: Seq2Exp, batch: NetworkInput, engine: EngineName) -> tuple[Tensor, Tensor]:
    """Mask (1, L) and prediction (1, 1) of one engine, on the CPU."""
    with torch.inference_mode():
        out = network(batch, engine=engine)
    return out.mask.cpu(), out.prediction.cpu()


def largest_difference(one: tuple[Tensor, ...], other: tuple[Tensor, ...]) -> float:
    """The largest absolute difference of two sets of tensors; NaN where either holds a number that is none."""
    differences = torch.cat([(a - b).abs().flatten() for a, b in zip(one, other, strict=True)])
    return float("nan") if differences.isnan().any() else float(differences.max())


def read_first_window(opened: Dataset, cell_type: str | None = None) -> str:
    """The model input of the data set's first gene; what it is and what it lacks.

    Raises
    ------
    WindowError, SourceError, ManifestError
        A file cannot be read, or the cell type is unknown.
    """
    gene = next(iter(opened.genes), None)
    if gene is None or not opened.cell_types:
        raise SettingsError(f"{opened.name} has no gene or no cell type to read a window of")
    window = build_window(opened, gene, cell_type or opened.cell_types[0], window_settings(opened))
    absent = ", ".join(f"{missing.name} {missing.share:.1%}" for missing in window.missing)
    return f"{gene.symbol or gene.gene_id} in {window.cell_type}, {window.interval}: {window.interval.width:,} bp, " + (
        f"without data: {absent}" if absent else "every input there"
    )


def call_one_peak() -> str:
    """MACS3's own program on a signal with one peak.

    Raises
    ------
    PeakCallError
        It is not there, failed, or found something else.
    """
    edges = (0, _PEAK.start, _PEAK.end, 5_000)
    levels = (0.1, 8.0, 0.1)
    lines = [
        f"{_PEAK.chrom}\t{start}\t{end}\t{level}"
        for start, end, level in zip(edges[:-1], edges[1:], levels, strict=True)
    ]
    with tempfile.TemporaryDirectory(prefix="seq2exp-selftest-") as name:
        folder = Path(name)
        (folder / "signal.bdg").write_text("\n".join(lines) + "\n", encoding="ascii")
        run_macs3(["bdgpeakcall", "-i", "signal.bdg", "-c", "1", "--no-trackline", "-o", "peaks"], folder)
        regions, _ = peaks_in(folder / "peaks")
    found = [region.interval for region in regions]
    if found != [_PEAK]:
        raise PeakCallError(
            f"MACS3 called {', '.join(map(str, found)) or 'nothing'} where one peak, {_PEAK}, stands out"
        )
    return f"MACS3 {importlib.metadata.version('MACS3')} called the one peak of a made-up signal, {_PEAK}"
