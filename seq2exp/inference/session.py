"""One gene in one cell type with one checkpoint, or none: expensive parts once, sliders answered from them."""

from __future__ import annotations

import dataclasses
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from seq2exp.errors import SettingsError
from seq2exp.genome import Gene, Interval, Region
from seq2exp.inference import masks
from seq2exp.inference.checkpoints import LoadedCheckpoint, resolve_device
from seq2exp.inference.elements import call_elements
from seq2exp.inference.provenance import provenance
from seq2exp.inference.turns import ACCELERATOR
from seq2exp.inference.window_data import peak_overlap, window_peaks, window_tracks
from seq2exp.model.beta import BetaParameters
from seq2exp.model.generator import Generator
from seq2exp.model.network import Seq2Exp
from seq2exp.model.predictor import centre_slice
from seq2exp.results import BoolArray, FloatArray, LocusView, MaskIngredients, MaskResult, Timings
from seq2exp.settings import (
    ElementSettings,
    MaskSettings,
    ModelConfig,
    PeakSettings,
    Preset,
    WindowSettings,
)
from seq2exp.sources.dataset import Dataset
from seq2exp.window.assemble import Window, build_window, window_settings

_T = TypeVar("_T")

_MAX_PREDICTIONS = 2_048
"""Kept per session, each a number under its settings: a whole deletion scan of a 200 kb window fits."""


def default_cache_dir() -> Path:
    """Where called peaks are kept: $SEQ2EXP_CACHE, else ~/.cache/seq2exp."""
    chosen = os.environ.get("SEQ2EXP_CACHE")
    return Path(chosen) if chosen else Path.home() / ".cache" / "seq2exp"


def open_session(
    dataset: Dataset,
    gene: Gene,
    cell_type: str,
    *,
    checkpoint: LoadedCheckpoint | None = None,
    preset: Preset = "soft",
    device: str = "auto",
    cache_dir: Path | None = None,
) -> LocusSession:
    """Assemble the window of ``gene`` in ``cell_type`` and make it ready to answer.

    Parameters
    ----------
    checkpoint
        None: the mask comes from the signals alone and there is no prediction.
    preset
        Constants of the signal Beta where there is no checkpoint.
    device
        Used only without a checkpoint; else the checkpoint's own.

    Raises
    ------
    WindowError, SourceError, SettingsError
        See `build_window`; also a checkpoint whose centre does not fit the data set's window.
    """
    settings, config = _geometry(dataset, checkpoint, preset)
    started = time.perf_counter()
    window = build_window(dataset, gene, cell_type, settings)
    window_ms = 1000 * (time.perf_counter() - started)
    return LocusSession(
        dataset=dataset,
        window=window,
        config=config,
        checkpoint=checkpoint,
        device=resolve_device(device) if checkpoint is None else checkpoint.device,
        cache_dir=default_cache_dir() if cache_dir is None else cache_dir,
        window_ms=window_ms,
    )


def _geometry(
    dataset: Dataset, checkpoint: LoadedCheckpoint | None, preset: Preset
) -> tuple[WindowSettings, ModelConfig]:
    """The window to cut and the configuration in force: the checkpoint's, else the data set's own geometry."""
    settings = window_settings(dataset)
    if checkpoint is not None:
        return dataclasses.replace(settings, width_bp=checkpoint.config.window_bp), checkpoint.config
    centre_bp = min(dataset.manifest.window.centre_bp, settings.width_bp)
    return settings, ModelConfig.preset(preset, window_bp=settings.width_bp, centre_bp=centre_bp)


class LocusSession:
    """Answers `mask`, `predict` and `view` for one window; the generator runs at most once.

    Everything a slider moves is an argument; what is kept (generator output, recent predictions) depends on
    window and checkpoint alone. Safe to share between threads. ``sequence_changes`` says in words where the window's
    bases are not the genome's.
    """

    def __init__(
        self,
        *,
        dataset: Dataset,
        window: Window,
        config: ModelConfig,
        checkpoint: LoadedCheckpoint | None,
        device: str,
        cache_dir: Path,
        window_ms: float | None = None,
        sequence_changes: tuple[str, ...] = (),
    ) -> None:
        self.dataset = dataset
        self.window = window
        self.config = config
        self.checkpoint = checkpoint
        self.device = device
        self.timings = Timings(window_ms=window_ms)
        self.cache_dir = cache_dir
        self.sequence_changes = sequence_changes
        self._signals = torch.from_numpy(np.array(window.signals))[None].to(device)  # (1, L, 3)
        self._centre = centre_slice(config.window_bp, config.centre_bp)
        self._generated: BetaParameters | None = None
        self.notice = ""
        """What a visitor should know about how this was computed; empty: nothing."""
        self._predictions: OrderedDict[MaskSettings, float] = OrderedDict()

    @property
    def centre(self) -> Interval:
        """The promoter centre, forced to 1."""
        start = self.window.interval.start
        return Interval(self.window.interval.chrom, start + self._centre.start, start + self._centre.stop)

    def mask(self, settings: MaskSettings, elements: ElementSettings | None = None) -> MaskResult:
        """The mask under ``settings`` and the elements called from it."""
        resolved = masks.resolve(settings, self.config)
        window = self.window.interval
        sequence = self._sequence_beta()
        with self._timed("combine_ms"):
            z_beta = self._mask_beta(settings, sequence)
            mean, sd = _numpy(z_beta.mean), _numpy(z_beta.sd)
            mask = _numpy(self._final_mask(z_beta.mean, settings))
            forced_on, forced_off, outside = self._forced()
            unforced = ~(forced_on | forced_off | outside)
            if resolved.mode == "top-k":
                kept = (mask > 0.5) & unforced
                threshold = float(mean[kept].min()) if kept.any() else 1.0
                chosen = kept
            else:
                threshold = resolved.threshold
                chosen = (mean >= threshold) & ~masks.inside(settings.off, window) | masks.inside(settings.on, window)
            called = call_elements(
                chosen,
                mean=mean,
                sd=sd,
                barrier=~unforced,
                gene=self.window.gene,
                window=window,
                settings=elements or ElementSettings(),
            )
        found = masks.changes(settings, self.config, self.window) + self.sequence_changes
        for array in (mean, sd, mask, forced_on, forced_off):
            array.flags.writeable = False
        return MaskResult(
            mean=mean,
            sd=sd,
            mask=mask,
            forced_on=forced_on,
            forced_off=forced_off,
            elements=called,
            mode=resolved.mode,
            threshold=threshold,
            floor=self._floor(settings),
            ratio=float(mask.mean(dtype=np.float64)),
            ratio_outside_promoter=float(mask[~forced_on].mean(dtype=np.float64)) if not forced_on.all() else 0.0,
            source="signals" if self.checkpoint is None else "model",
            changes=found,
        )

    def ingredients(self) -> MaskIngredients:
        """What `mask` starts from; runs the generator if it has not run."""
        sequence = self._sequence_beta()
        generator = self._generator
        return MaskIngredients(
            alpha=None if sequence is None else _numpy(sequence.alpha),
            beta=None if sequence is None else _numpy(sequence.beta),
            signals=_numpy(self._signals),
            weights=self.config.signal_weights
            if generator is None
            else tuple(generator.signal_log_weights.detach().exp().tolist()),
            thresholds=self.config.signal_thresholds
            if generator is None
            else tuple(generator.signal_thresholds.detach().tolist()),
            outside=self._forced()[2],
        )

    def predict(self, settings: MaskSettings) -> float | None:
        """Predicted log10(1 + CAGE) under ``settings``; None without a checkpoint."""
        return None if self.checkpoint is None else self.predict_each((settings,))[0]

    def predict_each(self, wanted: Sequence[MaskSettings]) -> tuple[float, ...]:
        """`predict` of each of ``wanted``; those not known yet are one batch. SettingsError without a checkpoint."""
        if self.checkpoint is None:
            raise SettingsError("no prediction without a checkpoint; choose one")
        asked = [masks.deciding(settings, self.config) for settings in wanted]
        known = {settings: self._predictions[settings] for settings in asked if settings in self._predictions}
        new = [settings for settings in dict.fromkeys(asked) if settings not in known]
        if new:
            sequence = self._sequence_beta()

            def wanted_masks() -> Tensor:
                beta = None if sequence is None else _moved(sequence, self.device)
                return torch.cat([self._final_mask(self._mask_beta(one, beta).mean, one) for one in new])  # (B, L)

            known |= zip(new, self.predict_masks(wanted_masks), strict=True)
            self._predictions.update(known)
            while len(self._predictions) > _MAX_PREDICTIONS:
                self._predictions.popitem(last=False)
        return tuple(known[settings] for settings in asked)

    def adopt_sequence(self, other: LocusSession) -> None:
        """Take alpha1 and beta1 of ``other``, so that the generator does not run again for another cell type.

        SettingsError: other bases or weights, or a generator that reads the signals too.
        """
        alike = np.array_equal(self.window.codes, other.window.codes) and self.checkpoint is other.checkpoint
        if not alike or self.config.generator_sees_signals:
            raise SettingsError(f"{self.window.gene.symbol}: the generator read something else there")
        self._generated = other._sequence_beta()

    def predict_masks(self, masks_now: Callable[[], Tensor]) -> list[float]:
        """`predict` under masks (B, L), made when the network runs, on the device it runs on (``self.device``)."""

        def predict(network: Seq2Exp) -> list[float]:
            mask = masks_now()
            features = torch.from_numpy(np.array(self.window.rna_features))[None].to(self.device)
            given = [part.expand(len(mask), *part.shape[1:]) for part in (self._one_hot(), self._signals, features)]
            predicted: list[float] = network.predict(given[0], given[1], mask, given[2])[:, 0].tolist()
            return predicted

        return self._on_accelerator("predictor_ms", predict)

    def predict_promoter_only(self) -> float | None:
        """`predict` with the mask 0 outside the promoter centre, whatever the settings; None without a checkpoint."""
        return self.predict(MaskSettings(off=(self.window.interval,)))

    def view(
        self,
        settings: MaskSettings,
        elements: ElementSettings | None = None,
        peaks: PeakSettings | None = None,
    ) -> LocusView:
        """Everything the figure of this locus draws."""
        window = self.window
        with ThreadPoolExecutor(1) as beside:  # MACS3 is a program of its own: it runs while the network does
            called = beside.submit(self.peaks, peaks or PeakSettings())
            mask = self.mask(settings, elements)
            promoter_only = self.predict_promoter_only()  # first, so that the time kept is that of the prediction
            prediction = self.predict(settings)
            regions, note = called.result()
        return LocusView(
            gene=window.gene,
            cell_type=window.cell_type,
            interval=window.interval,
            transcripts=self.dataset.transcripts(window.interval),
            tracks=window_tracks(self.dataset, self.window),
            mask=mask,
            peaks=regions,
            overlap=peak_overlap(self.dataset, window, [one.interval for one in mask.elements], regions, self.centre),
            blacklist=self.dataset.blacklist(window.interval),
            centre=self.centre,
            sequence=window.sequence,
            prediction_log10=prediction,
            promoter_only_log10=promoter_only,
            observed_log10=window.observed_log10,
            missing=window.missing,
            peak_note=note,
            provenance=provenance(self.dataset, self.checkpoint, self.sequence_changes),
        )

    def peaks(self, settings: PeakSettings) -> tuple[tuple[Region, ...], str]:
        """`window_peaks` of this window."""
        return window_peaks(self.dataset, self.window.cell_type, self.on_chromosome, settings, cache_dir=self.cache_dir)

    def _sequence_beta(self) -> BetaParameters | None:
        """alpha1, beta1 of this window, computed once."""
        if self.checkpoint is None:
            return None
        if self._generated is None:
            with ACCELERATOR.turn():  # the one lock: another beside it could be held by who waits for this
                if self._generated is None:
                    self._generated = self._on_accelerator(
                        "generator_ms", lambda network: network.sequence_beta(self._one_hot(), self._signals)
                    )
        return _moved(self._generated, self.device)

    def _on_accelerator(self, stage: str, run: Callable[[Seq2Exp], _T]) -> _T:
        """``run`` on the network, alone on its device; out of memory: once more, then on the CPU from then on."""
        assert self.checkpoint is not None
        with ACCELERATOR.turn(), self._timed(stage), torch.inference_mode():
            try:
                return run(self.checkpoint.network)
            except torch.OutOfMemoryError:
                _free()
            try:
                return run(self.checkpoint.network)
            except torch.OutOfMemoryError:
                _free()
            if self.device == "cpu":
                raise SettingsError(
                    f"{self.checkpoint.name}: not enough memory for a window of {self.config.window_bp:,} bp; "
                    "close other programs or choose a smaller checkpoint"
                )
            self.notice = f"{self.device} ran out of memory: computed on the CPU, which takes longer"
            self.checkpoint, self.device = self.checkpoint.on_cpu(), "cpu"
            self._signals = self._signals.cpu()
            return run(self.checkpoint.network)

    def mask_beta(self, settings: MaskSettings) -> BetaParameters:
        """The mask Beta of every base under ``settings``, each parameter (1, L), before any override."""
        return self._mask_beta(settings, self._sequence_beta())

    def final_mask(self, z: Tensor, settings: MaskSettings) -> Tensor:
        """The mask (B, L) of ``z`` (B, L) in place of the mask Beta's mean: selected and overridden as that is."""
        return self._final_mask(z.to(self.device), settings)

    def _floor(self, settings: MaskSettings) -> float:
        with torch.inference_mode():
            return masks.floor(settings, self.config, generator=self._generator)

    @property
    def _generator(self) -> Generator | None:
        return None if self.checkpoint is None else self.checkpoint.network.generator

    def _mask_beta(self, settings: MaskSettings, sequence: BetaParameters | None) -> BetaParameters:
        with torch.inference_mode():
            return masks.mask_beta(
                self._signals,
                settings,
                self.config,
                sequence=sequence,
                generator=self._generator,
            )

    def _final_mask(self, mean: Tensor, settings: MaskSettings) -> Tensor:
        with torch.inference_mode():
            return masks.final_mask(mean, settings, self.config, window=self.window, centre=self._centre)

    def _one_hot(self) -> Tensor:
        return torch.from_numpy(np.array(self.window.one_hot))[None].to(self.device)

    def _forced(self) -> tuple[BoolArray, BoolArray, BoolArray]:
        return masks.forced(self.window, self._centre, self._chromosome_length())

    def _chromosome_length(self) -> int:
        assembly = self.dataset.assembly
        name = assembly.match(self.window.interval.chrom)
        if name is None:
            raise SettingsError(f"{self.window.interval.chrom} is no chromosome of {assembly.name}")
        return assembly.chrom_sizes[name]

    @property
    def on_chromosome(self) -> Interval:
        """The window without what lies beyond the chromosome; never empty, since the TSS lies on it."""
        place = self.window.interval
        return Interval(place.chrom, max(place.start, 0), min(place.end, self._chromosome_length()))

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.timings = dataclasses.replace(self.timings, **{stage: 1000 * (time.perf_counter() - started)})


def _moved(parameters: BetaParameters, device: str) -> BetaParameters:
    return BetaParameters(parameters.alpha.to(device), parameters.beta.to(device))


def _free() -> None:
    """Give unused memory back to the accelerator."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _numpy(tensor: Tensor) -> FloatArray:
    return tensor[0].float().cpu().numpy().copy()
