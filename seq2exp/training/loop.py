"""The loop of a run: updates, validations, saved states.

Draws, order and learning rate of an update depend on its number and the random state alone, so a run that was killed
goes on from its last saved state to the same numbers.

Over 400 lines, because every part works on the state of the one loop; what needs none of it lives beside (batches,
passed, validation, rows, folder).
"""

from __future__ import annotations

import dataclasses
import io
import math
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor
from tqdm import tqdm

from seq2exp.baselines.checkpoint import save_system
from seq2exp.errors import Seq2ExpError, TrainingError
from seq2exp.files import write_whole
from seq2exp.genome import Interval
from seq2exp.model.network import Seq2Exp
from seq2exp.processing import trained_on
from seq2exp.sources.dataset import Dataset
from seq2exp.training.batches import Batch, StepSampler, loader, units
from seq2exp.training.cache import WindowCache
from seq2exp.training.card import LOWEST_MSE, write_card
from seq2exp.training.config import TrainConfig
from seq2exp.training.elements import Candidates
from seq2exp.training.folder import Curves, RunFolder, replace_checkpoint, surroundings
from seq2exp.training.objective import BaselineObjective, Objective
from seq2exp.training.passed import PassedWindows, pass_windows, path_batches
from seq2exp.training.processes import StopRequest, agree, summed, together
from seq2exp.training.rows import Meter, log, reported, short, tensorboard_writer
from seq2exp.training.validation import Table, evaluate, scores

if TYPE_CHECKING:
    from lightning.fabric import Fabric

_SANITY_BATCHES = 2


@dataclass
class _Progress:
    """Where a run stands; saved with the weights."""

    step: int = 0
    """Updates done."""
    seconds: float = 0.0
    """Time spent in the loop, over all starts."""
    best_step: int | None = None
    best_mse: float = math.inf


class Loop:
    """One start of a run: everything the loop needs, and the little that changes."""

    def __init__(
        self,
        config: TrainConfig,
        fabric: Fabric,
        folder: RunFolder,
        dataset: Dataset,
        cache: WindowCache,
        candidates: Candidates | None,
        objective: Objective | BaselineObjective,
        module: Any,
        optimiser: Any,
    ) -> None:
        self.config, self.fabric, self.folder, self.dataset, self.cache = config, fabric, folder, dataset, cache
        self.candidates, self.objective, self.module, self.optimiser = candidates, objective, module, optimiser
        self.state, self.meter = _Progress(), Meter()
        self.tracks: dict[str, Any] = {}
        self.first = fabric.global_rank == 0
        # Counted now, because a generator that stops no longer counts as trainable.
        self.trainable = sum(p.numel() for p in objective.network.parameters() if p.requires_grad)
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
        with self._writing():
            if self.folder.state.is_file():
                try:
                    saved = torch.load(self.folder.state, map_location="cpu", weights_only=True)
                    self.objective.load_state_dict(saved["objective"])
                    self.optimiser.load_state_dict(saved["optimiser"])
                    self.state = _Progress(**saved["progress"])
                    self.meter = Meter(**saved.get("meter", {}))
                    if "loss_scale" in saved:
                        self.fabric.strategy.precision.load_state_dict(saved["loss_scale"])
                except Exception as error:  # torch raises whatever the bytes make it stumble over
                    raise TrainingError(
                        f"{self.folder.state}: cannot be gone on from ({' '.join(str(error).split())[:200]}); "
                        "remove it to start the run anew"
                    ) from error
            if self.first:
                self.tracks = self.folder.facts().get(trained_on.FACT) or self._measured_tracks()
                self.folder.write_facts(self._facts(finished=False))

    def _measured_tracks(self) -> dict[str, Any]:
        """What the tracks hold over the windows trained on, so that tracks on another scale can be told later."""
        width = int(self.cache.facts["window_bp"])
        places: dict[str, list[Interval]] = {}
        for window in self.cache.windows:
            if window.part == "train":
                place = self.dataset.genes.get(window.gene_id).window(width)
                places.setdefault(window.cell_type, []).append(place)
        return trained_on.measure(self.dataset, places)

    def save(self) -> None:
        """Put the state in the place of the old one."""
        with self._writing():
            if not self.first:
                return
            content = {
                "objective": self.objective.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "progress": vars(self.state),
                "meter": vars(self.meter),
            }
            if scale := self.fabric.strategy.precision.state_dict():  # of 16-mixed alone
                content["loss_scale"] = scale
            buffer = io.BytesIO()  # torch's own writer hides the system's error
            torch.save(content, buffer)
            write_whole(self.folder.state, buffer.getbuffer())

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """A disk that fills inside, in the first process, stops all."""
        with together(self.fabric):
            try:
                yield
            except (OSError, SafetensorError) as error:
                raise TrainingError(
                    f"{self.folder.path}: writing failed at update {self.state.step} "
                    f"({getattr(error, 'strerror', None) or error}); free some space and start the same command "
                    "again: it goes on from the last saved state"
                ) from error

    # -- the loop

    def run(self, stop: StopRequest, *, progress: bool) -> None:
        """Updates until the last, with validations and saved states between."""
        config, state, steps = self.config, self.state, self.config.steps
        curves = tensorboard = None
        with self._writing():
            if self.first:
                curves = Curves(self.folder, step=state.step)
                tensorboard = tensorboard_writer(config, self.folder, step=state.step)
        self._evaluate(limit=_SANITY_BATCHES)
        bar = tqdm(
            total=steps, initial=state.step, desc=config.name, unit="update", file=sys.stderr,
            disable=not (progress and self.first),
        )  # fmt: skip
        batches = self._batches(state.step, steps, progress=progress)
        offset, started = state.seconds, time.perf_counter()
        with ExitStack() as closing:
            closing.callback(bar.close)
            if tensorboard is not None:
                closing.callback(tensorboard.close)
            while state.step < steps:
                before = time.perf_counter()
                batch, failure = _next(batches)
                waited = time.perf_counter() - before
                if agree(self.fabric, failure, stop=stop.asked):
                    self.save()
                    raise TrainingError(
                        f"{self.folder.path}: stopped at update {state.step}; the same command goes on from there"
                    )
                assert batch is not None  # agree raises the failure
                rate = config.rate_at(state.step)
                values = self.update(batch, state.step, rate)
                state.step += 1
                now = time.perf_counter()
                state.seconds = offset + now - started
                self.meter.add(values, seconds=now - before, waited=waited)
                last = state.step == steps
                if state.step % config.run.log_every == 0 or last:
                    row = self._row(rate)
                    with self._writing():
                        if curves is not None:
                            curves.train(row)
                        log(tensorboard, "train", row)
                    bar.set_postfix(short(row), refresh=False)
                bar.update()
                whole = config.objective.stem_steps < state.step <= config.path_stage.start
                if (whole and state.step % config.run.valid_every == 0) or last:
                    self.validate(curves, tensorboard)
                if state.step % config.run.save_every == 0 or state.step % config.run.valid_every == 0 or last:
                    state.seconds = offset + time.perf_counter() - started
                    self.save()
        with self._writing():
            if self.first:
                self.folder.write_facts(self._facts(finished=True))
                write_card(self.folder)

    def _batches(self, start: int, stop: int, *, progress: bool) -> Iterator[Batch | PassedWindows]:
        """The batch of every update from ``start`` to ``stop``, as its stage reads it."""
        path = self.config.path_stage
        yield from self._whole_windows(start, min(stop, path.start))
        if max(start, path.start) < stop:
            yield from self._passed_windows(range(max(start, path.start), stop), progress=progress)

    def _whole_windows(self, start: int, stop: int) -> Iterator[Batch]:
        if start >= stop:
            return
        sampler = StepSampler(
            self.units,
            start=start,
            stop=stop,
            per_batch=self.per_batch,
            seed=self.config.run.seed,
            rank=self.fabric.global_rank,
            processes=self.fabric.world_size,
        )
        for batch in loader(self.cache, sampler, workers=self.config.data.workers, candidates=self.candidates):
            yield batch.to(self.fabric.device)

    def _passed_windows(self, updates: range, *, progress: bool) -> Iterator[PassedWindows]:
        network = self.objective.network
        assert isinstance(network, Seq2Exp)  # the configuration refuses a signal path in any other
        windows = pass_windows(
            network,
            self.cache,
            self.units,
            device=self.fabric.device,
            autocast=self.fabric.autocast(),
            progress=progress and self.first,
        )
        return path_batches(
            windows,
            updates,
            per_batch=self.config.objective.path_batch,
            seed=self.config.run.seed,
            rank=self.fabric.global_rank,
            processes=self.fabric.world_size,
            device=self.fabric.device,
        )

    def _row(self, rate: float) -> dict[str, float | None]:
        """The next row of train.csv; the meter starts anew."""
        means, self.meter = self.meter.means(), Meter()
        weight = self.objective.kl_weight(self.state.step - 1)
        return {
            **means,
            "step": float(self.state.step),
            "seconds": round(self.state.seconds, 3),
            "learning_rate": rate,
            "kl_weight": None if means["kl"] is None else weight,
        }

    def update(self, batch: Batch | PassedWindows, step: int, rate: float) -> dict[str, float]:
        """One update: the parts of the loss and the norm of the gradients before clipping, means over processes."""
        self.module.train()
        draws = np.random.SeedSequence([self.config.run.seed, step, self.fabric.global_rank])
        torch.manual_seed(int(draws.generate_state(1, np.uint64)[0] >> np.uint64(1)))
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        parts = self.module(batch, step, self.cells_per_gene)
        found = reported(parts)
        total = summed(self.fabric, torch.stack([value.double() for value in found.values()]))
        values = dict(zip(found, (total / self.fabric.world_size).tolist(), strict=True))
        self._refuse_nan("the loss", values["loss"], batch, step, values, own=float(found["loss"]))
        self.optimiser.zero_grad()
        self.fabric.backward(parts.total)
        norm = self.fabric.clip_gradients(
            self.module, self.optimiser, max_norm=self.config.optimiser.clip_norm, error_if_nonfinite=False
        )
        assert isinstance(norm, Tensor)  # clipping by norm returns it
        if math.isfinite(float(norm)) or self.config.run.precision != "16-mixed":
            values["gradient_norm"] = float(norm)
            self._refuse_nan("the norm of the gradients", float(norm), batch, step, values, own=float(norm))
        self.optimiser.step()  # in 16-mixed the loss scaler leaves out an update whose gradients overflow
        return values

    def _refuse_nan(
        self,
        what: str,
        value: float,
        batch: Batch | PassedWindows,
        step: int,
        values: Mapping[str, float],
        *,
        own: float,
    ) -> None:
        """Stop all processes if ``value``, one for all, is not finite; where ``own`` is not, the windows are named."""
        if math.isfinite(value):
            return
        rate = "objective.path_rate" if isinstance(batch, PassedWindows) else "optimiser.rate"
        found = ", ".join(f"{name} {number:g}" for name, number in values.items())
        failure = TrainingError(
            f"training run {self.config.name}: {what} is {value:g} at update {step + 1} ({found}) on "
            f"{'; '.join(batch.names)}; look at these windows, or lower {rate}"
        )
        agree(self.fabric, None if math.isfinite(own) else failure)

    # -- validation

    def _evaluate(self, *, limit: int | None = None) -> Table:
        """The part valid, or the first ``limit`` batches of it."""
        return evaluate(self.fabric, self.objective, self.cache, self.valid, candidates=self.candidates, limit=limit)

    def validate(self, curves: Curves | None, tensorboard: Any) -> None:
        """Score the part valid; keep the network if it is the best so far, or whole now: its signal path answers."""
        state = self.state
        table = self._evaluate()
        wrong = np.flatnonzero(~np.isfinite(table[:2]).all(axis=0))
        if len(wrong):
            windows = [self.cache.windows[self.valid[place]] for place in wrong[:3]]
            raise TrainingError(
                f"training run {self.config.name}: {len(wrong)} of {len(self.valid)} validation windows have a "
                f"prediction that is not finite after update {state.step}, the first "
                f"{'; '.join(f'{window.gene_id} in {window.cell_type}' for window in windows)}; look at these "
                "windows, or lower optimiser.rate"
            )
        found = scores(table)
        row = {"step": float(state.step), "seconds": state.seconds, **found}
        better = found["mse"] < state.best_mse or self._path_answers(state.step)
        if better:
            state.best_mse, state.best_step = found["mse"], state.step
        with self._writing():
            if curves is not None:
                curves.valid(row)
            log(tensorboard, "valid", row)
            if better and self.first:
                self._keep(found)

    def _path_answers(self, step: int | None) -> bool:
        """Whether the network after update ``step`` is whole: its signal path has learned."""
        return step is not None and step > self.config.path_stage.start

    def _epochs(self) -> float:
        """How often the updates so far have gone through what they learn from."""
        step, first = self.state.step, self.config.path_stage.start
        windows = sum(len(unit) for unit in self.units)
        alone = max(step - first, 0) / -(-windows // self.config.objective.path_batch)
        return min(step, first) / -(-len(self.units) // self.per_batch) + alone

    def _keep(self, found: Mapping[str, float]) -> None:
        partial = self.folder.path / ".checkpoint.partial"
        shutil.rmtree(partial, ignore_errors=True)
        provenance = {
            "trained": True,
            "name": self.config.name,
            "step": self.state.step,
            "steps": self.config.steps,
            "validation": {name: None if math.isnan(value) else round(value, 6) for name, value in found.items()},
            **self._facts(finished=False, short=True),
        }
        config = self.config
        if config.called_peaks is not None:
            provenance["peaks"] = dataclasses.asdict(config.called_peaks)
        save_system(partial, config.row, self.objective.network, config.model, provenance=provenance)
        replace_checkpoint(self.folder, partial)

    def _facts(self, *, finished: bool, short: bool = False) -> dict[str, Any]:
        """What run.json says."""
        state, first = self.state, self.folder.facts()
        facts = {
            "dataset": self.dataset.name,
            "dataset_hash": self.dataset.hash,
            "synthetic": self.dataset.synthetic,
            "cell_types": self.cache.facts["cell_types"],
            "system": self.config.row.name,
            "n_train": sum(len(unit) for unit in self.units),
            "n_valid": len(self.valid),
            "seed": self.config.run.seed,
            "epochs": round(self._epochs(), 3),
            "seconds": round(state.seconds, 1),
            trained_on.FACT: self.tracks,
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
            "kept_for": "with its signal path" if self._path_answers(state.best_step) else LOWEST_MSE,
            "parameters": sum(p.numel() for p in parameters),
            "trainable_parameters": self.trainable,
            "starts": int(first.get("starts", 0)) + (0 if finished else 1),
        }


def _next(batches: Iterator[Batch | PassedWindows]) -> tuple[Batch | PassedWindows | None, Seq2ExpError | None]:
    """The next batch, or why there is none."""
    try:
        return next(batches), None
    except Seq2ExpError as error:
        return None, error
