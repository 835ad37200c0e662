"""Start of a run: data set, processes, windows, network and folder are made to fit before the loop begins."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from tqdm import tqdm

from seq2exp.errors import CheckpointError, Seq2ExpError, TrainingError
from seq2exp.model.checkpoint import build_network, load_checkpoint, load_strictly
from seq2exp.settings import ModelConfig, WindowSettings
from seq2exp.sources.dataset import Dataset, open_dataset
from seq2exp.training.cache import Progress, WindowCache, cut_windows
from seq2exp.training.config import TrainConfig
from seq2exp.training.elements import Candidates, find_candidates
from seq2exp.training.folder import RunFolder, locked, open_folder, refuse_full_disk
from seq2exp.training.loop import Loop
from seq2exp.training.objective import objective_of, parameter_groups
from seq2exp.training.processes import StopRequest, agree, launch, together
from seq2exp.window.assemble import window_settings

if TYPE_CHECKING:
    from lightning.fabric import Fabric


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
        Data and model do not fit, a loss is not finite, the disk is full, the folder holds another run or is being
        written, the run was asked to stop.
    SystemExit
        In all processes but the first: it alone returns or says what was wrong.
    """
    if config.run.threads is not None:
        torch.set_num_threads(config.run.threads)
    dataset = open_dataset(Path(config.data.dataset))
    settings = _geometry(config, dataset)
    fabric = launch(config)
    try:
        folder = _train(config, dataset, settings, fabric, root=root, progress=progress)
    except Seq2ExpError:
        if fabric.global_rank:  # another status makes Fabric kill the first process before it has told its own
            raise SystemExit(0) from None
        raise
    except torch.OutOfMemoryError as error:
        if fabric.world_size > 1:  # the others do not know; the starter ends them all
            raise
        raise TrainingError(
            f"training run {config.name}: the device's memory does not hold a batch of {config.optimiser.batch} "
            f"windows of {config.model.window_bp:,} bp; lower optimiser.batch or share it among more run.devices"
        ) from error
    if fabric.global_rank:
        raise SystemExit(0)
    return folder


def _train(
    config: TrainConfig, dataset: Dataset, settings: WindowSettings, fabric: Fabric, *, root: Path, progress: bool
) -> RunFolder:
    folder = RunFolder(root / config.name)
    with ExitStack() as held:
        with together(fabric):
            if fabric.global_rank == 0:
                open_folder(root, config)
                held.enter_context(locked(folder))
        cache, candidates = _windows(config, dataset, settings, fabric, progress=progress)
        torch.manual_seed(config.run.seed)
        with together(fabric):
            network = _network(config)
            if fabric.global_rank == 0:
                refuse_full_disk(folder, _disk_needed(network, folder))
        objective = objective_of(config.row, network, config.objective, cache=cache)
        optimiser = torch.optim.AdamW(
            parameter_groups(objective, config.optimiser.weight_decay),
            lr=config.optimiser.start_rate,
            betas=config.optimiser.betas,
        )
        module, optimiser = fabric.setup(objective, optimiser)
        loop = Loop(config, fabric, folder, dataset, cache, candidates, objective, module, optimiser)
        loop.restore()
        with StopRequest() as stop:
            loop.run(stop, progress=progress)
    return folder


def _windows(
    config: TrainConfig, dataset: Dataset, settings: WindowSettings, fabric: Fabric, *, progress: bool
) -> tuple[WindowCache, Candidates | None]:
    """The run's windows and their candidate elements; the first process of a machine makes them, the others wait."""
    bar: tqdm[Any] | None = None

    def show(done: int, total: int, what: str) -> None:
        nonlocal bar
        if bar is None:
            bar = tqdm(total=total, desc="cutting windows", unit="window", disable=not progress, file=sys.stderr)
        bar.update(done - bar.n)
        bar.set_postfix_str(what, refresh=False)

    cache = candidates = failure = None
    with fabric.rank_zero_first(local=True):  # waits without a time limit
        try:
            cache, candidates = windows_of(config, dataset, settings, progress=show)
        except Seq2ExpError as error:
            failure = error
    if bar is not None:
        bar.close()
    agree(fabric, failure)
    assert cache is not None  # agree raises the failure
    return cache, candidates


def windows_of(
    config: TrainConfig, dataset: Dataset, settings: WindowSettings, *, progress: Progress | None = None
) -> tuple[WindowCache, Candidates | None]:
    """Windows of ``dataset`` as a run reads them, and their candidate elements for systems that read these.

    Raises as `cut_windows` and `find_candidates`.
    """
    cache = cut_windows(
        dataset,
        settings,
        folder=Path(config.data.cache),
        cell_types=config.data.cell_types,
        signal_type=config.data.signal_type,
        progress=progress,
    )
    if config.called_peaks is None:
        return cache, None
    peaks_dir = Path(config.data.cache) / "peaks"
    return cache, find_candidates(dataset, cache, config.called_peaks, cache_dir=peaks_dir)


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


def _network(config: TrainConfig) -> nn.Module:
    """The network to train; for a retrain run around the frozen mask model of another checkpoint."""
    if config.mask_from is None or not isinstance(config.model, ModelConfig):
        return config.row.build(config.model)
    try:
        source = load_checkpoint(Path(config.mask_from))
    except CheckpointError as error:
        raise TrainingError(f"training configuration {config.name}: mask_from: {error}") from error
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


def _disk_needed(network: nn.Module, folder: RunFolder) -> int:
    """Bytes of one state and one checkpoint, old and new of each side by side."""
    weights = sum(p.numel() * p.element_size() for p in network.parameters())
    moments = 2 * sum(p.numel() * p.element_size() for p in network.parameters() if p.requires_grad)
    there = folder.state.stat().st_size if folder.state.is_file() else 0
    return 2 * (weights + moments + weights) - there
