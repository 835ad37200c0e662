"""Times of the CPU engine against the machine's own rates and two other implementations; writes docs/benchmarks.md.

Run as ``python tests/bench/bench_engine.py [--quick] [--extra-path DIR] [--date DATE]``; DIR may hold transformers
and mambapy, which are no dependencies of ours. All is measured in one run; each time is the smallest of several
repetitions. CPU time (all threads together, halved on two cores and so on) stands beside wall time: where others use
the machine as well it is the steadier of the two, and ratios are given in both.
"""

from __future__ import annotations

import argparse
import datetime
import functools
import importlib
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from page import put

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # the script runs in a checkout that is not installed

from seq2exp.model.backbone import Backbone  # noqa: E402
from seq2exp.model.network import NetworkInput, Seq2Exp  # noqa: E402
from seq2exp.model.scan.threads import run_tasks  # noqa: E402
from seq2exp.model.scan.vector import LANES, compiled, constant, exp2_products, load_at, pointer, primitive, store_at  # noqa: E402
from seq2exp.settings import ModelConfig  # noqa: E402

D, E, N, R = 128, 256, 16, 8
"""Published sizes: model width, inner width, states, rank of delta."""


_BURST = 64_000
"""Length of the rate measurements: some tenths of a second each, as long as a layer, so that they meet the same
clock speed and the same neighbours; the rate of a few quiet milliseconds is none that a whole model could reach."""


@dataclass(frozen=True)
class Timing:
    """Smallest times of several runs, in seconds."""

    wall: float
    cpu: float
    """CPU time of all threads, divided by their number."""


def measure(work: Callable[[], object], *, repeat: int) -> Timing:
    """Smallest wall and CPU time of ``work`` after one run that is not counted."""
    work()
    walls, cpus = [], []
    for _ in range(repeat):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - wall)
        cpus.append((time.process_time() - cpu) / torch.get_num_threads())
    return Timing(min(walls), min(cpus))


# -- the machine ------------------------------------------------------------------------------------------------------


@primitive
def _exp2_in_place(_typing: Any, array: Any, offset: Any) -> Any:
    """Four vectors of ``array`` at ``offset`` become 2^-|them| as the scan computes it."""
    from numba.core import types

    def emit(context: Any, b: Any, signature: Any, args: Any) -> Any:
        address = pointer(context, b, signature.args[0], *args)
        pairs = [(load_at(b, address, v * LANES), constant(-1.0)) for v in range(4)]
        for v, value in enumerate(exp2_products(b, pairs)):
            store_at(b, value, address, v * LANES)
        return context.get_dummy_value()

    return types.void(array, types.intp), emit


@compiled
def _exp2_rounds(values: Any, rounds: int) -> None:
    for _ in range(rounds):
        for at in range(0, len(values), 4 * LANES):
            _exp2_in_place(values, at)


def exp_rates(*, repeat: int) -> dict[str, Timing]:
    """Seconds per exp, of our kernel and of torch, on values that stay in the first-level cache."""
    threads, rounds, size = torch.get_num_threads(), _BURST, 4096
    arrays = [np.ones(size, np.float32) for _ in range(threads)]
    ours = measure(
        lambda: run_tasks([functools.partial(_exp2_rounds, array, rounds) for array in arrays]), repeat=repeat
    )
    values = torch.rand(1 << 16)
    out = torch.empty_like(values)

    def with_torch() -> None:
        for _ in range(_BURST // 8):
            torch.exp(values, out=out)

    theirs = measure(with_torch, repeat=repeat)
    n_ours, n_theirs = threads * rounds * size, _BURST // 8 * values.numel()
    return {
        "own polynomial": Timing(ours.wall / n_ours, ours.cpu / n_ours),
        "torch.exp": Timing(theirs.wall / n_theirs, theirs.cpu / n_theirs),
    }


def product_rate(*, repeat: int) -> Timing:
    """Seconds per floating-point operation of a large matrix product in torch."""
    size = 1536
    a, b, out = torch.randn(size, size), torch.randn(size, size), torch.empty(size, size)

    def multiply() -> None:
        for _ in range(_BURST // 8000):
            torch.mm(a, b, out=out)

    timing, flops = measure(multiply, repeat=repeat), _BURST // 8000 * 2 * size**3
    return Timing(timing.wall / flops, timing.cpu / flops)


def layer_work(length: int, *, centre: int | None = None) -> tuple[float, float]:
    """(floating-point operations of all products, exps) of one bidirectional layer; with ``centre`` a last layer's."""
    scanned = length if centre is None else (length + centre) / 2  # positions per direction
    rows = length if centre is None else centre
    flops = 2 * D * E * (length + rows) + 2 * scanned * (2 * E * (R + 2 * N) + 2 * R * E) + 2 * E * D * rows
    exps = 2 * scanned * E * (N + 2) + rows * E  # scan, softplus and convolution per direction; gate once
    return flops, exps


# -- what is measured -------------------------------------------------------------------------------------------------


def window(length: int) -> NetworkInput:
    """A random window; the tracks are non-negative."""
    make = torch.Generator().manual_seed(0)
    bases = torch.randint(0, 4, (1, length), generator=make)
    return NetworkInput(
        sequence=torch.nn.functional.one_hot(bases, 4).float(),
        signals=torch.rand(1, length, 3, generator=make),
        rna_features=torch.randn(1, 9, generator=make),
    )


def kept_share(length: int, share: float, centre: slice) -> torch.Tensor:
    """(1, L) mask with the centre and random elements of 500 bp, ``share`` of all positions."""
    mask = torch.zeros(1, length)
    mask[:, centre] = 1
    make = torch.Generator().manual_seed(1)
    while mask.sum() < share * length:
        at = int(torch.randint(0, length - 500, (1,), generator=make))
        mask[:, at : at + 500] = 1
    return mask


def run_soft_once(length: int) -> None:
    """Generator and predictor of the published soft model, for the memory measurement in a process of its own."""
    model, batch = Seq2Exp(ModelConfig.preset("soft", window_bp=length)).eval(), window(length)
    with torch.inference_mode():
        model.sequence_beta(batch.sequence, batch.signals)
        model.predict(batch.sequence, batch.signals, torch.rand(1, length), batch.rna_features)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def peak_memory_mb(length: int) -> float:
    """Peak resident memory of a fresh process that runs the soft model once."""
    command = [sys.executable, __file__, "--memory-of", str(length)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def others(length: int, extra: Path | None, *, repeat: int) -> dict[str, Timing | str]:
    """One layer of one direction in transformers and in mambapy."""
    if extra is not None:
        sys.path.append(str(extra))
    x = torch.randn(1, length, D)
    found: dict[str, Timing | str] = {}
    for name in ("transformers", "mambapy"):
        try:
            module = importlib.import_module("mambapy.mamba" if name == "mambapy" else name)
        except ModuleNotFoundError as error:
            found[name] = f"not installed ({error.name})"
            continue
        with torch.inference_mode():
            if name == "transformers":
                config = module.MambaConfig(
                    vocab_size=12, hidden_size=D, state_size=N, num_hidden_layers=1, residual_in_fp32=False
                )
                model = module.MambaModel(config).eval()
                found[name] = measure(functools.partial(model, inputs_embeds=x), repeat=repeat)
            else:
                model = module.Mamba(module.MambaConfig(d_model=D, n_layers=1)).eval()
                found[name] = measure(functools.partial(model, x), repeat=repeat)
    return found


def training(length: int, *, repeat: int) -> tuple[Timing, Timing, Timing]:
    """(forward without gradients, forward as recorded for training, forward and backward) of d 64, 2 + 2 layers."""
    config = ModelConfig.preset("soft", window_bp=length, d_model=64, generator_layers=2, predictor_layers=2)
    model, batch = Seq2Exp(config), window(length)

    def forward() -> torch.Tensor:
        out = model(batch, draw="mean")
        total: torch.Tensor = out.prediction.sum() + out.kl.mean()
        return total

    def plain() -> torch.Tensor:
        with torch.inference_mode():
            return forward()

    return (
        measure(plain, repeat=repeat),
        measure(forward, repeat=repeat),
        measure(lambda: forward().backward(), repeat=repeat),
    )


# -- the table --------------------------------------------------------------------------------------------------------


def cpu_model() -> str:
    """Name of the processor."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def seconds(timing: Timing) -> str:
    """Wall and CPU time."""
    return f"{timing.wall:.3g} s (CPU {timing.cpu:.3g} s)"


def ratio(top: Timing, bottom: Timing) -> str:
    """Ratio in wall and in CPU time."""
    return f"{top.wall / bottom.wall:.2f} (CPU {top.cpu / bottom.cpu:.2f})"


def roofline(flops: float, exps: float, product: Timing, exp: Timing) -> Timing:
    """Time of the products and the exps alone, at the machine's measured rates."""
    return Timing(flops * product.wall + exps * exp.wall, flops * product.cpu + exps * exp.cpu)


def table(*, quick: bool, extra: Path | None) -> list[tuple[str, str, str]]:
    """Rows (what, measured, goal)."""
    length, short, train_length = (20_000, 4_000, 4_096) if quick else (200_000, 20_000, 32_768)
    repeat = 2 if quick else 5
    rates = [product_rate(repeat=repeat)]
    exps = exp_rates(repeat=repeat)

    soft, batch = Seq2Exp(ModelConfig.preset("soft", window_bp=length)).eval(), window(length)
    mask = torch.rand(1, length, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        generator = measure(lambda: soft.sequence_beta(batch.sequence, batch.signals), repeat=repeat)
        predictor = measure(
            lambda: soft.predict(batch.sequence, batch.signals, mask, batch.rna_features), repeat=repeat
        )
        hard = Seq2Exp(ModelConfig.preset("hard", window_bp=length)).eval()
        kept = kept_share(length, 0.07, hard.centre)
        hard_predictor = measure(
            lambda: hard.predict(batch.sequence, batch.signals, kept, batch.rna_features), repeat=2 * repeat
        )
        one = Backbone(d_model=D, n_layer=1).eval()
        x = torch.randn(1, short, D)
        both = measure(lambda: one(x), repeat=4 * repeat)
    ours = Timing(both.wall / 2, both.cpu / 2)
    rates.append(product_rate(repeat=repeat))
    for name, timing in exp_rates(repeat=repeat).items():
        exps[name] = Timing(min(exps[name].wall, timing.wall), min(exps[name].cpu, timing.cpu))
    product = Timing(min(r.wall for r in rates), min(r.cpu for r in rates))

    full, last = layer_work(length), layer_work(length, centre=2000)
    flops, n_exps = 7 * full[0] + last[0], 7 * full[1] + last[1]  # four generator layers, three and the short last one
    total = Timing(generator.wall + predictor.wall, generator.cpu + predictor.cpu)
    floors = {name: roofline(flops, n_exps, product, timing) for name, timing in exps.items()}
    plain, recorded, step = training(train_length, repeat=repeat)
    per_base = 1e3 / short
    rows = [
        ("matrix products, torch float32", f"{1e-9 / product.wall:.0f} Gflop/s", ""),
        *((f"exp, {name}", f"{1e-9 / t.wall:.2f} G/s", "") for name, t in exps.items()),
        (f"soft model, generator, {length:,} bp", seconds(generator), ""),
        (f"soft model, predictor, {length:,} bp", seconds(predictor), ""),
        *((f"roofline of both, exps at the rate of {name}", seconds(floor), "") for name, floor in floors.items()),
        *((f"soft model over that of {name}", ratio(total, floor), "<= 1.8") for name, floor in floors.items()),
        ("peak memory of a process that runs both", f"{peak_memory_mb(length):,.0f} MB", "<= 2,500 MB"),
        (f"hard model, predictor, {100 * float(kept.mean()):.1f} % kept", seconds(hard_predictor), ""),
        ("hard predictor over soft predictor", ratio(hard_predictor, predictor), "<= 0.10"),
        (f"one layer and direction, {short:,} bp", f"{seconds(ours)}, {1e3 * ours.wall * per_base:.2f} us per bp", ""),
    ]
    for name, found in others(short, extra, repeat=2).items():
        if isinstance(found, str):
            rows.append((f"the same in {name}", found, ""))
        else:
            rows.append((f"the same in {name}", f"{seconds(found)}, {1e3 * found.wall * per_base:.2f} us per bp", ""))
            rows.append((f"{name} over ours", ratio(found, ours), ">= 20" if name == "transformers" else ""))
    return [
        *rows,
        (f"d 64, 2 + 2 layers, {train_length:,} bp: forward, inference", seconds(plain), ""),
        ("forward, recorded for training", seconds(recorded), ""),
        ("training step (forward + backward)", seconds(step), ""),
        ("training step over its forward", ratio(step, recorded), "<= 4"),
        ("training step over the inference forward", ratio(step, plain), ""),
    ]


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the lengths; prints only, writes no page")
    parser.add_argument("--extra-path", type=Path, help="folder that holds transformers and mambapy")
    parser.add_argument("--date", default=datetime.datetime.now(tz=datetime.UTC).date().isoformat())
    parser.add_argument("--memory-of", type=int, metavar="BP", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory_of:
        run_soft_once(options.memory_of)
        return
    rows = table(quick=options.quick, extra=options.extra_path)
    machine = (
        f"{options.date}, {cpu_model()}, {torch.get_num_threads()} threads, {LANES} float32 lanes, "
        f"torch {torch.__version__}, float32. Smallest of several runs; CPU: time of all threads / their number."
    )
    lines = ["## CPU engine", "", machine, "", "| what | measured | goal |", "|---|---|---|"]
    lines += [f"| {what} | {measured} | {goal} |" for what, measured, goal in rows]
    print("\n".join(lines))
    if not options.quick:
        put("engine", lines)


if __name__ == "__main__":
    main()
