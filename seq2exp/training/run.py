"""The training loop: Lightning Fabric for devices, strategies and precision, the published recipe around it.

Draws, order and learning rate of an update depend on its number and the random state alone, so a run that was killed
goes on from its last saved state to the same numbers.
"""

from __future__ import annotations

import math
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from tqdm import tqdm

from seq2exp import metrics
from seq2exp.errors import SettingsError, TrainingError
from seq2exp.model.checkpoint import build_network, load_checkpoint, load_strictly, save_checkpoint
from seq2exp.model.network import Seq2Exp
from seq2exp.settings import WindowSettings
from seq2exp.sources.dataset import Dataset, open_dataset
from seq2exp.training.batches import Batch, StepSampler, loader, units
from seq2exp.training.cache import WindowCache, cut_windows
from seq2exp.training.card import write_card
from seq2exp.training.config import TrainConfig
from seq2exp.training.folder import Curves, RunFolder, open_folder, replace_checkpoint, surroundings
from seq2exp.training.objective import Objective, Parts, outside_ratio, parameter_groups
from seq2exp.window.assemble import window_settings

if TYPE_CHECKING:
    from lightning.fabric import Fabric

_SANITY_BATCHES = 2
_EVALUATION_BATCH = 8


@dataclass
class _Progress:
    """Where a run stands; saved with the weights. The one thing the loop changes."""

    step: int = 0
    """Updates done."""
    seconds: float = 0.0
    """Time spent in the loop, over all starts."""
    best_step: int | None = None
    best_mse: float = math.inf


def train(config: TrainConfig, *, root: Path, progress: bool = True) -> RunFolder:
    """Run ``config`` to its end, from the beginning or from where an earlier start of it was stopped.

    Parameters
    ----------
    root
        Run folders are made below it.
    progress
        Show a bar on standard error.

    Returns
    -------
    RunFolder
        With configuration, facts, curves, last state, best checkpoint and model card.

    Raises
    ------
    TrainingError
        Data and model do not fit, a loss is not finite, the disk is full, the folder holds another run.
    """
    fabric = _fabric(config)
    if config.run.threads is not None:
        torch.set_num_threads(config.run.threads)
    dataset = open_dataset(Path(config.data.dataset))
    folder = open_folder(root, config) if fabric.global_rank == 0 else RunFolder(root / config.name)
    cache = _windows(config, dataset, fabric, progress=progress)
    torch.manual_seed(config.run.seed)
    objective = Objective(_network(config), config.objective, cache=cache)
    optimiser = torch.optim.AdamW(
        parameter_groups(objective, config.optimiser.weight_decay),
        lr=config.optimiser.start_rate,
        betas=config.optimiser.betas,
    )
    module, optimiser = fabric.setup(objective, optimiser)
    run = _Run(config, fabric, folder, dataset, cache, objective, module, optimiser)
    run.restore()
    try:
        run.loop(progress=progress)
    except OSError as error:
        raise TrainingError(
            f"{folder.path}: writing failed at update {run.state.step} ({error.strerror or error}); free some space "
            "and start the same command again: it goes on from the last saved state"
        ) from error
    except KeyboardInterrupt:
        run.save()
        raise TrainingError(
            f"{folder.path}: stopped at update {run.state.step}; the same command goes on from there"
        ) from None
    return folder


def _fabric(config: TrainConfig) -> Fabric:
    """Devices, strategy and precision of the run, launched."""
    from lightning.fabric import Fabric  # seconds of import that a refused configuration need not pay

    run = config.run
    if run.accelerator == "cuda" and not torch.cuda.is_available():
        raise SettingsError("run.accelerator is cuda, but no CUDA device is there; set it to auto or cpu")
    accelerator = run.accelerator
    if accelerator == "auto":
        accelerator = "cuda" if torch.cuda.is_available() else "cpu"
    fabric = Fabric(
        accelerator=accelerator,
        devices=run.devices,
        num_nodes=run.nodes,
        strategy=_strategy(config),
        precision=run.precision,
    )
    fabric.launch()
    if accelerator == "cuda":
        torch.set_float32_matmul_precision("high")  # TF32, as published
    return fabric


def _strategy(config: TrainConfig) -> Any:
    """One process needs none; several share gradients. In the stem's own stage most parameters have none."""
    if config.run.devices * config.run.nodes == 1:
        return "auto"
    return "ddp_find_unused_parameters_true" if config.objective.stem_steps else "ddp"


def _windows(config: TrainConfig, dataset: Dataset, fabric: Fabric, *, progress: bool) -> WindowCache:
    """The run's windows; the first process of each machine cuts them, the others wait."""
    settings = _geometry(config, dataset)
    bar: tqdm[Any] | None = None

    def show(done: int, total: int, what: str) -> None:
        nonlocal bar
        if bar is None:
            bar = tqdm(total=total, desc="cutting windows", unit="window", disable=not progress, file=sys.stderr)
        bar.update(done - bar.n)
        bar.set_postfix_str(what, refresh=False)

    with fabric.rank_zero_first(local=True):
        cache = cut_windows(
            dataset,
            settings,
            folder=Path(config.data.cache),
            cell_types=config.data.cell_types,
            signal_type=config.data.signal_type,
            progress=show,
        )
    if bar is not None:
        bar.close()
    return cache


def _geometry(config: TrainConfig, dataset: Dataset) -> WindowSettings:
    settings, facts = window_settings(dataset), dataset.manifest.window
    if (settings.width_bp, facts.centre_bp) != (config.model.window_bp, config.model.centre_bp):
        raise TrainingError(
            f"training configuration {config.name}: the model has windows of {config.model.window_bp:,} bp with "
            f"a centre of {config.model.centre_bp:,} bp, {dataset.name} of {settings.width_bp:,} and "
            f"{facts.centre_bp:,}; set model.window_bp and model.centre_bp to the data set's"
        )
    unknown = sorted(set(config.data.cell_types or ()) - set(dataset.cell_types))
    if unknown:
        raise TrainingError(
            f"training configuration {config.name}: {dataset.name} has no cell line {', '.join(unknown)}; "
            f"it has {', '.join(dataset.cell_types)}"
        )
    return settings


def _network(config: TrainConfig) -> Seq2Exp:
    """The network to train; for a retrain run around the frozen mask model of another checkpoint."""
    if config.mask_from is None:
        return build_network(config.model)
    source = load_checkpoint(Path(config.mask_from))
    if source.network.generator is None:
        raise TrainingError(f"{config.mask_from}: has no generator whose mask could be used")
    if not source.provenance.get("trained"):
        raise TrainingError(f"{config.mask_from}: its weights are untrained; its mask would mean nothing")
    if source.config.window_bp != config.model.window_bp:
        raise TrainingError(
            f"{config.mask_from}: windows of {source.config.window_bp:,} bp, this run has {config.model.window_bp:,}"
        )
    network = build_network(config.model, source.config)
    if network.mask_model is None:
        raise TrainingError(f"{config.mask_from}: no mask model could be built from it")
    wanted = set(network.mask_model.state_dict())
    state = {name: value for name, value in source.network.state_dict().items() if name in wanted}
    load_strictly(network.mask_model, state, what=config.mask_from)
    return network


class _Run:
    """One start of a run: everything the loop needs, and the little that changes."""

    def __init__(
        self,
        config: TrainConfig,
        fabric: Fabric,
        folder: RunFolder,
        dataset: Dataset,
        cache: WindowCache,
        objective: Objective,
        module: Any,
        optimiser: Any,
    ) -> None:
        self.config, self.fabric, self.folder, self.dataset, self.cache = config, fabric, folder, dataset, cache
        self.objective, self.module, self.optimiser = objective, module, optimiser
        self.state = _Progress()
        self.units = units(cache, "train", group_cells=config.data.group_cells)
        self.cells_per_gene = len(self.units[0]) if self.units else 1
        if not self.units:
            raise TrainingError(f"{dataset.name}: no training gene has a label in every cell line")
        if config.optimiser.batch % (self.cells_per_gene * fabric.world_size):
            raise TrainingError(
                f"training configuration {config.name}: batch {config.optimiser.batch} does not divide into "
                f"{self.cells_per_gene} cell lines a gene on {fabric.world_size} processes"
            )
        self.per_batch = config.optimiser.batch // self.cells_per_gene
        self.valid = cache.part("valid")
        if not len(self.valid):
            raise TrainingError(f"{dataset.name}: no labelled gene in the part valid; selection needs one")

    # -- state

    def restore(self) -> None:
        """Go on from the last saved state, if there is one."""
        if self.folder.state.is_file():
            state: dict[str, Any] = {"objective": self.module, "optimiser": self.optimiser}
            try:
                rest = self.fabric.load(self.folder.state, state, weights_only=True)
                self.state = _Progress(**rest["progress"])
            except (RuntimeError, KeyError, TypeError, OSError, EOFError, ValueError) as error:
                raise TrainingError(
                    f"{self.folder.state}: cannot be gone on from ({' '.join(str(error).split())[:200]}); "
                    "remove it to start the run anew"
                ) from error
        if self.fabric.global_rank == 0:
            Curves(self.folder, step=self.state.step)
            self.folder.write_facts(self._facts(finished=False))
        self.fabric.barrier()

    def save(self) -> None:
        """Write the state beside the old one, then put it in its place."""
        partial = self.folder.state.with_name(f".{self.folder.state.name}.partial")
        content = {"objective": self.module, "optimiser": self.optimiser, "progress": vars(self.state)}
        try:
            self.fabric.save(partial, content)
        except RuntimeError as error:  # torch's writer hides the system's own error
            raise OSError(None, " ".join(str(error).split())[:200]) from error
        if self.fabric.global_rank == 0:
            partial.replace(self.folder.state)
        self.fabric.barrier()

    # -- the loop

    def loop(self, *, progress: bool) -> None:
        """Updates until the last, with validations and saved states between."""
        config, state, fabric = self.config, self.state, self.fabric
        steps = config.steps
        curves = Curves(self.folder, step=state.step) if fabric.global_rank == 0 else None
        tensorboard = _tensorboard(config, self.folder) if fabric.global_rank == 0 else None
        self.evaluate(limit=_SANITY_BATCHES)
        bar = tqdm(
            total=steps, initial=state.step, desc=config.name, unit="update", file=sys.stderr,
            disable=not (progress and fabric.global_rank == 0),
        )  # fmt: skip
        batches = iter(self._batches(state.step, steps))
        offset, started = state.seconds, time.perf_counter()
        waited = window_start = 0.0
        waited_total = 0.0
        while state.step < steps:
            before = time.perf_counter()
            batch = next(batches)
            waited += time.perf_counter() - before
            rate = config.rate_at(state.step)
            parts, norm = self.update(batch, state.step, rate)
            state.step += 1
            state.seconds = offset + time.perf_counter() - started
            last = state.step == steps
            if state.step % config.run.log_every == 0 or last:
                now = time.perf_counter() - started
                row = _row(parts, state, rate, norm, self.objective.kl_weight(state.step - 1))
                row["wait_share"] = waited / max(now - window_start, 1e-9)
                waited_total, waited, window_start = waited_total + waited, 0.0, now
                if curves is not None:
                    curves.train(row)
                _log(tensorboard, "train", row)
                bar.set_postfix(_short(row), refresh=False)
            bar.update()
            whole = state.step > config.objective.stem_steps
            if (whole and state.step % config.run.valid_every == 0) or last:
                self.validate(curves, tensorboard)
                window_start = time.perf_counter() - started
            if state.step % config.run.save_every == 0 or state.step % config.run.valid_every == 0 or last:
                state.seconds = offset + time.perf_counter() - started
                self.save()
                window_start = time.perf_counter() - started
        bar.close()
        if tensorboard is not None:
            tensorboard.close()
        if fabric.global_rank == 0:
            self.folder.write_facts(self._facts(finished=True))
            write_card(self.folder)

    def _batches(self, start: int, stop: int) -> Iterator[Batch]:
        sampler = StepSampler(
            self.units,
            start=start,
            stop=stop,
            per_batch=self.per_batch,
            seed=self.config.run.seed,
            rank=self.fabric.global_rank,
            processes=self.fabric.world_size,
        )
        for batch in loader(self.cache, sampler, workers=self.config.data.workers):
            yield batch.to(self.fabric.device)

    def update(self, batch: Batch, step: int, rate: float) -> tuple[Parts, float]:
        """One update: the parts of the loss and the norm of the gradients before clipping."""
        self.module.train()
        draws = np.random.SeedSequence([self.config.run.seed, step, self.fabric.global_rank])
        torch.manual_seed(int(draws.generate_state(1, np.uint64)[0] >> np.uint64(1)))
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        parts: Parts = self.module(batch, step, self.cells_per_gene)
        self._refuse_nan(parts.total, batch, step, parts)
        self.optimiser.zero_grad()
        self.fabric.backward(parts.total)
        norm = self.fabric.clip_gradients(
            self.module, self.optimiser, max_norm=self.config.optimiser.clip_norm, error_if_nonfinite=False
        )
        assert norm is not None  # clipping by norm returns it
        self._refuse_nan(norm, batch, step, parts, what="the norm of the gradients")
        self.optimiser.step()
        return parts, float(norm)

    def _refuse_nan(self, value: Any, batch: Batch, step: int, parts: Parts, what: str = "the loss") -> None:
        if not torch.isfinite(value):
            found = ", ".join(f"{name} {number:g}" for name, number in _numbers(parts).items())
            raise TrainingError(
                f"training run {self.config.name}: {what} is {float(value):g} at update {step} ({found}) on "
                f"{'; '.join(batch.names)}; look at these windows, or lower optimiser.rate"
            )

    # -- validation

    def validate(self, curves: Curves | None, tensorboard: Any) -> None:
        """Score the part valid; keep the network if it is the best so far."""
        scores = self.evaluate()
        state = self.state
        row = {"step": float(state.step), "seconds": state.seconds, **scores}
        if curves is not None:
            curves.valid(row)
        _log(tensorboard, "valid", row)
        if not math.isfinite(scores["mse"]):
            raise TrainingError(
                f"training run {self.config.name}: validation MSE is {scores['mse']} at update {state.step}"
            )
        if scores["mse"] < state.best_mse:
            state.best_mse, state.best_step = scores["mse"], state.step
            if self.fabric.global_rank == 0:
                self._keep(scores)

    def _keep(self, scores: Mapping[str, float]) -> None:
        partial = self.folder.path / ".checkpoint.partial"
        shutil.rmtree(partial, ignore_errors=True)
        provenance = {
            "trained": True,
            "name": self.config.name,
            "step": self.state.step,
            "steps": self.config.steps,
            "validation": {name: round(value, 6) for name, value in scores.items()},
            **self._facts(finished=False, short=True),
        }
        save_checkpoint(partial, self.objective.network, provenance=provenance)
        replace_checkpoint(self.folder, partial)

    @torch.no_grad()
    def evaluate(self, limit: int | None = None) -> dict[str, float]:
        """Scores of the part valid as in evaluation: mean of the Beta, mask as configured; processes share the work."""
        self.module.eval()
        network, device = self.objective.network, self.fabric.device
        n = len(self.valid)
        found = torch.zeros(4, n, device=device, dtype=torch.float64)  # prediction, target, ratio outside, ratio
        mine = np.arange(self.fabric.global_rank, n, self.fabric.world_size)
        lists = [mine[i : i + _EVALUATION_BATCH] for i in range(0, len(mine), _EVALUATION_BATCH)][:limit]
        batches = loader(self.cache, [self.valid[places].tolist() for places in lists], workers=0)
        for places, batch in zip(lists, batches, strict=True):
            there = batch.to(device)
            with self.fabric.autocast():
                output = network(there.network_input())
            for place, prediction, target, mask in zip(
                places, output.prediction[:, 0], there.target[:, 0], output.mask, strict=True
            ):
                ratio = outside_ratio(mask[None], network.centre)
                found[:, place] = torch.stack([prediction, target, ratio, mask.mean()]).double()
        self.module.train()
        if self.fabric.world_size > 1:
            summed = self.fabric.all_reduce(found, reduce_op="sum")
            assert isinstance(summed, torch.Tensor)  # a tensor in, a tensor out
            found = summed
        if limit is not None:
            return {}
        prediction, target, outside, total = found.cpu().numpy()
        known = np.isfinite(prediction).all()
        return {
            "mse": metrics.mse(prediction, target) if known else math.nan,
            "mae": metrics.mae(prediction, target) if known else math.nan,
            "pearson": metrics.pearson(prediction, target) if known else math.nan,
            "spearman": metrics.spearman(prediction, target) if known else math.nan,
            "mask_ratio": float(outside.mean()),
            "mask_ratio_total": float(total.mean()),
            "n": float(n),
        }

    def _facts(self, *, finished: bool, short: bool = False) -> dict[str, Any]:
        """What run.json says."""
        state, first = self.state, self.folder.facts()
        per_epoch = -(-len(self.units) // self.per_batch)
        facts = {
            "dataset": self.dataset.name,
            "dataset_hash": self.dataset.hash,
            "synthetic": self.dataset.synthetic,
            "cell_types": self.cache.facts["cell_types"],
            "n_train": sum(len(unit) for unit in self.units),
            "n_valid": len(self.valid),
            "seed": self.config.run.seed,
            "epochs": round(state.step / per_epoch, 3),
            "seconds": round(state.seconds, 1),
            **surroundings(str(self.fabric.device)),
        }
        if short:
            return facts
        parameters = list(self.objective.network.parameters())
        return {
            **facts,
            "name": self.config.name,
            "finished": finished,
            "step": state.step,
            "steps": self.config.steps,
            "best_step": state.best_step,
            "best_mse": None if math.isinf(state.best_mse) else state.best_mse,
            "parameters": sum(p.numel() for p in parameters),
            "trainable_parameters": sum(p.numel() for p in parameters if p.requires_grad),
            "starts": int(first.get("starts", 0)) + (0 if finished else 1),
        }


def _numbers(parts: Parts) -> dict[str, float]:
    named = {"loss": parts.total, "expression": parts.expression, "kl": parts.kl, "tracks": parts.tracks}
    return {name: float(value.detach()) for name, value in named.items() if value is not None}


def _row(parts: Parts, state: _Progress, rate: float, norm: float, kl_weight: float) -> dict[str, float | None]:
    """A row of train.csv."""
    blank: dict[str, float | None] = {"expression": None, "kl": None, "tracks": None}
    return (
        blank
        | _numbers(parts)
        | {
            "step": float(state.step),
            "seconds": round(state.seconds, 3),
            "learning_rate": rate,
            "kl_weight": None if parts.kl is None else kl_weight,
            "mask_ratio": None if parts.mask_ratio is None else float(parts.mask_ratio),
            "gradient_norm": norm,
        }
    )


def _short(row: Mapping[str, float | None]) -> dict[str, str]:
    """What the bar shows beside the time left."""
    names = {"loss": "loss", "expression": "expression", "kl": "KL", "tracks": "tracks", "mask_ratio": "kept"}
    shown = {label: f"{value:.3f}" for key, label in names.items() if (value := row[key]) is not None}
    return shown | {"rate": f"{row['learning_rate']:.1e}"}


def _tensorboard(config: TrainConfig, folder: RunFolder) -> Any:
    """A writer of TensorBoard events, if the configuration asks for one."""
    if not config.run.tensorboard:
        return None
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise TrainingError(
            "run.tensorboard is true, but the package tensorboard is not installed; install it or set it to false"
        ) from error
    return SummaryWriter(folder.path / "tensorboard")


def _log(writer: Any, group: str, row: Mapping[str, float | None]) -> None:
    if writer is not None:
        for name, value in row.items():
            if name != "step" and value is not None:
                writer.add_scalar(f"{group}/{name}", value, int(row["step"] or 0))
