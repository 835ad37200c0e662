"""Rates of training: bases a second, the share of time spent waiting for windows, an update against its forward pass.

Run as ``python tests/bench/bench_training.py [CONFIG.yaml] [--updates N] [--quick]``. The configuration's data set must
be there; its windows are cut once and kept. The run itself goes to a temporary folder. ``--quick`` makes the tiny data
set and a tiny network in that folder instead. With CUDA also the peak memory and the share of the memory roofline.
Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import math
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # the script runs in a checkout that is not installed

from seq2exp.model.checkpoint import build_network, load_checkpoint  # noqa: E402
from seq2exp.settings import ModelConfig  # noqa: E402
from seq2exp.sources.dataset import open_dataset  # noqa: E402
from seq2exp.training.batches import loader  # noqa: E402
from seq2exp.training.cache import cut_windows  # noqa: E402
from seq2exp.training.config import DataConfig, OptimiserConfig, RunConfig, TrainConfig, read_config  # noqa: E402
from seq2exp.training.run import train  # noqa: E402
from seq2exp.window.assemble import window_settings  # noqa: E402

_FLOAT_BYTES = 4
_BACKWARD = 2
"""A backward pass reads what the forward read and wrote, and the gradients, and writes gradients: about twice."""


def tiny_config(folder: Path) -> TrainConfig:
    """A tiny data set in ``folder`` and a tiny network on it."""
    from seq2exp.synthetic import synthesize

    data = synthesize(preset="tiny", out=folder / "tiny")
    return TrainConfig(
        name="tiny",
        data=DataConfig(dataset=str(data), cache=str(folder / "windows")),
        model=ModelConfig.preset(
            "soft", window_bp=4096, centre_bp=256, d_model=16, generator_layers=1, predictor_layers=1
        ),
        run=RunConfig(precision="32-true"),
    )


def shortened(config: TrainConfig, updates: int) -> TrainConfig:
    """``config`` for ``updates`` updates of the whole network, a row for each, nothing saved between."""
    optimiser = config.optimiser
    values = {field.name: getattr(optimiser, field.name) for field in dataclasses.fields(optimiser)}
    return dataclasses.replace(
        config,
        optimiser=OptimiserConfig(**{**values, "steps": updates, "warmup_steps": 0}),
        objective=dataclasses.replace(config.objective, stem_steps=0),
        run=dataclasses.replace(config.run, log_every=1, save_every=10**9, valid_every=10**9),
    )


def measure(work: Callable[[], object], device: torch.device, *, repeat: int) -> float:
    """Median seconds of ``work`` after one run that is not counted."""
    times = []
    for _ in range(repeat + 1):
        started = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return statistics.median(times[1:])


def forward_seconds(config: TrainConfig, device: torch.device, *, repeat: int) -> tuple[float, float]:
    """Seconds of a forward pass over one batch: without gradients, and as recorded for training."""
    source = None if config.mask_from is None else load_checkpoint(Path(config.mask_from)).config
    network = build_network(config.model, source).to(device).train()
    dataset = open_dataset(Path(config.data.dataset))
    cache = cut_windows(
        dataset,
        window_settings(dataset),
        folder=Path(config.data.cache),
        cell_types=config.data.cell_types,
        signal_type=config.data.signal_type,
    )
    cells = len(cache.facts["cell_types"]) if config.data.group_cells else 1
    indices = cache.part("train")[: config.optimiser.batch].tolist()
    (batch,) = loader(cache, [indices], workers=0)
    given = batch.to(device).network_input()

    def forward() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=config.run.precision == "bf16-mixed"):
            network(given, cells_per_gene=cells)

    def plain() -> None:
        with torch.no_grad():
            forward()

    return measure(plain, device, repeat=repeat), measure(forward, device, repeat=repeat)


def least_traffic(config: TrainConfig, kept: float) -> float:
    """Bytes that one update moves at the least, each operation reading its inputs and writing its output once.

    Parameters
    ----------
    kept
        Share of the window that the predictor sees: 1, or the kept share of a model that compacts.
    """
    model = config.model
    inner, rank = model.expand * model.d_model, math.ceil(model.d_model / 16)
    # convolution in and out, x_proj in, delta out, scan in (x, delta, z) and out; B, C and dt out and in
    direction = 8 * inner + 2 * (rank + 2 * model.d_state)
    # norm in and out, in_proj in and out, sum of two in and out, out_proj in and out, residual in and out
    layer = 2 * direction + 6 * model.d_model + 6 * inner
    cells = 2 if config.data.group_cells else 1
    generator = model.generator_layers / cells * (1 if model.external_mask else 1 + _BACKWARD)
    predictor = (model.predictor_layers - 0.5) * kept * (1 + _BACKWARD)  # the last layer's scans end at the centre
    positions = config.optimiser.batch * model.window_bp
    return _FLOAT_BYTES * positions * layer * (generator + predictor)


def copy_rate(*, size: int = 2**30) -> float:
    """Bytes a second that the device reads and writes in a large copy."""
    source = torch.zeros(size, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    return 2 * size / measure(lambda: target.copy_(source), source.device, repeat=10)


def rows(config: TrainConfig, folder: Path) -> list[tuple[str, str, str]]:
    """Rows (what, measured, goal)."""
    cuda = torch.cuda.is_available() and config.run.accelerator != "cpu"
    device = torch.device("cuda" if cuda else "cpu")
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    curve, _ = train(config, root=folder, progress=False).curves()
    peak = torch.cuda.max_memory_allocated() if cuda else 0
    update = statistics.median(curve["seconds"].diff()[1:])
    waiting = float(curve["wait_share"][1:].mean())  # the first update also waits for the loader to start
    plain, recorded = forward_seconds(config, device, repeat=3)
    bases = config.optimiser.batch * config.model.window_bp
    found = [
        (f"update of {config.optimiser.batch} windows of {config.model.window_bp:,} bp", f"{update:.3g} s", ""),
        ("bases a second", f"{bases / update:,.0f}", ""),
        ("share of an update spent waiting for windows", f"{100 * waiting:.2f} %", "< 5 %"),
        ("forward without gradients", f"{plain:.3g} s", ""),
        ("forward as recorded for training", f"{recorded:.3g} s", ""),
        ("update over its recorded forward", f"{update / recorded:.2f}", "<= 4"),
        ("update over the forward without gradients", f"{update / plain:.2f}", ""),
    ]
    if not cuda:
        return [*found, ("memory and roofline of a GPU", "not measured: no CUDA device", "")]
    kept = float(curve["mask_ratio"].mean()) if config.model.position_table else 1.0
    rate, traffic = copy_rate(), least_traffic(config, kept)
    return [
        *found,
        ("peak memory", f"{peak / 2**30:.1f} GiB", ""),
        ("device memory, measured by a copy", f"{rate / 1e9:,.0f} GB/s", ""),
        ("least traffic of an update", f"{traffic / 1e9:,.1f} GB", ""),
        ("share of the memory roofline", f"{100 * traffic / rate / update:.0f} %", ""),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("config", type=Path, nargs="?", default=ROOT / "configs" / "demo-soft.yaml")
    parser.add_argument("--updates", type=int, default=20)
    parser.add_argument("--quick", action="store_true", help="tiny data, tiny network, four updates")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        whole = tiny_config(Path(folder)) if options.quick else read_config(options.config)
        config = shortened(whole, 4 if options.quick else max(options.updates, 3))
        table = rows(config, Path(folder) / "runs")
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{platform.machine()} CPU"
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    print(
        f"{today}, {device}, {torch.get_num_threads()} threads, torch {torch.__version__}, {config.run.precision}, "
        f"{config.name}, {config.optimiser.steps} updates. Medians.\n\n| what | measured | goal |\n|---|---|---|"
    )
    for what, measured, goal in table:
        print(f"| {what} | {measured} | {goal} |")


if __name__ == "__main__":
    main()
